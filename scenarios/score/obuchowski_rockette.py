"""Several readers, several modalities, the same cases: is one modality better, for readers and cases like these?

Obuchowski and Rockette (Communications in Statistics 24, 1995) with the degrees of freedom of Hillis (Statistics in
Medicine 26, 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import chdtrc, fdtrc, stdtr, stdtrit

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from scenarios.score.covariance import Method, covariance
from scenarios.score.marks import Marks
from scenarios.score.merit import Merit, merit_of

LEVEL = 0.95


class Generalises(StrEnum):
    """To whom a finding applies."""

    READERS_AND_CASES = "readers and cases"
    CASES = "cases, for these readers"
    READERS = "readers, for these cases"


@dataclass(frozen=True, slots=True)
class Difference:
    """One modality less another, with its interval and the probability of one so large by chance."""

    first: str
    second: str
    value: float
    error: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether the modalities differ. `degrees` is infinite for a chi-square test, whose statistic is `statistic`."""

    statistic: float
    degrees: float
    p: float
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ReaderStudyResult:
    """What a study says.

    Attributes:
        merits: (modalities, readers).
        ms_modality, ms_reader, ms_both: mean squares of the figures of merit.
        variance, cov1, cov2, cov3: of a figure; of two for the same reader, the same modality, neither.
        findings: by whom they apply to; none where there is one modality, and only those that so many readers allow.
    """

    merits: Float64
    ms_modality: float
    ms_reader: float
    ms_both: float
    variance: float
    cov1: float
    cov2: float
    cov3: float
    findings: dict[Generalises, Finding]


def analyse(
    merit: Merit, modalities: Sequence[str], marks: Sequence[Sequence[Marks]], method: Method = Method.JACKKNIFE
) -> ReaderStudyResult:
    """A study in which every reader read every case under every modality; `marks[modality][reader]`.

    Raises:
        InvalidValue: something was not read, or too few cases.
    """
    readers = len(marks[0]) if marks else 0
    if not readers or len(marks) != len(modalities) or any(len(row) != readers for row in marks):
        raise InvalidValue("every reader reads under every modality")
    flat = [one for row in marks for one in row]
    merits = np.array([merit_of(merit, one) for one in flat]).reshape(len(marks), readers)
    return from_covariance(modalities, merits, covariance(merit, flat, method))


def from_covariance(modalities: Sequence[str], merits: Float64, covariances: Float64) -> ReaderStudyResult:
    """From figures of merit (I, J) and their covariance (I J, I J), in the order of the figures' rows.

    Raises:
        InvalidValue: shapes that do not belong together.
    """
    count, readers = merits.shape
    if covariances.shape != (count * readers,) * 2:
        raise InvalidValue("a covariance has a row and a column for each figure of merit")
    by_modality, by_reader = merits.mean(axis=1), merits.mean(axis=0)
    rest = merits - by_modality[:, None] - by_reader + merits.mean()
    variance, cov1, cov2, cov3 = _means(covariances.reshape(count, readers, count, readers))
    ms_modality = readers * float(np.var(by_modality, ddof=1)) if count > 1 else 0.0
    ms_reader = count * float(np.var(by_reader, ddof=1)) if readers > 1 else 0.0
    ms_both = float((rest**2).sum()) / max((count - 1) * (readers - 1), 1)
    made = ReaderStudyResult(merits, ms_modality, ms_reader, ms_both, variance, cov1, cov2, cov3, {})
    if count > 1:
        made.findings.update(_findings(modalities, made))
    return made


def _means(covariances: Float64) -> tuple[float, float, float, float]:
    """(I, J, I, J) by whether two figures share their modality, their reader, both or neither."""
    i, j, k, m = np.indices(covariances.shape)
    same_modality, same_reader = i == k, j == m
    kinds = (
        same_modality & same_reader,
        ~same_modality & same_reader,
        same_modality & ~same_reader,
        ~same_modality & ~same_reader,
    )
    return tuple(float(covariances[kind].mean()) if kind.any() else 0.0 for kind in kinds)  # type: ignore[return-value]


def _findings(modalities: Sequence[str], made: ReaderStudyResult) -> dict[Generalises, Finding]:
    count, readers = made.merits.shape
    found: dict[Generalises, Finding] = {}
    if readers > 1:
        denominator = made.ms_both + readers * max(made.cov2 - made.cov3, 0.0)
        scale = made.ms_both**2 / ((count - 1) * (readers - 1))
        if denominator > 0:
            degrees = denominator**2 / scale if scale > 0 else np.inf
            found[Generalises.READERS_AND_CASES] = _by_f(modalities, made, denominator, degrees)
        if made.ms_both > 0:
            found[Generalises.READERS] = _by_f(modalities, made, made.ms_both, (count - 1.0) * (readers - 1))
    within = made.variance - made.cov1 + (readers - 1) * (made.cov2 - made.cov3)
    if within > 0:
        found[Generalises.CASES] = _by_chi_square(modalities, made, within)
    return found


def _by_f(modalities: Sequence[str], made: ReaderStudyResult, denominator: float, degrees: float) -> Finding:
    count, readers = made.merits.shape
    statistic = made.ms_modality / denominator
    p = float(fdtrc(count - 1, min(degrees, 1e9), statistic))
    return Finding(statistic, degrees, p, _differences(modalities, made, np.sqrt(2 * denominator / readers), degrees))


def _by_chi_square(modalities: Sequence[str], made: ReaderStudyResult, within: float) -> Finding:
    count, readers = made.merits.shape
    statistic = (count - 1) * made.ms_modality / within
    p = float(chdtrc(count - 1, statistic))
    return Finding(statistic, np.inf, p, _differences(modalities, made, np.sqrt(2 * within / readers), np.inf))


def _differences(
    modalities: Sequence[str], made: ReaderStudyResult, error: float, degrees: float
) -> tuple[Difference, ...]:
    means = made.merits.mean(axis=1)
    degrees = min(degrees, 1e9)
    reach = float(stdtrit(degrees, (1 + LEVEL) / 2)) * error
    differences = []
    for one in range(len(means)):
        for two in range(one + 1, len(means)):
            value = float(means[one] - means[two])
            p = 2 * float(stdtr(degrees, -abs(value) / error)) if error > 0 else float("nan")
            differences.append(
                Difference(modalities[one], modalities[two], value, float(error), value - reach, value + reach, p)
            )
    return tuple(differences)
