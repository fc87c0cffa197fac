"""Rests of a tip, as touches."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from guidance.register.touch import touches

PLACES_MM = np.array([(0.0, 0.0, 0.0), (80.0, 0.0, 0.0), (80.0, 60.0, 10.0)])
HZ = 60.0


def visits(rest_s: float = 2.0, tremor_mm: float = 0.3) -> tuple[Float64, Float64]:
    """From place to place, half a second's way between."""
    rng = np.random.default_rng(0)
    parts = []
    for k, place in enumerate(PLACES_MM):
        parts.append(np.tile(place, (int(rest_s * HZ), 1)))
        if k + 1 < len(PLACES_MM):
            parts.append(place + np.linspace(0, 1, int(HZ / 2))[:, None] * (PLACES_MM[k + 1] - place))
    tips = np.concatenate(parts)
    return tips + rng.normal(size=tips.shape) * tremor_mm / np.sqrt(3), np.arange(len(tips)) / HZ


def test_each_rest_is_a_touch_where_it_was_and_when() -> None:
    found = touches(*visits())
    assert np.array([touch.at_mm for touch in found]) == pytest.approx(PLACES_MM, abs=0.4)
    assert [touch.start_s for touch in found] == pytest.approx([0.0, 2.5, 5.0], abs=0.15)
    assert [touch.error.rms_mm for touch in found] == pytest.approx([0.3] * 3, rel=0.5)


def test_passing_by_is_no_touch() -> None:
    assert touches(*visits(rest_s=0.6)) == ()


def test_a_twitch_does_not_make_two_of_one() -> None:
    tips, times = visits()
    tips[60:63] += 6.0
    assert len(touches(tips, times)) == 3


def test_times_that_stand_still_are_refused() -> None:
    with pytest.raises(InvalidValue, match="grow"):
        touches(np.zeros((3, 3)), np.zeros(3))
