"""A plan says all that is wrong with it, and what it lacks."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import FrameMismatch, InvalidValue
from guidance.alerts.level import Bands
from guidance.margins.proximity import MOST_STRUCTURES
from guidance.margins.tool_place import ToolShape
from guidance.plan.plan import (
    MOST_WATCHED,
    Landmark,
    Plan,
    PlannedMargin,
    PlannedTool,
    PlanRefused,
    Use,
    Watched,
    refuse_other,
)
from guidance.trajectory.trajectory import Limits, Trajectory

POINTER = PlannedTool("Stylus", "Pointer", ToolShape(np.array([(0.0, 0, 0), (0, 0, 120)]), 2.0))
PLACES = ((0.0, -90.0, 0.0), (70.0, 0.0, 0.0), (-70.0, 0.0, 0.0), (0.0, 80.0, 40.0), (20.0, -60.0, 70.0))


def landmarks(check: int = 1) -> tuple[Landmark, ...]:
    uses = [Use.REGISTER] * (len(PLACES) - check) + [Use.CHECK] * check
    return tuple(
        Landmark(f"l{n}", f"Landmark {n}", np.array(place), use)
        for n, (place, use) in enumerate(zip(PLACES, uses, strict=True))
    )


def plan(**changed: object) -> Plan:
    whole = Plan(
        "Left frontal tumour",
        "1.2.840.1",
        "1.2.840.2",
        "tumour",
        (Watched("arteries"), Watched("veins", Bands(near_mm=8.0))),
        ("brain_stem",),
        landmarks(),
        (POINTER,),
        "Reference",
        (PlannedMargin("safety", "Safety margin", 5.0),),
        (Trajectory("a", "Frontal", np.array((10.0, -80.0, 40.0)), np.array((20.0, -10.0, 30.0)), 1.0),),
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


def test_a_whole_plan_lacks_nothing_and_has_nothing_to_note() -> None:
    assert plan().lacks() == ()
    assert plan().notes() == ()
    assert plan().structures == ("tumour", "arteries", "veins", "brain_stem")
    assert [one.id for one in plan().of_use(Use.CHECK)] == ["l4"]


def test_what_is_not_decided_yet_is_told_with_what_to_do() -> None:
    lacks = Plan("New", "1.2", "").lacks()
    assert len(lacks) == 4
    assert "0 of at least 3" in lacks[0]
    assert "check" in lacks[1]
    assert len(plan(landmarks=landmarks()[:2]).lacks()) == 2


def test_without_a_reference_it_says_what_nobody_will_notice() -> None:
    (note,) = plan(reference=None).notes()
    assert "every place is wrong and nothing shows it" in note


def test_three_landmarks_are_said_to_tell_nothing_of_their_own_error() -> None:
    (note,) = plan(landmarks=(*landmarks()[:3], landmarks()[4])).notes()
    assert "four" in note.replace("4", "four")


def test_every_flaw_is_told_at_once_with_its_place() -> None:
    one = landmarks()[0]
    with pytest.raises(PlanRefused) as told:
        plan(
            name="",
            forbidden=("tumour",),
            landmarks=(one, replace(one, name="Again")),
            watched=(Watched("veins"), Watched("veins")),
            reference="Stylus",
        )
    where = [flaw.where for flaw in told.value.flaws]
    assert where == [
        "name",
        "landmarks[0].id",
        "watched[0].key",
        "forbidden[0]",
        "reference",
        "landmarks[1].patient_mm",
    ]
    assert pickle.loads(pickle.dumps(told.value)).flaws == told.value.flaws


def test_a_check_point_is_not_where_a_landmark_is_registered_with() -> None:
    near = Landmark("c", "Check", np.array((0.0, -90.0, 6.0)), Use.CHECK)
    with pytest.raises(PlanRefused, match=r"landmarks\[5\].patient_mm: 6.0 mm from landmarks\[0\]"):
        plan(landmarks=(*landmarks(), near))


def test_it_watches_no_more_than_a_tool_is_held_against() -> None:
    assert MOST_WATCHED == MOST_STRUCTURES
    with pytest.raises(PlanRefused, match="33 of at most 32"):
        plan(watched=tuple(Watched(f"v{n}") for n in range(33)))


def test_margins_are_of_a_target() -> None:
    with pytest.raises(PlanRefused, match="name a target"):
        plan(target=None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Landmark("a", "A", np.array((0.0, np.nan, 0.0)), Use.CHECK),
        lambda: Landmark("a", "A", np.zeros(2), Use.CHECK),
        lambda: PlannedMargin("m", "M", 51.0),
        lambda: PlannedMargin("m", "M", 5.0, (1.0, 1.0, 1.0, 1.0, 1.0, np.nan)),
        lambda: PlannedTool("t", "T", ToolShape(np.array([(0.0, 0, 1.0)]), 1.0)),
        lambda: Trajectory("t", "T", np.zeros(3), np.array((0.0, 0.0, 0.5)), 1.0),
        lambda: Trajectory("t", "T", np.zeros(3), np.array((0.0, 0.0, 50.0)), -1.0),
        lambda: Trajectory("t", "T", np.zeros(3), np.array((0.0, np.inf, 50.0)), 1.0),
        lambda: Limits(angle_deg=0.0),
        lambda: Limits(length_mm=np.nan),
        lambda: Limits(clearance_mm=-1.0),
    ],
)
def test_what_can_never_be_meant_is_refused_where_it_is_made(make: object) -> None:
    with pytest.raises(InvalidValue):
        make()  # type: ignore[operator]


def test_a_plan_of_another_scan_is_refused_and_says_what_to_do() -> None:
    refuse_other(plan(), "1.2.840.2", "1.2.840.1")
    with pytest.raises(FrameMismatch, match=r"another series.*sightline plan new"):
        refuse_other(plan(), "1.2.840.2", "1.2.840.9")
    with pytest.raises(FrameMismatch, match="frame of reference"):
        refuse_other(plan(), "", "1.2.840.1")
