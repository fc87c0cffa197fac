"""Bare hands: where they point, hold and pinch."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.array import Float64
from engine.xr.hand import (
    INDEX_TIP,
    JOINTS,
    PINCH_BEGINS_M,
    PINCH_ENDS_M,
    THUMB_TIP,
    bare_hand,
    is_pinching,
    live_stick,
)
from engine.xr.rigid import rigid

HEAD = rigid(np.eye(3), (0, 1.6, 0))


def joints(apart_m: float, at: tuple[float, float, float] = (0.2, 1.3, -0.4)) -> Float64:
    places = np.tile(np.array(at), (JOINTS, 1))
    places[THUMB_TIP, 0] -= apart_m / 2
    places[INDEX_TIP, 0] += apart_m / 2
    return places


@pytest.mark.parametrize("was", [False, True])
def test_a_pinch_that_has_begun_may_open_a_little(was: bool) -> None:
    between = joints((PINCH_BEGINS_M + PINCH_ENDS_M) / 2)
    assert is_pinching(between, was_pinching=was) == was
    assert is_pinching(joints(PINCH_BEGINS_M - 0.002), was_pinching=was)
    assert not is_pinching(joints(PINCH_ENDS_M + 0.002), was_pinching=was)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_hand_points_from_its_own_shoulder_and_holds_between_its_tips(side: str) -> None:
    hand = bare_hand(side, joints(0.05), np.eye(3), HEAD, was_pinching=False)
    assert hand.world_from_hold[:3, 3] == pytest.approx((0.2, 1.3, -0.4))
    assert hand.origin_m == pytest.approx((0.2, 1.3, -0.4))
    assert hand.direction[2] < 0
    shoulder_x = 0.17 if side == "right" else -0.17
    back = hand.origin_m - hand.direction * (hand.origin_m[2] - 0.05) / hand.direction[2]
    assert back[:2] == pytest.approx((shoulder_x, 1.6 - 0.22), abs=1e-6)


def test_a_head_that_looks_straight_down_still_has_shoulders() -> None:
    down = rigid(np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]), (0, 1.6, 0))
    assert np.isfinite(bare_hand("left", joints(0.05), np.eye(3), down, was_pinching=False).direction).all()


def test_a_stick_at_rest_is_zero() -> None:
    assert live_stick(0.1, -0.9) == pytest.approx((0, -0.9))
