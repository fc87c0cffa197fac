"""Kernels of margins that reach differently far in six directions.

Squared gauges go axis by axis: a place is reached from the target by a step along one axis, then another, then the
third, and what each step costs is the square of its length by the reach in its direction. The least sum over all ways
is the squared gauge of the ellipsoid octants (separable as the squared distance is: Felzenszwalb, Huttenlocher, Theory
of Computing 8, 2012). Where the target's surface crosses a line between two voxels, the step begins at the crossing;
so the order of the axes matters by a part of a voxel, and whoever asks takes the least of several.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from guidance.compiled import inlined, kernel


@inlined
def _leaving2(f: Any, x: int, way: int, spacing: float, cost: float, best: float) -> float:
    """Squared gauge from x back along its line to where the line leaves the target, or `best` if that is less."""
    q = x - way
    while 0 <= q < len(f):
        reached = (abs(x - q) - 1) * spacing
        if reached * reached * cost >= best:
            return best
        if f[q] < 0.0:
            length = (abs(x - q) - f[q] / (f[q] - f[q + way])) * spacing
            return min(best, length * length * cost)
        q -= way
    return best


@inlined
def _line(f: Any, was: Any, out: Any, spacing: float, ahead: float, back: float, most2: float) -> None:
    n = len(f)
    least, inside = np.inf, False
    for x in range(n):
        least = min(least, was[x])
        inside |= f[x] < 0.0
    if not inside and least >= most2:
        out[:] = most2
        return
    for x in range(n):
        if f[x] < 0.0:
            out[x] = 0.0
            continue
        best = min(float(was[x]), most2)
        if inside:
            best = _leaving2(f, x, 1, spacing, ahead, best)
            best = _leaving2(f, x, -1, spacing, back, best)
        for q in range(x - 1, -1, -1):
            length = (x - q) * spacing
            step2 = length * length * ahead
            if step2 + least >= best:
                break
            best = min(best, was[q] + step2)
        for q in range(x + 1, n):
            length = (q - x) * spacing
            step2 = length * length * back
            if step2 + least >= best:
                break
            best = min(best, was[q] + step2)
        out[x] = best


@kernel
def along_axis(f: Any, was: Any, out: Any, spacing: float, ahead: float, back: float, most2: float) -> None:
    """Take steps along the last axis of f (negative in the target): out is the least of what was and one step.

    ahead, back: what a millimetre towards greater and lesser numbers costs, squared; infinite where nothing reaches.
    """
    for a in range(f.shape[0]):
        for b in range(f.shape[1]):
            _line(f[a, b], was[a, b], out[a, b], spacing, ahead, back, most2)
