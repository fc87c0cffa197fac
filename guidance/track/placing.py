"""From what a tracker says of a tool, to where it is in the patient and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.core.array import Float64
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.calibrate.tool_tip import ToolTip
from guidance.margins.tool_place import ToolPlace
from guidance.register.registration import Registration
from guidance.track.movement import movement
from guidance.track.sample import Sample
from guidance.track.track import Track
from guidance.uncertainty.pose_error import PoseError

#: Places of tool and reference that are farther apart in time are not of one moment.
TOGETHER_S = 0.02
#: A hand with a tool in it, at its fastest.
HAND_MM_S = 500.0


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One part of a tool's error, for whoever asks where it comes from."""

    name: str
    error: PoseError


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A tool's place, and the parts of its error."""

    place: ToolPlace
    parts: tuple[Part, ...]

    @property
    def tip_error_mm(self) -> float:
        """Radius of the ball that holds the tip in 95 % of cases."""
        return self.place.error.at(self.place.patient_from_tool.matrix[:3, 3]).radius_mm()

    def shares_mm(self) -> dict[str, float]:
        """Of each part at the tip: radius of the ball that holds it in 95 % of cases."""
        tip = self.place.patient_from_tool.matrix[:3, 3]
        return {part.name: part.error.at(tip).radius_mm() for part in self.parts}


def placed(
    tool: Track, reference: Track, tip: ToolTip | None, registration: Registration | None, now_s: float
) -> Placed | Unknown:
    """The tool, its frame's origin at the tip, in the patient; or the first reason why not, from the device on."""
    of_tool = tool.trusted(now_s)
    if isinstance(of_tool, Unknown):
        return of_tool
    of_reference = reference.trusted(now_s)
    if isinstance(of_reference, Unknown):
        why = Why.NO_REFERENCE if of_reference.why is Why.NO_TOOL else of_reference.why
        return replace(of_reference, why=why)
    if tip is None:
        return Unknown(Why.NOT_CALIBRATED, now_s)
    if registration is None:
        return Unknown(Why.NOT_REGISTERED, now_s)
    places = _in_reference(of_tool, of_reference, registration)
    if not places or places[-1][0] != of_tool[-1].time_s:
        return Unknown(Why.NO_REFERENCE, of_tool[-1].time_s)
    return _placed(places, tip, registration)


def tip_in_reference(tool: Track, reference: Track, tip: ToolTip, now_s: float) -> tuple[float, Float64] | Unknown:
    """When and where (3,) the tip was seen last in the frame of the reference, or why that is not known."""
    of_tool, of_reference = tool.trusted(now_s), reference.trusted(now_s)
    if isinstance(of_tool, Unknown):
        return of_tool
    if isinstance(of_reference, Unknown):
        return of_reference
    newest = of_tool[-1]
    nearest = min(of_reference, key=lambda one: abs(one.time_s - newest.time_s))
    if abs(nearest.time_s - newest.time_s) > TOGETHER_S:
        return Unknown(Why.NO_REFERENCE, newest.time_s)
    world_from_tool, world_from_reference = newest.world_from_thing, nearest.world_from_thing
    assert isinstance(world_from_tool, Transform)
    assert isinstance(world_from_reference, Transform)
    return newest.time_s, world_from_reference.inverse.apply(world_from_tool.apply(tip.tip_mm))


def _in_reference(
    of_tool: tuple[Sample, ...], of_reference: tuple[Sample, ...], registration: Registration
) -> list[tuple[float, Transform]]:
    """The tool in the patient as the registration has it, wherever both were seen together."""
    times = np.array([one.time_s for one in of_reference])
    made = []
    for one in of_tool:
        nearest = of_reference[int(np.argmin(np.abs(times - one.time_s)))]
        if abs(nearest.time_s - one.time_s) > TOGETHER_S:
            continue
        world_from_tool, world_from_reference = one.world_from_thing, nearest.world_from_thing
        assert isinstance(world_from_tool, Transform)
        assert isinstance(world_from_reference, Transform)
        reference_from_tool = Transform(
            registration.patient_from_tracked.source,
            world_from_tool.source,
            world_from_reference.inverse.matrix @ world_from_tool.matrix,
        )
        made.append((one.time_s, registration.patient_from_tracked @ reference_from_tool))
    return made


def _placed(places: list[tuple[float, Transform]], tip: ToolTip, registration: Registration) -> Placed:
    time_s, patient_from_markers = places[-1]
    moved = movement(places, tip.tip_mm)
    rotation = patient_from_markers.matrix[:3, :3]
    at = patient_from_markers.apply(tip.tip_mm)
    calibration = np.zeros((6, 6))
    calibration[3:, 3:] = rotation @ tip.error.covariance_mm2 @ rotation.T
    parts = (
        Part("registration", registration.error),
        Part("calibration", PoseError(calibration, at, tip.error.degrees)),
        Part("jitter", PoseError.isotropic(moved.jitter_rad, moved.jitter_mm, at)),
    )
    total = parts[0].error.seen_from(at) + parts[1].error + parts[2].error
    return Placed(
        ToolPlace(
            Transform.rigid(patient_from_markers.target, patient_from_markers.source, rotation, at),
            total,
            moved.velocity_mm_s,
            moved.turn_rad_s,
            _finite(moved.velocity_error_mm_s),
            time_s,
        ),
        parts,
    )


def _finite(velocity_error_mm_s: float) -> float:
    """A tool that was seen once may move at any speed that a hand has."""
    return min(velocity_error_mm_s, HAND_MM_S)
