"""How figures of merit of several readers on the same cases vary together, from one study.

Jackknife; DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988); and without bias, from products of pairs that share
both, one or no case (Gallas, Academic Radiology 13, 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from scenarios.score.marks import Marks
from scenarios.score.merit import Merit, pairs_of, without_each
from scenarios.score.pairs import Pairs


class Method(StrEnum):
    """How the covariance is estimated."""

    JACKKNIFE = "jackknife"
    DELONG = "DeLong"
    UNBIASED = "unbiased"


def covariance(merit: Merit, readers: Sequence[Marks], method: Method = Method.JACKKNIFE) -> Float64:
    """(n, n) of a figure of merit of n readers on the same cases.

    Raises:
        InvalidValue: other cases, too few, or a figure that the method is not for.
    """
    if any(len(one) != len(readers[0]) or (one.weights != readers[0].weights).any() for one in readers):
        raise InvalidValue("these readers did not read the same cases")
    if method is Method.JACKKNIFE:
        left = np.array([without_each(merit, one) for one in readers])
        apart = left - left.mean(axis=1, keepdims=True)
        count = left.shape[1]
        return np.asarray((count - 1) / count * apart @ apart.T)
    pairs = [pairs_of(merit, one) for one in readers]
    if merit in (Merit.WAFROC1, Merit.AFROC1):
        raise InvalidValue(f"{merit} compares cases with themselves: take the jackknife")
    return _delong(pairs) if method is Method.DELONG else _unbiased(pairs)


def _delong(pairs: Sequence[Pairs]) -> Float64:
    rows, columns = np.array([one.row_means() for one in pairs]), np.array([one.column_means() for one in pairs])
    return np.asarray(np.cov(rows) / rows.shape[1] + np.cov(columns) / columns.shape[1]).reshape(len(pairs), len(pairs))


def _unbiased(pairs: Sequence[Pairs]) -> Float64:
    values = np.array([one.values for one in pairs])
    _, n, m = values.shape
    if min(n, m) < 2:
        raise InvalidValue("it takes two cases of each kind to tell how certain a figure is")
    flat, by_row, by_column = values.reshape(len(values), -1), values.sum(axis=2), values.sum(axis=1)
    total = values.sum(axis=(1, 2))
    both = flat @ flat.T
    row, column = by_row @ by_row.T, by_column @ by_column.T
    whole = np.outer(total, total)
    same = both / (n * m)
    same_row = (row - both) / (n * m * (m - 1))
    same_column = (column - both) / (n * m * (n - 1))
    apart = (whole - row - column + both) / (n * (n - 1) * m * (m - 1))
    return np.asarray((same + (m - 1) * same_row + (n - 1) * same_column - (n + m - 1) * apart) / (n * m))
