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
#: What numbers of single precision are off by.
ROUNDED = 1e-5
_IDENTITY = np.eye(3)
#: Farther from a tracker nothing is tracked.
MOST_MM = 10_000.0


#: What devices send for what they do not see.
_UNSEEN = np.eye(4)


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
    if not is_seen or (values.shape == (4, 4) and np.array_equal(values, _UNSEEN)):
        return Sample(thing, Unknown(Why.NO_TOOL, time_s), time_s)
    rotation = _rotation(values)
    if rotation is None:
        return Sample(thing, Unknown(Why.INVALID, time_s), time_s)
    return Sample(thing, Transform.rigid(WORLD, thing_frame(thing), rotation, values[:3, 3]), time_s)


def _rotation(values: Float64) -> Float64 | None:
    """The (3, 3) rotation nearest to that of a place; None where it is none."""
    if values.shape != (4, 4) or not np.isfinite(values).all() or values[3].tolist() != [0.0, 0.0, 0.0, 1.0]:
        return None
    rotation = values[:3, :3]
    product = rotation.T @ rotation
    skew = float(np.abs(product - _IDENTITY).max())
    if not (skew <= MOST_SKEW and np.linalg.det(rotation) > 0 and float(np.abs(values[:3, 3]).max()) <= MOST_MM):
        return None
    if skew <= ROUNDED:  # one step towards the nearest rotation is as good as all (Higham 1986), and costs a tenth
        return np.asarray(rotation @ (1.5 * _IDENTITY - 0.5 * product))
    left, _, right = np.linalg.svd(rotation)
    return np.asarray(left @ right)
