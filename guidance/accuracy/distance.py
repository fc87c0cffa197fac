"""Point to point: distances between divots against the known ones. They need no registration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from engine.core.array import Float64, owned
from guidance.accuracy.artefact import Artefact
from guidance.accuracy.estimate import Estimate, jackknife, quantile, share_below_most
from guidance.accuracy.position import Measured
from guidance.register.rigid_fit import fit


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """All pairs of divots.

    Attributes:
        pairs: (p, 2) divots.
        known_mm, off_mm: (p,) the known distance, and what was measured less that.
        bias_mm: mean of `off_mm`, with its sign: positive where the tracker measures too long.
        deviation_mm: standard deviation about the bias; rms_mm: about none.
        p95_mm, p99_mm, most_mm: of the size of the error.
        scale_percent: by how much all lengths are too long.
        share: of further pairs within `most_mm`, with 95 % certainty; pairs share divots, which alone are counted.
    """

    pairs: Float64
    known_mm: Float64
    off_mm: Float64
    bias_mm: Estimate
    deviation_mm: Estimate
    rms_mm: Estimate
    p95_mm: Estimate
    p99_mm: Estimate
    most_mm: float
    scale_percent: Estimate
    share: float

    def __post_init__(self) -> None:
        for name in ("pairs", "known_mm", "off_mm"):
            object.__setattr__(self, name, owned(getattr(self, name), np.float64))


def distances(touches: Sequence[Measured], artefact: Artefact) -> Distances:
    """From the middle of each divot's touches, every pair once."""
    divots = sorted({touch.divot for touch in touches})
    middles = np.array([np.mean([t.at_mm for t in touches if t.divot == d], axis=0) for d in divots])
    known = artefact.divots_mm[divots]
    pairs = np.array(list(combinations(range(len(divots)), 2)))
    lengths = np.linalg.norm(known[pairs[:, 0]] - known[pairs[:, 1]], axis=1)
    off = np.linalg.norm(middles[pairs[:, 0]] - middles[pairs[:, 1]], axis=1) - lengths

    def left(kept: Sequence[int]) -> Float64:
        return np.asarray(off[np.isin(pairs, list(kept)).all(axis=1)])

    count = len(divots)
    common_mm = artefact.scale_error * float(lengths.mean())
    return Distances(
        np.array(divots)[pairs],
        lengths,
        off,
        jackknife(lambda kept: float(left(kept).mean()), count, also=common_mm),
        jackknife(lambda kept: float(left(kept).std(ddof=1)), count, is_size=True),
        jackknife(lambda kept: float(np.sqrt((left(kept) ** 2).mean())), count, is_size=True),
        quantile(np.abs(off), 0.95, count),
        quantile(np.abs(off), 0.99, count),
        float(np.abs(off).max()),
        jackknife(
            lambda kept: 100 * (_scale(middles[list(kept)], known[list(kept)]) - 1),
            count,
            unit="%",
            also=100 * artefact.scale_error,
        ),
        share_below_most(count),
    )


def _scale(measured_mm: Float64, known_mm: Float64) -> float:
    """Of measured lengths, by the best similarity (Umeyama, IEEE PAMI 13, 1991)."""
    rotation, _ = fit(known_mm, measured_mm)
    known, seen = known_mm - known_mm.mean(axis=0), measured_mm - measured_mm.mean(axis=0)
    return float((seen * (known @ rotation.T)).sum() / (known**2).sum())
