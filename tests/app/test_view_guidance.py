"""From what the wire says of a guidance session to what a headset is given, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.app.view_guidance import ReadingsOf, aim_of, guide_request, guided_of
from engine.core.unknown import Why
from engine.stream.codec import headset_from_patient, row_major
from engine.stream.guiding import Accuracy, HeadsetPlace, QuietAsk, SolveAsk, TouchAsk, Trajectory
from engine.stream.messages import Registration, Scene, TrackedNode
from engine.stream.reading import Reading, ReadingRow
from engine.xr.guided import BeQuiet, PlaceHere, Touched
from engine.xr.rigid import apply
from engine.xr.tool import ToolSample
from tests.stream.scenes import scene
from tests.xr.guiding import BANDS, ENTITY, HIGH, LANDMARKS_MM, PROBE, guidance

CENTRE_MM = (10.0, -20.0, 30.0)
ROOT = headset_from_patient(CENTRE_MM)
CASES = json.loads(
    (Path(__file__).parents[1] / "guidance" / "trajectory" / "alignment_cases.json").read_text(encoding="utf-8")
)


def session(uid: str = "1.2.3", *, verified: bool = True, **changes: Any) -> Scene:
    probe = TrackedNode(
        id=PROBE, name="Probe", entity=ENTITY, thing="tool", source="t", frame_of_reference_uid="1.2.3",
        registration_epoch=1,
    )  # fmt: skip
    registration = Registration(
        epoch=1, patient_from_world=row_major(np.eye(4)), frame_of_reference_uid=uid, method="paired",
        verified=verified,
    )  # fmt: skip
    structures = [
        {"node": name, "name": name.title(), "bands": BANDS.model_dump(), "error_mm": 0.1} for name in ("bone", "liver")
    ]
    made = scene("bone", "liver")
    return made.model_copy(
        update={
            "nodes": (*made.nodes, probe),
            "headset_from_patient": row_major(ROOT),
            "registration": registration,
            "registration_epoch": 1,
            "guidance": guidance(**{"structures": structures} | changes),
            "alerts": (HIGH,),
        }
    )


ROWS = ReadingRow(None, 1, 0, 4.2, 0.8, -30.0, 0.1, (10.0, -20.0, 40.0)), ReadingRow(Why.NO_STRUCTURE)
READING = Reading(ENTITY, 50.0, None, 40.0, None, 0.6, 1, 1, ROWS)


def test_without_guidance_there_is_nothing_to_say() -> None:
    bare = session().model_copy(update={"guidance": None})
    assert guided_of(bare, "me", has_touched=True) is None
    assert ReadingsOf(bare)([READING]) == ()


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (session(), None),
        (session(verified=False), Why.NOT_VERIFIED),
        (session("another scan"), Why.OTHER_PATIENT_SPACE),
        (session().model_copy(update={"registration": None}), Why.NOT_REGISTERED),
    ],
)
def test_what_is_wrong_with_the_registration_is_told(made: Scene, why: Why | None) -> None:
    guided = guided_of(made, "me", has_touched=False)
    assert guided is not None
    assert guided.why is why
    assert guided.tools == {ENTITY}


def test_a_check_becomes_due_by_itself() -> None:
    accuracy = Accuracy(epoch=1, method="paired", expected=(), due_s=100.0)
    guided = guided_of(session(accuracy=accuracy), "me", has_touched=False)
    never = guided_of(session(), "me", has_touched=False)
    assert guided is not None
    assert never is not None
    assert [guided.why_at(now_s) for now_s in (99.0, 101.0)] == [None, Why.CHECK_DUE]
    assert never.due_s == inf


def test_landmarks_alarms_and_the_way_stand_in_the_anatomys_own_metres() -> None:
    guided = guided_of(session(), "me", has_touched=False)
    assert guided is not None
    assert {each.id: each.at_m.tolist() for each in guided.landmarks} == {
        name: pytest.approx(apply(ROOT, at_mm).tolist()) for name, at_mm in LANDMARKS_MM.items()
    }
    (alarm,) = guided.alarms
    assert (alarm.text, alarm.shape, alarm.pulses) == (HIGH.text, HIGH.shape, HIGH.pulses)
    assert guided.way is not None
    assert guided.way.entry_m == pytest.approx(apply(ROOT, (125.0, -20.0, 40.0)))


def test_a_trajectory_that_must_not_be_taken_is_no_way() -> None:
    refused = Trajectory(id="t", name="T", entry_mm=(0, 0, 0), target_mm=(0, 0, 9), radius_mm=1, refused="through bone")
    for changes in ({"trajectories": (refused,)}, {"chosen": None}):
        guided = guided_of(session(**changes), "me", has_touched=False)
        assert guided is not None
        assert guided.way is None


def test_the_patient_lies_where_this_headset_touched_and_only_in_this_run_of_it() -> None:
    # In the headset's own millimetres the patient's origin lies 1 m up, turned upside down.
    world_from_patient = np.diag([1.0, -1.0, -1.0, 1.0])
    world_from_patient[:3, 3] = (0.0, 1000.0, 0.0)
    matrix = row_major(np.linalg.inv(world_from_patient))
    mine, other = (HeadsetPlace(member=name, patient_from_world=matrix, error_mm=1.8, verified=False) for name in "ab")
    made = session(headsets=(other, mine))
    guided = guided_of(made, "a", has_touched=True)
    assert guided is not None
    assert guided.place is not None
    assert (guided.place.error_mm, guided.place.is_verified) == (1.8, False)
    at_m = apply(guided.place.world_from_anatomy, apply(ROOT, (1.0, 2.0, 3.0)))
    assert at_m == pytest.approx((0.001, 0.998, -0.003))
    turn = guided.place.world_from_anatomy[:3, :3]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
    for member, has_touched in (("a", False), ("c", True), (None, True)):
        found = guided_of(made, member, has_touched=has_touched)
        assert found is not None
        assert found.place is None


def test_rows_are_told_of_their_structures_with_places_in_the_anatomys_metres() -> None:
    (told,) = ReadingsOf(session())([READING])
    assert (told.name, told.time_s, told.why) == ("Probe", 50.0, None)
    assert told.tip_error_mm == pytest.approx(0.6)
    near, lost = told.distances
    assert (near.structure, near.name, near.level, near.why) == ("bone", "Bone", 1, None)
    assert (near.distance_mm, near.error_mm, near.speed_mm_s) == (4.2, 0.8, 30.0)
    assert near.surface_m == pytest.approx((0, 0.01, 0))
    assert (lost.name, lost.why) == ("Liver", Why.NO_STRUCTURE)


@pytest.mark.parametrize(
    ("changed", "why", "row_why"),
    [
        (replace(READING, revision=2), None, Why.NO_STRUCTURE),
        (replace(READING, rows=ROWS[:1]), None, Why.NO_STRUCTURE),
        (replace(READING, registration_epoch=0), Why.STALE, None),
    ],
)
def test_a_reading_of_another_list_or_another_registration_tells_no_distance(
    changed: Reading, why: Why | None, row_why: Why | None
) -> None:
    (told,) = ReadingsOf(session())([changed])
    assert (told.why, told.distances[0].why) == (why, row_why)
    assert len(told.distances) == 2
    assert ReadingsOf(session())([replace(changed, entity=99)]) == ()


def test_a_touch_is_asked_for_in_the_headsets_own_millimetres() -> None:
    points_m = np.linspace((0.0, 1.0, -0.5), (0.001, 1.0, -0.5), 9)
    request = guide_request(session(), Touched("nasion", points_m, with_hand=True))
    assert isinstance(request.ask, TouchAsk)
    assert (request.scene, request.ask.landmark, request.ask.with_hand) == ("scene", "nasion", True)
    np.testing.assert_allclose(request.ask.points_mm, 1e3 * points_m)
    assert guide_request(session(), PlaceHere()).ask == SolveAsk(headset=True)
    assert guide_request(session(), BeQuiet()).ask == QuietAsk(how="silence")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_tool_lies_to_its_way_as_the_shared_cases_say(case: dict[str, Any]) -> None:
    way = Trajectory(id="t", name="T", entry_mm=case["entry_mm"], target_mm=case["target_mm"], radius_mm=1.0)
    made = session(trajectories=(way,))
    axis = case["axis"]
    turn = ROOT[:3, :3] * 1e3
    shaft = np.zeros((1, 3)) if axis is None else np.stack([np.zeros(3), -0.1 * np.array(axis)])
    tool = ToolSample(ENTITY, 0.0, apply(ROOT, case["tip_mm"]), turn, shaft_m=shaft)
    aim = aim_of(made, tool)
    assert aim is not None
    assert aim.tip_mm == pytest.approx(case["offset_mm"], abs=1e-6)
    assert (aim.aim_mm is None) == (case["aim_mm"] is None)
    if aim.aim_mm is not None:
        assert aim.aim_mm == pytest.approx(case["aim_mm"], abs=1e-4)
    assert (aim.angle_deg is None) == (case["angle_deg"] is None)
    if aim.angle_deg is not None:
        assert aim.angle_deg == pytest.approx(case["angle_deg"], abs=1e-4)
    assert aim.length_mm - aim.left_mm == pytest.approx(case["depth_mm"], abs=1e-6)
