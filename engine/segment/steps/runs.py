"""Connected components on the CPU from runs of set voxels.

A mask is cut into runs along i; runs that touch are united (union by least index, with path
halving), so the work is per run and not per voxel, and no label volume is needed to filter
components. Slabs of slices are united in parallel, then joined. After He, Chao, Suzuki, "A
run-based two-scan labeling algorithm", IEEE Trans. Image Processing 17(5), 2008.

Arrays are walked: (nk, nj, ni), i fastest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Mask8 = NDArray[np.uint8]

#: Neighbours that count as touching: faces; faces and edges; faces, edges and corners. 4 is faces
#: within a slice: each slice stands alone.
CONNECTIVITIES = (4, 6, 18, 26)


@dataclass(frozen=True, slots=True)
class Runs:
    """The set voxels of a mask as runs, each with its component.

    Attributes:
        shape: (nk, nj, ni) of the mask.
        first: (nk * nj + 1,) index of each row's first run.
        start, stop: (n,) first voxel and one past the last along i.
        component: (n,) 1 … count, numbered by first voxel in raster order.
        count: number of components.
    """

    shape: tuple[int, int, int]
    first: Int64
    start: Int32
    stop: Int32
    component: Int32
    count: int

    def sizes(self) -> Int64:
        """Voxels in each component, (count + 1,); index 0 is unused and 0."""
        return _sizes(self.start, self.stop, self.component, self.count)

    def sums(self, values: NDArray[Any]) -> Int64:
        """Sum of integer `values` (nk, nj, ni) over each component, (count + 1,); index 0 is 0."""
        rows = values.reshape(-1, self.shape[2])
        return _sums(rows, self.first, self.start, self.stop, self.component, self.count)

    def touched(self, seeds: Mask8) -> NDArray[np.bool_]:
        """Which components hold a seed, (count + 1,)."""
        return _touched(seeds.reshape(-1, self.shape[2]), self.first, self.start, self.stop, self.component, self.count)

    def painted(self, values: NDArray[Any]) -> NDArray[Any]:
        """A volume that holds `values[component]` in every run and 0 elsewhere; dtype of `values`."""
        out = np.empty((self.shape[0] * self.shape[1], self.shape[2]), values.dtype)
        _paint(out, self.first, self.start, self.stop, self.component, values)
        return out.reshape(self.shape)


def repaint(labels: Mask8, runs: Runs, chosen: NDArray[np.bool_], value: int) -> None:
    """Write `value` into the chosen components, in place; `labels` has the shape of the runs' array."""
    rows = labels.reshape(-1, runs.shape[2])
    _repaint(rows, runs.first, runs.start, runs.stop, runs.component, chosen, value)


def runs_of(mask: Mask8, connectivity: int, value: int = 1) -> Runs:
    """Cut the voxels of a walked array that equal `value` into runs and unite those that touch."""
    nk, nj, ni = mask.shape
    rows = mask.reshape(nk * nj, ni)
    first = np.zeros(nk * nj + 1, np.int64)
    np.cumsum(_count(rows, value), out=first[1:])
    start = np.empty(first[-1], np.int32)
    stop = np.empty(first[-1], np.int32)
    _cut(rows, value, first, start, stop)
    parent = np.arange(len(start), dtype=np.int32)
    _unite(parent, first, start, stop, nk, nj, connectivity, get_num_threads())
    component, count = _number(parent)
    return Runs((nk, nj, ni), first, start, stop, component, count)


@njit(parallel=True, cache=True)
def _count(rows: Mask8, value: int) -> Int64:
    counts = np.empty(rows.shape[0], np.int64)
    for row in prange(rows.shape[0]):
        line = rows[row]
        total = np.int64(line[0] == value)
        for i in range(1, line.size):
            total += np.int64((line[i] == value) & (line[i - 1] != value))
        counts[row] = total
    return counts


@njit(parallel=True, cache=True)
def _cut(rows: Mask8, value: int, first: Int64, start: Int32, stop: Int32) -> None:
    ni = rows.shape[1]
    for row in prange(rows.shape[0]):
        at = first[row]
        if at == first[row + 1]:
            continue
        line = rows[row]
        inside = False
        for i in range(ni):
            if (line[i] == value) != inside:
                if inside:
                    stop[at] = i
                    at += 1
                else:
                    start[at] = i
                inside = not inside
        if inside:
            stop[at] = ni


