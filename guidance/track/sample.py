"""One word of a device about one thing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.frame import WORLD, Frame, FrameKind
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why

#: Largest departure of RᵀR from identity that is put right: trackers round their quaternions, and recordings of theirs
#: are off by up to 5e-4.
MOST_SKEW = 1e-2
#: Farther from a tracker nothing is tracked.
MOST_MM = 10_000.0


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Where a tracked thing was at one moment, or why that is not known.

    Attributes:
        thing: its name at the device.
        world_from_thing: rigid, or `Unknown`.
        time_s: by the device's own clock.
    """

    thing: str
    world_from_thing: Transform | Unknown
    time_s: float

    @property
    def is_known(self) -> bool:
        """Whether there is a place."""
        return isinstance(self.world_from_thing, Transform)


def thing_frame(thing: str) -> Frame:
    """The frame of what is tracked under that name."""
    return Frame(FrameKind.TOOL, thing)


def sample(thing: str, matrix: ArrayLike, time_s: float, *, is_seen: bool = True) -> Sample:
    """What a device sends, taken at its word only where that can be: a (4, 4) rigid matrix within reach, in mm.

    A matrix that is not seen, not finite, not rigid or out of all reach becomes `Unknown`, as the device meant it or
    should have. Devices send identity for what they do not see; what is exactly that is not seen. A rotation that was
    rounded is put right.

    Raises:
        InvalidValue: the time is not a number.
    """
    if not np.isfinite(time_s):
        raise InvalidValue("a device sent a time that is not a number")
    values = np.asarray(matrix, np.float64)
    if not is_seen or (values.shape == (4, 4) and np.array_equal(values, np.eye(4))):
        return Sample(thing, Unknown(Why.NO_TOOL, time_s), time_s)
    if not _is_place(values):
        return Sample(thing, Unknown(Why.INVALID, time_s), time_s)
    left, _, right = np.linalg.svd(values[:3, :3])
    return Sample(thing, Transform.rigid(WORLD, thing_frame(thing), left @ right, values[:3, 3]), time_s)


def _is_place(values: Float64) -> bool:
    if values.shape != (4, 4) or not np.isfinite(values).all() or not np.array_equal(values[3], (0.0, 0.0, 0.0, 1.0)):
        return False
    rotation = values[:3, :3]
    skew = float(np.abs(rotation.T @ rotation - np.eye(3)).max())
    return skew <= MOST_SKEW and np.linalg.det(rotation) > 0 and float(np.abs(values[:3, 3]).max()) <= MOST_MM
