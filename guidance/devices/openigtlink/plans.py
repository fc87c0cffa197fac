"""Parts of plans in OpenIGTLink: TRAJ as trajectories, POINT as landmarks.

The protocol says of neither which way its axes point, so whoever reads or writes says it: `Space.RAS` for 3D Slicer and
most others, `Space.LPS` for what keeps to DICOM. Nor do its document and its library agree on whether the width of a
TRAJ is a diameter or a radius.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from guidance.devices.openigtlink.messages import (
    Point3,
    PointElement,
    PointMessage,
    Space,
    TrajectoryElement,
    TrajectoryMessage,
)
from guidance.plan.naming import clean_name, identifiers, use_by_name
from guidance.plan.plan import Landmark, Use
from guidance.trajectory.trajectory import Trajectory

Value = TypeVar("Value", Landmark, Trajectory)

#: Names are 64 bytes of ASCII on the wire, the last of them 0.
_LONGEST_NAME = 63
_AMBER, _CYAN = (250, 122, 0, 255), (86, 180, 233, 255)


class Width(StrEnum):
    """What the width of a TRAJ is, as the sender has it."""

    RADIUS = "radius"  # the reference library
    DIAMETER = "diameter"  # the protocol's document


@dataclass(frozen=True, slots=True)
class Imported(Generic[Value]):
    """What a message held that a plan can take.

    Attributes:
        values: in the order of the message.
        left_out: of every other element its name, and why.
    """

    values: tuple[Value, ...]
    left_out: tuple[str, ...] = ()


def trajectories_of(
    message: TrajectoryMessage, space: Space, width: Width, taken: Iterable[str] = ()
) -> Imported[Trajectory]:
    """Ways with an entry and a target, in LPS. `taken` are identifiers that the plan has already."""
    names = _names([one.name for one in message.trajectories], "Trajectory")
    made, left_out = [], []
    for own, name, one in zip(identifiers(names, taken), names, message.trajectories, strict=True):
        if one.entry_mm is None or one.target_mm is None:
            lacking = "entry" if one.entry_mm is None else "target"
            left_out.append(f"{name}: it has no {lacking}, so that it is no way")
            continue
        radius_mm = one.diameter_mm if width is Width.RADIUS else one.diameter_mm / 2
        try:
            made.append(Trajectory(own, name, _lps(one.entry_mm, space), _lps(one.target_mm, space), radius_mm))
        except InvalidValue as error:
            left_out.append(f"{name}: {error}")
    return Imported(tuple(made), tuple(left_out))


def landmarks_of(
    message: PointMessage,
    space: Space,
    use: Callable[[str], Use] = use_by_name,
    taken: Iterable[str] = (),
) -> Imported[Landmark]:
    """Points as landmarks, in LPS; `use` tells by a name what a point is for."""
    names = _names([one.name for one in message.points], "Landmark")
    made, left_out = [], []
    for own, name, one in zip(identifiers(names, taken), names, message.points, strict=True):
        try:
            made.append(Landmark(own, name, _lps(one.position_mm, space), use(name)))
        except InvalidValue as error:
            left_out.append(f"{name}: {error}")
    return Imported(tuple(made), tuple(left_out))


def trajectory_message(ways: Sequence[Trajectory], space: Space, width: Width) -> TrajectoryMessage:
    """Ways for another program."""
    return TrajectoryMessage(
        tuple(
            TrajectoryElement(
                _short(one.name),
                "Trajectory",
                _CYAN,
                _point(one.entry_mm, space),
                _point(one.target_mm, space),
                one.radius_mm if width is Width.RADIUS else 2 * one.radius_mm,
                "",
            )
            for one in ways
        )
    )


def point_message(landmarks: Sequence[Landmark], space: Space) -> PointMessage:
    """Landmarks for another program; the group says what each is for."""
    return PointMessage(
        tuple(
            PointElement(_short(one.name), one.use.value, _AMBER, _point(one.patient_mm, space), 1.0, "")
            for one in landmarks
        )
    )


def _names(names: Sequence[str], what: str) -> list[str]:
    return [clean_name(name, f"{what} {n}") for n, name in enumerate(names, start=1)]


def _lps(point: Point3, space: Space) -> Float64:
    """RAS and LPS differ in the sign of their first two axes."""
    sign = (-1.0, -1.0, 1.0) if space is Space.RAS else (1.0, 1.0, 1.0)
    return np.array(point, np.float64) * sign


def _point(place_mm: Float64, space: Space) -> Point3:
    x, y, z = (float(value) + 0.0 for value in _lps((place_mm[0], place_mm[1], place_mm[2]), space))
    return x, y, z


def _short(name: str) -> str:
    """A name as ASCII: letters without their accents, and ? for what has no like."""
    letters = (one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    return "".join(letters).encode("ascii", "replace")[:_LONGEST_NAME].decode()