@njit(cache=True)
def _root(parent: Int32, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True)
def _join(parent: Int32, a: int, b: int) -> None:
    a = _root(parent, a)
    b = _root(parent, b)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@njit(cache=True)
def _join_rows(parent: Int32, first: Int64, start: Int32, stop: Int32, row: int, other: int, reach: int) -> None:
    """Unite touching runs of two rows; both lists are sorted, so one pass over each."""
    a, a_end = first[row], first[row + 1]
    b, b_end = first[other], first[other + 1]
    while a < a_end and b < b_end:
        if start[a] < stop[b] + reach and start[b] < stop[a] + reach:
            _join(parent, a, b)
        if stop[a] < stop[b]:
            a += 1
        else:
            b += 1


@njit(cache=True)
def _join_slices(parent: Int32, first: Int64, start: Int32, stop: Int32, k: int, nj: int, connectivity: int) -> None:
    """Unite slice k with slice k - 1."""
    for j in range(nj):
        row = k * nj + j
        below = row - nj
        _join_rows(parent, first, start, stop, row, below, 0 if connectivity == 6 else 1)
        if connectivity == 6:
            continue
        reach = 1 if connectivity == 26 else 0
        if j > 0:
            _join_rows(parent, first, start, stop, row, below - 1, reach)
        if j + 1 < nj:
            _join_rows(parent, first, start, stop, row, below + 1, reach)


@njit(parallel=True, cache=True)
def _unite(
    parent: Int32, first: Int64, start: Int32, stop: Int32, nk: int, nj: int, connectivity: int, slabs: int
) -> None:
    slabs = min(slabs, nk)
    reach = 0 if connectivity in (4, 6) else 1
    for slab in prange(slabs):
        lowest = slab * nk // slabs
        for k in range(lowest, (slab + 1) * nk // slabs):
            for j in range(1, nj):
                _join_rows(parent, first, start, stop, k * nj + j, k * nj + j - 1, reach)
            if k > lowest and connectivity != 4:
                _join_slices(parent, first, start, stop, k, nj, connectivity)
    if connectivity != 4:
        for slab in range(1, slabs):
            _join_slices(parent, first, start, stop, slab * nk // slabs, nj, connectivity)


@njit(cache=True)
def _number(parent: Int32) -> tuple[Int32, int]:
    """Roots are the least index of their set, so one ascending pass numbers them in raster order."""
    component = np.empty(parent.size, np.int32)
    count = 0
    for run in range(parent.size):
        root = _root(parent, run)
        if root == run:
            count += 1
            component[run] = count
        else:
            component[run] = component[root]
    return component, count


@njit(cache=True)
def _sizes(start: Int32, stop: Int32, component: Int32, count: int) -> Int64:
    sizes = np.zeros(count + 1, np.int64)
    for run in range(start.size):
        sizes[component[run]] += stop[run] - start[run]
    return sizes


@njit(cache=True)
def _sums(values: NDArray[Any], first: Int64, start: Int32, stop: Int32, component: Int32, count: int) -> Int64:
    sums = np.zeros(count + 1, np.int64)
    for row in range(values.shape[0]):
        for run in range(first[row], first[row + 1]):
            total = 0
            for i in range(start[run], stop[run]):
                total += values[row, i]
            sums[component[run]] += total
    return sums


@njit(cache=True)
def _touched(seeds: Mask8, first: Int64, start: Int32, stop: Int32, component: Int32, count: int) -> NDArray[np.bool_]:
    touched = np.zeros(count + 1, np.bool_)
    for row in range(seeds.shape[0]):
        for run in range(first[row], first[row + 1]):
            if touched[component[run]]:
                continue
            for i in range(start[run], stop[run]):
                if seeds[row, i]:
                    touched[component[run]] = True
                    break
    return touched


@njit(parallel=True, cache=True)
def _paint(out: NDArray[Any], first: Int64, start: Int32, stop: Int32, component: Int32, values: NDArray[Any]) -> None:
    for row in prange(out.shape[0]):
        out[row] = 0
        for run in range(first[row], first[row + 1]):
            value = values[component[run]]
            for i in range(start[run], stop[run]):
                out[row, i] = value


@njit(parallel=True, cache=True)
def _repaint(
    rows: Mask8,
    first: Int64,
    start: Int32,
    stop: Int32,
    component: Int32,
    chosen: NDArray[np.bool_],
    value: int,
) -> None:
    for row in prange(rows.shape[0]):
        for run in range(first[row], first[row + 1]):
            if chosen[component[run]]:
                rows[row, start[run] : stop[run]] = value
