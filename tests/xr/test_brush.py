"""A ball in the hand: what it sends, and when."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.xr.brush import LEAST_M, MOST_M, SEND_EVERY_S, STEP_M, Brush, Doing, Request, Stroke


def ready() -> Brush:
    brush = Brush()
    brush.take(Doing.PAINT)
    brush.structure = "liver"
    brush.told()
    return brush


def strokes(brush: Brush) -> list[Stroke]:
    return [each for each in brush.told() if isinstance(each, Stroke)]


@given(st.lists(st.tuples(st.floats(0, 0.05), st.tuples(*[st.floats(-0.1, 0.1)] * 3)), max_size=30))
def test_the_parts_of_a_movement_together_go_all_the_way_without_a_gap(
    way: list[tuple[float, tuple[float, ...]]],
) -> None:
    brush, time_s = ready(), 0.0
    at = np.zeros(3)
    gone = [at]
    brush.begin("right", at, time_s)
    for passed_s, place in way:
        time_s += passed_s
        here = np.array(place)
        if np.linalg.norm(here - gone[-1]) >= STEP_M:
            gone.append(here)
        brush.go("right", here, time_s)
    brush.end("right")
    sent = strokes(brush)
    assert len({each.movement for each in sent}) == 1
    for before, after in itertools.pairwise(sent):
        np.testing.assert_array_equal(before.points_m[-1], after.points_m[0])
    together = np.concatenate([sent[0].points_m, *(each.points_m[1:] for each in sent[1:])])
    np.testing.assert_array_equal(together, np.array(gone))


def test_where_a_hand_presses_is_corrected_at_once_and_then_no_more_often_than_asked() -> None:
    brush = ready()
    brush.begin("left", np.zeros(3), 0.0)
    assert len(strokes(brush)) == 1
    for n in range(1, 91):
        brush.go("left", np.array([n / 1000, 0, 0]), n / 90)
    assert 1 / SEND_EVERY_S - 2 <= len(strokes(brush)) <= 1 / SEND_EVERY_S


def test_each_hand_draws_its_own_way_and_each_press_is_a_movement() -> None:
    brush = ready()
    brush.begin("left", np.zeros(3), 0.0)
    brush.begin("right", np.ones(3), 0.0)
    assert brush.hands == {"left", "right"}
    brush.end("left")
    brush.begin("left", np.zeros(3), 1.0)
    assert len({each.movement for each in strokes(brush)}) == 3
    brush.go("nobody", np.zeros(3), 1.0)


def test_a_box_is_sent_once_when_it_is_let_go_and_a_press_that_went_nowhere_is_none() -> None:
    brush = ready()
    brush.take(Doing.BY_VALUE)
    assert not brush.is_ready
    brush.values = (-100.0, 200.0)
    assert brush.is_ready
    brush.begin("right", np.zeros(3), 0.0)
    brush.end("right")
    brush.begin("right", np.zeros(3), 1.0)
    for n in range(1, 40):
        brush.go("right", np.full(3, n / 1000), 1.0 + n / 90)
        ((corner, _),) = brush.boxes
        np.testing.assert_array_equal(corner, np.zeros(3))
    brush.end("right")
    (box,) = strokes(brush)
    assert (box.doing, box.values, box.radius_m) == (Doing.BY_VALUE, (-100.0, 200.0), 0.0)
    np.testing.assert_array_equal(box.points_m, np.array([[0, 0, 0], [0.039] * 3]))


def test_taking_a_tool_has_the_server_make_ready_once() -> None:
    brush = Brush()
    brush.take(Doing.PAINT)
    brush.take(Doing.ERASE)
    brush.ask(Request.UNDO)
    assert brush.told() == (Request.PREPARE, Request.UNDO)
    assert brush.told() == ()


def test_nothing_is_corrected_before_a_structure_is_chosen() -> None:
    brush = Brush()
    brush.take(Doing.PAINT)
    assert not brush.is_ready
    brush.structure = "liver"
    assert brush.is_ready


@given(st.lists(st.integers(-3, 3), max_size=40))
def test_a_ball_is_never_wider_or_narrower_than_a_hand_can_use(steps: list[int]) -> None:
    brush = Brush()
    for each in steps:
        brush.widen(each)
        assert LEAST_M <= brush.radius_m <= MOST_M
    brush.widen(-1)
    assert brush.radius_m == pytest.approx(max(LEAST_M, brush.radius_m))
