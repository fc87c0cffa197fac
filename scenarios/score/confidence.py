"""How well a trainee's stated confidence goes with being right (Brier 1950; Murphy 1973)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue

#: The error of calibration that is read off bins is biased upward by chance: with fewer answers it is not told.
LEAST_FOR_BINS = 100
BINS = 10


@dataclass(frozen=True, slots=True)
class Confidence:
    """What confidence was worth.

    Attributes:
        brier: mean squared distance of confidence from truth: 0 is best, 0.25 is what saying 50 % always gets.
        reliability: how far what came true is from what was said, answers of one confidence taken together; less is
            better.
        resolution: how far answers of different confidence differ in what came true; more is better.
        uncertainty: of the questions themselves. `brier = reliability - resolution + uncertainty`.
        over: mean confidence less the share that was right: positive is too sure.
        calibration_error: by bins of as many answers each; None with fewer than a hundred answers.
        count: of answers.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    over: float
    calibration_error: float | None
    count: int


def confidence(said: Float64, was_right: Float64) -> Confidence:
    """Of (n,) stated probabilities and (n,) 1 where it came true, else 0.

    Raises:
        InvalidValue: none, not as many of both, or no probabilities.
    """
    p, y = np.asarray(said, np.float64), np.asarray(was_right, np.float64)
    if p.ndim != 1 or p.shape != y.shape or not len(p):
        raise InvalidValue("each confidence has an outcome")
    if not ((p >= 0) & (p <= 1)).all() or not np.isin(y, (0.0, 1.0)).all():
        raise InvalidValue("confidence is 0 to 1, and an outcome is 0 or 1")
    values, group, counts = np.unique(p, return_inverse=True, return_counts=True)
    came_true = np.bincount(group, weights=y) / counts
    base = float(y.mean())
    return Confidence(
        brier=float(((p - y) ** 2).mean()),
        reliability=float((counts * (values - came_true) ** 2).sum() / len(p)),
        resolution=float((counts * (came_true - base) ** 2).sum() / len(p)),
        uncertainty=base * (1 - base),
        over=float(p.mean() - base),
        calibration_error=_by_bins(p, y) if len(p) >= LEAST_FOR_BINS else None,
        count=len(p),
    )


def _by_bins(p: Float64, y: Float64) -> float:
    order = np.argsort(p, kind="stable")
    parts = np.array_split(order, BINS)
    return float(sum(len(part) * abs(p[part].mean() - y[part].mean()) for part in parts) / len(p))
