"""How a tool lies to the way that it shall take: a bullseye and a depth, each with its error (docs/planning.md).

The client computes the same between two readings; `tests/guidance/trajectory/alignment_cases.json` holds both to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import Frame
from engine.core.unknown import Unknown
from guidance.margins.tool_place import ToolPlace, ToolShape
from guidance.trajectory.trajectory import Trajectory
from guidance.uncertainty.point_error import LEVEL, PointError, deviations

#: Superior in a patient frame, which is up on a bullseye; anterior where a way runs along the body.
SUPERIOR, ANTERIOR = np.array((0.0, 0.0, 1.0)), np.array((0.0, -1.0, 0.0))
#: A way nearer to the body's axis than this (cosine, 18°) has anterior up.
_ALONG_BODY = 0.95
#: A tool that lies farther off than this does not point at anything near the target.
MOST_AIM_DEG = 75.0


@dataclass(frozen=True, slots=True, eq=False)
class Bullseye:
    """A way seen from outside along itself: `right` and `up` are (3,) unit vectors across it.

    Up is as superior as can be, or as anterior for ways along the body. It depends on the way alone, so that nothing
    on the bullseye turns while the tool moves.
    """

    along: Float64
    right: Float64
    up: Float64

    @classmethod
    def of(cls, trajectory: Trajectory) -> Bullseye:
        """The one of a way."""
        along = trajectory.direction
        above = SUPERIOR if abs(float(along @ SUPERIOR)) < _ALONG_BODY else ANTERIOR
        up = above - float(above @ along) * along
        up = np.asarray(up / np.linalg.norm(up))
        return cls(along, np.cross(along, up), up)

    def across(self, apart_mm: Float64) -> tuple[float, float]:
        """Right and up of a difference."""
        return float(apart_mm @ self.right), float(apart_mm @ self.up)


@dataclass(frozen=True, slots=True)
class Alignment:
    """A tool against its way. Every error holds in 95 % of cases.

    Attributes:
        offset_mm: right and up: from the way to the tip.
        offset_error_mm: the true tip is within this of it, across the way.
        aim_mm: right and up at the depth of the target: where the tool's axis goes on to; None for a tool without an
            axis, or one that points elsewhere.
        aim_error_mm: of that; with the turn of the tool it grows with the way still to go.
        angle_deg: between the tool's axis and the way; None for a tool without an axis.
        angle_error_deg: of the direction of its axis, which is as far as the angle can be off.
        depth_mm: from the entry to the tip, along the way; negative before it goes in.
        to_target_mm: still to go, along the way; negative beyond it.
        depth_error_mm: of both.
    """

    offset_mm: tuple[float, float]
    offset_error_mm: float
    aim_mm: tuple[float, float] | None
    aim_error_mm: float | None
    angle_deg: float | None
    angle_error_deg: float | None
    depth_mm: float
    to_target_mm: float
    depth_error_mm: float

    @property
    def off_mm(self) -> float:
        """How far the tip is from the way, in any direction."""
        return float(np.hypot(*self.offset_mm))

    @property
    def off_most_mm(self) -> float:
        """The same at the worst of its error."""
        return self.off_mm + self.offset_error_mm


def align(
    place: ToolPlace | Unknown, shape: ToolShape, trajectory: Trajectory, frame: Frame, now_s: float
) -> Alignment | Unknown:
    """A tool against a way of the patient frame `frame`; what is not known of the tool is not known of this.

    What the tool may have moved since it was measured is part of the errors. That the tool's line is bent, or lies
    otherwise to its markers than its plan says, is not: a calibration by turning finds the tip alone.

    Raises:
        FrameMismatch: the tool is placed in another patient frame.
        InvalidValue: the tool was measured after `now_s`.
    """
    if isinstance(place, Unknown):
        return place
    if place.patient_from_tool.target != frame:
        raise FrameMismatch(f"the tool is in {place.patient_from_tool.target}, the way in {frame}")
    age_s = now_s - place.measured_s
    if age_s < 0:
        raise InvalidValue(f"the tool was measured {-1000 * age_s:.0f} ms from now")
    line = place.patient_from_tool.apply(shape.line_mm)
    tip, axis = line[0], _axis(line)
    view = Bullseye.of(trajectory)
    seen = against(tip, axis, trajectory, view)
    speed = float(np.linalg.norm(place.velocity_mm_s)) + deviations(LEVEL, np.inf) * place.velocity_error_mm_s
    moved_mm = age_s * speed
    at_tip = place.error.at(tip)
    aim_error = angle_error = None
    if axis is not None:
        turned_rad = age_s * float(np.linalg.norm(place.turn_rad_s))
        turns = _across(PointError(place.error.covariance[:3, :3], place.error.degrees), axis)
        angle_error = float(np.rad2deg(turns.radius_mm() + turned_rad))
        if seen.aim_mm is not None and seen.angle_deg is not None:
            aimed = trajectory.target_mm + seen.aim_mm[0] * view.right + seen.aim_mm[1] * view.up
            ahead_mm = float(np.linalg.norm(aimed - tip))
            # The place that the axis meets slides along it as the plane of the target cuts it aslant.
            slant = 1 / float(np.cos(np.deg2rad(seen.angle_deg)))
            aim_error = slant * (place.error.at(aimed).radius_mm() + moved_mm + turned_rad * ahead_mm)
    return Alignment(
        seen.offset_mm,
        _across(at_tip, view.along).radius_mm() + moved_mm,
        seen.aim_mm,
        aim_error,
        seen.angle_deg,
        angle_error,
        seen.depth_mm,
        trajectory.length_mm - seen.depth_mm,
        at_tip.along_mm(view.along) + moved_mm,
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a tool is against a way, without errors: what a client draws between two readings."""

    offset_mm: tuple[float, float]
    aim_mm: tuple[float, float] | None
    angle_deg: float | None
    depth_mm: float


def against(tip_mm: Float64, axis: Float64 | None, trajectory: Trajectory, view: Bullseye) -> Seen:
    """A (3,) tip and the (3,) unit vector that the tool points along, from its shaft to its tip."""
    from_entry = tip_mm - trajectory.entry_mm
    depth = float(from_entry @ view.along)
    aim = angle = None
    if axis is not None:
        cosine = float(axis @ view.along)
        angle = float(np.rad2deg(np.arctan2(np.linalg.norm(np.cross(view.along, axis)), cosine)))
        if angle <= MOST_AIM_DEG:
            aim = view.across(from_entry + (trajectory.length_mm - depth) / cosine * axis)
    return Seen(view.across(from_entry), aim, angle, depth)


def _axis(line_mm: Float64) -> Float64 | None:
    """(3,) the way a tool points, by the part of its line next to the tip."""
    if len(line_mm) < 2:
        return None
    back = line_mm[0] - line_mm[1]
    length = float(np.linalg.norm(back))
    return np.asarray(back / length) if length > 1e-6 else None


def _across(error: PointError, along: Float64) -> PointError:
    """The part of an error across a direction."""
    flat = np.eye(3) - np.outer(along, along)
    return PointError(flat @ error.covariance_mm2 @ flat, error.degrees)
