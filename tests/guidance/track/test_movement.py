"""How a thing moves, from its last places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guidance.register.rigid_fit import turn
from guidance.track.movement import USUAL_JITTER_MM, USUAL_JITTER_RAD, movement

POINT_MM = np.array([3.0, -2.0, 120.0])


def going(times_s: np.ndarray, velocity: np.ndarray, spin: np.ndarray) -> np.ndarray:
    """(n, 4, 4) places of a thing whose point goes straight while it turns evenly."""
    places = np.tile(np.eye(4), (len(times_s), 1, 1))
    for place, time_s in zip(places, times_s, strict=True):
        place[:3, :3] = turn(spin * time_s) @ turn(np.array([0.3, 0.2, -0.5]))
        place[:3, 3] = np.array([10.0, 20.0, -900.0]) + velocity * time_s - place[:3, :3] @ POINT_MM
    return places


@given(st.lists(st.floats(-300, 300), min_size=3, max_size=3), st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_a_thing_that_goes_straight_and_turns_evenly_is_followed_exactly(way: list[float], spin: list[float]) -> None:
    times_s = 1.7e9 + np.arange(8) / 90
    told = movement(times_s, going(times_s - times_s[0], np.array(way), np.array(spin)), POINT_MM)
    np.testing.assert_allclose(told.velocity_mm_s, way, atol=1e-3)
    np.testing.assert_allclose(told.turn_rad_s, spin, atol=1e-3)
    assert told.jitter_mm < 1e-3
    assert told.jitter_rad < 1e-5


def test_what_is_left_over_is_the_jitter_and_tells_how_well_the_velocity_is_known() -> None:
    rng = np.random.default_rng(0)
    times_s = np.arange(10) / 90
    told = []
    for _ in range(400):
        places = going(times_s, np.array([50.0, 0.0, 0.0]), np.zeros(3))
        places[:, :3, 3] += rng.normal(scale=0.3, size=(10, 3))
        told.append(movement(times_s, places, POINT_MM))
    jitter = np.sqrt(np.mean([one.jitter_mm**2 for one in told]))
    assert jitter == pytest.approx(0.3, rel=0.05)
    off = np.std([one.velocity_mm_s[0] for one in told])
    assert np.sqrt(np.mean([one.velocity_error_mm_s**2 for one in told])) == pytest.approx(off, rel=0.15)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_places_tell_no_scatter_and_one_no_velocity(count: int) -> None:
    times_s = np.arange(count) / 90
    told = movement(times_s, going(times_s, np.array([50.0, 0.0, 0.0]), np.zeros(3)), POINT_MM)
    assert (told.jitter_mm, told.jitter_rad) == (USUAL_JITTER_MM, USUAL_JITTER_RAD)
    assert np.isinf(told.velocity_error_mm_s) == (count == 1)
    assert told.velocity_mm_s[0] == pytest.approx(0.0 if count == 1 else 50.0)
