"""A cut removes what the tool swept, says what is left and how near it came, and never more than was seen."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import Frame, FrameKind, patient
from engine.core.grid import Grid
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from engine.mesh.isosurface import region_surface
from guidance.margins.resection import FASTEST_UNSEEN_MM_S, LONGEST_STEP_S, Resected, TrackedResection
from guidance.margins.tool_place import ToolPlace, ToolShape
from guidance.uncertainty.pose_error import PoseError
from tests.guidance.margins.sampled import ball_field, cube_grid
from tests.guidance.margins.shapes import PATIENT

TOOL = Frame(FrameKind.TOOL, "ultrasonic")
RADIUS = 10.0
GRID = cube_grid(18.0, 0.75)
BALL = ball_field(GRID, RADIUS)
SMALL = ball_field(cube_grid(10.0, 1.0), 6.0)
TIP = ToolShape(np.zeros((1, 3)), 2.0)
#: A straight blade along y, wider than the grid.
BLADE = ToolShape(np.array([(0.0, -20.0, 0.0), (0.0, 20.0, 0.0)]), 2.0)
STEP_S = 0.01


def place(
    at_mm: Float64 | tuple[float, ...], at_s: float, error_mm: float = 0.0, turn: Float64 | None = None
) -> ToolPlace:
    """`error_mm`: standard deviation along each axis."""
    error = PoseError.isotropic(0.0, error_mm, np.zeros(3))
    pose = Transform.rigid(PATIENT, TOOL, np.eye(3) if turn is None else turn, at_mm)
    return ToolPlace(pose, error, np.zeros(3), np.zeros(3), 0.0, at_s)


def cut_along(resection: TrackedResection, way_mm: Float64, error_mm: float = 0.0, begin_s: float = 0.0) -> Resected:
    """One cut through (n, 3) places, a step of the tracker each."""
    resection.start(begin_s)
    for n, at in enumerate(way_mm):
        resection.update(place(at, begin_s + n * STEP_S, error_mm), begin_s + n * STEP_S)
    resection.stop(begin_s + (len(way_mm) - 1) * STEP_S)
    return resection.state(begin_s + len(way_mm) * STEP_S)


def straight(start: tuple[float, ...], end: tuple[float, ...], steps: int = 12) -> Float64:
    return np.linspace(start, end, steps)


def ball_ml(radius_mm: float) -> float:
    return 4 / 3 * np.pi * radius_mm**3 / 1000


def test_before_the_first_cut_all_is_left_and_no_margin_is_known() -> None:
    told = TrackedResection(BALL, TIP).state(0.0)
    assert told.removed_ml == 0.0
    assert (
        told.remaining_ml
        == told.remaining_least_ml
        == told.remaining_most_ml
        == pytest.approx(ball_ml(RADIUS), rel=4e-3)
    )
    assert told.margin_mm is None
    assert told.margin_error_mm is None
    assert told.where_mm is None
    assert told.undo_count == 0


def test_a_straight_cut_removes_a_tube_with_round_ends() -> None:
    told = cut_along(TrackedResection(BALL, TIP), straight((-12.0, 1.0, 2.0), (9.0, 3.0, -4.0)))
    length = float(np.linalg.norm([21.0, 2.0, -6.0]))
    assert told.removed_ml == pytest.approx((np.pi * 4 * length + 4 / 3 * np.pi * 8) / 1000, rel=0.02)


def test_a_blade_drawn_through_a_ball_takes_off_the_slice_between_two_caps() -> None:
    """Known: what a plane cut of 4 mm at z = 5 leaves of a ball is the ball without the slice from 3 to 7."""
    told = cut_along(TrackedResection(BALL, BLADE), straight((-20.0, 0.0, 5.0), (20.0, 0.0, 5.0)))
    slice_ml = np.pi * (RADIUS**2 * 4 - (7**3 - 3**3) / 3) / 1000
    assert told.remaining_ml == pytest.approx(ball_ml(RADIUS) - slice_ml, rel=5e-3)
    assert told.margin_mm == pytest.approx(3 - RADIUS, abs=0.1)  # into the tumour
    assert told.where_mm is not None


def test_a_plane_cut_beside_a_tumour_has_the_margin_between_them_and_says_where() -> None:
    told = cut_along(TrackedResection(BALL, BLADE), straight((-20.0, 0.0, 16.5), (20.0, 0.0, 16.5)))
    assert told.margin_mm == pytest.approx(16.5 - 2.0 - RADIUS, abs=0.05)
    assert told.where_mm == pytest.approx([0.0, 0.0, 14.5], abs=0.5)
    assert told.remaining_ml == pytest.approx(ball_ml(RADIUS), rel=4e-3)
    assert told.margin_error_mm == pytest.approx(0.0, abs=1e-6)


def test_cutting_a_cylinder_around_a_tumour_finds_where_it_came_nearest() -> None:
    """A ring of radius 15 about an axis 1.5 mm aside: 15 - 2 - 1.5 - 10 mm are left at its nearest."""
    angle = np.linspace(0, 2 * np.pi, 80)
    ring = np.stack([1.5 + 15 * np.cos(angle), 15 * np.sin(angle), np.zeros_like(angle)], axis=1)
    told = cut_along(TrackedResection(BALL, TIP), ring)
    assert told.margin_mm == pytest.approx(1.5, abs=0.05)
    assert told.where_mm == pytest.approx([-11.5, 0.0, 0.0], abs=0.6)


def test_the_bounds_of_what_is_left_are_those_of_a_tool_off_by_its_error() -> None:
    sigma = 0.4
    told = cut_along(TrackedResection(BALL, BLADE), straight((-20.0, 0.0, 5.0), (20.0, 0.0, 5.0)), error_mm=sigma)
    off = PoseError.isotropic(0.0, sigma, np.zeros(3)).at(np.zeros(3)).radius_mm()

    def left(half: float) -> float:
        return ball_ml(RADIUS) - np.pi * (RADIUS**2 * 2 * half - ((5 + half) ** 3 - (5 - half) ** 3) / 3) / 1000

    assert told.remaining_least_ml == pytest.approx(left(2 + off), rel=0.01)
    assert told.remaining_most_ml == pytest.approx(left(2 - off), rel=0.01)
    assert told.margin_error_mm == pytest.approx(off, abs=0.02)


def test_the_bounds_hold_what_is_truly_left_when_the_tool_was_elsewhere() -> None:
    """Of sixty cuts whose places are all off by one registration's error, as its covariance says."""
    rng, sigma, held, way = np.random.default_rng(3), 0.5, [], straight((-12.0, 0.0, 6.0), (12.0, 0.0, 6.0), 6)
    for _ in range(60):
        seen = cut_along(TrackedResection(SMALL, TIP), way + rng.normal(size=3) * sigma, sigma)
        true = cut_along(TrackedResection(SMALL, TIP), way)
        assert seen.margin_mm is not None
        assert seen.margin_error_mm is not None
        assert true.margin_mm is not None
        held.append(
            seen.remaining_least_ml <= true.remaining_ml <= seen.remaining_most_ml
            and true.margin_mm >= seen.margin_mm - seen.margin_error_mm
        )
    assert np.mean(held) > 0.93


