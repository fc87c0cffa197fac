"""A guidance session as it goes on the wire."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from engine.app.guide_tissue import TissueGuess
from engine.core.array import Float64
from engine.core.unknown import Unknown, Why
from engine.stream.guiding import (
    Accuracy,
    Alert,
    DeviceState,
    ExpectedError,
    Guidance,
    GuidedBands,
    GuidedDevice,
    GuidedLandmark,
    GuidedStructure,
    GuidedTool,
    HeadsetPlace,
    MarginBand,
    MovedTissue,
    PriorityName,
    Resection,
    Retouched,
    Trajectory,
)
from engine.stream.guiding import LandmarkState as WireState
from engine.stream.pose import MOST_ERROR_MM, Pose
from engine.stream.reading import SHAFT, TIP, Reading, ReadingRow
from guidance.alerts.level import Bands, Priority
from guidance.devices.openigtlink.rotation import quaternion_of
from guidance.margins.margin import Margin, Part
from guidance.plan.plan import Landmark, Use
from guidance.register.registration import Registration
from guidance.session.look import Look, NamedAlert, ToolLook
from guidance.session.session import LandmarkState, Session
from guidance.track.placing import Placed

_LANDMARK_STATES: dict[LandmarkState, WireState] = {
    LandmarkState.WAITING: "waiting",
    LandmarkState.TOUCHING: "touching",
    LandmarkState.TOUCHED: "touched",
}
_PRIORITIES: dict[Priority, PriorityName] = {Priority.HIGH: "high", Priority.MEDIUM: "medium", Priority.LOW: "low"}
#: The device's silence and its own faults, as its state.
_DEVICE_STATES: dict[Why, DeviceState] = {Why.LINK_LOST: "silent"}


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What a guidance message tells that is not the session's own.

    Attributes:
        device: its name.
        is_simulated: whether the device is.
        has_ended: whether a recording is over.
        nodes: of each structure's key, its surface's node.
        tools: of each thing, the node that it is drawn as.
        targets_mm: (3,) places at which the error that is expected matters, by name.
        epoch: of the registration in force.
    """

    device: str
    is_simulated: bool
    nodes: Mapping[str, str]
    tools: Mapping[str, str]
    targets_mm: Mapping[str, Float64]
    epoch: int = 0
    has_ended: bool = False
    trajectories: tuple[Trajectory, ...] = ()
    chosen: str | None = None
    margins: tuple[MarginBand, ...] = ()
    resection: Resection | None = None
    tissue: TissueGuess | None = None
    headsets: tuple[HeadsetPlace, ...] = ()


def guidance_message(session: Session, beside: Beside, revision: int, now_s: float) -> Guidance:
    """How the session stands."""
    plan = session.plan
    return Guidance(
        revision=revision,
        step=session.step.value,
        next=session.next_words(now_s),
        plan=plan.name,
        device=_device(session, beside),
        tools=tuple(
            GuidedTool(
                node=beside.tools[thing],
                name=one.planned.name,
                tip_error_mm=None if one.tip is None else one.tip.error.radius_mm(),
            )
            for thing, one in session.instruments.items()
        ),
        reference=plan.reference,
        landmarks=tuple(_landmark(session, one) for one in plan.landmarks),
        accuracy=_accuracy(session, beside),
        structures=tuple(
            GuidedStructure(
                node=beside.nodes.get(key, f"surface/{key}"),
                name=session.name_of(key),
                bands=bands_message(session.bands[key]),
                error_mm=0.0 if tree is None else tree.error_mm,
                ready=tree is not None,
            )
            for key, tree in session.structures.items()
        ),
        target=None if plan.target is None else beside.nodes.get(plan.target),
        trajectories=beside.trajectories,
        chosen=beside.chosen,
        margins=beside.margins,
        resection=beside.resection,
        headsets=beside.headsets,
        traced=session.traced,
        moved=_moved(session, beside.tissue),
    )


def _moved(session: Session, guess: TissueGuess | None) -> MovedTissue | None:
    if not session.retouched and guess is None:
        return None
    return MovedTissue(
        points=tuple(Retouched(scan_mm=_triple(one.scan_mm), now_mm=_triple(one.now_mm)) for one in session.retouched),
        applied=guess is not None,
        words="" if guess is None else guess.words[:512],
    )


def bands_message(bands: Bands) -> GuidedBands:
    """Where levels begin."""
    return GuidedBands(near_mm=bands.near_mm, risk_mm=bands.risk_mm, breach_mm=bands.breach_mm)


def _device(session: Session, beside: Beside) -> GuidedDevice:
    why = session.device_why
    state: DeviceState = "live" if why is None else _DEVICE_STATES.get(why.why, "faulty")
    if beside.has_ended:
        state = "ended"
    elif not session.has_heard:
        state = "connecting"
    return GuidedDevice(
        name=beside.device, state=state, words=session.device_words[:512], simulated=beside.is_simulated
    )


