"""Whether a tracked thing can be believed, through everything that trackers do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.core.unknown import Unknown, Why
from guidance.track.sample import Sample, sample
from guidance.track.track import BELIEVED_AFTER, STALE_S, WINDOW_S, Track

HZ = 60.0


def seen(time_s: float, x_mm: float = 100.0, *, is_seen: bool = True) -> Sample:
    matrix = np.eye(4)
    matrix[:3, 3] = (x_mm, 0.0, -1000.0)
    return sample("Stylus", matrix, time_s, is_seen=is_seen)


def heard(*samples: Sample, track: Track | None = None) -> Track:
    track = track or Track("Stylus")
    for one in samples:
        track = track.hear(one)
    return track


def steady(count: int = 12, start_s: float = 0.0) -> list[Sample]:
    return [seen(start_s + n / HZ, 100.0 + n) for n in range(count)]


LAST_S = 11 / HZ


def test_a_thing_seen_steadily_is_believed_with_its_window() -> None:
    trusted = heard(*steady()).trusted(LAST_S)
    assert not isinstance(trusted, Unknown)
    assert trusted[-1].time_s == LAST_S
    assert LAST_S - trusted[0].time_s <= WINDOW_S


def test_one_sample_is_not_believed() -> None:
    assert heard(seen(0.0)).trusted(0.0) == Unknown(Why.NO_TOOL, 0.0)
    assert not isinstance(heard(*steady(BELIEVED_AFTER)).trusted(2 / HZ), Unknown)


def test_a_thing_that_is_lost_is_unknown_at_once_and_since_then() -> None:
    track = heard(*steady(), seen(12 / HZ, is_seen=False), seen(13 / HZ, is_seen=False))
    assert track.trusted(14 / HZ) == Unknown(Why.NO_TOOL, 12 / HZ)


def test_a_thing_found_again_is_believed_after_three_samples_and_remembers_nothing_from_before() -> None:
    track = heard(*steady(), seen(12 / HZ, is_seen=False), seen(13 / HZ), seen(14 / HZ))
    assert isinstance(track.trusted(14 / HZ), Unknown)
    trusted = track.hear(seen(15 / HZ)).trusted(15 / HZ)
    assert not isinstance(trusted, Unknown)
    assert [one.time_s for one in trusted] == [13 / HZ, 14 / HZ, 15 / HZ]


def test_silence_makes_it_stale_from_the_limit_on() -> None:
    track = heard(*steady())
    assert not isinstance(track.trusted(LAST_S + STALE_S - 1e-6), Unknown)
    assert track.trusted(LAST_S + STALE_S + 0.001) == Unknown(Why.STALE, LAST_S + STALE_S)


def test_a_jump_is_not_believed_until_it_stays_there() -> None:
    """Another marker taken for this one, or this one seen again elsewhere."""
    track = heard(*steady(), seen(12 / HZ, 400.0))
    assert track.trusted(12 / HZ) == Unknown(Why.INVALID, 12 / HZ)
    track = heard(seen(13 / HZ, 401.0), seen(14 / HZ, 402.0), track=track)
    assert not isinstance(track.trusted(14 / HZ), Unknown)


def test_jumping_to_and_fro_is_never_believed() -> None:
    track = heard(*steady())
    for n in range(12, 40):
        track = track.hear(seen(n / HZ, 100.0 if n % 2 else 400.0))
        assert isinstance(track.trusted(n / HZ), Unknown)


def test_a_fast_hand_is_no_jump() -> None:
    track = heard(*(seen(n / HZ, 100.0 + 1500.0 * n / HZ) for n in range(12)))
    assert not isinstance(track.trusted(LAST_S), Unknown)


@pytest.mark.parametrize("late_s", [0.0, 0.05, 5.0])
def test_what_comes_from_the_past_changes_nothing(late_s: float) -> None:
    track = heard(*steady())
    assert track.hear(seen(LAST_S - late_s, 5000.0)) is track


def test_a_clock_that_runs_ahead_is_noticed() -> None:
    assert heard(*steady(start_s=5.0)).trusted(0.0) == Unknown(Why.CLOCK, 5.0 + LAST_S)


def test_what_cannot_be_is_unknown() -> None:
    broken = sample("Stylus", np.full((4, 4), np.nan), 12 / HZ)
    assert heard(*steady(), broken).trusted(12 / HZ) == Unknown(Why.INVALID, 12 / HZ)


def test_another_thing_is_refused() -> None:
    with pytest.raises(InvalidValue, match="Probe is not Stylus"):
        Track("Stylus").hear(sample("Probe", np.eye(4), 0.0))


@given(st.lists(st.tuples(st.floats(0.001, 0.3), st.booleans(), st.floats(-500, 500)), min_size=1, max_size=50))
def test_whatever_is_heard_what_is_believed_was_seen_and_is_fresh(said: list[tuple[float, bool, float]]) -> None:
    track, now_s = Track("Stylus"), 0.0
    for wait_s, is_seen, x_mm in said:
        now_s += wait_s
        track = track.hear(seen(now_s, x_mm, is_seen=is_seen))
        trusted = track.trusted(now_s)
        if isinstance(trusted, Unknown):
            assert trusted.since_s <= now_s
            continue
        assert is_seen
        assert trusted[-1].time_s == now_s
        assert all(one.is_known and now_s - one.time_s <= WINDOW_S for one in trusted)
