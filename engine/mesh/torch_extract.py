"""The surface net on any torch device: the same net as the CPU kernels, vertex for vertex and quad for quad.

Whole volumes are only ever compared byte by byte (about 20 bytes a voxel move through memory); the first thing made
from the result is the list of active cells, and everything after works on that. The one other array of the volume's
size, int32 numbers of the active cells, is never initialised.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from engine.core.array import Float64
from engine.core.grid import Grid
from engine.mesh.extract_grid import check_counts, patient_from_cell
from engine.mesh.extract_net import SurfaceNet
from engine.mesh.extract_sheets import EDGES, FACES, NO_FACE, sheet_table
from engine.mesh.kernels_net import ALTERNATIVE, PINCHED
from engine.mesh.kernels_smooth import DIRECTIONS, PARTS_PER_VOXEL
from engine.mesh.smooth import Smoothing, step_table

#: Cells round an edge along x, y, z as steps (i, j, k) from the highest of them, in the order of the quad's corners.
ROUND = (
    ((0, -1, -1), (0, 0, -1), (0, 0, 0), (0, -1, 0)),
    ((-1, 0, -1), (-1, 0, 0), (0, 0, 0), (0, 0, -1)),
    ((-1, -1, 0), (0, -1, 0), (0, 0, 0), (-1, 0, 0)),
)
#: The edge of each of these cells that the quad crosses, as `EDGES` numbers them.
CROSSED = ((3, 2, 0, 1), (7, 5, 4, 6), (11, 10, 8, 9))
CORNERS = tuple((n & 1, n >> 1 & 1, n >> 2) for n in range(8))


@dataclass(frozen=True, slots=True)
class NetTensors:
    """A surface net as tensors on one device; the fields are those of `SurfaceNet`, labels and sheets as int32."""

    vertices_mm: Tensor
    quads: Tensor
    labels: Tensor
    sheets: Tensor
    voxel_counts: Tensor

    def to_net(self, grid: Grid) -> SurfaceNet:
        """Copied to the host as the net of `grid`."""
        return SurfaceNet(
            grid.frame,
            self.vertices_mm.cpu().numpy(),
            self.quads.cpu().numpy(),
            self.labels.cpu().numpy().astype(np.uint16),
            self.sheets.cpu().numpy().astype(np.uint16),
            self.voxel_counts.cpu().numpy(),
            grid.voxel_volume_mm3,
        )


def net_tensors(labels: Tensor, grid: Grid, keep: Collection[int] | None, smoothing: Smoothing) -> NetTensors:
    """The surface net of `labels`, uint8 or uint16 [i, j, k], on their device.

    Raises:
        InvalidValue: more vertices or quads than indices (`check_counts`).
    """
    padded = _padded(labels.permute(2, 1, 0), keep)
    cells = _active_cells(padded)
    quads = _quads(cells)
    pairs, sheets, voxels = _labelled(cells, quads)
    reverse = quads.reverse ^ (not grid.is_right_handed)
    corners = torch.where(reverse[:, None], quads.corners[:, [0, 3, 2, 1]], quads.corners)
    return NetTensors(
        _positions(cells, _offsets(cells, smoothing), patient_from_cell(grid)),
        corners,
        pairs,
        torch.where(reverse, _reversed(sheets), sheets),
        voxels,
    )


def _padded(labels: Tensor, keep: Collection[int] | None) -> Tensor:
    """Labels with one voxel of background all round; 16 bits keep their pattern in int16, which torch can compare."""
    wide = labels.dtype == torch.uint16
    samples = labels.view(torch.int16) if wide else labels
    shape = [n + 2 for n in samples.shape]
    padded = torch.zeros(shape, dtype=samples.dtype, device=samples.device)
    inner = padded[1:-1, 1:-1, 1:-1]
    if keep is None:
        inner.copy_(samples)
        return padded
    kept = torch.zeros(2**16 if wide else 2**8, dtype=samples.dtype, device=samples.device)
    for label in keep:
        kept[label] = label - 2**16 if label >= 2**15 else label
    for k, one in enumerate(samples):
        inner[k] = kept.index_select(0, _unsigned(one.reshape(-1))).reshape(one.shape)
    return padded


def _unsigned(labels: Tensor) -> Tensor:
    """int32 labels from uint8, or from the pattern of 16 bits in int16."""
    return labels.to(torch.int32) & 0xFFFF


@dataclass(frozen=True, slots=True)
class _Cells:
    """The active cells, i fastest.

    Attributes:
        where: (v,) int64 number of each in the whole array of cells.
        shape: cells along k, j, i.
        numbers: int32 by cell: which active cell it is; arbitrary elsewhere.
        padded: labels; cell (a, b, c) has padded voxels a, b, c to a + 1, b + 1, c + 1.
        corners: (v, 8) labels of the corners as in `padded`, corner dx + 2 dy + 4 dz.
    """

    where: Tensor
    shape: tuple[int, int, int]
    numbers: Tensor
    padded: Tensor
    corners: Tensor

    @property
    def count(self) -> int:
        return len(self.where)

    def step(self, direction: tuple[int, ...]) -> int:
        """What a step (i, j, k) adds to the number of a cell."""
        return direction[0] + self.shape[2] * (direction[1] + self.shape[1] * direction[2])

    def places(self) -> tuple[Tensor, Tensor, Tensor]:
        """Padded numbers (a, b, c) of the active cells along i, j, k."""
        _, height, width = self.shape
        return self.where % width, self.where // width % height, self.where // (width * height)


def _voxel_numbers(padded: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    _, height, width = padded.shape
    return a + width * (b + height * c)


def _corner_steps(padded: Tensor) -> Tensor:
    _, height, width = padded.shape
    return torch.tensor([x + width * (y + height * z) for x, y, z in CORNERS], device=padded.device)


def _active_cells(padded: Tensor) -> _Cells:
    low, high = slice(None, -1), slice(1, None)
    active = padded[:, :, high] != padded[:, :, low]
    active = active[:, high] | active[:, low]
    active = active[high] | active[low]
    along_y = padded[:, high, low] != padded[:, low, low]
    active |= along_y[high]
    active |= along_y[low]
    active |= padded[high, low, low] != padded[low, low, low]
    where = torch.nonzero(active.reshape(-1)).reshape(-1)
    check_counts(len(where), 0)
    numbers = torch.empty(active.numel(), dtype=torch.int32, device=padded.device)
    numbers[where] = torch.arange(len(where), dtype=torch.int32, device=padded.device)
    shape = cast("tuple[int, int, int]", tuple(active.shape))
    cells = _Cells(where, shape, numbers, padded, padded)
    at = _voxel_numbers(padded, *cells.places())
    return _Cells(where, shape, numbers, padded, padded.reshape(-1)[at[:, None] + _corner_steps(padded)])


@dataclass(frozen=True, slots=True)
class _Quads:
    """One quad for each two neighbouring voxels that differ, by highest cell, then axis.

    Attributes:
        owner, axis: (q,) int64 highest cell, and direction of the voxels.
        corners: (q, 4) int32 cells, counter-clockwise seen from the upper voxel in right-handed voxel space.
        reverse: (q,) whether the upper voxel has the greater label, so that they have to run the other way.
    """

    owner: Tensor
    axis: Tensor
    corners: Tensor
    reverse: Tensor


def _quads(cells: _Cells) -> _Quads:
    labels = cells.corners
    differ = torch.stack([labels[:, upper] != labels[:, 0] for upper in (1, 2, 4)], dim=1)
    found = torch.nonzero(differ.reshape(-1)).reshape(-1)
    check_counts(cells.count, len(found))
    owner, axis = found // 3, found % 3
    steps = torch.tensor([[cells.step(step) for step in ring] for ring in ROUND], device=labels.device)
    corners = cells.numbers[cells.where[owner][:, None] + steps[axis]]
    reverse = _unsigned(labels[owner, 0]) < _unsigned(labels[owner, 1 << axis])
    return _Quads(owner, axis, corners, reverse)


def _labelled(cells: _Cells, quads: _Quads) -> tuple[Tensor, Tensor, Tensor]:
    """Labels (q, 2) inside and outside; sheets (q,) before any reversal; voxels by label."""
    lower = _unsigned(cells.corners[quads.owner, 0])
    upper = _unsigned(cells.corners[quads.owner, 1 << quads.axis])
    pairs = torch.stack((torch.maximum(lower, upper), torch.minimum(lower, upper)), dim=1)
    codes, has_code = _codes(cells)
    sheets = torch.zeros_like(lower)
    rows = torch.nonzero((has_code[quads.corners] >= 0).any(dim=1)).reshape(-1)
    crossed = torch.tensor(CROSSED, device=lower.device)
    for n in range(4):
        at = has_code[quads.corners[rows, n]]
        pair = codes[at.clamp(min=0), crossed[quads.axis[rows], n]]  # (r, 2): lower and upper corner's label
        inside_outside = torch.where(quads.reverse[rows][:, None], pair.flip(1), pair)
        sheet = inside_outside[:, 0] << (2 * n) | inside_outside[:, 1] << (8 + 2 * n)
        sheets[rows] |= torch.where((at >= 0), sheet, 0)
    sheets = torch.where(pairs[:, 1] == 0, sheets & 0xFF, sheets)
    # Where runs along x end, less where they begin.
    along_x = quads.axis == 0
    ends = cells.places()[0][quads.owner[along_x]].to(torch.float64)
    most = int(pairs.max()) + 1 if len(pairs) else 1
    voxels = torch.bincount(lower[along_x], ends, most) - torch.bincount(upper[along_x], ends, most)
    voxels[0] = 0
    return pairs, sheets, voxels.round().to(torch.int64)


def _reversed(sheets: Tensor) -> Tensor:
    """`sheets` after the second and fourth corners change places."""
    return (sheets & 0x3333) | (sheets & 0x0C0C) << 4 | (sheets & 0xC0C0) >> 4


def _codes(cells: _Cells) -> tuple[Tensor, Tensor]:
    """Sheets (t, 12, 2) of the labels at the lower and upper corner of each edge, and (v,) which row a cell has or -1.

    Cells with four differing edges round a face, or with opposite corners that both stand alone, have one.
    """
    device = cells.where.device
    low, high = torch.tensor(EDGES, device=device).T
    differ = cells.corners[:, low] != cells.corners[:, high]
    tangled = torch.zeros(cells.count, dtype=torch.bool, device=device)
    for group in _tangles():
        tangled |= differ[:, list(group)].all(dim=1)
    rows = torch.nonzero(tangled).reshape(-1)
    has_code = torch.full((cells.count,), -1, dtype=torch.int32, device=device)
    has_code[rows] = torch.arange(len(rows), dtype=torch.int32, device=device)
    corners = cells.corners[rows]
    bit = 1 << torch.arange(8, device=device)
    masks = ((corners[:, :, None] == corners[:, None, :]) * bit).sum(dim=2)  # by corner: who has its label
    table = torch.from_numpy(sheet_table().astype(np.int32)).to(device)
    columns = ALTERNATIVE * _pinched_on_both_sides(cells, rows, corners, masks, table)
    edge = torch.arange(12, device=device)
    codes = torch.stack([table[masks[:, end], columns[:, end] + edge] for end in (low, high)], dim=2)
    return codes, has_code


def _tangles() -> list[tuple[int, ...]]:
    """Groups of edges that a tangled cell has one of."""
    edge = {frozenset(ends): n for n, ends in enumerate(EDGES)}
    faces = [tuple(edge[frozenset((f[n - 1], f[n]))] for n in range(4)) for f in FACES]
    alone = [tuple(edge[frozenset((n, n ^ axis))] for axis in (1, 2, 4)) for n in range(8)]
    return faces + [alone[n] + alone[7 - n] for n in range(4)]


def _pinched_on_both_sides(cells: _Cells, rows: Tensor, corners: Tensor, masks: Tensor, table: Tensor) -> Tensor:
    """(t, 8) int64 by corner: 1 where its label is pinched at a face here and in the cell beyond."""
    faces = table[masks, PINCHED]
    pinched = torch.zeros_like(masks)
    at, corner = torch.nonzero((faces != NO_FACE) & (corners != 0), as_tuple=True)
    face = faces[at, corner].to(torch.int64)
    direction = torch.from_numpy(DIRECTIONS.astype(np.int64)).to(rows.device)[face]
    a, b, c = (place[rows[at]] + direction[:, n] for n, place in enumerate(cells.places()))
    beyond = cells.padded.reshape(-1)[_voxel_numbers(cells.padded, a, b, c)[:, None] + _corner_steps(cells.padded)]
    bit = 1 << torch.arange(8, device=rows.device)
    mask = ((beyond == corners[at, corner][:, None]) * bit).sum(dim=1)
    pinched[at, corner] = (table[mask, PINCHED] == (face ^ 1)).to(torch.int64)
    return pinched


def _offsets(cells: _Cells, smoothing: Smoothing) -> Tensor:
    """(v, 3) float32 whole parts of a voxel from the cells' centres, as `engine.mesh.smooth` moves them."""
    device = cells.where.device
    offsets = torch.zeros((cells.count + 1, 3), device=device)  # the last row stands for a neighbour that is not there
    if not smoothing.iterations or not cells.count:
        return offsets[:-1]
    links, masks = _links(cells)
    limit = smoothing.reach_voxels * PARTS_PER_VOXEL
    for step in smoothing.steps:
        gain, drift = (torch.from_numpy(table).to(device) for table in step_table(step))
        # Sums of six whole numbers are exact in float32, in any order.
        total = torch.nn.functional.embedding_bag(links, offsets, mode="sum")
        moved = total * gain[masks][:, None] + drift[masks, :3] * PARTS_PER_VOXEL
        moved += offsets[:-1] * np.float32(1.0 - step).item()
        offsets[:-1] = moved.clamp_(-limit, limit).round_()
    return offsets[:-1]


