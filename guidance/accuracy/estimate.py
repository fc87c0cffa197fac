"""Numbers with what is known of them: every figure of a report is one of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, chdtri, stdtrit

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from guidance.uncertainty.point_error import LEVEL

#: With fewer than this, a figure is said to rest on few.
FEW = 10


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, the interval that holds the truth in 95 % of cases, and what it rests on.

    Attributes:
        low, high: of the interval; `high` is infinite where so few measurements set no upper limit.
        count: independent measurements, or groups of them, that it rests on.
        unit: as it is written behind the number.
    """

    value: float
    low: float
    high: float
    count: int
    unit: str = "mm"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.value) and self.low <= self.value <= self.high):
            raise InvalidValue(f"{self.value} does not lie within {self.low} to {self.high}")

    def holds(self, truth: float) -> bool:
        """Whether the interval does."""
        return bool(self.low <= truth <= self.high)

    @property
    def is_open(self) -> bool:
        """Whether there is no upper limit."""
        return bool(np.isinf(self.high))

    @property
    def decimals(self) -> int:
        """How many the interval justifies, of three at most."""
        width = self.value - self.low if self.is_open else (self.high - self.low) / 2
        return int(np.clip(-np.floor(np.log10(max(width, 1e-4) / 3)), 0, 3))

    @property
    def words(self) -> str:
        """The figure with its interval."""
        d = self.decimals
        reach = (
            f"at least {_shown(self.low, d)}" if self.is_open else f"{_shown(self.low, d)} to {_shown(self.high, d)}"
        )
        few = f", from {self.count} only" if self.count < FEW else ""
        return f"{_shown(self.value, d)} {self.unit} ({reach}{few})"


def _shown(value: float, decimals: int) -> str:
    """With a real minus sign, and no sign on a zero."""
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def mean(values: Float64, unit: str = "mm", also: float = 0.0) -> Estimate:
    """Of independent values (Student's t). `also`: standard deviation of what they all have in common.

    Raises:
        InvalidValue: fewer than two.
    """
    n = len(values)
    if n < 2:
        raise InvalidValue("the spread of a mean takes two values")
    middle = float(values.mean())
    half = np.hypot(float(stdtrit(n - 1, (1 + LEVEL) / 2)) * float(values.std(ddof=1)) / np.sqrt(n), 1.96 * also)
    return Estimate(middle, middle - float(half), middle + float(half), n, unit)


def deviation(squares: float, degrees: float, count: int, unit: str = "mm", axes: float = 1.0) -> Estimate:
    """Root of a mean square of normal errors from its sum and degrees of freedom, times √`axes` (chi-square).

    Raises:
        InvalidValue: no degree of freedom.
    """
    if degrees < 1:
        raise InvalidValue("a deviation takes two values")
    tail = (1 - LEVEL) / 2
    value, low, high = (
        float(np.sqrt(axes * squares / by)) for by in (degrees, chdtri(degrees, tail), chdtri(degrees, 1 - tail))
    )
    return Estimate(value, min(low, value), max(high, value), count, unit)


def quantile(values: Float64, share: float, independent: float | None = None, unit: str = "mm") -> Estimate:
    """A percentile of distances, between two of them that hold it (order statistics, no distribution assumed).

    `independent`: how many of the values count, where they come in groups that are alike.

    Raises:
        InvalidValue: no values.
    """
    if not len(values):
        raise InvalidValue("no values have no percentile")
    ordered, tail = np.sort(values), (1 - LEVEL) / 2
    n = int(max(1, np.floor(len(values) if independent is None else min(independent, len(values)))))
    below = bdtr(np.arange(n), n, share)  # chance that no more than k of n lie under the percentile
    low_rank = int(np.searchsorted(below, tail, side="right"))
    high_rank = int(np.searchsorted(below, 1 - tail, side="left")) + 1
    value = float(np.quantile(ordered, share))
    low = 0.0 if low_rank == 0 else float(ordered[max(int(low_rank * len(values) / n) - 1, 0)])
    high = (
        float("inf")
        if high_rank > n
        else float(ordered[min(int(np.ceil(high_rank * len(values) / n)), len(values)) - 1])
    )
    return Estimate(value, min(low, value), max(high, value), n, unit)


def share_below_most(count: float) -> float:
    """The share of further measurements below the largest of `count`, of which one may be 95 % sure (Wilks 1941)."""
    return float((1 - LEVEL) ** (1 / max(count, 1)))


def independent(groups: Sequence[Float64]) -> float:
    """How many independent values grouped ones are worth: n over Kish's design effect (intraclass correlation)."""
    kept = [group for group in groups if len(group)]
    n, g = sum(map(len, kept)), len(kept)
    if n <= g or g < 2:
        return float(n)
    whole = np.concatenate(kept).mean()
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in kept) / (n - g)
    between = sum(len(group) * float((group.mean() - whole) ** 2) for group in kept) / (g - 1)
    size = (n - sum(len(group) ** 2 for group in kept) / n) / (g - 1)
    total = between + (size - 1) * within
    alike = float(np.clip((between - within) / total, 0.0, 1.0)) if total > 0 else 0.0
    return n / (1 + (n / g - 1) * alike)


def jackknife(
    statistic: Callable[[Sequence[int]], float],
    groups: int,
    *,
    unit: str = "mm",
    is_size: bool = False,
    also: float = 0.0,
) -> Estimate:
    """A figure of all groups, its interval from leaving out each in turn (Tukey 1958; Student's t with groups - 1).

    `statistic` takes the groups that are left. `is_size`: the figure is never negative, and its interval is found on a
    scale of ratios. `also`: standard deviation of what all groups have in common, which leaving out does not show.

    Raises:
        InvalidValue: fewer than three groups.
    """
    if groups < 3:
        raise InvalidValue("leaving out takes three groups")
    every = range(groups)
    value = statistic(every)
    left = np.array([statistic([k for k in every if k != out]) for out in every])
    reach = float(stdtrit(groups - 1, (1 + LEVEL) / 2))
    if is_size:
        if value <= 0 or (left <= 0).any():
            return Estimate(max(value, 0.0), 0.0, max(value, 0.0), groups, unit)
        ratio = np.log(left)
        error = np.sqrt((groups - 1) / groups * float(((ratio - ratio.mean()) ** 2).sum()))
        half = float(np.hypot(reach * error, 1.96 * also / value))
        return Estimate(value, value * np.exp(-half), value * np.exp(half), groups, unit)
    error = np.sqrt((groups - 1) / groups * float(((left - left.mean()) ** 2).sum()))
    half = float(np.hypot(reach * error, 1.96 * also))
    return Estimate(value, value - half, value + half, groups, unit)
