"""Answers on a scale against the reference: agreement beyond chance, and what a wrong choice would have cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.errors import InvalidValue


def quadratic_kappa(said: Sequence[int], true: Sequence[int], categories: int) -> float | None:
    """Cohen's kappa (1968), a disagreement counting by its square; None where chance alone explains all.

    Args:
        said, true: places on a scale of `categories`, from 0.

    Raises:
        InvalidValue: not as many of both, or off the scale.
    """
    one, two = np.asarray(said, np.int64), np.asarray(true, np.int64)
    if one.shape != two.shape or one.ndim != 1 or not len(one):
        raise InvalidValue("each answer has a reference")
    if min(one.min(), two.min()) < 0 or max(one.max(), two.max()) >= categories:
        raise InvalidValue(f"a scale of {categories} has places 0 to {categories - 1}")
    steps = np.arange(categories)
    cost = (steps[:, None] - steps) ** 2
    observed = float(cost[one, two].mean())
    shares = [np.bincount(values, minlength=categories) / len(values) for values in (one, two)]
    by_chance = float(shares[0] @ cost @ shares[1])
    return None if by_chance == 0 else 1.0 - observed / by_chance


@dataclass(frozen=True, slots=True)
class Choice:
    """What a case allows to be chosen, and what each choice would do.

    Attributes:
        best: the choice of the reference.
        harms: of every choice, 0 (none) to 1 (the worst that the educator can think of). The best has 0.
    """

    best: str
    harms: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.harms.get(self.best) != 0.0:
            raise InvalidValue(f"the best choice, {self.best!r}, does no harm: give it 0")
        if not all(0.0 <= harm <= 1.0 for harm in self.harms.values()):
            raise InvalidValue("a harm is 0 to 1")

    def score(self, chosen: str) -> float:
        """1 for what does no harm, 0 for the worst.

        Raises:
            InvalidValue: no such choice.
        """
        if chosen not in self.harms:
            raise InvalidValue(f"{chosen!r} is none of {', '.join(self.harms)}")
        return 1.0 - self.harms[chosen]