def _landmark(session: Session, landmark: Landmark) -> GuidedLandmark:
    checked = session.checked(landmark.id) if landmark.use is Use.CHECK else None
    x, y, z = landmark.patient_mm.tolist()
    return GuidedLandmark(
        id=landmark.id,
        name=landmark.name,
        patient_mm=(x, y, z),
        use=landmark.use.value,
        state=_LANDMARK_STATES[session.landmark_state(landmark.id)],
        off_mm=None if checked is None else checked[0],
        expected_mm=None if checked is None else checked[1],
    )


def _accuracy(session: Session, beside: Beside) -> Accuracy | None:
    registration = session.registration
    if registration is None:
        return None
    last = session.verifications[-1] if session.verifications else None
    trend = session.trend()
    return Accuracy(
        epoch=beside.epoch,
        method=registration.method.value,
        expected=tuple(
            _expected(name, place, registration, beside.tissue) for name, place in beside.targets_mm.items()
        ),
        measured_mm=None if last is None else last.measured_mm,
        checked_s=None if last is None else last.time_s,
        due_s=session.due_s,
        growth_mm_h=None if trend is None else trend.growth_mm_h,
        grows=trend is not None and trend.grows,
        words=session.words,
    )


def _expected(name: str, place_mm: Float64, registration: Registration, tissue: TissueGuess | None) -> ExpectedError:
    """At a target; where tissue was moved, at where it went, with what that guess may be off."""
    guess_mm = 0.0 if tissue is None else tissue.error_mm(place_mm)
    now_mm = place_mm if tissue is None else tissue.moved(place_mm)
    error_mm = math.hypot(registration.expected_error(now_mm).radius_mm(), guess_mm)
    return ExpectedError(name=name, patient_mm=_triple(now_mm), error_mm=error_mm)


def reading_of(tool: ToolLook, look: Look, tip_error_mm: float, entity: int, revision: int, epoch: int) -> Reading:
    """What a tool is from everything that it is held against."""
    place, unknown, reference = tool.place, tool.unknown, look.reference
    is_known = unknown is None and isinstance(place, Placed)
    return Reading(
        entity=entity,
        time_s=place.place.measured_s if isinstance(place, Placed) and is_known else look.now_s,
        why=None if unknown is None else unknown.why,
        since_s=look.now_s if unknown is None else min(unknown.since_s, look.now_s),
        reference_why=None if reference is None else reference.why,
        tip_error_mm=tip_error_mm if is_known else 0.0,
        revision=revision & 0xFFFF,
        registration_epoch=epoch & 0xFFFF,
        rows=tuple(_row(distance, int(tool.levels[key])) for key, distance in tool.distances.items()),
    )


def _row(distance: Margin | Unknown, level: int) -> ReadingRow:
    if isinstance(distance, Unknown):
        return ReadingRow(distance.why, level)
    return ReadingRow(
        None,
        level,
        TIP if distance.part is Part.TIP else SHAFT,
        distance.distance_mm,
        distance.error_mm,
        distance.approach_mm_s,
        math.inf if distance.contact_soonest_s is None else distance.contact_soonest_s,
        _triple(distance.surface_mm),
    )


def pose_of(tool: ToolLook, tip_error_mm: float, entity: int, epoch: int) -> Pose | None:
    """Where a tool is drawn, with the error of its tip; None where its place is not known."""
    if isinstance(tool.place, Unknown):
        return None
    place = tool.place.place
    matrix = place.patient_from_tool.matrix
    x, y, z, w = quaternion_of(matrix[:3, :3]).tolist()
    return Pose(
        entity,
        place.measured_s,
        _triple(matrix[:3, 3]),
        (w, x, y, z),
        error_mm=min(tip_error_mm, MOST_ERROR_MM),
        registration_epoch=epoch & 0xFFFF,
    )


def alert_messages(alerts: Iterable[NamedAlert]) -> tuple[Alert, ...]:
    """What is said, without the numbers that change with every sample: those are in the readings."""
    return tuple(
        Alert(
            id=one.id,
            priority=_PRIORITIES[one.alert.priority],
            text=one.alert.headline,
            shape=one.alert.look.shape,
            colour=one.alert.look.colour,
            flashes_hz=one.alert.look.flashes_hz,
            pulses=one.alert.look.pulses,
            between_s=one.alert.look.between_s,
            sounds=one.alert.sounds,
            may_be_quiet=one.may_be_quiet,
            since_s=one.alert.since_s,
        )
        for one in alerts
    )


def _triple(point: Float64) -> tuple[float, float, float]:
    x, y, z = np.asarray(point, np.float64).tolist()
    return x, y, z
