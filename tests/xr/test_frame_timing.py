"""Missed frames are counted from the display's own times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.xr.frame_timing import FrameTiming

PERIOD_NS = 11_111_111


@given(st.lists(st.integers(1, 5), min_size=1, max_size=60), st.integers(-400_000, 400_000))
def test_every_period_without_a_frame_is_a_missed_one(gaps: list[int], unrest_ns: int) -> None:
    timing = FrameTiming()
    at_ns = 10**12
    timing.add(at_ns, PERIOD_NS, 0.02, 0.004)
    for n, gap in enumerate(gaps):
        at_ns += gap * PERIOD_NS
        timing.add(at_ns + (unrest_ns if n % 2 else 0), PERIOD_NS, 0.02, 0.004)
    assert timing.report().missed == sum(gap - 1 for gap in gaps)


def test_a_runtime_that_tells_late_applications_longer_periods_is_not_believed() -> None:
    timing = FrameTiming()
    for n, times in enumerate((1, 1, 2, 3, 2)):
        timing.add(n * 2 * PERIOD_NS, times * PERIOD_NS, 0.02, 0.03)
    report = timing.report()
    assert report.period_ms == pytest.approx(11.1, abs=0.05)
    assert report.missed == 4


def test_a_first_guess_of_the_period_is_not_taken_for_the_displays() -> None:
    timing = FrameTiming()
    for n, period_ns in enumerate((16_000_000, 50_000_000, 50_000_000)):
        timing.add(n * 50_000_000, period_ns, 0.02, 0.01)
    assert (timing.report().period_ms, timing.report().missed) == (50.0, 0)


def test_work_is_told_by_its_mean_its_most_and_its_worst() -> None:
    timing = FrameTiming()
    for n in range(100):
        timing.add(n * PERIOD_NS, PERIOD_NS, 0.02, 0.1 if n == 50 else 0.004)
    mean, most, worst = timing.report().work_ms
    assert [mean, most, worst] == pytest.approx([4.96, 4.0, 100.0])
    assert timing.report().ahead_ms == pytest.approx(20)


def test_a_session_without_frames_reports_zeros() -> None:
    told = FrameTiming().report().as_json()
    assert (told["frames"], told["missed"], told["period_ms"]) == (0, 0, 0)
