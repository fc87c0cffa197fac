"""A study in which not every reader read every case: errors for readers and cases like these (Gallas 2006; 2009).

A figure of merit, meaned over readers, is a weighted mean over triples of a reader and two cases. Its variance is a sum
over how two triples may share their reader or their cases, each kind's moment estimated without bias by the mean over
the pairs of triples that were read. In a crossed study that is Obuchowski and Rockette's with unbiased covariances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from scenarios.score.marks import Marks
from scenarios.score.merit import Merit, pairs_of
from scenarios.score.obuchowski_rockette import LEVEL

_AXES = (0, 1, 2)
_SHARED = tuple(kept for count in range(4) for kept in combinations(_AXES, count))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its error and interval; None where so few readings tell of none (an estimate below zero)."""

    value: float
    error: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, value: float, variance: float) -> Estimate:
        """Normal: with few readers its interval is too narrow."""
        if not variance > 0:
            return cls(value, None, None, None)
        error = float(np.sqrt(variance))
        reach = float(ndtri((1 + LEVEL) / 2)) * error
        return cls(value, error, value - reach, value + reach)


@dataclass(frozen=True, slots=True, eq=False)
class PartialResult:
    """What such a study says.

    Attributes:
        merits: (modalities, readers) of the cases that each read; NaN where none of a kind was.
        means: of each modality.
        differences: first and second modality, first less second, and the probability of one so large by chance.
    """

    merits: Float64
    means: tuple[Estimate, ...]
    differences: tuple[tuple[str, str, Estimate, float | None], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Triples:
    """(readers, n, m) values, whether they were read, and what each counts."""

    values: Float64
    was_read: Float64
    weights: Float64


def analyse_partial(
    merit: Merit, modalities: Sequence[str], marks: Sequence[Sequence[Marks]], read: NDArray[np.bool_]
) -> PartialResult:
    """Of `marks[modality][reader]`, of which `read` (modalities, readers, cases) counts.

    Raises:
        InvalidValue: no figure that compares pairs, or a modality under which nobody read cases of both kinds.
    """
    made = [_triples(merit, row, of) for row, of in zip(marks, read, strict=True)]
    for name, (one, _) in zip(modalities, made, strict=True):
        if not one.weights.any():
            raise InvalidValue(f"under {name} nobody read cases of both kinds")
    triples = [one for one, _ in made]
    merits = np.array([figures for _, figures in made])
    values = [float((one.weights * one.values).sum()) for one in triples]
    spread = np.array([[_covariance(one, two) for two in triples] for one in triples])
    means = tuple(Estimate.of(value, spread[n, n]) for n, value in enumerate(values))
    differences = []
    for i, j in combinations(range(len(values)), 2):
        variance = spread[i, i] + spread[j, j] - spread[i, j] - spread[j, i]
        found = Estimate.of(values[i] - values[j], variance)
        p = None if found.error is None else float(2 * ndtr(-abs(found.value) / found.error))
        differences.append((modalities[i], modalities[j], found, p))
    return PartialResult(merits, means, tuple(differences))


def _triples(merit: Merit, marks: Sequence[Marks], read: NDArray[np.bool_]) -> tuple[_Triples, Float64]:
    """All triples of a modality, and each reader's figure."""
    pairs = [pairs_of(merit, one) for one in marks]
    values = np.array([one.values for one in pairs])
    was_read = np.array(
        [np.outer(of[one.rows], of[one.columns]) for one, of in zip(pairs, read, strict=True)], np.float64
    )
    counts = np.array([np.outer(one.row_weights, one.column_weights) for one in pairs]) * was_read
    totals = counts.sum(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        each = counts / totals[:, None, None]
    figures = np.where(totals > 0, (np.nan_to_num(each) * values).sum(axis=(1, 2)), np.nan)
    weights = np.nan_to_num(each) / max(int((totals > 0).sum()), 1)
    return _Triples(values, was_read, weights), figures


def _covariance(one: _Triples, two: _Triples) -> float:
    products = _by_shared(one.was_read * one.values, two.was_read * two.values)
    counts = _by_shared(one.was_read, two.was_read)
    weights = _by_shared(one.weights, two.weights)
    total = 0.0
    for shared in _SHARED:
        if counts[shared] < 0.5:
            continue
        total += (weights[shared] - (shared == ())) * products[shared] / counts[shared]
    return total


def _by_shared(one: Float64, two: Float64) -> dict[tuple[int, ...], float]:
    """Sums of products over pairs of triples, by exactly what the two share."""
    at_least = {}
    for shared in _SHARED:
        rest = tuple(axis for axis in _AXES if axis not in shared)
        at_least[shared] = float((one.sum(axis=rest) * two.sum(axis=rest)).sum())
    return {
        shared: sum(
            (-1.0) ** (len(more) - len(shared)) * value for more, value in at_least.items() if set(shared) <= set(more)
        )
        for shared in _SHARED
    }
