"""Control chart of daily checks: individual values and their moving range, and the runs that chance does not make.

Limits after Shewhart: mean ± 3 (mean moving range / 1.128), the range itself up to 3.267 times its mean (NIST/SEMATECH
e-Handbook of Statistical Methods, 6.3.2.2). Rules of the Western Electric handbook (1956): a value beyond three
deviations; two of three beyond two, four of five beyond one, or eight in a row, each on one side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.core.array import Float64, owned

#: Checks that limits are taken from: as many at least, the first so many at most. Later ones are held against them, so
#: that a slow change does not widen its own limits.
LEAST, MOST = 8, 20
#: Expected range of two normal values, in deviations; and the range's upper limit, in mean ranges.
D2, D4 = 1.128, 3.267


class Rule(StrEnum):
    """What chance does not do."""

    BEYOND = "beyond three deviations"
    TWO_OF_THREE = "two of three beyond two deviations on one side"
    FOUR_OF_FIVE = "four of five beyond one deviation on one side"
    EIGHT = "eight in a row on one side of the mean"
    RANGE = "changed more than from one check to the next before"


#: Of so many values, the newest among them, so many lie beyond so many deviations on one side.
_RUNS = (
    (Rule.BEYOND, 1, 1, 3.0),
    (Rule.TWO_OF_THREE, 3, 2, 2.0),
    (Rule.FOUR_OF_FIVE, 5, 4, 1.0),
    (Rule.EIGHT, 8, 8, 0.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Of individual values, and of their moving range."""

    mean: float
    sigma: float
    most_range: float
    count: int

    @property
    def low(self) -> float:
        """Lower control limit."""
        return self.mean - 3 * self.sigma

    @property
    def high(self) -> float:
        """Upper control limit."""
        return self.mean + 3 * self.sigma


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Checks over time, the last one today's.

    Attributes:
        values: (n,); ranges: (n - 1,) from each to the next.
        limits: None with fewer than eight checks before the last, or where those are all alike.
        broken: for each value, the rules that it breaks.
    """

    values: Float64
    ranges: Float64
    limits: Limits | None
    broken: tuple[tuple[Rule, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", owned(self.values, np.float64))
        object.__setattr__(self, "ranges", owned(self.ranges, np.float64))

    @property
    def is_out(self) -> bool:
        """Whether the last check is out of control."""
        return bool(self.broken and self.broken[-1])

    @property
    def words(self) -> str:
        """What the last check says."""
        before = len(self.values) - 1
        if self.limits is None:
            alike = before >= LEAST
            return (
                "Limits cannot be told: the checks before were all alike."
                if alike
                else f"{before} earlier checks; limits are drawn from {LEAST} on."
            )
        if not self.is_out:
            return f"In control, by {self.limits.count} earlier checks."
        return f"Out of control: {'; '.join(self.broken[-1])}. Find out why before this tracker is used."


def chart(values: Sequence[float] | Float64) -> Chart:
    """Of values in the order of time; the last is held against limits from those before it."""
    every = np.asarray(values, np.float64)
    ranges = np.abs(np.diff(every))
    limits = limits_of(every[: min(len(every) - 1, MOST)])
    if limits is None:
        return Chart(every, ranges, None, ((),) * len(every))
    broken = [_broken(every[: k + 1], limits) for k in range(len(every))]
    return Chart(every, ranges, limits, tuple(broken))


def limits_of(values: Float64) -> Limits | None:
    """From eight values or more that are not all alike."""
    if len(values) < LEAST:
        return None
    usual = float(np.abs(np.diff(values)).mean())
    if usual <= 1e-9 * max(float(np.abs(values).max()), 1e-9):
        return None
    return Limits(float(values.mean()), usual / D2, D4 * usual, len(values))


def _broken(until_now: Float64, limits: Limits) -> tuple[Rule, ...]:
    apart = (until_now - limits.mean) / limits.sigma
    found = [rule for rule, of, many, beyond in _RUNS if _is_run(apart[-of:], of, many, beyond)]
    if len(until_now) > 1 and abs(float(until_now[-1] - until_now[-2])) > limits.most_range:
        found.append(Rule.RANGE)
    return tuple(found)


def _is_run(last: Float64, of: int, many: int, beyond: float) -> bool:
    if len(last) < of:
        return False
    return any(side * last[-1] > beyond and (side * last > beyond).sum() >= many for side in (1.0, -1.0))
