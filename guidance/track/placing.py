"""From what a tracker says of a tool, to where it is in the patient and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.core.array import Float64
from engine.core.frame import Frame, FrameKind
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.calibrate.tool_tip import ToolTip
from guidance.margins.tool_place import ToolPlace
from guidance.register.registration import Registration
from guidance.track.movement import movement
from guidance.track.sample import Sample
from guidance.track.track import Track
from guidance.uncertainty.point_error import radius_of
from guidance.uncertainty.pose_error import PoseError

#: Places of tool and reference that are farther apart in time are not of one moment.
TOGETHER_S = 0.02
#: A hand with a tool in it, at its fastest.
HAND_MM_S = 500.0
#: A tool's own frame, its origin at the tip.
TIP = Frame(FrameKind.TOOL, "tip")


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
        error = self.place.error
        covariance = error.carried(self.place.patient_from_tool.matrix[:3, 3])
        return radius_of(np.asarray(np.linalg.eigvalsh(covariance), np.float64), error.degrees)

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
    times_s, places = _in_patient(of_tool, of_reference, registration)
    if not len(times_s) or times_s[-1] != of_tool[-1].time_s:
        return Unknown(Why.NO_REFERENCE, of_tool[-1].time_s)
    return _placed(times_s, places, tip, registration)


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


def _in_patient(
    of_tool: tuple[Sample, ...], of_reference: tuple[Sample, ...], registration: Registration
) -> tuple[Float64, Float64]:
    """(n,) times and (n, 4, 4) places of the tool in the patient, wherever tool and reference were seen together.

    Frames are those of the samples, checked when they were made: ninety times a second there are only matrices.
    """
    times_s, tools = _stacked(of_tool)
    reference_times_s, references = _stacked(of_reference)
    nearest = np.abs(reference_times_s - times_s[:, None]).argmin(axis=1)
    together = np.abs(reference_times_s[nearest] - times_s) <= TOGETHER_S
    reference_from_world = _inverse(references[nearest[together]])
    places = registration.patient_from_tracked.matrix @ reference_from_world @ tools[together]
    return times_s[together], places


def _stacked(samples: tuple[Sample, ...]) -> tuple[Float64, Float64]:
    places = [one.world_from_thing.matrix for one in samples if isinstance(one.world_from_thing, Transform)]
    assert len(places) == len(samples)  # what a track trusts is known
    return np.array([one.time_s for one in samples]), np.array(places)


def _inverse(rigid: Float64) -> Float64:
    """(n, 4, 4) of (n, 4, 4)."""
    made = np.zeros_like(rigid)
    made[:, :3, :3] = rigid[:, :3, :3].transpose(0, 2, 1)
    made[:, :3, 3] = -np.einsum("nij,nj->ni", made[:, :3, :3], rigid[:, :3, 3])
    made[:, 3, 3] = 1.0
    return made


def _placed(times_s: Float64, places: Float64, tip: ToolTip, registration: Registration) -> Placed:
    moved = movement(times_s, places, tip.tip_mm)
    rotation = places[-1, :3, :3]
    at = rotation @ tip.tip_mm + places[-1, :3, 3]
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
            Transform.rigid(registration.patient_from_tracked.target, TIP, rotation, at),
            total,
            moved.velocity_mm_s,
            moved.turn_rad_s,
            _finite(moved.velocity_error_mm_s),
            float(times_s[-1]),
        ),
        parts,
    )


def _finite(velocity_error_mm_s: float) -> float:
    """A tool that was seen once may move at any speed that a hand has."""
    return min(velocity_error_mm_s, HAND_MM_S)
