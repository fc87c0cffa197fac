"""Samples moved onto another grid: labels by nearest neighbour, sheared volumes by trilinear.

Imported only where a file needs it: a study on one grid never pays for the kernels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.grid import Grid
from engine.ingest.content import refused
from engine.ingest.study import MAX_VOXELS


def _source_from_target(source: Grid, target: Grid) -> Float64:
    """Voxels of `source` from voxels of `target`, (4, 4); patient positions agree."""
    inverse: Float64 = source.patient_from_voxel.inverse.matrix @ target.patient_from_voxel.matrix
    return inverse


@njit(parallel=True, cache=True, nogil=True)
def _nearest(source: Any, matrix: Any, target: Any) -> None:  # (nk, nj, ni) both; pragma: no cover - compiled
    nk, nj, ni = target.shape
    for k in prange(nk):
        for j in range(nj):
            x = matrix[0, 1] * j + matrix[0, 2] * k + matrix[0, 3]
            y = matrix[1, 1] * j + matrix[1, 2] * k + matrix[1, 3]
            z = matrix[2, 1] * j + matrix[2, 2] * k + matrix[2, 3]
            for i in range(ni):
                # floor(v + ½ + ε): ties and noise of the last digits fall the same way everywhere.
                a = int(np.floor(x + matrix[0, 0] * i + 0.500001))
                b = int(np.floor(y + matrix[1, 0] * i + 0.500001))
                c = int(np.floor(z + matrix[2, 0] * i + 0.500001))
                inside = 0 <= c < source.shape[0] and 0 <= b < source.shape[1] and 0 <= a < source.shape[2]
                target[k, j, i] = source[c, b, a] if inside else 0


@njit(parallel=True, cache=True, nogil=True)
def _trilinear(source: Any, matrix: Any, outside: float, target: Any) -> None:  # pragma: no cover - compiled
    nk, nj, ni = target.shape
    sk, sj, si = source.shape
    for k in prange(nk):
        for j in range(nj):
            for i in range(ni):
                x = matrix[0, 0] * i + matrix[0, 1] * j + matrix[0, 2] * k + matrix[0, 3]
                y = matrix[1, 0] * i + matrix[1, 1] * j + matrix[1, 2] * k + matrix[1, 3]
                z = matrix[2, 0] * i + matrix[2, 1] * j + matrix[2, 2] * k + matrix[2, 3]
                if x < -0.5 or y < -0.5 or z < -0.5 or x > si - 0.5 or y > sj - 0.5 or z > sk - 0.5:
                    target[k, j, i] = outside
                    continue
                x = min(max(x, 0.0), si - 1.0)
                y = min(max(y, 0.0), sj - 1.0)
                z = min(max(z, 0.0), sk - 1.0)
                a, b, c = int(x), int(y), int(z)
                a1, b1, c1 = min(a + 1, si - 1), min(b + 1, sj - 1), min(c + 1, sk - 1)
                u, v, w = x - a, y - b, z - c
                near = (source[c, b, a] * (1 - u) + source[c, b, a1] * u) * (1 - v) + (
                    source[c, b1, a] * (1 - u) + source[c, b1, a1] * u
                ) * v
                far = (source[c1, b, a] * (1 - u) + source[c1, b, a1] * u) * (1 - v) + (
                    source[c1, b1, a] * (1 - u) + source[c1, b1, a1] * u
                ) * v
                target[k, j, i] = near * (1 - w) + far * w


def nearest(labels: NDArray[Any], source: Grid, target: Grid) -> NDArray[Any]:
    """`labels` of `source` on `target`, i fastest; 0 where `source` does not reach."""
    result = np.empty(target.shape[::-1], dtype=labels.dtype)
    _nearest(np.asarray(labels).T, _source_from_target(source, target), result)
    return result.T


def trilinear(samples: NDArray[Any], source: Grid, target: Grid, outside: float) -> NDArray[np.float32]:
    """`samples` of `source` on `target` as float32, i fastest; `outside` where `source` does not reach."""
    result = np.empty(target.shape[::-1], dtype=np.float32)
    _trilinear(np.asarray(samples).T, _source_from_target(source, target), outside, result)
    return result.T


def rigid_cover(path: Path, grid: Grid) -> Grid:
    """The smallest right-angled grid with the same i axis and the same slice normal that covers a sheared one.

    In-plane spacing is kept along i; j and k keep the spacing of their parts at right angles.

    Raises:
        InputRefused: sheared so far that most of the cover would be empty.
    """
    axes = grid.patient_from_voxel.matrix[:3, :3]
    upper, factor = np.linalg.qr(axes)
    signs = np.sign(np.diag(factor))
    directions, steps = upper * signs, np.abs(np.diag(factor))
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in grid.shape])).reshape(3, -1).T
    placed = grid.patient_from_voxel.apply(corners) @ directions  # mm along the new axes
    low = placed.min(axis=0)
    shape = np.ceil((placed.max(axis=0) - low) / steps - 1e-6).astype(int) + 1
    if np.prod(shape, dtype=float) > min(4 * grid.voxel_count + 1000, MAX_VOXELS):
        raise refused(path, "its axes are sheared so far that no right-angled volume of sensible size holds it")
    matrix = np.eye(4)
    matrix[:3, :3] = directions * steps
    matrix[:3, 3] = directions @ low
    return Grid.from_matrix((int(shape[0]), int(shape[1]), int(shape[2])), matrix, grid.frame_of_reference_uid)
