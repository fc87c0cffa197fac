"""A learner who learns: what is believed of an ability drifts between cases, so that old answers fade.

For practice, never for exams: whoever improves is measured as he was by a model that holds him still (training
reference, section 1.3: RMSE 0.70 against 0.38, and an interval that holds 30 times in 100).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scenarios.skill.ability import Ability
from scenarios.skill.item import GRID, Item

#: Variance that a case adds: of the drifts that were tried, the one whose interval holds 97 times in 100.
DRIFT = 0.01


def drifted(ability: Ability, variance: float = DRIFT) -> Ability:
    """What is believed before the next case: the same, and less sure."""
    if variance == 0:
        return ability
    step = float(GRID[1] - GRID[0])
    reach = int(np.ceil(5 * np.sqrt(variance) / step))
    away = np.arange(-reach, reach + 1) * step
    spread = np.exp(-0.5 * away**2 / variance)
    # At the ends what would go beyond stays: nobody drifts off the scale.
    padded = np.convolve(ability.weights, spread / spread.sum(), mode="full")
    kept = padded[reach:-reach].copy()
    kept[0] += padded[:reach].sum()
    kept[-1] += padded[-reach:].sum()
    return Ability.normalised(kept)


def practised(
    ability: Ability, answers: Sequence[tuple[Item, int]], case_sd: float = 0.0, drift: float = DRIFT
) -> Ability:
    """After one case.

    Raises:
        InvalidValue: a score that a question does not have.
    """
    return drifted(ability, drift).answered_case(answers, case_sd)
