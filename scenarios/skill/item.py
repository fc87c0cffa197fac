"""A question as the model of answers has it: how hard it is is never known, only believed.

Graded response (Samejima 1969), with guessing for choices (Birnbaum 1968). The chance of an answer is taken over all
that the question may be: a guess at its difficulty, taken for known, makes abilities look far surer than they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from engine.core.array import Float64, frozen
from engine.core.errors import InvalidValue

#: Abilities are looked at from -5 to 5 standard deviations of learners.
GRID: Float64 = np.linspace(-5.0, 5.0, 121)
GRID.flags.writeable = False
#: Steps of a score that are nearer to each other than this are one: between them nobody would ever stand.
APART = 0.05
#: Nodes over difficulty and over the logarithm of the slope.
_SHIFTS, _SLOPES = 9, 5


@dataclass(frozen=True, slots=True)
class Item:
    """A question.

    Attributes:
        id: of the case and its question.
        steps: difficulty of each step of the score, rising: one for right or wrong, more for a graded score.
        step_sd: standard deviation of their common shift.
        slope: how sharply it tells learners apart, the median of what it may be.
        slope_sd: standard deviation of its logarithm.
        guess: chance of the first step by guessing; 0 where a place must be marked or words be written.
    """

    id: str
    steps: tuple[float, ...]
    step_sd: float = 0.6
    slope: float = 1.2
    slope_sd: float = 0.3
    guess: float = 0.0

    def __post_init__(self) -> None:
        if not self.steps or not np.isfinite(self.steps).all() or any(b - a < APART for a, b in pairwise(self.steps)):
            raise InvalidValue(f"the steps of a score rise in difficulty, each by {APART} or more")
        if not (self.slope > 0 and self.step_sd >= 0 and self.slope_sd >= 0 and 0 <= self.guess < 1):
            raise InvalidValue("a slope is positive, a deviation not negative, a guess less than sure")

    @property
    def scores(self) -> int:
        """How many scores there are: 0 up to one less."""
        return len(self.steps) + 1

    def chances(self, ability: Float64) -> Float64:
        """(n, scores) chance of each score for each of (n,) abilities, over all that the question may be."""
        shifts, shift_weights = nodes(self.step_sd, _SHIFTS)
        logs, log_weights = nodes(self.slope_sd, _SLOPES)
        slopes = self.slope * np.exp(logs)
        off = ability[:, None, None, None] - np.array(self.steps)[:, None, None] - shifts[:, None]
        reached = 1.0 / (1.0 + np.exp(-np.clip(slopes * off, -40.0, 40.0)))
        at_least = reached @ log_weights @ shift_weights
        at_least = self.guess + (1.0 - self.guess) * at_least
        edges = np.concatenate([np.ones((len(ability), 1)), at_least, np.zeros((len(ability), 1))], axis=1)
        return np.asarray(-np.diff(edges, axis=1))

    def information(self, ability: Float64) -> Float64:
        """(n,) Fisher's information of an answer at each of (n,) evenly spaced abilities."""
        chances = np.maximum(self.chances(ability), 1e-12)
        slopes = np.gradient(chances, ability, axis=0)
        return np.asarray((slopes**2 / chances).sum(axis=1))


def nodes(sd: float, count: int) -> tuple[Float64, Float64]:
    """Places and weights that stand for a normal distribution about 0."""
    if sd == 0:
        return np.zeros(1), np.ones(1)
    places, weights = _standard_nodes(count)
    return sd * places, weights


@lru_cache(maxsize=16)
def _standard_nodes(count: int) -> tuple[Float64, Float64]:
    """Of the standard normal distribution; finding them takes longer than all else of a question's chances."""
    places, weights = hermegauss(count)
    return frozen(places), frozen(weights / weights.sum())
