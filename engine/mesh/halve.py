"""A label map at half the resolution, for structures that are shown as see-through context."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.core.frame import VOXEL
from engine.core.grid import Grid
from engine.core.transform import Transform
from engine.core.volume import LabelMap
from engine.mesh.kernels_slabs import Slabs


def halved(label_map: LabelMap) -> LabelMap:
    """Every 2×2×2 voxels as one that carries their commonest label; of equals, the greatest.

    Axes of odd length end in a voxel made of fewer. Structures are kept as they are, also those
    too thin to be the commonest anywhere.
    """
    samples = np.ascontiguousarray(np.asarray(label_map.labels).T)
    halves = tuple(-(-n // 2) for n in samples.shape)
    out = np.empty(halves, dtype=samples.dtype)
    with Slabs() as slabs:
        slabs.over(halves[0], lambda first, last: _commonest(samples, first, last, out))
    return LabelMap(halved_grid(label_map.grid), out.T, label_map.structures)


def halved_grid(grid: Grid) -> Grid:
    """The grid of every 2×2×2 voxels of `grid` together."""
    matrix = grid.patient_from_voxel.matrix.copy()
    matrix[:3, 3] = grid.patient_from_voxel.apply((0.5, 0.5, 0.5))
    matrix[:3, :3] *= 2
    i, j, k = (-(-n // 2) for n in grid.shape)
    return replace(grid, shape=(i, j, k), patient_from_voxel=Transform(grid.frame, VOXEL, matrix))


@njit(cache=True, nogil=True)
def _commonest(samples: NDArray[Any], first: int, last: int, out: NDArray[Any]) -> None:
    depth, height, width = samples.shape
    found = np.empty(8, dtype=samples.dtype)
    for k in range(first, last):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                a = samples[2 * k, 2 * j, 2 * i]
                n = 0
                same = True
                for z in range(2 * k, min(2 * k + 2, depth)):
                    for y in range(2 * j, min(2 * j + 2, height)):
                        for x in range(2 * i, min(2 * i + 2, width)):
                            found[n] = samples[z, y, x]
                            same &= found[n] == a
                            n += 1
                out[k, j, i] = a if same else _mode(found, n)


@njit(cache=True, nogil=True)
def _mode(found: NDArray[Any], n: int) -> Any:
    best, most = found[0], 0
    for a in range(n):
        count = 0
        for b in range(n):
            count += found[a] == found[b]
        if count > most or (count == most and found[a] > best):
            best, most = found[a], count
    return best
