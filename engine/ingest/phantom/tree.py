"""Branching trees that fill a volume: pulmonary and hepatic vessels, small airways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.core.array import Float64
from engine.ingest.phantom.solid import Cone, Point

#: Radii at a fork obey r^n = r1^n + r2^n; measured for lungs at 2.3 to 3, Murray's law says 3.
_MURRAY = 2.8


def tree(
    start_mm: Point, radius_mm: float, targets_mm: Float64, rng: np.random.Generator, least_mm: float = 0.5
) -> list[Cone]:
    """A tree from `start_mm` that reaches every target (n, 3), by halving them again and again.

    Each branch runs part of the way to the middle of the targets it serves; its radius follows
    Murray's law down to `least_mm`.
    """
    branches: list[Cone] = []
    waiting = [(np.asarray(start_mm, dtype=np.float64), radius_mm, targets_mm)]
    while waiting:
        start, radius, targets = waiting.pop()
        if len(targets) == 1:
            branches.append(_branch(start, targets[0], radius, max(least_mm, 0.7 * radius)))
            continue
        fork = start + (0.35 + 0.2 * rng.random()) * (targets.mean(axis=0) - start)
        branches.append(_branch(start, fork, radius, 0.93 * radius))
        for half in _halves(targets, rng):
            share = (len(half) / len(targets)) ** (1 / _MURRAY)
            waiting.append((fork, max(least_mm, 0.95 * radius * share), half))
    return branches


def _halves(targets: Float64, rng: np.random.Generator) -> tuple[Float64, Float64]:
    """Split across the longest direction, not quite in the middle."""
    centred = targets - targets.mean(axis=0)
    longest = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    # The sign of an eigenvector is the library's choice; fix it, so that a seed means one tree.
    longest = longest * np.where(longest[np.abs(longest).argmax()] < 0, -1.0, 1.0)
    order = np.argsort(centred @ longest, kind="stable")
    cut = int(np.clip(round(len(targets) * (0.35 + 0.3 * rng.random())), 1, len(targets) - 1))
    return targets[order[:cut]], targets[order[cut:]]


def _branch(start: Float64, stop: Float64, start_radius: float, stop_radius: float) -> Cone:
    a, b = start.tolist(), stop.tolist()
    return Cone((a[0], a[1], a[2]), (b[0], b[1], b[2]), start_radius, stop_radius)


def tube(points_mm: list[Point], radii_mm: list[float]) -> list[Cone]:
    """A chain of rods through `points_mm`."""
    ends = zip(points_mm[:-1], points_mm[1:], radii_mm[:-1], radii_mm[1:], strict=True)
    return [Cone(a, b, ra, rb) for a, b, ra, rb in ends]


def curve(points_mm: Sequence[Point], radii_mm: Sequence[float], steps: int = 5) -> list[Cone]:
    """A smooth tube through `points_mm`: a Catmull-Rom spline of `steps` rods a span."""
    points = np.array([points_mm[0], *points_mm, points_mm[-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    spans = [_catmull_rom(points[n : n + 4], t) for n in range(len(points_mm) - 1)]
    knots = np.concatenate([*spans, points[-1:]])
    radii = np.interp(np.linspace(0, len(points_mm) - 1, len(knots)), np.arange(len(points_mm)), radii_mm)
    return tube([(p[0], p[1], p[2]) for p in knots.tolist()], radii.tolist())


def _catmull_rom(p: Float64, t: Float64) -> Float64:
    cubic = 2 * p[1] + (p[2] - p[0]) * t + (2 * p[0] - 5 * p[1] + 4 * p[2] - p[3]) * t**2
    return np.asarray((cubic + (3 * p[1] - p[0] - 3 * p[2] + p[3]) * t**3) / 2)
