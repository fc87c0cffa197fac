"""Small things that the kernels of a search share: points are tuples of three floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from guidance.compiled import inlined

#: Most nodes that wait while a tree is searched: one a level.
MOST_WAITING = 64


@inlined
def dot(a: Any, b: Any) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@inlined
def minus(a: Any, b: Any) -> tuple[float, float, float]:
    """From b to a."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@inlined
def along(a: Any, t: float, d: Any) -> tuple[float, float, float]:
    """The point a + t d."""
    return a[0] + t * d[0], a[1] + t * d[1], a[2] + t * d[2]


@inlined
def corner(corners: Any, k: int, n: int) -> tuple[float, float, float]:
    """Corner n of triangle k."""
    return float(corners[k, n, 0]), float(corners[k, n, 1]), float(corners[k, n, 2])


@inlined
def floor2(best2: float, tolerance: float) -> float:
    """Squared distance from which on nothing can be nearer than the best by more than the tolerance."""
    best = np.sqrt(best2) - tolerance
    return best * best if best > 0.0 else 0.0
