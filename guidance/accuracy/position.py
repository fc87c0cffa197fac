"""Single points: one divot again and again, and every divot from where the others put it.

No tracker knows where an artefact stands, so a single point has no true place of its own. Each divot is held against
the place that the *other* divots give it: what is left of a fit that it took part in says nothing of accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64
from guidance.accuracy.artefact import Artefact
from guidance.accuracy.estimate import Estimate, deviation, independent, jackknife, quantile, share_below_most
from guidance.accuracy.heard import Rest
from guidance.register.rigid_fit import fit, residuals_mm
from guidance.uncertainty.point_error import PointError
from guidance.uncertainty.pose_error import PoseError, jacobian

#: With fewer touches nothing is said of how well one divot is hit again.
LEAST_AGAIN = 5


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One touch of one divot.

    Attributes:
        at_mm: (3,) in the tracked frame.
        placed_mm: (3,) in the artefact's frame, as the other divots place it.
        off_mm: (3,) of that from the divot.
    """

    divot: int
    at_mm: Float64
    placed_mm: Float64
    off_mm: Float64
    start_s: float
    end_s: float
    jitter_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Again:
    """One divot touched again and again.

    Attributes:
        bias_mm: (3,) of the middle of the touches from where the other divots put the divot, in the artefact's frame.
        bias_error: of that.
        axes_mm: standard deviation along each axis of the artefact.
        rms_mm, p95_mm, p99_mm: distance of a touch from the middle of all.
        most_mm: the largest such distance. span_mm: the largest distance between two touches.
        share: of further touches that lie within `most_mm`, with 95 % certainty.
    """

    divot: int
    bias_mm: Float64
    bias_error: PointError
    axes_mm: tuple[Estimate, Estimate, Estimate]
    rms_mm: Estimate
    p95_mm: Estimate
    p99_mm: Estimate
    most_mm: float
    span_mm: float
    share: float
    count: int

    @property
    def bias(self) -> Estimate:
        """Length of the bias."""
        length, reach = float(np.linalg.norm(self.bias_mm)), self.bias_error.radius_mm()
        return Estimate(length, max(0.0, length - reach), length + reach, self.count)


@dataclass(frozen=True, slots=True, eq=False)
class Everywhere:
    """All divots: distance of a touch from where the other divots put its divot."""

    mean_mm: Estimate
    deviation_mm: Estimate
    rms_mm: Estimate
    p95_mm: Estimate
    p99_mm: Estimate
    most_mm: float
    share: float
    count: int
    divots: int


def measured(rests: Sequence[Rest], divot_of: Sequence[int], artefact: Artefact) -> tuple[Measured, ...]:
    """Touches of divots, each placed by all divots but its own."""
    kept = [(rest, divot) for rest, divot in zip(rests, divot_of, strict=True) if divot >= 0]
    middles = _middles(kept)
    without = {}
    for divot in middles:
        others = [d for d in middles if d != divot]
        without[divot] = fit(np.array([middles[d] for d in others]), artefact.divots_mm[others])
    made = []
    for rest, divot in kept:
        rotation, translation = without[divot]
        placed = rotation @ rest.at_mm + translation
        off = placed - artefact.divots_mm[divot]
        made.append(Measured(divot, rest.at_mm, placed, off, rest.start_s, rest.end_s, rest.jitter_mm))
    return tuple(made)


def _middles(kept: list[tuple[Rest, int]]) -> dict[int, Float64]:
    divots = sorted({divot for _, divot in kept})
    return {d: np.mean([rest.at_mm for rest, divot in kept if divot == d], axis=0) for d in divots}


def again(touches: Sequence[Measured], artefact: Artefact) -> Again | None:
    """The divot that was touched most; None where none was touched often enough."""
    divots, counts = np.unique([touch.divot for touch in touches], return_counts=True)
    divot, n = int(divots[counts.argmax()]), int(counts.max())
    if n < LEAST_AGAIN:
        return None
    of_it = [touch for touch in touches if touch.divot == divot]
    placed = np.array([touch.placed_mm for touch in of_it])
    apart = placed - placed.mean(axis=0)
    covariance = apart.T @ apart / (n - 1)
    total, squares = float(np.trace(covariance)), float(np.trace(covariance @ covariance))
    degrees = (n - 1) * total**2 / squares if squares > 0 else 3.0 * (n - 1)
    far = np.linalg.norm(apart, axis=1) * np.sqrt(n / (n - 1))
    return Again(
        divot,
        np.mean([touch.off_mm for touch in of_it], axis=0),
        _bias_error(touches, divot, covariance / n, n, artefact),
        _along(apart, n),
        deviation(total * degrees, degrees, n),
        quantile(far, 0.95),
        quantile(far, 0.99),
        float(far.max()),
        float(np.linalg.norm(placed[:, None] - placed, axis=-1).max()),
        share_below_most(n),
        n,
    )


def _along(apart: Float64, n: int) -> tuple[Estimate, Estimate, Estimate]:
    x, y, z = (deviation(float((apart[:, k] ** 2).sum()), n - 1, n) for k in range(3))
    return x, y, z


def _bias_error(
    touches: Sequence[Measured], divot: int, of_middle_mm2: Float64, n: int, artefact: Artefact
) -> PointError:
    """Of the touches' middle, of the place that the other divots give, and of the divot's own place as it is known."""
    others = sorted({touch.divot for touch in touches} - {divot})
    middles = np.array([np.mean([t.at_mm for t in touches if t.divot == d], axis=0) for d in others])
    known = artefact.divots_mm[others]
    off = residuals_mm(middles, known, *fit(middles, known))
    degrees = 3.0 * len(others) - 6
    per_axis2 = max(float((off**2).sum()) / degrees, 1e-8)
    moves = jacobian(known - known.mean(axis=0))
    information = np.einsum("nki,nkj->ij", moves, moves) / per_axis2
    of_place = PoseError(np.linalg.inv(information), known.mean(axis=0), degrees).at(artefact.divots_mm[divot])
    # Hotelling's region of an estimated covariance, in the terms of `PointError`: T² = 3 (n - 1) / (n - 3) F(3, n - 3).
    of_middle = PointError(of_middle_mm2 * (n - 1) / (n - 3), n - 3)
    return of_middle + of_place + PointError(np.eye(3) * artefact.error_mm**2)


def everywhere(touches: Sequence[Measured]) -> Everywhere:
    """Figures over all divots; one that was touched more often than most counts with its last touches alone."""
    by_divot = [[t for t in touches if t.divot == d] for d in sorted({touch.divot for touch in touches})]
    usual = int(np.median([len(group) for group in by_divot]))
    groups = [np.array([np.linalg.norm(t.off_mm) for t in group[-usual:]]) for group in by_divot]
    far, worth = np.concatenate(groups), independent(groups)

    def of(statistic: str) -> Estimate:
        return jackknife(lambda left: _summed(statistic, [groups[k] for k in left]), len(groups), is_size=True)

    return Everywhere(
        of("mean"),
        of("deviation"),
        of("rms"),
        quantile(far, 0.95, worth),
        quantile(far, 0.99, worth),
        float(far.max()),
        share_below_most(worth),
        len(far),
        len(groups),
    )


def _summed(statistic: str, groups: list[Float64]) -> float:
    values = np.concatenate(groups)
    match statistic:
        case "mean":
            return float(values.mean())
        case "deviation":
            return float(values.std(ddof=1))
        case _:
            return float(np.sqrt((values**2).mean()))
