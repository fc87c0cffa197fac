"""The surface net of a label map: one set of vertices and quads that all structures share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Int32, frozen
from engine.core.errors import InvalidValue
from engine.core.frame import Frame
from engine.core.surface import Surface
from engine.mesh.kernels_memory import fresh
from engine.mesh.kernels_slabs import Slabs
from engine.mesh.kernels_surface import gather, sort_by_label, tally


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceNet:
    """Boundaries between all labels of a volume, and between them and the background.

    Attributes:
        frame: the patient frame of the vertices.
        vertices_mm: (v, 3) float32, in the order of their cells, i fastest. A cell has one vertex.
        quads: (q, 4) int32 into `vertices_mm`, one for each pair of neighbouring voxels that differ;
            counter-clockwise seen from the side of the outside label.
        labels: (q, 2) uint16, inside and outside; inside is the greater, so that 0 is always outside.
        sheets: (q,) uint16, which of a label's vertices each corner uses in cells where the label needs several:
            two bits a corner, the inside label's in the low byte. 0 nearly everywhere.
        voxel_counts: (n,) int64 by label; 0 for background, and for labels that were left out.
        voxel_volume_mm3: volume of one voxel.
    """

    frame: Frame
    vertices_mm: Float32
    quads: Int32
    labels: NDArray[np.uint16]
    sheets: NDArray[np.uint16]
    voxel_counts: NDArray[np.int64]
    voxel_volume_mm3: float

    def __post_init__(self) -> None:
        for name in ("vertices_mm", "quads", "labels", "sheets", "voxel_counts"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def present(self) -> tuple[int, ...]:
        """Labels that have at least one voxel, ascending."""
        return tuple(int(label) for label in np.flatnonzero(self.voxel_counts))

    def voxel_volume_of(self, label: int) -> float:
        """Volume of the voxels of `label` in mm³, which is what its unsmoothed surface encloses."""
        self._check((label,))
        return float(self.voxel_counts[label]) * self.voxel_volume_mm3

    def volume_change(self, label: int, surface: Surface) -> float:
        """How much larger `surface` is than the voxels of `label`, as a fraction: what smoothing did."""
        return surface.volume_mm3 / self.voxel_volume_of(label) - 1.0

    def surface(self, label: int) -> Surface:
        """The closed surface of one label.

        Raises:
            InvalidValue: the label has no voxel.
        """
        return self.surfaces((label,))[label]

    def surfaces(self, labels: Iterable[int] | None = None) -> dict[int, Surface]:
        """The closed, two-manifold surface of each label, outward; of all that are present when `labels` is None.

        Where two of them touch, they have the same vertices and triangles, in opposite order.

        Raises:
            InvalidValue: a label has no voxel.
        """
        wanted = self.present if labels is None else tuple(dict.fromkeys(labels))
        self._check(wanted)
        if not wanted:
            return {}
        with Slabs() as slabs:
            orders = self._orders(wanted, slabs)
            return self._gathered(orders, slabs)

    def triangles(self) -> Int32:
        """(2 q, 3) int32: every quad of the net split from its first to its third corner."""
        return self.quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)

    def _check(self, labels: Iterable[int]) -> None:
        missing = sorted(set(labels) - set(self.present))
        if missing:
            raise InvalidValue(f"label {missing[0]} has no voxel; there are {self.present}")

    def _orders(self, labels: tuple[int, ...], slabs: Slabs) -> dict[int, Int32]:
        """The quads that bound each label, ascending; ~q where the label is outside."""
        spans = slabs.cuts(len(self.quads))
        counts = np.zeros((len(spans), len(self.voxel_counts)), dtype=np.int64)
        slabs.each(range(len(spans)), lambda n: tally(*spans[n], self.labels, counts[n]))
        places = np.full_like(counts, -1)
        start = 0
        for label in labels:
            ends = start + np.cumsum(counts[:, label])
            places[:, label] = ends - counts[:, label]
            start = int(ends[-1])
        starts = [int(places[0, label]) for label in labels]
        order = fresh((start,), np.int32)
        slabs.each(range(len(spans)), lambda n: sort_by_label(*spans[n], self.labels, places[n], order))
        return dict(zip(labels, np.split(order, starts[1:]), strict=True))

    def _gathered(self, orders: dict[int, Int32], slabs: Slabs) -> dict[int, Surface]:
        boards: SimpleQueue[Int32] = SimpleQueue()  # one a thread, lazily zero and zero again after use
        for _ in range(min(slabs.threads, len(orders))):
            boards.put(np.zeros((4, len(self.vertices_mm)), dtype=np.int32))
        found: dict[int, Surface] = {}

        def take(label: int) -> None:
            order = orders[label]
            faces = fresh((2 * len(order), 3), np.int32)
            # A closed part has at least 6 quads, and at most 2 vertices more than quads.
            room = len(order) + len(order) // 3
            sources = fresh((room,), np.uint32)
            vertices = fresh((room, 3), np.float32)
            board = boards.get()
            count = gather(order, self.quads, self.sheets, self.vertices_mm, board, sources, vertices, faces)
            boards.put(board)
            found[label] = Surface(self.frame, vertices[:count], faces)

        slabs.each(sorted(orders, key=lambda label: -len(orders[label])), take)
        return {label: found[label] for label in orders}
