"""Exact Euclidean distance to the background, in millimetres."""

from __future__ import annotations

from collections.abc import Sequence

import edt
import torch
from numba import get_num_threads

from engine.segment.steps.layout import host_array, indexed, on_host, walked

#: Squared distances are sums of a few float32 products: two ways of summing differ by less.
TOLERANCE = 1e-5


def squared_distance_mm2(mask: torch.Tensor, spacing_mm: Sequence[float]) -> torch.Tensor:
    """Squared distance from each voxel of `mask` to the nearest centre outside it.

    Args:
        mask: (ni, nj, nk) bool.
        spacing_mm: along i, j, k; the axes are taken as orthogonal.

    Returns:
        (ni, nj, nk) float32, mm²; 0 outside the mask, infinite where nothing is outside. What
        lies beyond the border of the volume counts as neither.
    """
    walk = walked(mask)
    si, sj, sk = (float(s) for s in spacing_mm)
    steps_mm = (sk, sj, si)
    if on_host(mask):
        squared = edt.edtsq(host_array(walk), anisotropy=steps_mm, black_border=False, parallel=get_num_threads())
        return indexed(torch.from_numpy(squared))
    return indexed(_separable(walk, steps_mm))


def within_mm(mask: torch.Tensor, distance_mm: float, spacing_mm: Sequence[float]) -> torch.Tensor:
    """Where the nearest voxel of `mask` is at most `distance_mm` away."""
    return squared_distance_mm2(~mask, spacing_mm) <= distance_mm**2 * (1 + TOLERANCE)


def _separable(walk: torch.Tensor, steps_mm: tuple[float, float, float]) -> torch.Tensor:
    """Lower envelopes axis by axis: min over q of f(q) + (step (x - q))², on any device.

    After Felzenszwalb, Huttenlocher, "Distance transforms of sampled functions", Theory of
    Computing 8, 2012; the envelope is scanned by distance instead of built, which suits a GPU.
    """
    squared = torch.where(walk, torch.inf, 0.0).to(torch.float32)
    for axis in (2, 1, 0):
        squared = _envelope(squared.movedim(axis, 0), steps_mm[axis]).movedim(0, axis)
    return squared.contiguous()


def _envelope(values: torch.Tensor, step_mm: float) -> torch.Tensor:
    best = values.clone()
    for offset in range(1, len(values)):
        cost = torch.tensor(step_mm * offset, dtype=torch.float32, device=values.device) ** 2
        # Nothing farther can still lower any voxel. The test costs a transfer: not at every step.
        if offset % 8 == 1 and bool((best <= cost).all()):
            break
        best[offset:] = torch.minimum(best[offset:], values[:-offset] + cost)
        best[:-offset] = torch.minimum(best[:-offset], values[offset:] + cost)
    return best
