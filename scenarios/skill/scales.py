"""What is believed of abilities that are told apart: who sees a finding may still not know what it is.

They hang together through one common ability (a one-factor prior): given it they are independent, so that what an
answer on one scale tells of the others is exact on the grid, by one sum over the common ability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engine.core.array import Float64, frozen, owned
from engine.core.errors import InvalidValue
from scenarios.skill.ability import PRIOR_SD, Ability, case_likelihood
from scenarios.skill.item import GRID, Item, times
from scenarios.skill.practice import drift_matrix

SCALES = ("detection", "characterisation", "diagnosis", "management")
#: How strongly each goes with what they have in common: two correlate by the product. A declared guess: none is known.
LOADINGS = (0.80, 0.85, 0.85, 0.75)
#: The common ability, in its standard deviations.
_COMMON: Float64 = np.linspace(-4.0, 4.0, 65)
_COMMON.flags.writeable = False


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """A belief on all four.

    Attributes:
        tables: (4, 65, 121) of each scale, the chance of its answers so far together with each ability of `GRID`, given
            each common ability; known up to a factor.
    """

    tables: Float64

    def __post_init__(self) -> None:
        tables = owned(self.tables, np.float64)
        if tables.shape != (len(SCALES), len(_COMMON), len(GRID)) or not np.isfinite(tables).all() or tables.min() < 0:
            raise InvalidValue("a belief on four scales has a weight for each common ability and each ability")
        object.__setattr__(self, "tables", tables)

    @classmethod
    def prior(cls, loadings: Sequence[float] = LOADINGS, sd: float = PRIOR_SD) -> Scales:
        """Before any answer.

        Raises:
            InvalidValue: loadings that are not four, or not at least 0 and below 1.
        """
        if len(loadings) != len(SCALES) or any(not 0 <= one < 1 for one in loadings):
            raise InvalidValue("each scale has a loading of at least 0 and below 1")
        return cls(_prior(tuple(loadings), sd))

    @classmethod
    def of(cls, alone: Mapping[str, Ability], loadings: Sequence[float] = LOADINGS, sd: float = PRIOR_SD) -> Scales:
        """From what each scale's own answers tell, by itself, of learners of this deviation.

        Exact where nothing faded; what faded in practice counts as so many fewer answers.

        Raises:
            InvalidValue: no such scale.
        """
        tables = np.array(cls.prior(loadings, sd).tables)
        before = Ability.prior(0.0, sd).weights
        for scale, ability in alone.items():
            told = ability.weights / before
            tables[_place(scale)] *= told / told.max()
        return cls(tables)

    def ability(self, scale: str) -> Ability:
        """What is believed of one scale, from the answers on all."""
        at = _place(scale)
        told = self.tables.sum(axis=2)
        others = _weights() * np.delete(told / told.max(axis=1, keepdims=True), at, axis=0).prod(axis=0)
        return Ability.normalised(others @ self.tables[at])

    def answered_case(self, scale: str, answers: Sequence[tuple[Item, int]], case_sd: float = 0.0) -> Scales:
        """After the questions of one case on one scale, which share an effect of the case.

        Raises:
            InvalidValue: a score that a question does not have, or no such scale.
        """
        at = _place(scale)
        tables = np.array(self.tables)
        tables[at] = tables[at] * case_likelihood(answers, case_sd)
        # Only ratios count: without this a thousand answers would leave nothing but zeros.
        most = tables[at].max()
        if not most > 0:
            raise InvalidValue("these answers cannot be, by what is believed of their questions")
        tables[at] /= most
        return Scales(tables)

    def drifted(self, variance: float) -> Scales:
        """What is believed before the next case of practice: the same, and less sure."""
        return self if variance == 0 else Scales(times(self.tables, drift_matrix(variance)))


def _place(scale: str) -> int:
    if scale not in SCALES:
        raise InvalidValue(f"no scale {scale!r}; there are {', '.join(SCALES)}")
    return SCALES.index(scale)


def _weights() -> Float64:
    return np.asarray(np.exp(-0.5 * _COMMON**2))


@lru_cache(maxsize=8)
def _prior(loadings: tuple[float, ...], sd: float) -> Float64:
    lam = np.array(loadings)[:, None, None]
    off = GRID / sd - lam * _COMMON[:, None]
    density = np.exp(-0.5 * off**2 / (1 - lam**2)) / np.sqrt(1 - lam**2)
    return frozen(density / density.sum(axis=2, keepdims=True))