def _links(cells: _Cells) -> tuple[Tensor, Tensor]:
    """Neighbours (v, 6) int32 at -x +x -y +y -z +z, or v where there is none, and link masks (v,) int64."""
    device = cells.where.device
    links = torch.full((cells.count, 6), cells.count, dtype=torch.int32, device=device)
    masks = torch.zeros(cells.count, dtype=torch.int64, device=device)
    for n, face in enumerate(FACES):
        first = cells.corners[:, face[0]]
        rows = torch.nonzero(torch.stack([cells.corners[:, m] != first for m in face[1:]]).any(dim=0)).reshape(-1)
        step = cells.step(tuple(int(d) for d in DIRECTIONS[n]))
        links[rows, n] = cells.numbers[cells.where[rows] + step]
        masks[rows] |= 1 << n
    return links, masks


def _positions(cells: _Cells, offsets: Tensor, matrix: Float64) -> Tensor:
    """(v, 3) float32 patient positions."""
    part = 1.0 / PARTS_PER_VOXEL
    x, y, z = (place + offsets[:, n].to(torch.float64) * part for n, place in enumerate(cells.places()))
    rows = [row[0] * x + row[1] * y + row[2] * z + row[3] for row in matrix.tolist()]
    return torch.stack(rows, dim=1).to(torch.float32)
