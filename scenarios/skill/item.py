"""A question as the model of answers has it: how hard it is is never known, only believed.

Graded response (Samejima 1969), with guessing for choices (Birnbaum 1968). The chance of an answer is taken over all
that the question may be: a guess at its difficulty, taken for known, makes abilities look far surer than they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

from engine.core.array import Float64, frozen
from engine.core.errors import InvalidValue

#: Abilities are looked at from -5 to 5 standard deviations of learners.
GRID: Float64 = np.linspace(-5.0, 5.0, 121)
GRID.flags.writeable = False
#: Steps of a score that are nearer to each other than this are one: between them nobody would ever stand.
APART = 0.05
#: Nodes over difficulty and over the logarithm of the slope.
_SHIFTS, _SLOPES = 9, 5
#: Questions that are worked out together: what they need then stays near the processor.
_AT_ONCE = 64

Real = TypeVar("Real", np.float32, np.float64)


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
        return np.asarray(chances_of([self], ability)[0].T)

    def information(self, ability: Float64) -> Float64:
        """(n,) Fisher's information of an answer at each of (n,) evenly spaced abilities."""
        chances = np.maximum(self.chances(ability), 1e-12)
        slopes = np.gradient(chances, ability, axis=0)
        return np.asarray((slopes**2 / chances).sum(axis=1))


def chances_of(items: Sequence[Item], ability: NDArray[Real]) -> NDArray[Real]:
    """(questions, most scores, n) chance of each score of each question for each of (n,) abilities.

    Over all that a question may be; 0 where it has no such score. As exact as `ability`: float32 for large banks.
    """
    most = max(item.scores for item in items)
    parts = [_chances(items[n : n + _AT_ONCE], most, ability) for n in range(0, len(items), _AT_ONCE)]
    return np.concatenate(parts)


def _chances(items: Sequence[Item], most: int, ability: NDArray[Real]) -> NDArray[Real]:
    kind = ability.dtype
    steps = np.array([_steps(item, most) for item in items], dtype=kind)
    slope, step_sd, slope_sd, guess = np.array([_parameters(item) for item in items], dtype=kind).T
    shifts, shift_weights = nodes(float(step_sd.any()), _SHIFTS)
    logs, log_weights = nodes(float(slope_sd.any()), _SLOPES)
    slopes = slope[:, None] * np.exp(np.outer(slope_sd, logs.astype(kind)))
    off = ability[:, None] - steps[:, :, None, None] - np.outer(step_sd, shifts.astype(kind))[:, None, None]
    reached = 1 / (1 + np.exp(-np.clip(off[..., None] * slopes[:, None, None, None], -40, 40)))
    at_least = reached @ log_weights.astype(kind) @ shift_weights.astype(kind)
    at_least[:, 0] = guess[:, None] + (1 - guess[:, None]) * at_least[:, 0]
    at_least[np.isinf(steps)] = 0
    ends = np.ones_like(at_least[:, :1])
    return np.asarray(-np.diff(np.concatenate([ends, at_least, 0 * ends], axis=1), axis=1))


def times(left: NDArray[Real], right: NDArray[Real]) -> NDArray[Real]:
    """`left @ right`, in one thread.

    On a machine with other work the threads of a `@` wait for each other: one product in twenty then takes ten times as
    long as this one, though the usual one is a little faster.
    """
    return np.asarray(np.einsum("...a,a->..." if right.ndim == 1 else "...a,ab->...b", left, right))


def _steps(item: Item, most: int) -> tuple[float, ...]:
    return (*item.steps, *[np.inf] * (most - item.scores))


def _parameters(item: Item) -> tuple[float, float, float, float]:
    return item.slope, item.step_sd, item.slope_sd, item.guess


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
