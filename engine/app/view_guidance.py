"""From what the wire says of a guidance session to what a headset is given, and back. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
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


def readings_of(scene: Scene, readings: Iterable[Reading]) -> tuple[ToolReading, ...]:
    """The newest reading of each tool; one whose rows count another list of structures tells no distance."""
    if scene.guidance is None:
        return ()
    names = {node.entity: node.name for node in scene.nodes if isinstance(node, TrackedNode)}
    return tuple(
        _reading(scene, scene.guidance, reading, names[reading.entity])
        for reading in readings
        if reading.entity in names
    )


def _reading(scene: Scene, guidance: Guidance, reading: Reading, name: str) -> ToolReading:
    is_of_this = reading.revision == guidance.revision and len(reading.rows) == len(guidance.structures)
    epoch_why = None if reading.registration_epoch == scene.registration_epoch % 65536 else Why.STALE
    return ToolReading(
        entity=reading.entity,
        name=name,
        time_s=reading.time_s,
        why=reading.why or epoch_why,
        reference_why=reading.reference_why,
        tip_error_mm=reading.tip_error_mm,
        distances=_distances(scene, guidance, reading.rows if is_of_this else _NOT_READY * len(guidance.structures)),
    )


def _distances(scene: Scene, guidance: Guidance, rows: Iterable[ReadingRow]) -> tuple[Distance, ...]:
    headset_from_patient = matrix_of(scene.headset_from_patient)
    colours = {node.id: node.structure.colour for node in scene.nodes if isinstance(node, SurfaceNode)}
    return tuple(
        Distance(
            structure=structure.node,
            name=structure.name,
            colour=colours.get(structure.node, _GREY),
            near_mm=structure.bands.near_mm,
            risk_mm=structure.bands.risk_mm,
            why=row.why,
            level=row.level,
            distance_mm=row.distance_mm,
            error_mm=row.error_mm,
            speed_mm_s=abs(row.approach_mm_s),
            surface_m=apply(headset_from_patient, row.surface_mm),
        )
        for structure, row in zip(guidance.structures, rows, strict=True)
    )


def _place(place: HeadsetPlace, headset_from_patient: Float64) -> PatientPlace:
    """Both sides of `patient_from_world` are millimetres."""
    world_mm_from_patient = np.linalg.inv(matrix_of(place.patient_from_world))
    world_from_anatomy = np.diag([1e-3, 1e-3, 1e-3, 1.0]) @ world_mm_from_patient @ np.linalg.inv(headset_from_patient)
    return PatientPlace(world_from_anatomy, place.error_mm, place.verified)


def chosen_trajectory(guidance: Guidance) -> WireTrajectory | None:
    """The one that is guided along; None where none is, or where it must not be taken."""
    return next((each for each in guidance.trajectories if each.id == guidance.chosen and not each.refused), None)


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
