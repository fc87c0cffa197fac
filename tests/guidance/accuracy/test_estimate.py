"""Numbers and the intervals that are stated with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from guidance.accuracy.estimate import Estimate, deviation, independent, jackknife, mean, quantile, share_below_most


def test_a_mean_has_students_interval() -> None:
    """Eight values with mean 5 and standard deviation 2.138: t(7) = 2.3646."""
    made = mean(np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]))
    assert made.value == 5.0
    assert made.high - made.value == pytest.approx(2.3646 * 2.13809 / np.sqrt(8), rel=1e-4)


def test_a_deviation_has_the_interval_of_chi_square() -> None:
    """Ten values, s = 1: 9 / 19.023 and 9 / 2.7004 are the textbook's limits of the variance."""
    made = deviation(9.0, 9, 10)
    assert made.value == 1.0
    assert (made.low**2, made.high**2) == pytest.approx((9 / 19.0228, 9 / 2.70039), rel=1e-4)


def test_the_median_of_ten_lies_between_the_second_and_the_ninth() -> None:
    """Binomial tables: P(second < median < ninth) = 97.9 %, the narrowest that is 95 % at least."""
    made = quantile(np.arange(1.0, 11.0), 0.5)
    assert (made.low, made.high) == (2.0, 9.0)


def test_a_percentile_of_few_has_no_upper_limit() -> None:
    """All of 71 values lie under the 95th percentile in 2.6 % of cases, of 72 in 2.49 %."""
    rng = np.random.default_rng(0)
    assert quantile(rng.random(71), 0.95).is_open
    assert not quantile(rng.random(72), 0.95).is_open
    assert "at least" in quantile(rng.random(20), 0.99).words


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95])
def test_intervals_of_percentiles_hold_the_truth(share: float) -> None:
    rng = np.random.default_rng(1)
    held = [quantile(rng.random(100), share).holds(share) for _ in range(400)]
    assert np.mean(held) >= 0.93


def test_groups_that_are_alike_count_once() -> None:
    rng = np.random.default_rng(2)
    alike = [np.full(5, value) + rng.normal(size=5) * 1e-3 for value in range(8)]
    apart = [rng.normal(size=5) for _ in range(200)]
    assert independent(alike) == pytest.approx(8, rel=0.01)
    assert independent(apart) == pytest.approx(1000, rel=0.15)


def test_leaving_out_gives_a_mean_students_interval() -> None:
    values = np.random.default_rng(3).normal(size=12)
    left_out = jackknife(lambda kept: float(values[list(kept)].mean()), 12)
    assert (left_out.low, left_out.high) == pytest.approx((mean(values).low, mean(values).high))


def test_what_all_have_in_common_makes_the_interval_wider() -> None:
    alone, common = (jackknife(lambda kept: float(sum(kept)) / 100, 5, also=also) for also in (0.0, 1.0))
    assert common.high - common.value == pytest.approx(np.hypot(alone.high - alone.value, 1.96))


def test_the_largest_of_59_is_more_than_95_percent_of_all() -> None:
    """Wilks's number."""
    assert share_below_most(59) == pytest.approx(0.9505, abs=1e-4)


@given(st.lists(st.floats(0.001, 1e3), min_size=3, max_size=40), st.floats(0.05, 0.99))
def test_every_estimate_lies_within_its_interval(values: list[float], share: float) -> None:
    array = np.array(values)
    for made in (
        mean(array),
        quantile(array, share),
        jackknife(lambda kept: float(np.sqrt((array[list(kept)] ** 2).mean())), len(values), is_size=True),
    ):
        assert made.low <= made.value <= made.high
        assert made.words


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (Estimate(-0.0104, -0.052, 0.032, 17), "−0.01 mm (−0.05 to 0.03)"),
        (Estimate(0.002, -0.05, 0.05, 17), "0.00 mm (−0.05 to 0.05)"),
        (Estimate(1.234, 0.8, 1.9, 5), "1.2 mm (0.8 to 1.9, from 5 only)"),
        (Estimate(0.127, 0.112, float("inf"), 40, "%"), "0.127 % (at least 0.112)"),
    ],
)
def test_no_more_decimals_are_said_than_the_interval_justifies(estimate: Estimate, words: str) -> None:
    assert estimate.words == words


def test_a_figure_outside_its_interval_is_none() -> None:
    with pytest.raises(InvalidValue, match="does not lie within"):
        Estimate(2.0, 0.0, 1.0, 3)


@pytest.mark.parametrize(
    "make", [lambda: mean(np.ones(1)), lambda: deviation(1.0, 0, 1), lambda: quantile(np.ones(0), 0.5)]
)
def test_too_few_values_say_nothing(make: object) -> None:
    assert callable(make)
    with pytest.raises(InvalidValue):
        make()
