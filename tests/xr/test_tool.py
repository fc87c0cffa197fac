"""Tools are shown where they will be, and as what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.xr.rigid import rotation_about
from engine.xr.tool import FADED_OPACITY, LONGEST_EXTRAPOLATION_S, ToolSample, ToolTrack

FADED_AFTER_S, HIDDEN_AFTER_S = 0.15, 1.0
VELOCITY = np.array([0.3, -0.2, 0.1])


def sample(time_s: float, *, is_tracked: bool = True) -> ToolSample:
    turn = rotation_about((0, 0, 1), 2.0 * time_s)
    return ToolSample(3, time_s, VELOCITY * time_s, turn, is_tracked)


def steady(until_s: float = 1.0, every_s: float = 0.01) -> ToolTrack:
    track = ToolTrack()
    for n in range(round(until_s / every_s) + 1):
        track.add(sample(n * every_s))
    return track


@given(st.floats(0, LONGEST_EXTRAPOLATION_S))
def test_a_steady_tool_is_shown_where_it_will_be(ahead_s: float) -> None:
    drawn = steady().at(1.0 + ahead_s)
    assert drawn is not None
    assert drawn.sample.position_m == pytest.approx(VELOCITY * (1 + ahead_s), abs=1e-9)
    assert drawn.sample.rotation == pytest.approx(rotation_about((0, 0, 1), 2 * (1 + ahead_s)), abs=1e-9)
    assert drawn.extrapolated_s == pytest.approx(ahead_s)


@given(st.floats(LONGEST_EXTRAPOLATION_S, HIDDEN_AFTER_S - 1e-6))
def test_no_motion_is_believed_for_longer_than_its_limit(age_s: float) -> None:
    drawn = steady().at(1.0 + age_s)
    assert drawn is not None
    assert drawn.sample.position_m == pytest.approx(VELOCITY * (1 + LONGEST_EXTRAPOLATION_S), abs=1e-9)


@pytest.mark.parametrize(
    ("age_s", "opacity"),
    [(0.0, 1.0), (FADED_AFTER_S, 1.0), (FADED_AFTER_S + 0.01, FADED_OPACITY), (HIDDEN_AFTER_S + 0.01, None)],
)
def test_late_news_fade_and_then_hide_it(age_s: float, opacity: float | None) -> None:
    drawn = steady(0.0).at(age_s)
    assert (None if drawn is None else drawn.opacity) == opacity


def test_a_tool_that_was_lost_is_faded_at_once_and_stays_where_it_was_seen() -> None:
    track = steady()
    track.add(sample(1.0, is_tracked=False))
    drawn = track.at(1.01)
    assert drawn is not None
    assert (drawn.opacity, drawn.extrapolated_s) == (FADED_OPACITY, 0.0)
    assert drawn.sample.position_m == pytest.approx(VELOCITY)


def test_after_a_gap_nothing_is_known_of_its_motion() -> None:
    track = steady(0.2)
    track.add(sample(0.9))
    drawn = track.at(0.93)
    assert drawn is not None
    assert drawn.sample.position_m == pytest.approx(VELOCITY * 0.9)


def test_a_frame_before_the_sample_shows_the_sample() -> None:
    drawn = steady().at(0.99)
    assert drawn is not None
    assert drawn.sample.position_m == pytest.approx(VELOCITY)


@given(st.integers(0, 2**32 - 1))
def test_jitter_is_not_multiplied(seed: int) -> None:
    rng = np.random.default_rng(seed)
    track = ToolTrack()
    for n in range(20):
        jitter = rng.uniform(-1e-4, 1e-4, 3)
        track.add(ToolSample(1, n * 0.01, jitter, np.eye(3)))
    drawn = track.at(0.19 + LONGEST_EXTRAPOLATION_S)
    assert drawn is not None
    assert np.abs(drawn.sample.position_m).max() <= 3e-4 + 1e-12


def test_a_clock_that_was_set_begins_its_motion_anew() -> None:
    track = steady()
    track.add(sample(0.3))
    drawn = track.at(0.33)
    assert drawn is not None
    assert drawn.sample.position_m == pytest.approx(VELOCITY * 0.3)
    assert drawn.opacity == 1
