"""The interval of a figure of merit of one trainee, who has read few cases: cases are drawn again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.core.errors import InvalidValue
from scenarios.score.marks import Marks

#: Draws: the ends of the interval are known to about a hundredth of its width.
DRAWS = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with what it may be in 95 % of cases. `of` tells how many cases it rests on: normal, abnormal."""

    value: float
    low: float
    high: float
    of: tuple[int, int]


def interval(marks: Marks, figure: Callable[[Marks], float], rng: np.random.Generator, draws: int = DRAWS) -> Interval:
    """Percentile bootstrap (Efron 1979), normal and abnormal cases drawn apart, so that none lacks its kind.

    Raises:
        InvalidValue: a single case of a kind tells nothing of others.
    """
    kinds = [np.nonzero(marks.is_abnormal == kind)[0] for kind in (False, True)]
    if any(len(kind) == 1 for kind in kinds):
        raise InvalidValue("from one case of a kind nothing is known of others: read more")
    value = figure(marks)
    drawn = [
        figure(marks.of(np.concatenate([rng.choice(kind, len(kind)) for kind in kinds if len(kind)])))
        for _ in range(draws)
    ]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high), (len(kinds[0]), len(kinds[1])))