def test_a_tool_that_is_not_known_removes_nothing() -> None:
    resection = TrackedResection(BALL, TIP)
    resection.start(0.0)
    resection.update(Unknown(Why.NO_TOOL, 0.0), 0.01)
    told = resection.state(0.02)
    assert told.removed_ml == 0.0
    assert told.margin_mm is None


def test_a_gap_is_not_drawn_as_a_straight_way_but_widens_what_may_be_gone() -> None:
    def cut(gap_s: float) -> Resected:
        resection = TrackedResection(BALL, TIP)
        resection.start(0.0)
        resection.update(place((-14.0, 0.0, 0.0), 0.0), 0.0)
        resection.update(Unknown(Why.NO_TOOL, 0.01), gap_s / 2)
        resection.update(place((14.0, 0.0, 0.0), gap_s), gap_s)
        resection.stop(gap_s)
        return resection.state(gap_s)

    seen, unseen = cut(LONGEST_STEP_S * 0.9), cut(0.4)
    assert seen.unseen_s == 0.0
    assert seen.remaining_ml < ball_ml(RADIUS) - 0.2
    assert unseen.unseen_s == pytest.approx(0.4)
    assert unseen.remaining_ml == pytest.approx(ball_ml(RADIUS), rel=4e-3)
    assert unseen.remaining_most_ml == pytest.approx(ball_ml(RADIUS), rel=4e-3)
    # It went 28 mm and may have gone 40: up to 14 mm aside, which is all of the tumour.
    assert unseen.remaining_least_ml == pytest.approx(0.0, abs=0.05)
    assert unseen.margin_mm is not None
    assert unseen.margin_mm == pytest.approx(2.0, abs=0.1)
    assert unseen.margin_error_mm is not None
    assert unseen.margin_mm - unseen.margin_error_mm == pytest.approx(-RADIUS, abs=0.5)


def test_while_the_tool_is_not_seen_what_may_be_gone_grows_with_time() -> None:
    resection = TrackedResection(BALL, TIP)
    resection.start(0.0)
    resection.update(place((0.0, 0.0, 14.0), 0.0), 0.0)
    told = [resection.state(at) for at in (0.0, 0.06, 0.08, 0.3)]
    assert [one.unseen_s for one in told] == pytest.approx([0.0, 0.06, 0.08, 0.3])
    least = [one.remaining_least_ml for one in told]
    assert all(a > b for a, b in pairwise(least[:3]))
    assert least[3] == 0.0
    assert told[2].margin_error_mm == pytest.approx(FASTEST_UNSEEN_MM_S * 0.08, abs=0.05)


def test_a_cut_during_which_the_tool_was_never_seen_may_have_taken_everything() -> None:
    resection = TrackedResection(BALL, TIP)
    resection.start(0.0)
    resection.stop(3.0)
    told = resection.state(3.0)
    assert told.remaining_ml == pytest.approx(ball_ml(RADIUS), rel=4e-3)
    assert told.remaining_least_ml == pytest.approx(0.0, abs=1e-6)
    assert resection.undo(3.0)
    assert resection.state(3.0).remaining_least_ml == pytest.approx(ball_ml(RADIUS), rel=4e-3)


