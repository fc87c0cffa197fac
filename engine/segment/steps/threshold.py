"""Samples to masks."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray

from engine.segment.steps.layout import host_array, on_host, walked


def between(samples: torch.Tensor, low: float | None = None, high: float | None = None) -> torch.Tensor:
    """Where low ≤ sample < high, (ni, nj, nk) bool; an absent bound does not bind. NaN is never in."""
    inside = torch.ones(samples.shape, dtype=torch.bool, device=samples.device)
    if samples.is_floating_point():
        inside = ~torch.isnan(samples)
    if low is not None:
        inside = inside & (samples >= low)
    if high is not None:
        inside = inside & (samples < high)
    return inside


def count_above(samples: torch.Tensor, level: int) -> int:
    """How many samples are greater than `level`, without a mask in between for int16 on the CPU."""
    if on_host(samples) and samples.dtype == torch.int16:
        return int(_count_above(host_array(walked(samples)), level))
    return int((samples > level).sum())


@njit(parallel=True, cache=True)
def _count_above(walk: NDArray[np.int16], level: int) -> int:
    total = 0
    for k in prange(walk.shape[0]):
        row = walk[k].ravel()
        here = 0
        for at in range(row.size):
            here += row[at] > level
        total += here
    return total
