"""Laws of holding: what a hand holds keeps still in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.xr.grab import NEAREST_M, Grab, held_by_one, held_by_two, steered
from engine.xr.placement import LARGEST_SCALE, SMALLEST_SCALE, Placement
from engine.xr.rigid import AHEAD, apply, inverse, rigid, rotation_about
from tests.xr.strategies import directions, placements, poses, positions


def close(a: Placement, b: Placement) -> bool:
    return np.allclose(a.world_from_anatomy, b.world_from_anatomy, atol=1e-6)


@given(placements(), poses(), poses(), positions())
def test_in_one_hand_every_point_keeps_its_place_to_the_hand(
    start: Placement, before: Float64, now: Float64, point: Float64
) -> None:
    held = held_by_one(start, before, now)
    assert held.scale == start.scale
    then = apply(inverse(before), start.apply(point))
    assert apply(inverse(now), held.apply(point)) == pytest.approx(then, abs=1e-6)


@given(placements(), poses(), poses(), poses())
def test_a_hand_that_comes_back_brings_it_back(start: Placement, a: Float64, b: Float64, c: Float64) -> None:
    assert close(held_by_one(held_by_one(held_by_one(start, a, b), b, c), c, a), start)


@given(placements(), st.tuples(poses(), poses()))
def test_two_hands_that_do_not_move_move_nothing(start: Placement, hands: tuple[Float64, Float64]) -> None:
    assume(np.linalg.norm(hands[1][:3, 3] - hands[0][:3, 3]) > 0.01)
    assume(abs(np.log(start.scale)) > 0.05)  # else it comes to rest at true size
    assert close(held_by_two(start, hands, hands), start)


@given(st.tuples(poses(), poses()), st.tuples(poses(), poses()))
def test_what_two_hands_hold_stays_in_both_while_the_scale_is_free(
    before: tuple[Float64, Float64], now: tuple[Float64, Float64]
) -> None:
    apart = [float(np.linalg.norm(pair[1][:3, 3] - pair[0][:3, 3])) for pair in (before, now)]
    assume(min(apart) > 0.05)
    start = Placement(np.array([0.1, 0.2, 0.3]), np.eye(3), 1.5)
    scale = 1.5 * apart[1] / apart[0]
    assume(SMALLEST_SCALE < scale < LARGEST_SCALE and abs(np.log(scale)) > 0.05)
    held = held_by_two(start, before, now)
    assert held.scale == pytest.approx(scale)
    for hand in (0, 1):
        gripped = start.undo(before[hand][:3, 3])
        assert held.apply(gripped) == pytest.approx(now[hand][:3, 3], abs=1e-6)


@given(st.floats(-1.5, 1.5))
def test_both_hands_turned_about_their_line_roll_it(angle: float) -> None:
    axis = np.array([1.0, 0.0, 0.0])
    before = (rigid(np.eye(3), -axis), rigid(np.eye(3), axis))
    now = tuple(rigid(rotation_about(axis, angle), pose[:3, 3]) for pose in before)
    held = held_by_two(Placement(np.zeros(3), np.eye(3), 2.0), before, (now[0], now[1]))
    assert held.rotation == pytest.approx(rotation_about(axis, angle), abs=1e-9)


@given(placements(), st.tuples(poses(), poses()))
def test_two_hands_that_meet_still_leave_a_place(start: Placement, hands: tuple[Float64, Float64]) -> None:
    held = held_by_two(start, hands, (hands[0], hands[0]))
    assert np.isfinite(held.world_from_anatomy).all()


@given(placements(), positions(), directions(), st.floats(-1, 1), st.floats(0, 0.1))
def test_a_thing_is_never_pulled_through_the_hand(
    start: Placement, hand: Float64, ray: Float64, stick: float, dt_s: float
) -> None:
    before = float((start.position_m - hand) @ ray)
    held = steered(start, hand, ray, np.array([0.0, stick]), dt_s)
    after = float((held.position_m - hand) @ ray)
    assert after >= min(before, NEAREST_M) - 1e-9


def test_a_stick_pushed_forwards_pushes_away_and_aside_turns() -> None:
    start = Placement(np.array([0.0, 0.0, -1.0]), np.eye(3))
    pushed = steered(start, np.zeros(3), AHEAD, np.array([0.0, 1.0]), 0.5)
    assert pushed.position_m[2] == pytest.approx(-1.3)
    turned = steered(start, np.zeros(3), AHEAD, np.array([1.0, 0.0]), 0.5)
    assert turned.position_m == pytest.approx(start.position_m)
    assert turned.rotation == pytest.approx(rotation_about((0, 1, 0), 0.6))


@given(placements(), poses(), poses(), poses())
def test_nothing_jumps_when_hands_come_and_go(start: Placement, a: Float64, b: Float64, c: Float64) -> None:
    assume(abs(np.log(start.scale)) > 0.05 and np.linalg.norm(b[:3, 3] - c[:3, 3]) > 0.01)
    grab = Grab()
    grab.take("left", {"left": a}, start)
    moved = grab.moved({"left": b})
    assert moved is not None
    poses = {"left": b, "right": c}
    grab.take("right", poses, moved)
    with_two = grab.moved(poses)
    assert with_two is not None
    assert close(with_two, moved)
    grab.let_go("left", poses, with_two)
    alone = grab.moved(poses)
    assert alone is not None
    assert close(alone, moved)
    grab.let_go("right", poses, alone)
    assert grab.moved(poses) is None
    assert grab.hands == ()
