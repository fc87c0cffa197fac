"""The hub's clock from arrivals alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.app.view_clock import REMEMBERED_S, ArrivalClock


@given(st.floats(-1e6, 1e6), st.lists(st.floats(0.0, 0.2), min_size=1, max_size=80))
def test_it_is_late_by_the_shortest_way_and_never_early(offset_s: float, ways_s: list[float]) -> None:
    clock = ArrivalClock()
    told = [-clock.hub_from_monotonic_s(n * 0.01, n * 0.01 + offset_s + way) for n, way in enumerate(ways_s)]
    assert told[-1] == pytest.approx(offset_s + min(ways_s), abs=1e-6)
    assert told == sorted(told, reverse=True)


def test_a_clock_that_drifts_is_followed() -> None:
    clock = ArrivalClock()
    drift = 2e-4
    told = [-clock.hub_from_monotonic_s(t, t * (1 + drift) + 0.003) for t in np.arange(0, 60, 0.02)]
    assert told[-1] == pytest.approx(59.98 * drift + 0.003, abs=2 * REMEMBERED_S * drift + 1e-6)


def test_after_a_long_silence_the_old_is_forgotten() -> None:
    clock = ArrivalClock()
    clock.hub_from_monotonic_s(0.0, 100.0)
    assert clock.hub_from_monotonic_s(100.0, 300.0) == -200.0
