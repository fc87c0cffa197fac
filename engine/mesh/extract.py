"""Surfaces of a whole label map in one pass.

Surface nets: one vertex for every 2×2×2 cell whose labels differ, one quad for every two
neighbouring voxels that differ (Gibson 1998). Structures share the vertices of their boundary, so
there are no gaps and no overlaps; the volume counts as surrounded by background, so every structure
is closed at its border. `docs/decisions/0002-surface-nets.md` says how surfaces stay two-manifold.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.progress import Progress, silent
from engine.core.volume import LabelMap
from engine.mesh.cell_net import CellNet
from engine.mesh.extract_grid import check_counts, patient_from_cell
from engine.mesh.extract_net import SurfaceNet
from engine.mesh.extract_sheets import EDGES, sheet_table
from engine.mesh.kernels_bits import WORD
from engine.mesh.kernels_memory import fresh
from engine.mesh.kernels_net import PLANES, classify, stitch, untangle
from engine.mesh.kernels_slabs import Slabs
from engine.mesh.kernels_smooth import link, place
from engine.mesh.smooth import DEFAULT_SMOOTHING, Smoothing, smooth

#: A box of so many voxels is done in the time that it takes to start threads and to wait for them.
FEW_VOXELS = 2_000_000


def extract(
    label_map: LabelMap,
    *,
    labels: Collection[int] | None = None,
    smoothing: Smoothing = DEFAULT_SMOOTHING,
    progress: Progress = silent,
) -> SurfaceNet:
    """The surface net of `label_map`, made where its labels are: on the CPU, or on the device of a torch tensor.

    Args:
        labels: those to keep; the others count as background. All when None.

    Raises:
        InvalidValue: a label that the map cannot hold, or more vertices or quads than indices (`check_counts`).
        Cancelled: from `progress`.
    """
    _check_labels(label_map, labels)
    if str(getattr(label_map.labels, "device", "cpu")) != "cpu":
        return _on_device(label_map, labels, smoothing, progress)
    samples = np.ascontiguousarray(np.asarray(label_map.labels).T)
    with Slabs() as slabs:
        progress(0.0, "finding surfaces")
        cells = _classified(samples, _kept(samples.dtype, labels), slabs)
        # Positions first: what smoothing works on is the larger part of the memory, and is gone before quads are made.
        progress(0.1, "smoothing surfaces")
        vertices = _placed(cells, label_map.grid, _smoothed(cells, smoothing, slabs), slabs)
        progress(0.7, "smoothing surfaces")
        quads, pairs, sheets, voxels = _stitched(cells, not label_map.grid.is_right_handed, slabs)
    progress(1.0, "smoothing surfaces")
    return SurfaceNet(label_map.grid.frame, vertices, quads, pairs, sheets, voxels, label_map.grid.voxel_volume_mm3)


def extract_cells(
    labels: NDArray[Any],
    *,
    kept: Collection[int] | None = None,
    smoothing: Smoothing = DEFAULT_SMOOTHING,
    is_mirrored: bool = False,
) -> CellNet:
    """The surface net of labels `[i, j, k]` in their own lattice: for those who put parts of a volume together.

    Args:
        kept: labels to keep, as in `extract`.
        is_mirrored: the voxel axes are left-handed in the patient.
    """
    samples = np.ascontiguousarray(labels.T)
    with Slabs(1 if samples.size < FEW_VOXELS else None) as slabs:
        cells = _classified(samples, _kept(samples.dtype, kept), slabs)
        offsets = np.zeros((cells.vertex_count, 3), dtype=np.int16)
        if smoothing.iterations:
            offsets = np.ascontiguousarray(_smoothed(cells, smoothing, slabs)[: cells.vertex_count, :3])
        places = fresh((cells.vertex_count, 3), np.float32)
        nothing = np.empty((0, 4), dtype=np.int16)
        slabs.over(
            cells.slices,
            lambda first, last: place(first, last, cells.bits, cells.starts, np.eye(3, 4), nothing, places),
        )
        quads, pairs, sheets, _ = _stitched(cells, is_mirrored, slabs)
    return CellNet(places.astype(np.int32), offsets, quads, pairs, sheets)


def warm_up() -> None:
    """Load the kernels, so that the first extraction does not wait for it; compiles them where they are not cached.

    For a thread that has time while scans are read: the first kernel of a process takes numba a third of a second.
    """
    labels = np.ones((1, 1, 1), dtype=np.uint8, order="F")
    extract(LabelMap(Grid.centred((1, 1, 1), 1.0), labels, ())).surfaces()


def _check_labels(label_map: LabelMap, labels: Collection[int] | None) -> None:
    greatest = 0xFF if str(label_map.labels.dtype).endswith("uint8") else 0xFFFF
    for label in labels or ():
        if not 0 < label <= greatest:
            raise InvalidValue(f"a label of this map is 1 to {greatest}, got {label}")


def _on_device(
    label_map: LabelMap, labels: Collection[int] | None, smoothing: Smoothing, progress: Progress
) -> SurfaceNet:
    from engine.mesh.torch_extract import net_tensors  # whoever has a tensor has torch; nobody else waits for it

    progress(0.0, "finding surfaces")
    samples: Any = label_map.labels
    net = net_tensors(samples, label_map.grid, labels, smoothing).to_net(label_map.grid)
    progress(1.0, "finding surfaces")
    return net


@dataclass(frozen=True, slots=True)
class _Cells:
    """The active cells of a volume as rows of bits (`engine.mesh.kernels_net`)."""

    samples: NDArray[Any]
    keep: NDArray[Any]
    bits: NDArray[np.uint64]
    before: NDArray[np.int32]
    starts: NDArray[np.int32]
    vertex_count: int
    tangle_count: int
    quad_count: int

    @property
    def slices(self) -> int:
        return len(self.starts)


def _kept(dtype: np.dtype[Any], labels: Collection[int] | None) -> NDArray[Any]:
    """By label: itself where it is kept, 0 where not; empty when all are."""
    if labels is None:
        return np.empty(0, dtype=dtype)
    keep = np.zeros(np.iinfo(dtype).max + 1, dtype=dtype)
    keep[list(labels)] = list(labels)
    return keep


def _classified(samples: NDArray[Any], keep: NDArray[Any], slabs: Slabs) -> _Cells:
    depth, height, width = samples.shape
    words = -(-(width + 2) // WORD)
    bits = fresh((depth + 2, height + 2, PLANES, words), np.uint64)
    before = fresh((depth + 1, height + 1, 2, words), np.int32)
    rows = fresh((depth + 1, height + 1, 3), np.int32)
    slabs.over(depth + 1, lambda first, last: classify(samples, keep, first, last, bits, before, rows))
    ends = np.cumsum(rows.reshape(-1, 3), axis=0, dtype=np.int64)
    check_counts(int(ends[-1, 0]), int(ends[-1, 2]))
    starts = (ends - rows.reshape(-1, 3)).astype(np.int32).reshape(rows.shape)
    return _Cells(samples, keep, bits, before, starts, *(int(count) for count in ends[-1]))


def _untangled(cells: _Cells, slabs: Slabs) -> NDArray[np.uint64]:
    codes = fresh((cells.tangle_count,), np.uint64)
    rules = (cells.samples, cells.keep, sheet_table(), np.array(EDGES))
    slabs.over(cells.slices, lambda first, last: untangle(*rules, first, last, cells.bits, cells.starts, codes))
    return codes


def _stitched(
    cells: _Cells, mirrored: bool, slabs: Slabs
) -> tuple[NDArray[np.int32], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.int64]]:
    codes = _untangled(cells, slabs)
    quads = fresh((cells.quad_count, 4), np.int32)
    pairs = fresh((cells.quad_count, 2), np.uint16)
    sheets = fresh((cells.quad_count,), np.uint16)
    spans = slabs.cuts(cells.slices)
    voxels = np.zeros((len(spans), np.iinfo(cells.samples.dtype).max + 1), dtype=np.int64)

    def work(n: int) -> None:
        stitch(
            cells.samples,
            cells.keep,
            codes,
            mirrored,
            *spans[n],
            cells.bits,
            cells.before,
            cells.starts,
            quads,
            pairs,
            sheets,
            voxels[n],
        )

    slabs.each(range(len(spans)), work)
    total = voxels.sum(axis=0)
    total[0] = 0
    return quads, pairs, sheets, total[: int(np.flatnonzero(total).max(initial=0)) + 1]


def _smoothed(cells: _Cells, smoothing: Smoothing, slabs: Slabs) -> NDArray[np.int16]:
    if not smoothing.iterations:
        return np.empty((0, 4), dtype=np.int16)
    links = fresh((cells.vertex_count, 4), np.uint32)
    masks = fresh((cells.vertex_count,), np.uint8)
    slabs.over(
        cells.slices, lambda first, last: link(first, last, cells.bits, cells.before, cells.starts, links, masks)
    )
    heads = np.append(cells.starts[:, 0, 0], cells.vertex_count).astype(np.int64)
    return smooth(heads, links, masks, smoothing, slabs)


def _placed(cells: _Cells, grid: Grid, offsets: NDArray[np.int16], slabs: Slabs) -> Float32:
    vertices = fresh((cells.vertex_count, 3), np.float32)
    matrix = patient_from_cell(grid)
    slabs.over(
        cells.slices, lambda first, last: place(first, last, cells.bits, cells.starts, matrix, offsets, vertices)
    )
    return vertices
