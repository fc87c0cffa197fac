"""Simplification with an error bound in millimetres: closed two-manifold in, closed two-manifold out.

Half-edge collapses on blocks that fit a core's cache, many blocks at once. What the corners of two blocks share is
left alone, then the blocks are laid anew, half a block off, and the seams of the first round get their turn.
Vertices are a subset of the surface's own. Orientation, genus and the number of parts are kept; how far the result
lies from the surface is bounded in both directions by `error_mm` (see `engine.mesh.simplify_kernels` for the proof).

Neighbouring structures are simplified each by itself: where they shared a boundary, gaps or overlaps of at most the
sum of their errors can open. Parts of one surface closer to each other than that may come to touch.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Int32, frozen
from engine.core.errors import InvalidValue
from engine.core.surface import Surface
from engine.mesh import simplify_blocks as blocks
from engine.mesh.kernels_slabs import thread_count
from engine.mesh.simplify_kernels import INSIDE, simplify_block

UInt8 = NDArray[np.uint8]
UInt16 = NDArray[np.uint16]
UInt32 = NDArray[np.uint32]
Int64 = NDArray[np.int64]

#: Vertices a block should hold: with rings and scratch about a megabyte, half of a usual core's second-level cache.
_TARGET_VERTICES = 8192
#: Vertices a block may hold; a denser cell is made smaller first and cut in the order of its vertices last.
_MOST_VERTICES = 40_000
#: Cells along the longest side at most: at 32³ cells block numbers fit 16 bits whatever the surface.
_MOST_CELLS = 32
#: Share of the bound allowed in each sweep: flat places go first, so that error is spent where it saves most.
_SCHEDULE = (1 / 4, 1 / 2, 1.0)
#: Kept back from the bound for the rounding of float32 distances.
_ROUNDING = 1e-3
#: Faces handed to one task when faces are sorted by block; fixed, so that results do not depend on threads.
_FACES_PER_TASK = 1 << 18


@dataclass(frozen=True, slots=True)
class Draft:
    """A surface being simplified: arrays of `Surface` and, per vertex, what its triangles have lost so far.

    Attributes:
        vertices: (v, 3) float32, millimetres.
        faces: (f, 3) int32.
        error: (v,) float32, bound on the error of every triangle at the vertex, mm.
        wait: (v,) float32, the least limit at which trying to collapse the vertex again can succeed, mm.
    """

    vertices: Float32
    faces: Int32
    error: Float32
    wait: Float32

    @classmethod
    def of(cls, surface: Surface) -> Draft:
        """A draft of `surface`, with the error it already has."""
        count = len(surface.vertices_mm)
        error = np.full(count, surface.error_mm, np.float32)
        return cls(surface.vertices_mm, surface.faces, error, np.zeros(count, np.float32))


def simplify(surface: Surface, bound_mm: float, *, workers: int | None = None) -> Surface:
    """`surface` with as few triangles as its shape allows within `bound_mm`.

    Args:
        surface: closed two-manifold; where it is not, the offending vertices stay as they are.
        bound_mm: largest distance, both ways, from the surface that `surface` was made from.
        workers: threads; all processors by default. The result does not depend on it.

    Returns:
        A surface whose `error_mm` is the bound actually reached.

    Raises:
        InvalidValue: `bound_mm` is not positive.
    """
    with ThreadPoolExecutor(workers or thread_count()) as pool:
        draft = reduce(Draft.of(surface), bound_mm, pool)
    return finished(surface, draft)


def finished(surface: Surface, draft: Draft) -> Surface:
    """`draft` of `surface` as a surface of its own."""
    error = float(draft.error.max(initial=0.0)) * (1 + _ROUNDING)
    return Surface(surface.frame, draft.vertices, draft.faces, max(error, surface.error_mm))


def reduce(draft: Draft, bound_mm: float, pool: Executor) -> Draft:
    """`draft` simplified within `bound_mm`, in two rounds whose blocks are half a block apart.

    Raises:
        InvalidValue: `bound_mm` is not positive.
    """
    if not bound_mm > 0 or not np.isfinite(bound_mm):
        raise InvalidValue(f"a simplification bound is a positive number of millimetres, got {bound_mm}")
    for offset in (0.0, 0.5):
        if len(draft.faces):
            draft = _round(draft, bound_mm * (1 - _ROUNDING), offset, pool)
    return draft


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Vertices sorted by block."""

    start: Int64  # (blocks + 1,) int64
    members: Int32  # (v,) vertices, block after block
    code: UInt32  # (v,) uint32, block << 16 | place within it

    @property
    def count(self) -> int:
        return len(self.start) - 1


