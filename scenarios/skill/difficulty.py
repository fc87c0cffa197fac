"""What answers tell of a question: how hard it is becomes surer with every learner who answers it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scenarios.skill.ability import Ability
from scenarios.skill.item import GRID, Item

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
    like = np.array([ability.weights @ known.chances(GRID - shift * item.step_sd)[:, score] for shift in _SHIFTS])
    weights = np.exp(-0.5 * _SHIFTS**2) * like
    weights /= weights.sum()
    mean = float(weights @ _SHIFTS)
    sd = float(np.sqrt(weights @ (_SHIFTS - mean) ** 2))
    moved = mean * item.step_sd
    return replace(item, steps=tuple(step + moved for step in item.steps), step_sd=max(sd * item.step_sd, LEAST_SD))
