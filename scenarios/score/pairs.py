"""A figure of merit that is a weighted mean over pairs of cases: nearly all of them are (a two-sample U-statistic)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import InvalidValue


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Which of two was rated higher, for every pair of a case of one kind and a case of another.

    Attributes:
        values: (n, m) 1 where the second of a pair was rated higher, 0.5 where both were rated alike, else 0; or a mean
            of such.
        rows: (n,) number of each first case in the study.
        columns: (m,) number of each second.
        row_weights, column_weights: (n,), (m,) what each counts.
        count: of all cases of the study.
    """

    values: Float64
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    row_weights: Float64
    column_weights: Float64
    count: int

    def __post_init__(self) -> None:
        if not self.values.size:
            raise InvalidValue("it takes cases of both kinds to tell them apart")

    @property
    def mean(self) -> float:
        """The figure of merit."""
        return float(
            self.row_weights @ self.values @ self.column_weights / (self.row_weights.sum() * self.column_weights.sum())
        )

    def without_each(self) -> Float64:
        """(count,) the figure of merit without each case in turn: what the jackknife takes.

        Raises:
            InvalidValue: a kind has a single case, without which nothing is left.
        """
        if min(len(self.rows), len(self.columns)) < 2:
            raise InvalidValue("it takes two cases of each kind to tell how certain a figure is")
        weighted = self.row_weights[:, None] * self.values * self.column_weights
        by_row, by_column = np.zeros(self.count), np.zeros(self.count)
        np.add.at(by_row, self.rows, weighted.sum(axis=1))
        np.add.at(by_column, self.columns, weighted.sum(axis=0))
        row_weight, column_weight, both = np.zeros(self.count), np.zeros(self.count), np.zeros(self.count)
        row_weight[self.rows], column_weight[self.columns] = self.row_weights, self.column_weights
        row_of = {case: n for n, case in enumerate(self.rows.tolist())}
        for m, case in enumerate(self.columns.tolist()):  # a case that is of both kinds is paired with itself too
            if (n := row_of.get(case)) is not None:
                both[case] = weighted[n, m]
        left = weighted.sum() - by_row - by_column + both
        rest = (self.row_weights.sum() - row_weight) * (self.column_weights.sum() - column_weight)
        return np.asarray(left / rest)

    def row_means(self) -> Float64:
        """(n,) of each first case with all second ones."""
        return np.asarray(self.values @ self.column_weights / self.column_weights.sum())

    def column_means(self) -> Float64:
        """(m,) of each second case with all first ones."""
        return np.asarray(self.row_weights @ self.values / self.row_weights.sum())


def higher(first: Float64, second: Float64) -> Float64:
    """(n, m) of (n,) and (m,) ratings: 1 where the second is higher, 0.5 where they are alike, else 0."""
    one, two = first[:, None], second[None]
    return np.asarray((one < two) + 0.5 * (one == two))
