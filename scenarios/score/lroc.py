"""LROC: how many lesions are found in their place as more and more normal cases are called abnormal (Swensson 1996)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from scenarios.score.marks import UNMARKED, Marks

#: False positives up to which a reader is of use.
UP_TO = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Lroc:
    """A reader's curve, a straight line between its points.

    Attributes:
        false_share: (n,) of normal cases that were called abnormal, rising from 0 to at most 1.
        found_share: (n,) of abnormal cases whose lesion was marked in its place.
    """

    false_share: Float64
    found_share: Float64

    def found_at(self, false_share: float = UP_TO) -> float:
        """Share of abnormal cases found where so many normal ones are called abnormal, and not one more (PCL)."""
        after = min(int(np.searchsorted(self.false_share, false_share, side="left")), len(self.false_share) - 1)
        ends = slice(max(after - 1, 0), after + 1)
        x, y = self.false_share[ends], self.found_share[ends]
        return float(y[-1] if x[-1] <= false_share else np.interp(false_share, x, y))

    def area(self, up_to: float = UP_TO) -> float:
        """Area under the curve up to that share of normal cases (ALROC)."""
        inside = self.false_share < up_to
        x = np.append(self.false_share[inside], up_to)
        y = np.append(self.found_share[inside], self.found_at(up_to))
        return float(np.trapezoid(y, x))


def lroc(marks: Marks) -> Lroc:
    """The curve of one reader. Of an abnormal case the most suspicious mark counts: on the lesion it found it.

    Raises:
        InvalidValue: cases of a kind are lacking.
    """
    abnormal = marks.is_abnormal
    if abnormal.all() or not abnormal.any():
        raise InvalidValue("it takes cases of both kinds to tell them apart")
    normal = marks.highest[~abnormal]
    best = marks.found[abnormal].max(axis=1)
    found = np.where(best > marks.highest_false[abnormal], best, UNMARKED)
    cuts = np.unique(np.concatenate([normal, found]))[::-1]
    cuts = cuts[cuts > UNMARKED]
    false_share = np.concatenate([[0.0], (normal >= cuts[:, None]).mean(axis=1)])
    found_share = np.concatenate([[0.0], (found >= cuts[:, None]).mean(axis=1)])
    return Lroc(false_share, found_share)
