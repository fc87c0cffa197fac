"""A device's clock from one-way packets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guidance.track.source_clock import BELIEVED_AFTER_S, SourceClock


def after(packets: list[tuple[float, float]], clock: SourceClock | None = None) -> SourceClock:
    clock = clock or SourceClock()
    for source_s, arrival_s in packets:
        clock = clock.hear(source_s, arrival_s)
    return clock


def stream(offset_s: float, start_s: float, count: int = 120, seed: int = 0) -> list[tuple[float, float]]:
    """Sixty a second, 2 ms on the way at least, up to 20 ms more now and then."""
    rng = np.random.default_rng(seed)
    times = start_s + np.arange(count) / 60
    return [(float(t + offset_s), float(t + 0.002 + rng.exponential(0.004))) for t in times]


@given(st.floats(-1e6, 1e6), st.integers(0, 100))
def test_ages_are_right_to_the_shortest_way_and_never_too_old(offset_s: float, seed: int) -> None:
    packets = stream(offset_s, 100.0, seed=seed)
    clock = after(packets)
    for source_s, arrival_s in packets[-20:]:
        true_s = source_s - offset_s
        assert true_s - 1e-6 <= clock.ours_s(source_s, arrival_s) <= true_s + 0.004


def test_nothing_is_from_after_its_arrival() -> None:
    assert SourceClock().ours_s(500.0, 3.0) == 3.0


def test_a_clock_set_forward_is_noticed_with_the_first_packet() -> None:
    clock = after(stream(0.0, 100.0))
    clock = after(stream(5.0, 102.0, count=1), clock)
    assert clock.steps == 1
    source_s, arrival_s = stream(5.0, 102.1, count=1)[0]
    assert arrival_s - clock.ours_s(source_s, arrival_s) < 0.05


def test_a_clock_set_back_makes_places_old_until_it_is_believed() -> None:
    """A slow line looks the same at first; nothing is taken for newer than it may be."""
    clock = after(stream(0.0, 100.0))
    later = stream(-5.0, 102.0, count=int(60 * BELIEVED_AFTER_S) - 5)
    clock = after(later, clock)
    source_s, arrival_s = later[-1]
    assert arrival_s - clock.ours_s(source_s, arrival_s) > 4.9
    clock = after(stream(-5.0, 104.0, count=90), clock)
    assert clock.steps == 1
    source_s, arrival_s = stream(-5.0, 106.0, count=1)[0]
    assert arrival_s - clock.ours_s(source_s, arrival_s) == pytest.approx(0.0, abs=0.05)


def test_a_clock_that_drifts_is_followed() -> None:
    """Fifty parts in a million, for ten minutes: thirty milliseconds."""
    clock = SourceClock()
    for n in range(600 * 20):
        true_s = n / 20
        clock = clock.hear(true_s * (1 - 50e-6), true_s + 0.002)
    assert clock.ours_s(600 * (1 - 50e-6), 600.002) == pytest.approx(600.002, abs=0.002)
    assert clock.steps == 0
