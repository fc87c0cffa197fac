"""Measuring with the tip of a hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.xr.ruler import TIP_ERROR_M, Ruler, with_error

places = st.tuples(*[st.floats(-0.2, 0.2)] * 3).map(np.array)
scales = st.floats(0.2, 8.0)


def measured(ruler: Ruler, start: Float64, end: Float64, scale: float = 1.0) -> None:
    for at in (start, end):
        ruler.press("right", at, scale)
        ruler.release("right")


@given(places, places, scales)
def test_a_length_is_the_patients_own_at_any_scale_and_its_error_shrinks_with_it(
    start: Float64, end: Float64, scale: float
) -> None:
    ruler = Ruler()
    ruler.voxel_error_m = 0.0005
    measured(ruler, start, end, scale)
    (length,) = ruler.lengths
    assert length.length_m == pytest.approx(float(np.linalg.norm(end - start)))
    assert length.start.error_m == pytest.approx(math.hypot(0.0005, TIP_ERROR_M / scale))


@pytest.mark.parametrize(
    ("value_mm", "error_mm", "text"),
    [
        (42.345, 0.34, "42.3 ± 0.4 mm"),
        (42.345, 0.96, "42 ± 1 mm"),
        (1234.5, 23.0, "1,230 ± 30 mm"),
        (5.0, 0.1 + 0.2, "5.0 ± 0.3 mm"),
        (0.02, 1.0, "0 ± 1 mm"),
    ],
)
def test_no_digit_is_told_that_the_error_does_not_carry(value_mm: float, error_mm: float, text: str) -> None:
    assert with_error(value_mm, error_mm) == text


def test_an_end_follows_its_hand_until_it_lets_go_and_both_hands_may_hold_one() -> None:
    ruler = Ruler()
    ruler.press("left", np.zeros(3), 1.0)
    ruler.press("right", np.array([0.1, 0, 0]), 1.0)
    assert ruler.prompt == "Move to the place, then let go"
    ruler.go("right", np.array([0.2, 0, 0]), 1.0)
    ruler.go("nobody", np.ones(3), 1.0)
    ruler.release("left")
    (draft,) = ruler.shown
    assert draft not in ruler.lengths
    assert draft.length_m == pytest.approx(0.2)
    ruler.release("right")
    (length,) = ruler.lengths
    assert length.length_m == pytest.approx(0.2)


def test_what_to_do_next_is_said() -> None:
    ruler = Ruler()
    assert "first end" in ruler.prompt
    ruler.press("left", np.zeros(3), 1.0)
    ruler.release("left")
    assert "other end" in ruler.prompt


def test_lengths_stay_when_the_ruler_is_put_away_and_go_one_by_one_or_all() -> None:
    ruler = Ruler()
    for n in (1, 2, 3):
        measured(ruler, np.zeros(3), np.array([0.01 * n, 0, 0]))
    ruler.press("left", np.zeros(3), 1.0)
    ruler.put_away()
    assert len(ruler.shown) == 3
    ruler.remove(1)
    assert [round(each.length_m, 3) for each in ruler.lengths] == [0.01, 0.03]
    ruler.clear()
    assert len(ruler.shown) == 0
