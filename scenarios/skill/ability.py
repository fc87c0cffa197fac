"""What is believed of a learner's ability on one scale, as a distribution on a grid (expected a posteriori; Bock and
Mislevy, Applied Psychological Measurement 6, 1982). For exams: the learner does not learn meanwhile.

Several questions on one case hang together: who sees the finding gets them all. Their answers are taken together, over
an effect of the case (a testlet; Bradlow, Wainer and Wang, Psychometrika 64, 1999).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from scenarios.skill.item import GRID, Item, nodes

#: Of learners before they have answered anything: wide, so that an able one is not pulled to the middle.
PRIOR_SD = 1.6
LEVEL = 0.95
_CASE_NODES = 9
_EDGES: Float64 = np.concatenate([[GRID[0]], (GRID[1:] + GRID[:-1]) / 2, [GRID[-1]]])


@dataclass(frozen=True, slots=True, eq=False)
class Ability:
    """A belief.

    Attributes:
        weights: (121,) probability of each ability of `GRID`.
    """

    weights: Float64

    def __post_init__(self) -> None:
        weights = owned(self.weights, np.float64)
        if weights.shape != GRID.shape or not np.isfinite(weights).all() or (weights < 0).any():
            raise InvalidValue("a belief has a weight for each ability of the grid")
        if not np.isclose(weights.sum(), 1.0):
            raise InvalidValue("the weights of a belief sum to 1")
        object.__setattr__(self, "weights", weights)

    @classmethod
    def prior(cls, mean: float = 0.0, sd: float = PRIOR_SD) -> Ability:
        """Before any answer."""
        off: Float64 = (GRID - mean) / sd
        return cls.normalised(np.exp(-0.5 * off**2))

    @classmethod
    def normalised(cls, weights: Float64) -> Ability:
        """From weights that sum to anything.

        Raises:
            InvalidValue: to nothing: what was seen cannot be.
        """
        total = float(weights.sum())
        if not total > 0:
            raise InvalidValue("these answers cannot be, by what is believed of their questions")
        return cls(weights / total)

    @property
    def mean(self) -> float:
        """Expected ability."""
        return float(self.weights @ GRID)

    @property
    def error(self) -> float:
        """Its standard deviation."""
        return math.sqrt(max(float(self.weights @ (GRID - self.mean) ** 2), 0.0))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Ends between which the ability lies with this probability, as much being left on either side."""
        ends = np.array([(1 - level) / 2, (1 + level) / 2])
        low, high = np.interp(ends, self._below, _EDGES).tolist()
        return low, high

    def above(self, cut: float) -> float:
        """Probability that the ability is above a cut."""
        return float(1.0 - np.interp(cut, _EDGES, self._below))

    @property
    def _below(self) -> Float64:
        """(122,) probability of an ability below each edge between two of the grid."""
        return np.concatenate([[0.0], np.cumsum(self.weights)])

    def answered(self, item: Item, score: int) -> Ability:
        """After one answer.

        Raises:
            InvalidValue: a score that the question does not have.
        """
        return self.seen(likelihood(item, score))

    def answered_case(self, answers: Sequence[tuple[Item, int]], case_sd: float) -> Ability:
        """After all questions of one case, whose common effect has this standard deviation.

        Raises:
            InvalidValue: a score that a question does not have.
        """
        return self.seen(case_likelihood(answers, case_sd))

    def seen(self, like: Float64) -> Ability:
        """After something whose chance for each ability is (121,) `like`."""
        return Ability.normalised(self.weights * like)


def likelihood(item: Item, score: int, at: Float64 = GRID) -> Float64:
    """Chance of a score at each ability of `at`, in its shape.

    Raises:
        InvalidValue: the question has no such score.
    """
    if not 0 <= score < item.scores:
        raise InvalidValue(f"{item.id} has scores 0 to {item.scores - 1}, got {score}")
    return np.asarray(item.chances(at.ravel())[:, score].reshape(at.shape))


def case_likelihood(answers: Sequence[tuple[Item, int]], case_sd: float) -> Float64:
    """(121,) chance of the answers to all questions of one case, over their common effect.

    Raises:
        InvalidValue: a score that a question does not have.
    """
    # Alone, an effect of the case cannot be told from its difficulty, of which it is part.
    effects, weights = nodes(0.0 if len(answers) == 1 else case_sd, _CASE_NODES)
    at = GRID + effects[:, None]
    like: Float64 = np.ones_like(at)
    for item, score in answers:
        like = like * likelihood(item, score, at)
    return np.asarray(weights @ like)
