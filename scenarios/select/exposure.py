"""How often each case may come: item eligibility (van der Linden and Veldkamp, J. Educational and Behavioral
Statistics 29, 2004). A case that came too often among those who could have had it is not eligible for some learners."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64

#: No more than one learner in four is shown any case.
MOST = 0.25
#: The power with which a case that came too often is held back.
_FIRMNESS = 8.0


class Exposure:
    """Not a value: it counts learners. `fade` weighs older learners less, so that it follows a bank that changes."""

    def __init__(self, count: int, most: float = MOST, fade: float = 1.0) -> None:
        self.most = most
        self._fade = fade
        self._eligible: Float64 = np.zeros(count)
        self._shown: Float64 = np.zeros(count)
        self._learners = 0.0

    def draw(self, rng: np.random.Generator) -> NDArray[np.bool_]:
        """(n,) which cases one learner may be shown; drawn once, before the first case."""
        chance = np.where(self._shown > 0, self.most * self._eligible / np.maximum(self._shown, 1e-12), 1.0)
        # Left to itself that holds the cap on average; what chance has put above it comes down at once.
        over = self._shown / (self.most * max(self._learners, 1.0))
        chance = chance * np.maximum(over, 1.0) ** -_FIRMNESS
        return np.asarray(rng.random(len(chance)) < np.minimum(chance, 1.0))

    def note(self, eligible: NDArray[np.bool_], shown: NDArray[np.int64]) -> None:
        """One learner is done: what he might have been shown, and what he was.

        Only eligible cases count as such; a case that was shown although it was not (where nothing else was left) does.
        """
        was_shown = np.zeros(len(self._shown), bool)
        was_shown[shown] = True
        self._eligible = self._fade * self._eligible + (eligible | was_shown)
        self._shown = self._fade * self._shown + was_shown
        self._learners = self._fade * self._learners + 1.0
