"""From what the wire says of a guidance session to what a headset is given, and back. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from math import inf

import numpy as np

from engine.app.view_scene import matrix_of
from engine.core.array import Float64
from engine.core.unknown import Why
from engine.stream.guiding import Guidance, GuideAsk, HeadsetPlace, QuietAsk, SolveAsk, TouchAsk
from engine.stream.guiding import Trajectory as WireTrajectory
from engine.stream.messages import GuideRequest, Scene, SurfaceNode, TrackedNode
from engine.stream.reading import Reading, ReadingRow
from engine.xr.guided import (
    Aim,
    Alarm,
    Asked,
    Distance,
    Guided,
    Landmark,
    PatientPlace,
    PlaceHere,
    ToolReading,
    Touched,
    Way,
)
from engine.xr.rigid import apply
from engine.xr.tool import ToolSample
from guidance.trajectory.alignment import Bullseye, against
from guidance.trajectory.trajectory import Trajectory

#: Of a structure that has no surface to be seen.
_GREY = (200, 200, 200)
_NOT_READY = (ReadingRow(Why.NO_STRUCTURE),)


def guided_of(scene: Scene, member: str | None, *, has_touched: bool) -> Guided | None:
    """The session as a headset has it; None where there is none.

    Args:
        member: whom the server takes this headset for.
        has_touched: whether this run of the headset has touched landmarks: an older run's world was another.
    """
    guidance = scene.guidance
    if guidance is None:
        return None
    entities = {node.id: node.entity for node in scene.nodes if isinstance(node, TrackedNode)}
    headset_from_patient = matrix_of(scene.headset_from_patient)
    mine = [place for place in guidance.headsets if has_touched and place.member == member]
    accuracy = guidance.accuracy
    return Guided(
        next=guidance.next,
        tools=frozenset(entities[tool.node] for tool in guidance.tools if tool.node in entities),
        why=registration_why(scene),
        due_s=inf if accuracy is None or accuracy.due_s is None else accuracy.due_s,
        landmarks=tuple(
            Landmark(each.id, each.name, apply(headset_from_patient, each.patient_mm), each.use == "check")
            for each in sorted(guidance.landmarks, key=lambda each: each.use == "check")
            if each.state != "left out"
        ),
        alarms=tuple(
            Alarm(
                alert.id,
                alert.text,
                alert.shape,
                alert.colour,
                alert.flashes_hz,
                alert.pulses,
                alert.between_s,
                alert.sounds,
                alert.since_s,
            )
            for alert in scene.alerts
        ),
        place=_place(mine[0], headset_from_patient) if mine else None,
        way=_way(guidance, headset_from_patient),
    )


def registration_why(scene: Scene) -> Why | None:
    """What is wrong with the registration; None where nothing is."""
    registration = scene.registration
    if registration is None:
        return Why.NOT_REGISTERED
    if registration.frame_of_reference_uid != scene.frame_of_reference_uid:
        return Why.OTHER_PATIENT_SPACE
    return None if registration.verified else Why.NOT_VERIFIED


class ReadingsOf:
    """Readings as a headset has them, of one scene: what does not change with them is looked up once."""

    def __init__(self, scene: Scene) -> None:
        guidance = scene.guidance
        self._structures = () if guidance is None else guidance.structures
        self._revision = None if guidance is None else guidance.revision
        self._epoch = scene.registration_epoch % 65536
        self._headset_from_patient = matrix_of(scene.headset_from_patient)
        self._names = {node.entity: node.name for node in scene.nodes if isinstance(node, TrackedNode)}
        self._colours = {node.id: node.structure.colour for node in scene.nodes if isinstance(node, SurfaceNode)}

    def __call__(self, readings: Iterable[Reading]) -> tuple[ToolReading, ...]:
        """The newest of each tool. One whose rows count another list of structures tells no distance."""
        if self._revision is None:
            return ()
        return tuple(self._reading(each) for each in readings if each.entity in self._names)

    def _reading(self, reading: Reading) -> ToolReading:
        is_of_this = reading.revision == self._revision and len(reading.rows) == len(self._structures)
        why = reading.why or (None if reading.registration_epoch == self._epoch else Why.STALE)
        return ToolReading(
            entity=reading.entity,
            name=self._names[reading.entity],
            time_s=reading.time_s,
            why=why,
            reference_why=reading.reference_why,
            tip_error_mm=reading.tip_error_mm,
            distances=self._distances(reading.rows if is_of_this else _NOT_READY * len(self._structures)),
        )

    def _distances(self, rows: Sequence[ReadingRow]) -> tuple[Distance, ...]:
        at_m = apply(self._headset_from_patient, np.array([row.surface_mm for row in rows]).reshape(-1, 3))
        return tuple(
            Distance(
                structure=structure.node,
                name=structure.name,
                colour=self._colours.get(structure.node, _GREY),
                near_mm=structure.bands.near_mm,
                risk_mm=structure.bands.risk_mm,
                why=row.why,
                level=row.level,
                distance_mm=row.distance_mm,
                error_mm=row.error_mm,
                speed_mm_s=abs(row.approach_mm_s),
                surface_m=surface_m,
            )
            for structure, row, surface_m in zip(self._structures, rows, at_m, strict=True)
        )


def _place(place: HeadsetPlace, headset_from_patient: Float64) -> PatientPlace:
    """Both sides of `patient_from_world` are millimetres."""
    world_mm_from_patient = np.linalg.inv(matrix_of(place.patient_from_world))
    world_from_anatomy = np.diag([1e-3, 1e-3, 1e-3, 1.0]) @ world_mm_from_patient @ np.linalg.inv(headset_from_patient)
    return PatientPlace(world_from_anatomy, place.error_mm, place.verified)


def chosen_trajectory(guidance: Guidance) -> WireTrajectory | None:
    """The one that is guided along; None where none is, or where it must not be taken."""
    return next((each for each in guidance.trajectories if each.id == guidance.chosen and not each.refused), None)


def aim_of(scene: Scene, tool: ToolSample) -> Aim | None:
    """How a tool lies to the chosen trajectory where it is now; None where none was chosen."""
    chosen = None if scene.guidance is None else chosen_trajectory(scene.guidance)
    if chosen is None:
        return None
    way = Trajectory(chosen.id, chosen.name, np.array(chosen.entry_mm), np.array(chosen.target_mm), chosen.radius_mm)
    patient_from_headset: Float64 = np.linalg.inv(matrix_of(scene.headset_from_patient)).astype(np.float64)
    shaft_m = tool.shaft_m if len(tool.shaft_m) > 1 else np.zeros((1, 3))
    line = apply(patient_from_headset, tool.position_m + shaft_m @ tool.rotation.T)
    along = line[0] - line[1] if len(line) > 1 else np.zeros(3)
    length = float(np.linalg.norm(along))
    seen = against(line[0], along / length if length > 1e-6 else None, way, Bullseye.of(way))
    return Aim(seen.offset_mm, seen.aim_mm, seen.angle_deg, way.length_mm - seen.depth_mm, way.length_mm)


def _way(guidance: Guidance, headset_from_patient: Float64) -> Way | None:
    chosen = chosen_trajectory(guidance)
    if chosen is None:
        return None
    entry_m, target_m = (apply(headset_from_patient, end) for end in (chosen.entry_mm, chosen.target_mm))
    return Way(chosen.name, entry_m, target_m)


def guide_request(scene: Scene, asked: Asked) -> GuideRequest:
    """What a person asks, as the server is asked for it."""
    return GuideRequest(request=str(uuid.uuid4()), scene=scene.id, ask=_ask(asked))


def _ask(asked: Asked) -> GuideAsk:
    if isinstance(asked, Touched):
        points = tuple((float(x), float(y), float(z)) for x, y, z in 1e3 * asked.points_m)
        return TouchAsk(landmark=asked.landmark, points_mm=points, with_hand=asked.with_hand)
    if isinstance(asked, PlaceHere):
        return SolveAsk(headset=True)
    return QuietAsk(how="silence")
