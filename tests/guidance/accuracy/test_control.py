"""Control charts: the textbook's numbers, and each rule alone."""

from __future__ import annotations

import numpy as np
import pytest

from guidance.accuracy.control import D4, Rule, chart, limits_of

#: NIST/SEMATECH e-Handbook 6.3.2.2, "Individuals control charts": flow rates of ten batches.
FLOW = np.array([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])
#: Eight with mean 0 and mean moving range 1.128: one deviation is 1.
STEADY = np.tile([0.564, -0.564], 4)


def test_the_limits_are_those_of_the_handbook() -> None:
    limits = limits_of(FLOW)
    assert limits is not None
    assert limits.mean == pytest.approx(50.81)
    assert limits.sigma * 1.128 == pytest.approx(1.8778, abs=1e-4)
    assert (limits.low, limits.high) == pytest.approx((45.8159, 55.8041), abs=2e-4)
    assert limits.most_range == pytest.approx(D4 * 1.8778, abs=1e-3)


@pytest.mark.parametrize(
    ("later", "rules"),
    [
        ((0.5,), ()),
        ((3.1,), (Rule.BEYOND,)),
        ((-3.1,), (Rule.BEYOND,)),
        ((2.2, 0.5, 2.2), (Rule.TWO_OF_THREE,)),
        ((2.2, -2.2), (Rule.RANGE,)),
        ((1.2, 1.2, 0.1, 1.2, 1.2), (Rule.FOUR_OF_FIVE,)),
        ((1.2, 1.2, -0.1, -1.2, 1.2), ()),
        ((0.2,) * 8, (Rule.EIGHT,)),
        ((0.2,) * 7, ()),
    ],
)
def test_each_rule_finds_its_run_and_no_other(later: tuple[float, ...], rules: tuple[Rule, ...]) -> None:
    """Twenty steady checks before, so that later ones do not move the limits."""
    made = chart([*np.tile(STEADY, 3)[:20], *later])
    assert made.broken[-1] == rules
    assert made.is_out == bool(rules)
    assert all(rule.value in made.words for rule in rules)


def test_limits_take_eight_checks_before_the_last() -> None:
    assert chart(STEADY).limits is None
    assert "7 earlier checks; limits are drawn from 8 on" in chart(STEADY).words
    assert chart([*STEADY, 0.0]).limits is not None


def test_a_slow_change_does_not_widen_its_own_limits() -> None:
    made = chart([*np.tile(STEADY, 3)[:20], *(0.25 * k for k in range(16))])
    assert made.limits is not None
    assert made.limits.count == 20
    assert made.is_out


def test_checks_that_are_all_alike_set_no_limits() -> None:
    made = chart([0.25] * 12)
    assert made.limits is None
    assert "all alike" in made.words


def test_chance_is_seldom_called_out_of_control() -> None:
    """The rules together alarm about once in 91 checks (Champ and Woodall 1987), more often with limits from twenty."""
    rng = np.random.default_rng(0)
    assert np.mean([chart(rng.normal(size=21)).is_out for _ in range(500)]) < 0.05
