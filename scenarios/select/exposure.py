"""How often each case may come: its price rises while it was shown to more than its share of learners.

The shortest exams in which no case comes to more than a share of learners are a linear programme; in its solution each
case has a price (its shadow price), and is worth its information over that. The prices are found as cases are shown. A
case that is kept from some learners by lot instead (item eligibility; van der Linden and Veldkamp, J. Educational and
Behavioral Statistics 29, 2004) is kept from those as well whom it would serve best, and exams get longer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.array import Float64

#: No more than one learner in four is shown any case.
MOST = 0.25
#: So many learners too many make a price e, twice as many e⁴: fewer would let it swing, more would pass the cap.
_FIRMNESS = 5.0
#: A price beyond this changes nothing more.
_DEAREST = 20.0


class Exposure:
    """Not a value: it counts.

    Args:
        shown: (n,) learners to whom each case was shown so far.
        learners: how many there were while it could be shown: one number, or one a case.
        most: share of learners who may be shown a case.
    """

    def __init__(self, shown: ArrayLike, learners: ArrayLike = 0, most: float = MOST) -> None:
        self.most = most
        self._over: Float64 = np.array(shown, np.float64) - most * np.asarray(learners)

    def begins(self, learners: int = 1) -> None:
        """So many more learners."""
        self._over -= self.most * learners

    def shows(self, place: int) -> None:
        """A case, to one of them."""
        self._over[place] += 1

    def worth(self) -> NDArray[np.float32]:
        """(n,) 1 over the price of each case: 1 for those that came no oftener than they may."""
        over = np.maximum(self._over, 0)
        over -= over.min()
        return np.asarray(np.exp(-np.minimum((over / _FIRMNESS) ** 2, _DEAREST)), np.float32)
