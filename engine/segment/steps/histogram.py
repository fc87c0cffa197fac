"""How often each label occurs."""

from __future__ import annotations

import numpy as np
import torch
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from engine.segment.steps.layout import host_array, on_host, walked


def label_counts(labels: torch.Tensor) -> torch.Tensor:
    """Voxels of each uint8 label, (256,) int64 on the CPU."""
    if on_host(labels):
        return torch.from_numpy(_counts(host_array(walked(labels)), get_num_threads()))
    return torch.bincount(labels.reshape(-1), minlength=256).cpu()


@njit(parallel=True, cache=True)
def _counts(walk: NDArray[np.uint8], parts: int) -> NDArray[np.int64]:
    flat = walk.ravel()
    table = np.zeros((parts, 256), np.int64)
    for part in prange(parts):
        mine = np.zeros(256, np.int64)
        first, last = part * flat.size // parts, (part + 1) * flat.size // parts
        # Labels come in long runs: count those, since adding to one counter again and again waits.
        since = first
        for at in range(first + 1, last):
            if flat[at] != flat[at - 1]:
                mine[flat[at - 1]] += at - since
                since = at
        if last > first:
            mine[flat[last - 1]] += last - since
        table[part] = mine
    total: NDArray[np.int64] = table.sum(axis=0)
    return total
