"""The surfaces of a label map that is being edited: kept in bricks, told in blocks.

A brick is a cube of cells. Each quad of the net belongs to the brick of its highest cell, so bricks share no quad and
have no seam. When voxels change, the cells around them are extracted again, with as much again of the labels around
those, and take the place of what their bricks held there.

How far around: in principle as far as smoothing reaches, `iterations` + 1 cells (`engine.mesh.smooth`). But it halves
what it hands on at every cell: on a CT of a chest, with the default smoothing, strokes moved vertices 4 cells off by at
most 0.0044 of a voxel, 5 off by 0.0013, 8 off by 0.00006 and 11 off by nothing. The wire tells positions in steps of
1/65535 of the volume, 0.008 of a voxel there. So `FELT_CELLS` are made again, and `TOLD_CELLS` are looked at for blocks
to tell of: all bricks together are the net of the whole label map, quad for quad, and vertices stand within a
thousandth of a voxel of where they would.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Int32
from engine.core.grid import Grid
from engine.core.surface import Surface
from engine.mesh.cell_net import Blocks, CellNet
from engine.mesh.extract import extract_cells
from engine.mesh.extract_grid import patient_from_cell
from engine.mesh.kernels_surface import gather
from engine.mesh.normals import vertex_normals
from engine.mesh.smooth import DEFAULT_SMOOTHING, Smoothing

#: Cells along the edge of a brick, and of a block.
BRICK_CELLS = 64
BLOCK_CELLS = 8

#: As far as a change of labels is felt, and as far as anybody could see it.
FELT_CELLS = 8
TOLD_CELLS = 5

Brick = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """What some blocks show of one structure: an open surface, with normals that its surroundings share at the rim.

    Attributes:
        label: of the structure.
        blocks: where.
        counts: (n,) int32, triangles of each block; those of `surface` come in the order of the blocks.
        surface: empty where nothing of the structure is left there.
        normals: (v, 3) float32.
    """

    label: int
    blocks: Blocks
    counts: Int32
    surface: Surface
    normals: Float32


@dataclass(frozen=True, slots=True, eq=False)
class _Fresh:
    """The latest change: the net of the cells first..last - 1, which take the place of what bricks hold there."""

    net: CellNet
    first: Brick
    last: Brick


class BrickNet:
    """The net of a label map in bricks. Not a value: `change` follows the labels as they are edited."""

    def __init__(
        self,
        grid: Grid,
        labels: NDArray[Any],
        kept: Collection[int] | None = None,
        smoothing: Smoothing = DEFAULT_SMOOTHING,
    ) -> None:
        """Extract all of `labels` `[i, j, k]`, of which only those `kept` have surfaces; all when None."""
        self._grid, self._kept, self._smoothing = grid, kept, smoothing
        self._patient_from_cell = patient_from_cell(grid)
        self._bricks: dict[Brick, CellNet] = dict(_by_brick(self._extracted(labels, (0, 0, 0), labels.shape)))
        self._fresh: _Fresh | None = None

    @property
    def bricks(self) -> frozenset[Brick]:
        """Bricks that hold any surface."""
        return frozenset(self._bricks)

    def cells_of(self, brick: Brick) -> CellNet:
        """What a brick holds; `settle` first."""
        return self._bricks[brick]

    def change(self, labels: NDArray[Any], low: Brick, high: Brick) -> tuple[Patch, ...]:
        """Follow a change of the voxels low..high - 1 of `labels`; returns what looks different, a patch a structure.

        Args:
            labels: as they are now; elsewhere as they were.
        """
        self.settle()
        felt = min(self._smoothing.iterations + 1, FELT_CELLS)
        first, last = _reached(low, high, felt, labels.shape)
        # Voxel n lies between cells n and n + 1.
        start, stop = _grown(first, last, felt + 2, felt + 1, labels.shape)
        fresh = self._extracted(labels, start, stop, (first, last))
        seen = self._differing(fresh, *_reached(low, high, min(felt, TOLD_CELLS), labels.shape))
        if not seen:
            return ()
        self._fresh = _Fresh(fresh, first, last)
        near = self._near(_united(seen.values()))
        return tuple(self._surface(near, label, blocks) for label, blocks in seen.items())

    def settle(self) -> None:
        """Take the latest change into the bricks. `change` and `whole` do it where it is still to be done."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None:
            renewed = dict(_by_brick(fresh.net))
            for brick in _bricks(fresh.first, fresh.last):
                self._splice(brick, renewed.get(brick), fresh.first, fresh.last)

    def whole(self, label: int) -> Patch:
        """All that is shown of `label`."""
        self.settle()
        places = {tuple(place) for net in self._bricks.values() for place in _blocks_of(net, label)}
        found = np.array(sorted(places, key=lambda place: place[::-1]), dtype=np.int32).reshape(-1, 3)
        blocks = Blocks(found, BLOCK_CELLS)
        return self._surface(self._near(blocks), label, blocks) if len(found) else self._nothing(label, blocks)

    def _extracted(
        self, labels: NDArray[Any], start: Brick, stop: Brick, cells: tuple[Brick, Brick] | None = None
    ) -> CellNet:
        """The net of the voxels start..stop - 1; of `cells` first..last - 1 alone where they are given."""
        part = labels[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
        net = extract_cells(
            part, kept=self._kept, smoothing=self._smoothing, is_mirrored=not self._grid.is_right_handed
        )
        if cells is not None:
            first, last = (np.subtract(each, start) for each in cells)
            net = net.part(net.chosen(first, last))
        return net.moved(start)

    def _held(self, first: Brick, last: Brick) -> Iterator[tuple[CellNet, Int32]]:
        """What bricks hold of the cells first..last - 1."""
        for brick in _bricks(first, last):
            net = self._bricks.get(brick)
            if net is not None:
                yield net, net.chosen(first, last)

    def _differing(self, fresh: CellNet, first: Brick, last: Brick) -> dict[int, Blocks]:
        """By label the blocks of the cells first..last - 1 in which `fresh` is not what bricks hold."""
        low = np.array(first, dtype=np.int32) // BLOCK_CELLS
        shape = (np.array(last, dtype=np.int32) - 1) // BLOCK_CELLS - low + 1
        nets = [(fresh, fresh.chosen(first, last)), *self._held(first, last)]
        present = np.unique(np.concatenate([net.labels[chosen].ravel() for net, chosen in nets]))
        columns = np.zeros(int(present.max(initial=0)) + 1, dtype=np.uint16)
        columns[present] = np.arange(len(present))
        sums = np.zeros((2, *shape, max(len(present), 1)), dtype=np.uint64)
        for n, (net, chosen) in enumerate(nets):
            net.add_digest(chosen, columns, low, BLOCK_CELLS, sums[min(n, 1)])
        found = np.argwhere((sums[0] != sums[1]).transpose(3, 2, 1, 0))  # column, then k, j, i: i fastest
        return {
            int(present[column]): Blocks((found[found[:, 0] == column][:, :0:-1] + low).astype(np.int32), BLOCK_CELLS)
            for column in np.unique(found[:, 0])
            if present[column]
        }

    def _splice(self, brick: Brick, new: CellNet | None, first: Brick, last: Brick) -> None:
        """Put `new` in the place of the cells first..last - 1 of a brick."""
        old = self._bricks.get(brick)
        rest = None
        if old is not None:
            stays = np.ones(len(old.quads), dtype=bool)
            stays[old.chosen(first, last)] = False
            rest = old.part(np.flatnonzero(stays).astype(np.int32)) if stays.any() else None
        now = rest.with_net(new) if rest is not None and new is not None else (rest if new is None else new)
        if now is None:
            self._bricks.pop(brick, None)
        else:
            self._bricks[brick] = now

    def _near(self, blocks: Blocks) -> CellNet:
        """All that there is in `blocks` and in the cells beside them."""
        low, high = blocks.places.min(axis=0) * BLOCK_CELLS - 1, (blocks.places.max(axis=0) + 1) * BLOCK_CELLS + 1
        fresh = self._fresh
        parts = []
        for brick in _bricks(tuple(low), tuple(high)):
            net = self._bricks.get(brick)
            if net is not None:
                chosen = net.marked(blocks, rim=1)
                if fresh is not None:
                    owners = net.owners_of(chosen)
                    chosen = chosen[((owners < fresh.first) | (owners >= fresh.last)).any(axis=1)]
                if len(chosen):
                    parts.append(net.part(chosen))
        # Small to small first, what is fresh last: what is merged early is walked again by every later merge, and a
        # vertex that both know stands where the later says.
        parts.sort(key=lambda part: len(part.quads))
        if fresh is not None:
            parts.append(fresh.net.part(fresh.net.marked(blocks, rim=1)))
        return reduce(CellNet.with_net, parts)

    def _nothing(self, label: int, blocks: Blocks) -> Patch:
        none = np.zeros((0, 3), dtype=np.float32)
        surface = Surface(self._grid.frame, none, np.zeros((0, 3), dtype=np.int32))
        return Patch(label, blocks, np.zeros(len(blocks.places), dtype=np.int32), surface, none)

    def _surface(self, near: CellNet, label: int, blocks: Blocks) -> Patch:
        """The triangles of `label` that belong to `blocks`, with the normals of all of it that is near."""
        chosen = near.marked(blocks, label, rim=1)
        if not len(chosen):
            return self._nothing(label, blocks)
        net = near.part(chosen)
        own = net.marked(blocks)
        numbers = blocks.numbers(net.owners_of(own))
        by_block = np.argsort(numbers, kind="stable")
        beyond = np.ones(len(net.quads), dtype=bool)
        beyond[own] = False
        order = np.concatenate([own[by_block], np.flatnonzero(beyond).astype(np.int32)])
        outside = net.labels[order, 1] == label
        order[outside] = ~order[outside]
        vertices, faces = _triangles(net, order, net.positions_mm(self._patient_from_cell))
        normals = vertex_normals(Surface(self._grid.frame, vertices, faces))
        faces = faces[: 2 * len(own)]
        # Vertices are numbered as triangles first use them: those of the own triangles come first.
        used = int(faces.max()) + 1 if len(faces) else 0
        counts = 2 * np.bincount(numbers, minlength=len(blocks.places)).astype(np.int32)
        return Patch(label, blocks, counts, Surface(self._grid.frame, vertices[:used], faces), normals[:used])


def _triangles(net: CellNet, order: Int32, positions_mm: Float32) -> tuple[Float32, Int32]:
    # An open surface has up to four vertices a quad.
    room = 4 * len(order)
    faces = np.empty((2 * len(order), 3), dtype=np.int32)
    sources, vertices = np.empty(room, dtype=np.uint32), np.empty((room, 3), dtype=np.float32)
    numbers = np.zeros((4, len(positions_mm)), dtype=np.int32)
    count = gather(order, net.quads, net.sheets, positions_mm, numbers, sources, vertices, faces)
    return vertices[:count], faces


def _reached(low: Brick, high: Brick, cells: int, shape: tuple[int, ...]) -> tuple[Brick, Brick]:
    """Cells up to `cells` from the voxels low..high - 1; a quad whose lowest cell is reached belongs to one further."""
    return _grown(low, high, cells, cells + 2, tuple(size + 1 for size in shape))


def _grown(low: Brick, high: Brick, below: int, above: int, shape: tuple[int, ...]) -> tuple[Brick, Brick]:
    """The box grown downwards and upwards, within a shape."""
    i0, j0, k0 = (max(n - below, 0) for n in low)
    i1, j1, k1 = (min(n + above, size) for n, size in zip(high, shape, strict=True))
    return (i0, j0, k0), (i1, j1, k1)


def _united(many: Iterable[Blocks]) -> Blocks:
    places = np.unique(np.concatenate([blocks.places[:, ::-1] for blocks in many]), axis=0)[:, ::-1]
    return Blocks(np.ascontiguousarray(places), BLOCK_CELLS)


def _by_brick(net: CellNet) -> Iterator[tuple[Brick, CellNet]]:
    if not len(net.quads):
        return
    bricks = net.owners // BRICK_CELLS
    many = bricks.max(axis=0) + 1
    numbers = (bricks[:, 2] * many[1] + bricks[:, 1]) * many[0] + bricks[:, 0]
    order = np.argsort(numbers, kind="stable")
    cuts = np.flatnonzero(np.diff(numbers[order])) + 1
    for chosen in np.split(order, cuts):
        i, j, k = (int(n) for n in bricks[chosen[0]])
        yield (i, j, k), net.part(chosen.astype(np.int32))


def _bricks(first: tuple[int, ...], last: tuple[int, ...]) -> Iterator[Brick]:
    """Bricks that hold any of the cells first..last - 1."""
    spans = (range(int(a) // BRICK_CELLS, (int(b) - 1) // BRICK_CELLS + 1) for a, b in zip(first, last, strict=True))
    yield from product(*spans)


def _blocks_of(net: CellNet, label: int) -> Int32:
    """(n, 3) the blocks with quads of a label, some more than once."""
    return np.unique(net.owners[(net.labels == label).any(axis=1)] // BLOCK_CELLS, axis=0)
