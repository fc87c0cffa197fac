"""Where the anatomy is put before anybody touches it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.xr.placement import (
    GLIDE_S,
    LARGEST_SCALE,
    SMALLEST_SCALE,
    START_AHEAD_M,
    START_BELOW_EYES_M,
    Box,
    Gaze,
    Glide,
    Placement,
    gaze_of,
    resting_scale,
    scaled_about,
    start_placement,
)
from engine.xr.rigid import UP, rigid, rotation_about
from tests.xr.strategies import placements, poses, positions

HEAD_SIZED = Box(np.array([-0.1, -0.12, -0.1]), np.array([0.1, 0.15, 0.1]))
turns = st.floats(-3.1, 3.1)


def gaze(turn: float) -> Gaze:
    return gaze_of(rigid(rotation_about(UP, turn), (0.4, 1.5, -0.2)))


@given(turns)
def test_it_stands_before_the_eyes_a_little_below_them_with_its_front_to_them(turn: float) -> None:
    seen = gaze(turn)
    placed = start_placement(seen, HEAD_SIZED, 1.0, None)
    away = placed.apply(HEAD_SIZED.centre) - seen.eyes_m
    assert away == pytest.approx(START_AHEAD_M * seen.ahead - START_BELOW_EYES_M * UP, abs=1e-9)
    assert placed.rotation[:, 2] == pytest.approx(-seen.ahead, abs=1e-9)
    assert placed.scale == 1


def test_deep_anatomy_stands_farther_away_and_long_anatomy_off_the_floor() -> None:
    long = Box(np.array([-0.3, -1.2, -0.6]), np.array([0.3, 1.2, 0.6]))
    placed = start_placement(gaze(0.0), long, 1.0, 0.0)
    assert placed.apply(long.corners)[:, 2].max() == pytest.approx(-0.2 - 0.5)
    assert placed.apply(long.corners)[:, 1].min() > 0


@given(poses())
def test_a_gaze_is_level_wherever_the_head_looks(head: Float64) -> None:
    seen = gaze_of(head)
    assert seen.ahead[1] == 0
    assert np.linalg.norm(seen.ahead) == pytest.approx(1)


@given(placements(), positions())
def test_undoing_a_placement_brings_points_back(placed: Placement, point: Float64) -> None:
    assert placed.undo(placed.apply(point)) == pytest.approx(point, abs=1e-9)
    assert placed.world_from_anatomy @ placed.anatomy_from_world == pytest.approx(np.eye(4), abs=1e-9)


@given(placements(), positions(), st.floats(SMALLEST_SCALE, LARGEST_SCALE))
def test_scaling_about_a_point_keeps_it_there(placed: Placement, centre: Float64, scale: float) -> None:
    scaled = scaled_about(placed, centre, scale)
    assert scaled.apply(placed.undo(centre)) == pytest.approx(centre, abs=1e-6)


@given(st.floats(0.01, 100))
def test_a_scale_stays_in_its_limits_and_rests_at_true_size(scale: float) -> None:
    rested = resting_scale(scale)
    assert SMALLEST_SCALE <= rested <= LARGEST_SCALE
    assert resting_scale(rested) == rested
    assert (rested == 1) == (1 / 1.04 < scale < 1.04)


@given(placements(), placements(), st.floats(0, GLIDE_S))
def test_a_glide_begins_where_it_was_and_ends_where_it_should(a: Placement, b: Placement, passed_s: float) -> None:
    glide = Glide(a, b, 5.0)
    assert glide.at(5.0).world_from_anatomy == pytest.approx(a.world_from_anatomy, abs=1e-6)
    assert glide.at(5.0 + GLIDE_S + 1e-6) is b
    between = glide.at(5.0 + passed_s)
    assert between.rotation.T @ between.rotation == pytest.approx(np.eye(3), abs=1e-6)
    assert min(a.scale, b.scale) - 1e-9 <= between.scale <= max(a.scale, b.scale) + 1e-9
