"""What a server counts time by."""

from __future__ import annotations

import time

import pytest

from engine.app.serve import steady_clock


@pytest.mark.parametrize("step_s", [5.0, -5.0])
def test_the_clock_of_a_server_does_not_follow_a_clock_that_is_set(
    monkeypatch: pytest.MonkeyPatch, step_s: float
) -> None:
    clock, real = steady_clock(), time.time
    before_s = clock()
    assert before_s == pytest.approx(real(), abs=1.0)
    monkeypatch.setattr(time, "time", lambda: real() + step_s)
    assert 0.0 <= clock() - before_s < 1.0