def test_what_is_left_can_be_drawn() -> None:
    resection = TrackedResection(BALL, BLADE)
    told = cut_along(resection, straight((-20.0, 0.0, 5.0), (20.0, 0.0, 5.0)))
    surface = region_surface(resection.remaining())
    assert surface is not None
    assert surface.is_closed()
    assert surface.volume_mm3 / 1000 == pytest.approx(told.remaining_ml, rel=0.04)
    z = surface.vertices_mm[:, 2]
    assert not ((z > 3.4) & (z < 6.6)).any()


points = st.tuples(*[st.floats(-12, 12)] * 3)
cuts = st.lists(st.lists(points, min_size=1, max_size=4), min_size=1, max_size=4)


def same(one: Resected, two: Resected) -> None:
    for name in (
        "removed_ml",
        "remaining_ml",
        "remaining_least_ml",
        "remaining_most_ml",
        "margin_mm",
        "margin_error_mm",
    ):
        assert getattr(one, name) == getattr(two, name)


@settings(max_examples=25)
@given(cuts, st.randoms(use_true_random=False))
def test_the_order_of_cuts_changes_nothing(ways: list[list[tuple[float, ...]]], random: object) -> None:
    shuffled = list(ways)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own
    told = []
    for order in (ways, shuffled):
        resection = TrackedResection(SMALL, TIP)
        for way in order:
            cut_along(resection, np.array(way), 0.3)
        told.append(resection.state(100.0))
    same(*told)


@settings(max_examples=25)
@given(cuts, cuts)
def test_taking_cuts_back_restores_exactly_what_was_there(
    first: list[list[tuple[float, ...]]], then: list[list[tuple[float, ...]]]
) -> None:
    resection = TrackedResection(SMALL, TIP)
    for way in first:
        cut_along(resection, np.array(way), 0.3)
    before = resection.state(100.0)
    level = np.array(resection.remaining().level)
    for way in then:
        cut_along(resection, np.array(way), 0.3)
    for _ in then:
        assert resection.undo(100.0)
    same(resection.state(100.0), before)
    np.testing.assert_array_equal(np.asarray(resection.remaining().level), level)
    assert resection.state(100.0).undo_count == len(first)


@settings(max_examples=25)
@given(cuts)
def test_cutting_on_never_brings_anything_back(ways: list[list[tuple[float, ...]]]) -> None:
    resection = TrackedResection(SMALL, TIP)
    before = resection.state(0.0)
    for way in ways:
        told = cut_along(resection, np.array(way), 0.3)
        assert told.removed_ml >= before.removed_ml
        assert told.remaining_ml <= before.remaining_ml
        assert told.remaining_least_ml <= told.remaining_ml <= told.remaining_most_ml
        assert before.margin_mm is None or (told.margin_mm is not None and told.margin_mm <= before.margin_mm)
        before = told


def test_taking_back_while_cutting_takes_back_the_cut_that_goes_on() -> None:
    resection = TrackedResection(BALL, TIP)
    cut_along(resection, straight((-12.0, 0.0, 0.0), (0.0, 0.0, 0.0)))
    before = resection.state(1.0)
    resection.start(1.0)
    resection.update(place((0.0, 5.0, 0.0), 1.01), 1.01)
    assert resection.state(1.01).removed_ml > before.removed_ml
    assert resection.undo(1.02)
    same(resection.state(1.02), before)
    assert not resection.is_cutting
    assert resection.undo(1.02)
    assert not resection.undo(1.02)


def test_a_place_that_comes_again_or_late_changes_nothing() -> None:
    resection = TrackedResection(BALL, TIP)
    resection.start(0.0)
    resection.update(place((0.0, 0.0, 0.0), 0.02), 0.02)
    before = resection.state(0.03)
    resection.update(place((5.0, 0.0, 0.0), 0.01), 0.03)
    resection.update(place((5.0, 0.0, 0.0), 0.02), 0.03)
    same(resection.state(0.03), before)


def test_a_tool_in_another_patient_from_the_future_or_without_a_radius_is_refused() -> None:
    resection = TrackedResection(BALL, TIP)
    resection.start(0.0)
    elsewhere = ToolPlace(
        Transform.rigid(patient("9"), TOOL, np.eye(3), np.zeros(3)),
        PoseError.none(),
        np.zeros(3),
        np.zeros(3),
        0.0,
        0.0,
    )
    with pytest.raises(FrameMismatch, match="target in"):
        resection.update(elsewhere, 0.0)
    with pytest.raises(InvalidValue, match="from now"):
        resection.update(place((0.0, 0.0, 0.0), 1.0), 0.5)
    with pytest.raises(InvalidValue, match="radius"):
        TrackedResection(BALL, ToolShape(np.zeros((1, 3)), 0.0))
    flat = Grid.from_matrix((8, 8, 8), np.diag([1.0, 1.0, 2.0, 1.0]), PATIENT.uid)
    with pytest.raises(InvalidValue, match="cubes"):
        TrackedResection(ball_field(flat, 3.0), TIP)
