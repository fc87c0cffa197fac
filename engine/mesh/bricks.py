"""The surfaces of a label map that is being edited: cut into bricks, of which an edit changes the few it reaches.

A brick is a cube of cells. Each quad of the net belongs to the brick of its highest cell, so bricks share no quad and
have no seam. A vertex depends on the labels within `iterations` + 1 cells (`engine.mesh.smooth`): when voxels change,
the cells that far around them are extracted again, with as much again of the labels around those, and take the place
of what their bricks held there. All bricks together are at all times the net of the whole label map, bit for bit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Int32
from engine.core.grid import Grid
from engine.core.surface import Surface
from engine.mesh.cell_net import CellNet
from engine.mesh.extract import extract_cells
from engine.mesh.extract_grid import patient_from_cell
from engine.mesh.kernels_surface import gather
from engine.mesh.normals import vertex_normals
from engine.mesh.smooth import DEFAULT_SMOOTHING, Smoothing

#: Cells along the edge of a brick.
BRICK_CELLS = 64

Brick = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """What one brick shows of one structure: an open surface, with normals that its neighbours share at the rim."""

    brick: Brick
    label: int
    surface: Surface
    normals: Float32


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

    @property
    def bricks(self) -> frozenset[Brick]:
        """Bricks that hold any surface."""
        return frozenset(self._bricks)

    def labels_of(self, brick: Brick) -> frozenset[int]:
        """Labels with surface in a brick."""
        net = self._bricks.get(brick)
        return frozenset() if net is None else frozenset(int(n) for n in np.unique(net.labels) if n)

    def change(self, labels: NDArray[Any], low: Brick, high: Brick) -> tuple[tuple[Brick, int], ...]:
        """Follow a change of the voxels low..high - 1 of `labels`; returns the bricks and labels that look different.

        Args:
            labels: as they are now; elsewhere as they were.
        """
        reach = self._smoothing.iterations + 1
        reach_of_quads = reach + 1  # a quad whose lowest cell is reached belongs to a cell one further
        first, last = _grown(low, high, reach, reach_of_quads + 1, labels.shape, 1)
        # Voxel n lies between cells n and n + 1.
        start, stop = _grown(first, last, reach + 2, reach + 1, labels.shape, 0)
        fresh = self._extracted(labels, start, stop)
        renewed = dict(_by_brick(fresh.part(fresh.chosen(first, last))))
        seen: list[tuple[Brick, int]] = []
        for i, j, k in product(
            *(range(a // BRICK_CELLS, (b - 1) // BRICK_CELLS + 1) for a, b in zip(first, last, strict=True))
        ):
            seen += self._splice((i, j, k), renewed.get((i, j, k)), first, last)
        return tuple(seen)

    def patch(self, brick: Brick, label: int) -> Patch | None:
        """What `brick` shows of `label`; None where it shows nothing."""
        own = self._bricks.get(brick)
        if own is None or not (own.labels == label).any():
            return None
        whole = own.part(np.flatnonzero((own.labels == label).any(axis=1)).astype(np.int32))
        rims = list(self._rims(brick, label))
        if rims:  # small to small first, the brick itself once
            whole = reduce(CellNet.with_net, rims).with_net(whole)
        surface, normals = self._surface(whole, label, brick)
        return Patch(brick, label, surface, normals)

    def _extracted(self, labels: NDArray[Any], start: Brick, stop: Brick) -> CellNet:
        part = labels[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
        net = extract_cells(
            part, kept=self._kept, smoothing=self._smoothing, is_mirrored=not self._grid.is_right_handed
        )
        return net.moved(start)

    def _splice(self, brick: Brick, new: CellNet | None, first: Brick, last: Brick) -> Iterator[tuple[Brick, int]]:
        old = self._bricks.get(brick)
        if old is None:
            yield from ((brick, label) for label in _differing(None, new))
            rest = None
        else:
            gone = old.chosen(first, last)
            yield from ((brick, label) for label in _differing(old.part(gone), new))
            stays = np.ones(len(old.quads), dtype=bool)
            stays[gone] = False
            rest = old.part(np.flatnonzero(stays).astype(np.int32)) if stays.any() else None
        now = rest.with_net(new) if rest is not None and new is not None else (rest if new is None else new)
        if now is None:
            self._bricks.pop(brick, None)
        else:
            self._bricks[brick] = now

    def _rims(self, brick: Brick, label: int) -> Iterator[CellNet]:
        """What the neighbours of a brick show within one cell of it."""
        low = np.array(brick) * BRICK_CELLS
        for step in product((-1, 0, 1), repeat=3):
            near = self._bricks.get((brick[0] + step[0], brick[1] + step[1], brick[2] + step[2]))
            if near is not None and any(step):
                touching = near.chosen(low - 1, low + BRICK_CELLS + 1, label)
                if len(touching):
                    yield near.part(touching)

    def _surface(self, net: CellNet, label: int, brick: Brick) -> tuple[Surface, Float32]:
        """The triangles of `label` that belong to `brick`, with the normals of all of `net`."""
        outside = net.labels[:, 1] == label
        order = np.arange(len(net.quads), dtype=np.int32)
        order[outside] = ~order[outside]
        vertices, faces = _triangles(net, order, net.positions_mm(self._patient_from_cell))
        whole = Surface(self._grid.frame, vertices, faces)
        own = np.repeat((net.owners // BRICK_CELLS == brick).all(axis=1), 2)
        used, numbers = np.unique(faces[own], return_inverse=True)
        surface = Surface(self._grid.frame, vertices[used], numbers.reshape(-1, 3).astype(np.int32))
        return surface, vertex_normals(whole)[used]


def _triangles(net: CellNet, order: Int32, positions_mm: Float32) -> tuple[Float32, Int32]:
    # An open surface has up to four vertices a quad.
    room = 4 * len(order)
    faces = np.empty((2 * len(order), 3), dtype=np.int32)
    sources, vertices = np.empty(room, dtype=np.uint32), np.empty((room, 3), dtype=np.float32)
    numbers = np.zeros((4, len(positions_mm)), dtype=np.int32)
    count = gather(order, net.quads, net.sheets, positions_mm, numbers, sources, vertices, faces)
    return vertices[:count], faces


def _grown(low: Brick, high: Brick, below: int, above: int, shape: tuple[int, ...], more: int) -> tuple[Brick, Brick]:
    """The box grown downwards and upwards, within a shape that is `more` larger along each axis."""
    i0, j0, k0 = (max(n - below, 0) for n in low)
    i1, j1, k1 = (min(n + above, size + more) for n, size in zip(high, shape, strict=True))
    return (i0, j0, k0), (i1, j1, k1)


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


def _differing(old: CellNet | None, new: CellNet | None) -> frozenset[int]:
    """Labels whose quads or vertices are not the same in both."""
    nets = [net for net in (old, new) if net is not None and len(net.quads)]
    present = frozenset(int(n) for net in nets for n in np.unique(net.labels) if n)
    if len(nets) < 2:
        return present
    return frozenset(label for label in present if not _alike(*(_rows(net, label) for net in nets)))


def _rows(net: CellNet, label: int) -> tuple[NDArray[Any], ...]:
    chosen = (net.labels == label).any(axis=1)
    corners = net.quads[chosen]
    return net.cells[corners], net.offsets[corners], net.sheets[chosen], net.labels[chosen]


def _alike(old: tuple[NDArray[Any], ...], new: tuple[NDArray[Any], ...]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))
