"""How well a learner who learns is followed: drift on the grid, beside Elo and a belief that holds him still."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.core.array import Float64
from scenarios.skill.ability import Ability
from scenarios.skill.item import GRID, times
from scenarios.skill.practice import DRIFT, PRIOR_SD, drift_matrix

#: Gains of Elo that are tried; the best is known only afterwards.
ELO_GAINS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8)


class Course:
    """m learners of whom each reads k cases and improves: fast at first, then slower, with better and worse days.

    Args:
        gain: least and most that is gained in the end.
        daily: standard deviation by which each case differs from the one before.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        learners: int,
        cases: int = 200,
        *,
        gain: tuple[float, float] = (0.5, 2.5),
        daily: float = 0.03,
    ) -> None:
        gained = rng.uniform(*gain, (learners, 1)) * (
            1 - np.exp(-np.arange(cases) / rng.uniform(30, 120, (learners, 1)))
        )
        days = np.cumsum(rng.normal(0.0, daily, (learners, cases)), axis=1)
        #: (m, k) true ability at each case.
        self.theta: Float64 = rng.normal(-0.5, 0.8, (learners, 1)) + gained + days
        self.slope: Float64 = np.exp(rng.normal(np.log(1.2), 0.3, (learners, cases)))
        self.step: Float64 = rng.normal(0.2, 1.1, (learners, cases))
        self.right = rng.random((learners, cases)) < 1 / (1 + np.exp(-self.slope * (self.theta - self.step)))

    def rmse(self, estimate: Float64) -> float:
        """Over learners and cases."""
        return float(np.sqrt(np.mean((estimate - self.theta) ** 2)))


def followed(course: Course, drift: float = DRIFT) -> tuple[Float64, Float64]:
    """(m, k) estimates after each case, and whether the 95 % interval held; no drift: he is held still."""
    learners, cases = course.theta.shape
    weights = np.tile(Ability.prior(0.0, PRIOR_SD).weights, (learners, 1))
    mean, held = np.empty((learners, cases)), np.empty((learners, cases))
    for turn in range(cases):
        weights = weights if drift == 0 else times(weights, drift_matrix(drift))
        chance = 1 / (1 + np.exp(-course.slope[:, turn, None] * (GRID - course.step[:, turn, None])))
        weights = weights * np.where(course.right[:, turn, None], chance, 1 - chance)
        weights = weights / weights.sum(axis=1, keepdims=True)
        mean[:, turn] = times(weights, GRID)
        below = np.cumsum(weights, axis=1)
        at = np.abs(GRID - course.theta[:, turn, None]).argmin(axis=1)
        share = below[np.arange(learners), at]
        held[:, turn] = (share > 0.025) & (share - weights[np.arange(learners), at] < 0.975)
    return mean, held


def elo(course: Course, gain: Callable[[int], float]) -> Float64:
    """(m, k) estimates of Elo, whose questions are known, with this gain at each case."""
    learners, cases = course.theta.shape
    at, told = np.zeros(learners), np.empty((learners, cases))
    for turn in range(cases):
        expected = 1 / (1 + np.exp(-course.slope[:, turn] * (at - course.step[:, turn])))
        at = at + gain(turn) * (course.right[:, turn] - expected)
        told[:, turn] = at
    return told


def best_elo(course: Course) -> tuple[float, str]:
    """The lowest RMSE of all gains that are tried, and which it was."""
    tried = {f"K {gain}": course.rmse(elo(course, lambda _, gain=gain: gain)) for gain in ELO_GAINS}  # type: ignore[misc]
    for start in (0.8, 1.8):
        for fall in (0.02, 0.05):
            tried[f"{start}/(1+{fall}n)"] = course.rmse(
                elo(course, lambda turn, start=start, fall=fall: start / (1 + fall * turn))  # type: ignore[misc]
            )
    name = min(tried, key=tried.__getitem__)
    return tried[name], name
