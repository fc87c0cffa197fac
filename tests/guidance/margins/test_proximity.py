"""A tool against structures: margins with errors that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import Frame, FrameKind, patient
from engine.core.surface import Surface
from engine.core.transform import Transform
from guidance.margins.margin import Part
from guidance.margins.proximity import Proximity
from guidance.margins.surface_tree import SEARCH_MM, SurfaceTree
from guidance.margins.tool_place import ToolPlace, ToolShape
from guidance.register.rigid_fit import turn
from guidance.uncertainty.pose_error import PoseError
from tests.guidance.margins.shapes import PATIENT, ball, lumpy

TOOL = Frame(FrameKind.TOOL, "pointer")
TIP = ToolShape(np.zeros((1, 3)), 0.0)
#: A shaft of 100 mm along its own z axis.
POINTER = ToolShape(np.array([(0.0, 0.0, 0.0), (0.0, 0.0, 100.0)]), 2.0)
STILL = np.zeros(3)


def place(
    tip_mm: tuple[float, float, float],
    *,
    rotation: Float64 | None = None,
    error: PoseError | None = None,
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0),
    turning: tuple[float, float, float] = (0.0, 0.0, 0.0),
    velocity_error: float = 0.0,
    measured_s: float = 0.0,
) -> ToolPlace:
    return ToolPlace(
        Transform.rigid(PATIENT, TOOL, np.eye(3) if rotation is None else rotation, tip_mm),
        error or PoseError.none(),
        np.array(velocity),
        np.array(turning),
        velocity_error,
        measured_s,
    )


BALL = {"tumour": SurfaceTree(ball(20.0, 5))}
FACETS_MM = 0.02


def test_a_tip_and_a_shaft_are_as_far_as_geometry_says() -> None:
    told = Proximity(BALL).measure(POINTER, place((30.0, 0.0, -50.0)), 0.0)["tumour"]
    assert told.tip.distance_mm == pytest.approx(np.hypot(30, 50) - 20, abs=FACETS_MM + SEARCH_MM)
    assert told.shaft is not None
    assert told.shaft.distance_mm == pytest.approx(30 - 20 - POINTER.radius_mm, abs=FACETS_MM + SEARCH_MM)
    assert told.shaft.tool_mm == pytest.approx([30, 0, 0], abs=1.5)
    assert told.shaft.away == pytest.approx([1, 0, 0], abs=0.05)
    assert told.nearest.part is Part.SHAFT


def test_within_it_is_negative_and_out_is_where_the_surface_is_nearest() -> None:
    told = Proximity(BALL).measure(TIP, place((0.0, 15.0, 0.0)), 0.0)["tumour"]
    assert told.tip.distance_mm == pytest.approx(-5, abs=FACETS_MM + SEARCH_MM)
    assert told.tip.away == pytest.approx([0, 1, 0], abs=0.05)
    assert told.tip.contact_s == 0.0
    assert told.shaft is None


def test_a_shaft_that_goes_through_is_as_deep_as_its_deepest_point() -> None:
    told = Proximity(BALL).measure(POINTER, place((5.0, 0.0, -50.0)), 0.0)["tumour"]
    assert told.tip.distance_mm > 20
    assert told.shaft is not None
    assert told.shaft.distance_mm == pytest.approx(5 - 20 - POINTER.radius_mm, abs=0.2)
    assert told.nearest.part is Part.SHAFT


def test_coming_nearer_tells_when_and_going_away_tells_nothing() -> None:
    proximity = Proximity(BALL)
    nearer = proximity.measure(TIP, place((50.0, 0.0, 0.0), velocity=(-15.0, 0.0, 0.0)), 0.0)["tumour"].tip
    assert nearer.approach_mm_s == pytest.approx(15, abs=0.1)
    assert nearer.contact_s == pytest.approx(2.0, abs=0.05)
    farther = proximity.measure(TIP, place((50.0, 0.0, 0.0), velocity=(15.0, 0.0, 0.0)), 0.0)["tumour"].tip
    assert farther.approach_mm_s == pytest.approx(-15, abs=0.1)
    assert farther.contact_s is None
    assert farther.contact_soonest_s is None


def test_the_soonest_contact_takes_everything_at_its_worst() -> None:
    seen = place((50.0, 0.0, 0.0), velocity=(-15.0, 0.0, 0.0), velocity_error=2.0)
    told = Proximity(BALL).measure(TIP, seen, 0.1)["tumour"].tip
    assert told.contact_s is not None
    assert told.contact_soonest_s is not None
    expected = (told.distance_mm - told.error_mm) / (told.approach_mm_s + 1.96 * 2.0)
    assert told.contact_soonest_s == pytest.approx(expected, rel=1e-3)
    assert told.contact_soonest_s < told.contact_s


def test_a_turning_tool_moves_its_shaft_while_its_tip_rests() -> None:
    seen = place((40.0, 0.0, -50.0), turning=(0.0, -0.5, 0.0))
    told = Proximity(BALL).measure(POINTER, seen, 0.0)["tumour"]
    assert told.tip.approach_mm_s == pytest.approx(0.0)
    assert told.shaft is not None
    lever_mm = told.shaft.tool_mm[2] + 50
    assert told.shaft.approach_mm_s == pytest.approx(0.5 * lever_mm, rel=0.05)


def test_a_place_that_is_older_is_less_certain_by_the_way_it_may_have_gone() -> None:
    proximity = Proximity(BALL)
    fresh = proximity.measure(TIP, place((50.0, 0.0, 0.0), velocity=(-50.0, 0.0, 0.0)), 0.0)["tumour"].tip
    older = proximity.measure(TIP, place((50.0, 0.0, 0.0), velocity=(-50.0, 0.0, 0.0)), 0.1)["tumour"].tip
    assert older.distance_mm == pytest.approx(fresh.distance_mm)
    assert older.error_mm - fresh.error_mm == pytest.approx(5.0)


def test_a_simplified_surface_adds_what_it_may_be_off_by() -> None:
    fine = ball(20.0, 5)
    coarse = Surface(fine.frame, fine.vertices_mm, fine.faces, error_mm=0.7)
    at = place((50.0, 0.0, 0.0))
    told = Proximity({"fine": SurfaceTree(fine), "coarse": SurfaceTree(coarse)}).measure(TIP, at, 0.0)
    assert told["coarse"].tip.error_mm - told["fine"].tip.error_mm == pytest.approx(0.7)


def test_the_stated_error_holds_the_true_distance_as_often_as_it_says() -> None:
    """Where a registration turns and shifts the tool, as its covariance says, of two thousand times."""
    rng = np.random.default_rng(5)
    tree = {"tumour": SurfaceTree(lumpy(4))}
    spread = np.array([0.004, 0.006, 0.003, 0.2, 0.4, 0.3])
    error = PoseError(np.diag(spread**2), np.array([0.0, 80.0, 0.0]))
    true_tip = np.array([35.0, -30.0, 60.0])
    truth = Proximity(tree).measure(TIP, place(tuple(true_tip)), 0.0)["tumour"].tip.distance_mm
    held = []
    proximity = Proximity(tree)
    for _ in range(2000):
        off = rng.normal(size=6) * spread
        seen = turn(off[:3]) @ (true_tip - error.about_mm) + error.about_mm + off[3:]
        told = proximity.measure(TIP, place(tuple(seen), error=error), 0.0)["tumour"].tip
        held.append(abs(told.distance_mm - truth) <= told.error_mm)
    assert 0.93 < np.mean(held) < 0.98


@given(st.integers(0, 10_000))
def test_wherever_a_tool_is_its_margins_point_from_the_structure_to_the_tool(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = place(tuple(rng.uniform(-60, 60, 3)), rotation=turn(rng.normal(size=3)))
    told = Proximity(BALL).measure(POINTER, at, 0.0)["tumour"]
    for margin, radius in ((told.tip, 0.0), (told.shaft, POINTER.radius_mm)):
        assert margin is not None
        assert np.linalg.norm(margin.away) == pytest.approx(1.0)
        way = margin.tool_mm - margin.surface_mm
        assert way @ margin.away == pytest.approx(margin.distance_mm + radius, abs=0.3)


def test_one_frame_after_another_is_as_right_as_each_alone() -> None:
    """What is remembered from one frame to the next must not matter."""
    trees = {str(n): SurfaceTree(lumpy(n, 25.0, 4)) for n in range(3)}
    following = Proximity(trees)
    rng = np.random.default_rng(0)
    at = np.array([40.0, 0.0, 0.0])
    for _ in range(200):
        at = at + rng.normal(size=3) * 4
        seen = place(tuple(at), rotation=turn(rng.normal(size=3)))
        now, alone = following.measure(POINTER, seen, 0.0), Proximity(trees).measure(POINTER, seen, 0.0)
        for name in trees:
            for one, other in ((now[name].tip, alone[name].tip), (now[name].shaft, alone[name].shaft)):
                assert one is not None
                assert other is not None
                assert one.distance_mm == pytest.approx(other.distance_mm, abs=one.error_mm + other.error_mm)


def test_a_tool_of_another_patient_space_is_refused() -> None:
    elsewhere = Transform.rigid(patient("9.9"), TOOL, np.eye(3), (0.0, 0.0, 0.0))
    with pytest.raises(FrameMismatch, match=r"9\.9"):
        Proximity(BALL).measure(TIP, ToolPlace(elsewhere, PoseError.none(), STILL, STILL, 0.0, 0.0), 0.0)


def test_structures_of_two_patient_spaces_are_refused() -> None:
    other = ball()
    moved = Surface(patient("9.9"), other.vertices_mm, other.faces)
    with pytest.raises(FrameMismatch, match="several patient frames"):
        Proximity({"one": SurfaceTree(other), "other": SurfaceTree(moved)})


def test_a_tool_from_the_future_is_refused() -> None:
    with pytest.raises(InvalidValue, match="20 ms from now"):
        Proximity(BALL).measure(TIP, place((50.0, 0.0, 0.0), measured_s=0.02), 0.0)


def test_too_many_structures_are_refused_and_none_give_no_margins() -> None:
    tree = BALL["tumour"]
    with pytest.raises(InvalidValue, match="no more than 32"):
        Proximity({str(n): tree for n in range(33)})
    assert Proximity({}).measure(TIP, place((0.0, 0.0, 0.0)), 0.0) == {}