def _round(draft: Draft, limit_mm: float, offset: float, pool: Executor) -> Draft:
    """One pass over all blocks, laid `offset` of a block away from the corner of the surface."""
    laid = _lay_blocks(draft, offset)
    kind = np.full(len(draft.vertices), INSIDE, np.uint8)
    inside, row, seam = _split_faces(draft.faces, laid, kind, pool)
    error, wait = draft.error.copy(), draft.wait.copy()
    limits = np.array([limit_mm * share for share in _SCHEDULE], np.float32)
    out = np.empty((len(inside), 3), np.int32)

    def run(block: int) -> Int32:
        rows = slice(row[block], row[block + 1])
        members = laid.members[laid.start[block] : laid.start[block + 1]]
        target: Int32 = out[rows]
        return target[: simplify_block(draft.vertices, members, inside[rows], error, wait, limits, kind, target)]

    kept = [*pool.map(run, range(laid.count)), seam]
    renumbered = np.empty(len(kind), np.int32)
    vertices, error, wait = blocks.compact(draft.vertices, error, wait, laid.members, kind, renumbered)
    # Read-only as the surface's own arrays are: the kernels are compiled once for both.
    return Draft(frozen(vertices), frozen(_joined(kept, renumbered, pool)), error, wait)


def _lay_blocks(draft: Draft, offset: float) -> _Blocks:
    vertices = draft.vertices
    low, high = blocks.extent(vertices)
    edge_mm = max(_edge_for_target(draft), float((high - low).max()) / _MOST_CELLS, 1e-3)
    cell = np.empty(len(vertices), np.int32)
    while True:
        origin = (low - np.float32(offset * edge_mm)).astype(np.float32)
        shape = (np.floor((high - origin) / edge_mm) + 1).astype(np.int64)
        counts = blocks.count_cells(vertices, origin, 1 / edge_mm, shape, cell)
        if counts.max() <= _MOST_VERTICES or shape.max() >= _MOST_CELLS:
            break
        edge_mm *= 0.7
    return _sorted_by_block(cell, counts)


def _edge_for_target(draft: Draft) -> float:
    """Edge of a cube that about two sheets of the surface cross with `_TARGET_VERTICES` vertices, from a few faces."""
    few = draft.vertices[draft.faces[:: max(1, len(draft.faces) // 4096)]].astype(np.float64)
    area_per_face = np.linalg.norm(np.cross(few[:, 1] - few[:, 0], few[:, 2] - few[:, 0]), axis=1).mean() / 2
    return float(np.sqrt(_TARGET_VERTICES * 2 * area_per_face / 2))


def _sorted_by_block(cell: Int32, counts: Int64) -> _Blocks:
    parts = -(-counts // _MOST_VERTICES)
    first_block, first_place = np.cumsum(parts) - parts, np.cumsum(counts) - counts
    code, members = np.empty(len(cell), np.uint32), np.empty(len(cell), np.int32)
    blocks.place(cell, first_block.astype(np.int32), first_place, _MOST_VERTICES, code, members)
    # The n-th block of a cell starts `_MOST_VERTICES` after the one before.
    nth = np.arange(parts.sum()) - np.repeat(first_block, parts)
    start = np.append(np.repeat(first_place, parts) + nth * _MOST_VERTICES, len(cell))
    return _Blocks(start, members, code)


def _split_faces(faces: Int32, laid: _Blocks, kind: UInt8, pool: Executor) -> tuple[UInt16, Int64, Int32]:
    """Faces by block: (f, 3) uint16 block-local, (blocks + 1,) first rows, and the seam's faces, global."""
    parts = [faces[i : i + _FACES_PER_TASK] for i in range(0, len(faces), _FACES_PER_TASK)]
    counts = np.zeros((len(parts), laid.count + 1), np.int64)
    list(pool.map(lambda part, count: blocks.count_faces(part, laid.code, count), parts, counts))
    total = counts.sum(axis=0)
    row = np.concatenate([[0], np.cumsum(total[:-1])])
    cursor = np.cumsum(counts, axis=0) - counts
    cursor[:, :-1] += row[:-1]
    inside, seam = np.empty((row[-1], 3), np.uint16), np.empty((total[-1], 3), np.int32)
    list(pool.map(lambda part, at: blocks.split_faces(part, laid.code, at, inside, seam, kind), parts, cursor))
    return inside, row, seam


def _joined(kept: Sequence[Int32], renumbered: Int32, pool: Executor) -> Int32:
    """The parts of `kept` in one array, with new vertex numbers."""
    row = np.concatenate([[0], np.cumsum([len(part) for part in kept])])
    faces = np.empty((row[-1], 3), np.int32)
    list(pool.map(lambda part, at: blocks.renumber(part, renumbered, faces[at : at + len(part)]), kept, row[:-1]))
    return faces
