"""Numba kernels that cut a surface into blocks for `engine.mesh.simplify`, and put it together again."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.mesh.kernels_bits import kernel
from engine.mesh.simplify_kernels import BORDER, GONE

#: A vertex's place is its block in the upper 16 bits, its place within the block in the lower 16.
_LOCAL = np.uint32(0xFFFF)
_SHIFT = np.uint32(16)


@kernel
def extent(vertices: Any) -> Any:
    """Lowest and highest corner of the (v, 3) vertices, (2, 3)."""
    corners = np.empty((2, 3), np.float32)
    for axis in range(3):
        low = high = vertices[0, axis]
        for v in range(len(vertices)):
            low, high = min(low, vertices[v, axis]), max(high, vertices[v, axis])
        corners[0, axis], corners[1, axis] = low, high
    return corners


@kernel
def count_cells(vertices: Any, origin: Any, per_mm: float, shape: Any, cell: Any) -> Any:
    """Assign each vertex to a cubic cell; returns how many vertices each cell holds.

    Args:
        vertices: (v, 3) millimetres.
        origin: (3,) corner of the first cell.
        per_mm: cells per millimetre.
        shape: (3,) cells along x, y, z.
        cell: (v,) written.
    """
    counts = np.zeros(shape[0] * shape[1] * shape[2], np.int64)
    scale = np.float32(per_mm)
    for v in range(len(vertices)):
        x = min(max(np.int64((vertices[v, 0] - origin[0]) * scale), 0), shape[0] - 1)
        y = min(max(np.int64((vertices[v, 1] - origin[1]) * scale), 0), shape[1] - 1)
        z = min(max(np.int64((vertices[v, 2] - origin[2]) * scale), 0), shape[2] - 1)
        at = (z * shape[1] + y) * shape[0] + x
        cell[v] = at
        counts[at] += 1
    return counts


@kernel
def place(cell: Any, first_block: Any, start: Any, most: int, code: Any, members: Any) -> None:
    """Sort vertices by cell, keeping their order inside one; a cell of more than `most` makes several blocks.

    Args:
        cell: (v,) of `count_cells`.
        first_block: (cells,) number of each cell's first block.
        start: (cells,) first place of each cell in `members`.
        most: vertices a block may hold.
        code: (v,) written: block << 16 | place within the block.
        members: (v,) written: vertices, block after block.
    """
    filled = np.zeros(len(start), np.int64)
    for v in range(len(cell)):
        c = cell[v]
        nth = filled[c]
        filled[c] = nth + 1
        code[v] = (np.uint32(first_block[c] + nth // most) << _SHIFT) | np.uint32(nth % most)
        members[start[c] + nth] = v


@kernel
def count_faces(faces: Any, code: Any, counts: Any) -> None:
    """Count the faces that lie in each block; the last of `counts` is the seam, faces that lie in none."""
    for f in range(faces.shape[0]):
        a, b, c = code[faces[f, 0]] >> _SHIFT, code[faces[f, 1]] >> _SHIFT, code[faces[f, 2]] >> _SHIFT
        if a == b and b == c:
            counts[a] += 1
        else:
            counts[-1] += 1


@kernel
def split_faces(faces: Any, code: Any, cursor: Any, inside: Any, seam: Any, kind: Any) -> None:
    """Sort faces by block: `inside` holds block-local corners, `seam` global ones; `cursor` the next free rows.

    Corners of seam faces become BORDER in `kind`; tasks may write the same value at once.
    """
    for f in range(faces.shape[0]):
        i, j, k = code[faces[f, 0]], code[faces[f, 1]], code[faces[f, 2]]
        block = i >> _SHIFT
        if block == j >> _SHIFT and block == k >> _SHIFT:
            row = cursor[block]
            cursor[block] = row + 1
            inside[row, 0], inside[row, 1], inside[row, 2] = i & _LOCAL, j & _LOCAL, k & _LOCAL
        else:
            row = cursor[-1]
            cursor[-1] = row + 1
            for c in range(3):
                seam[row, c] = faces[f, c]
                kind[faces[f, c]] = BORDER


@kernel
def compact(vertices: Any, error: Any, wait: Any, members: Any, kind: Any, renumbered: Any) -> tuple[Any, Any, Any]:
    """Vertices that are left, in block order, with their error and wait; writes their new numbers."""
    left = 0
    for i in range(len(members)):
        left += kind[members[i]] != GONE
    kept = np.empty((left, 3), np.float32)
    kept_error, kept_wait = np.empty(left, np.float32), np.empty(left, np.float32)
    at = 0
    for i in range(len(members)):
        m = members[i]
        if kind[m] != GONE:
            renumbered[m] = at
            kept[at, 0], kept[at, 1], kept[at, 2] = vertices[m, 0], vertices[m, 1], vertices[m, 2]
            kept_error[at], kept_wait[at] = error[m], wait[m]
            at += 1
    return kept, kept_error, kept_wait


@kernel
def renumber(faces: Any, renumbered: Any, out: Any) -> None:
    """`out` = `faces` with each corner's new number."""
    for f in range(faces.shape[0]):
        for c in range(3):
            out[f, c] = renumbered[faces[f, c]]
