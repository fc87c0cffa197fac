"""A surface net in the lattice of its voxels: what can be taken apart and put together without a seam."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.array import Float32, Float64, Int32
from engine.mesh.kernels_cells import (
    choose,
    choose_marked,
    digest,
    merge_quads,
    merge_vertices,
    pick_rows,
    renumber,
)
from engine.mesh.kernels_smooth import PARTS_PER_VOXEL


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Cubes of cells, some of them.

    Attributes:
        places: (n, 3) int32, ascending i fastest; block b holds the cells b * edge to b * edge + edge - 1.
        edge: cells along the edge of a block.
    """

    places: Int32
    edge: int

    @property
    def first(self) -> Int32:
        """(3,) the lowest place along each axis."""
        return np.asarray(self.places.min(axis=0), dtype=np.int32)

    def numbers(self, cells: Int32) -> NDArray[np.int64]:
        """(q,) which of `places` holds each of the cells (q, 3), all of which one does."""
        first, mask = self.first, self.mask
        numbered = np.zeros(mask.shape, dtype=np.int64)
        numbered[tuple((self.places - first).T)] = np.arange(len(self.places))
        return np.asarray(numbered[tuple((cells // self.edge - first).T)])

    @property
    def mask(self) -> NDArray[np.bool_]:
        """`[i, j, k]` from `first` on: which are there."""
        first = self.first
        mask = np.zeros(self.places.max(axis=0) - first + 1, dtype=np.bool_)
        mask[tuple((self.places - first).T)] = True
        return mask


@dataclass(frozen=True, slots=True, eq=False)
class CellNet:
    """Vertices by cell, and the quads between them.

    Attributes:
        cells: (v, 3) int32, the cell of each vertex along i, j, k; cell n lies between voxels n - 1 and n.
        offsets: (v, 3) int16, where the vertex stands from the middle of its cell, in parts of a voxel.
        quads: (q, 4) int32 into the vertices; the first corner is the lowest cell, the third the highest.
        labels: (q, 2) uint16, inside and outside, as in `SurfaceNet`.
        sheets: (q,) uint16, as in `SurfaceNet`.
    """

    cells: Int32
    offsets: NDArray[np.int16]
    quads: Int32
    labels: NDArray[np.uint16]
    sheets: NDArray[np.uint16]

    @property
    def owners(self) -> Int32:
        """(q, 3) the highest cell of each quad: the one that the quad belongs to."""
        return self.cells[self.quads[:, 2]]

    def owners_of(self, chosen: Int32) -> Int32:
        """(n, 3) as `owners`, of the quads of these numbers."""
        owners: Int32 = self.cells[self.quads[chosen, 2]]
        return owners

    def moved(self, by: tuple[int, int, int]) -> CellNet:
        """The same net with its cells counted from elsewhere."""
        return replace(self, cells=self.cells + np.array(by, dtype=np.int32))

    def chosen(self, low: ArrayLike, high: ArrayLike) -> Int32:
        """Numbers of the quads that belong to the cells low..high - 1."""
        found = np.empty(len(self.quads), dtype=np.int32)
        low, high = np.asarray(low, dtype=np.int64), np.asarray(high, dtype=np.int64)
        return found[: choose(self.quads, self.cells, low, high, found)]

    def marked(self, blocks: Blocks, label: int = 0, rim: int = 0) -> Int32:
        """Numbers of the quads that belong to cells within `rim` (0 or 1) of `blocks`; of one label, or (0) of all."""
        found = np.empty(len(self.quads), dtype=np.int32)
        first, mask, edge = blocks.first, blocks.mask, blocks.edge
        count = choose_marked(self.quads, self.cells, self.labels, label, edge, first, mask, rim, found)
        return found[:count]

    def add_digest(
        self, chosen: Int32, columns: NDArray[np.uint16], first: Int32, edge: int, sums: NDArray[np.uint64]
    ) -> None:
        """Add quads to `sums` `[i, j, k, column]` of blocks of `edge` cells from block `first` on; a column a label."""
        labels = columns[self.labels[chosen]]
        digest(self.quads, self.cells, self.offsets, labels, self.sheets, chosen, edge, first, sums)

    def part(self, chosen: Int32) -> CellNet:
        """The quads of these numbers, with the vertices that they use."""
        numbers = np.zeros(len(self.cells), dtype=np.int32)
        used = np.empty(len(self.cells), dtype=np.int32)
        quads = np.empty((len(chosen), 4), dtype=np.int32)
        used = used[: renumber(self.quads, chosen, numbers, used, quads)]
        return CellNet(self.cells[used], self.offsets[used], quads, self.labels[chosen], self.sheets[chosen])

    def with_net(self, other: CellNet) -> CellNet:
        """Both nets as one: a cell has one vertex, which stands where `other` says if it knows the cell.

        Vertices and quads of both are in the order of extraction, and so are those of the result.
        """
        a_to, b_to = np.empty(len(self.cells), dtype=np.int32), np.empty(len(other.cells), dtype=np.int32)
        source = np.empty(len(a_to) + len(b_to), dtype=np.int32)
        source = source[: merge_vertices(self.cells, other.cells, a_to, b_to, source)]
        count = len(self.quads) + len(other.quads)
        quads, origin = np.empty((count, 4), dtype=np.int32), np.empty(count, dtype=np.int32)
        merge_quads(self.quads, other.quads, a_to, b_to, quads, origin)
        return CellNet(
            _picked(self.cells, other.cells, source),
            _picked(self.offsets, other.offsets, source),
            quads,
            _picked(self.labels, other.labels, origin),
            _picked(self.sheets, other.sheets, origin),
        )

    def positions_mm(self, patient_from_cell: Float64) -> Float32:
        """(v, 3) float32 patient positions; `patient_from_cell` (3, 4) as in `extract_grid`."""
        at = self.cells + self.offsets * (1.0 / PARTS_PER_VOXEL)
        return (at @ patient_from_cell[:, :3].T + patient_from_cell[:, 3]).astype(np.float32)


Kind = TypeVar("Kind", bound=np.generic)


def _picked(a: NDArray[Kind], b: NDArray[Kind], source: Int32) -> NDArray[Kind]:
    """Row n of `b` where `source` has n, row n of `a` where it has ~n."""
    rows = np.empty((len(source), *a.shape[1:]), dtype=a.dtype)
    width = int(np.prod(a.shape[1:]))  # of an empty array numpy cannot tell
    flat_a, flat_b, flat = (array.reshape(len(array), width) for array in (a, b, rows))
    pick_rows(flat_a, flat_b, source, flat)
    return rows
