"""A learner who learns: what is believed of an ability drifts between cases, so that old answers fade.

For practice, never for exams: whoever improves is measured as he was by a model that holds him still (training
reference, section 1.3: RMSE 0.70 against 0.38, and an interval that holds 30 times in 100).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from engine.core.array import Float64, frozen
from scenarios.skill.ability import Ability
from scenarios.skill.item import GRID, Item, times

#: Variance that a case adds. Of the drifts that were tried on courses of their own (`sightline bench select`: not those
#: that it is judged on) the one of the least error; its interval holds 97 times in 100.
DRIFT = 0.005
#: Of learners before any answer, in practice: an error at the start costs little, a wide guess many cases. Chosen there
#: too; 0.8 did as well, but it is the deviation of those courses.
PRIOR_SD = 1.0


def drifted(ability: Ability, variance: float = DRIFT) -> Ability:
    """What is believed before the next case: the same, and less sure."""
    return ability if variance == 0 else Ability.normalised(times(ability.weights, drift_matrix(variance)))


@lru_cache(maxsize=16)
def drift_matrix(variance: float) -> Float64:
    """(121, 121) where each ability goes between two cases; nobody drifts off the scale."""
    step = float(GRID[1] - GRID[0])
    reach = int(np.ceil(5 * np.sqrt(variance) / step))
    away = np.arange(-reach, reach + 1)
    spread = np.exp(-0.5 * (away * step) ** 2 / variance)
    matrix = np.zeros((len(GRID), len(GRID)))
    for by, share in zip(away, spread / spread.sum(), strict=True):
        np.add.at(matrix, (np.arange(len(GRID)), np.clip(np.arange(len(GRID)) + by, 0, len(GRID) - 1)), share)
    return frozen(matrix)


def practised(
    ability: Ability, answers: Sequence[tuple[Item, int]], case_sd: float = 0.0, drift: float = DRIFT
) -> Ability:
    """After one case.

    Raises:
        InvalidValue: a score that a question does not have.
    """
    return drifted(ability, drift).answered_case(answers, case_sd)
