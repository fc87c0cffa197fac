"""One reader's marks on a set of cases, as figures of merit take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue

#: The rating of what was not marked: below every mark.
UNMARKED = -np.inf


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What one reader marked under one modality, case by case.

    In a study without places (ROC) an abnormal case has one lesion, whose rating is that of the case.

    Attributes:
        weights: (cases, lesions) what each lesion counts within its case, summing to 1 there; 0 where a case has no
            such lesion, so that a row of zeros is a normal case.
        found: (cases, lesions) rating of the mark that found each lesion; -inf where none did.
        false: (cases, marks) ratings of marks on no lesion; -inf where there are fewer.

    Raises:
        InvalidValue: shapes that do not belong together, a rating that is not a number, weights that do not sum to 1.
    """

    weights: Float64
    found: Float64
    false: Float64

    def __post_init__(self) -> None:
        for name in ("weights", "found", "false"):
            object.__setattr__(self, name, owned(getattr(self, name), np.float64))
        if self.weights.ndim != 2 or self.false.ndim != 2 or self.found.shape != self.weights.shape:
            raise InvalidValue("lesions and marks are tables with a row a case")
        if len(self.false) != len(self.weights):
            raise InvalidValue(f"{len(self.false)} cases were marked of {len(self.weights)}")
        for ratings in (self.found, self.false):
            if np.isnan(ratings).any() or (ratings == np.inf).any():
                raise InvalidValue("a rating is a finite number; what was not marked has -inf")
        total = self.weights.sum(axis=1)
        if (self.weights < 0).any() or not (np.isclose(total, 0) | np.isclose(total, 1)).all():
            raise InvalidValue("the weights of a case's lesions sum to 1")
        if (self.found[self.weights == 0] != UNMARKED).any():
            raise InvalidValue("a lesion that is not there cannot be found")

    def __len__(self) -> int:
        """How many cases."""
        return len(self.weights)

    @property
    def is_abnormal(self) -> NDArray[np.bool_]:
        """(cases,)."""
        return np.asarray(self.weights.any(axis=1))

    @property
    def highest_false(self) -> Float64:
        """(cases,) rating of the most suspicious mark on no lesion."""
        return np.asarray(self.false.max(axis=1, initial=UNMARKED))

    @property
    def highest(self) -> Float64:
        """(cases,) rating of the most suspicious mark, wherever it is: what the case as a whole was given."""
        return np.asarray(np.maximum(self.highest_false, self.found.max(axis=1, initial=UNMARKED)))

    def of(self, cases: NDArray[Any]) -> Marks:
        """The same reader on some of the cases, or on some of them several times."""
        return Marks(self.weights[cases], self.found[cases], self.false[cases])
