"""The offset of two clocks: right within what is claimed, whatever the line does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.stream.clock import DRIFT, ClockSync, Exchange

delays = st.floats(0.0, 0.5)


def exchange(now_s: float, there_s: float, back_s: float, offset_s: float, thought_s: float = 0.001) -> Exchange:
    """As two clocks `offset_s` apart see it."""
    received = now_s + there_s + offset_s
    return Exchange(now_s, received, received + thought_s, now_s + there_s + thought_s + back_s)


@given(st.floats(-1e6, 1e6), st.lists(st.tuples(delays, delays), min_size=1, max_size=30))
def test_the_true_offset_lies_within_the_error_however_uneven_the_line(
    offset_s: float, line: list[tuple[float, float]]
) -> None:
    sync = ClockSync()
    now_s = 0.0
    for there_s, back_s in line:
        sync.add(exchange(now_s, there_s, back_s, offset_s))
        now_s += 1.0
        found = sync.at(now_s)
        assert found is not None
        assert abs(found.offset_s - offset_s) <= found.error_s + 1e-9


def test_the_shortest_round_trip_is_believed() -> None:
    sync = ClockSync()
    sync.add(exchange(0.0, 0.3, 0.01, 5.0))
    sync.add(exchange(1.0, 0.001, 0.001, 5.0))
    sync.add(exchange(2.0, 0.01, 0.4, 5.0))
    found = sync.at(3.0)
    assert found is not None
    assert found.offset_s == pytest.approx(5.0, abs=1e-9)
    assert found.error_s == pytest.approx(0.001 + DRIFT * 2, abs=1e-4)


@pytest.mark.parametrize("step_s", [-5.0, 5.0])
def test_a_clock_that_is_set_is_noticed_at_the_next_exchange(step_s: float) -> None:
    sync = ClockSync()
    for n in range(5):
        sync.add(exchange(float(n), 0.002, 0.002, 1.0))
    sync.add(exchange(5.0, 0.002, 0.002, 1.0 + step_s))
    found = sync.at(5.0)
    assert found is not None
    assert found.offset_s == pytest.approx(1.0 + step_s)


def test_drift_is_followed_within_its_bound() -> None:
    sync = ClockSync()
    for n in range(300):
        offset = 2.0 + 0.5 * DRIFT * n
        sync.add(exchange(float(n), 0.001, 0.001, offset))
        found = sync.at(float(n))
        assert found is not None
        assert abs(found.offset_s - offset) <= found.error_s + 1e-9


def test_nothing_is_known_before_the_first_exchange() -> None:
    assert ClockSync().at(0.0) is None


@pytest.mark.parametrize("times", [(1.0, 0.0, 0.0, 0.5), (0.0, 5.0, 4.0, 1.0), (0.0, float("nan"), 1.0, 1.0)])
def test_an_answer_before_its_question_is_refused(times: tuple[float, float, float, float]) -> None:
    with pytest.raises(InvalidValue):
        Exchange(*times)
