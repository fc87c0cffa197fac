"""What answers tell of a question: how hard it is becomes surer with every learner who answers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.core.array import Float64
from scenarios.skill.ability import Ability
from scenarios.skill.item import GRID, Item, times

#: Shifts of difficulty that are looked at, in standard deviations of what is believed.
_SHIFTS = np.linspace(-4.0, 4.0, 33)
#: Nobody answers often enough to know a difficulty better than this: cases age, and so do scanners.
LEAST_SD = 0.1


def answered_by(item: Item, ability: Ability, score: int) -> Item:
    """The question after a learner of this ability, as it was believed before the answer, has answered it.

    Raises:
        InvalidValue: a score that the question does not have.
    """
    if item.step_sd == 0:
        return item
    known = replace(item, step_sd=0.0)
    away = GRID - _SHIFTS[:, None] * item.step_sd
    like = times(known.chances(away.ravel())[:, score].reshape(away.shape), ability.weights)
    weights = np.exp(-0.5 * _SHIFTS**2) * like
    weights /= weights.sum()
    mean = float(weights @ _SHIFTS)
    sd = float(np.sqrt(weights @ (_SHIFTS - mean) ** 2))
    moved = mean * item.step_sd
    return replace(item, steps=tuple(step + moved for step in item.steps), step_sd=max(sd * item.step_sd, LEAST_SD))


def of_their_kind(items: Sequence[Item]) -> tuple[Item, ...]:
    """Measured questions, each drawn towards what all of them are like (empirical Bayes).

    A measurement scatters about the truth: the slope that seems highest of many was mostly overestimated, and a choice
    of what tells most falls on just that one. For questions whose deviations are errors of measurement, as those of a
    bank that was calibrated elsewhere; where they say what is believed, nothing is to be drawn.
    """
    centre = np.array([np.mean(item.steps) for item in items])
    step, step_sd = _drawn(centre, np.array([item.step_sd for item in items]))
    log, log_sd = _drawn(np.log([item.slope for item in items]), np.array([item.slope_sd for item in items]))
    return tuple(
        replace(
            item,
            steps=tuple(one + float(step[n] - centre[n]) for one in item.steps),
            step_sd=float(step_sd[n]),
            slope=float(np.exp(log[n])),
            slope_sd=float(log_sd[n]),
        )
        for n, item in enumerate(items)
    )


def _drawn(value: Float64, sd: Float64) -> tuple[Float64, Float64]:
    between = max(float(value.var() - np.mean(sd**2)), 0.0)
    trust = np.where(sd > 0, between / np.maximum(between + sd**2, 1e-12), 1.0)
    return value.mean() + trust * (value - value.mean()), sd * np.sqrt(trust)
