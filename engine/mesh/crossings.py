"""Triangles of a surface that run through each other: what a printer's slicer cannot make sense of.

Two triangles cross where an edge of one passes through the other (Möller and Trumbore's test, "Fast, minimum storage
ray/triangle intersection", 1997). Those that share a vertex touch there and are left out; so are ones that only touch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.core.array import Int32
from engine.core.surface import Surface
from engine.mesh.kernels_bits import inlined, kernel

#: Cells along the longest side at most.
_MOST_CELLS = 192
_EDGE = 1e-9
_MOST_PAIRS = 10_000


def crossings(surface: Surface) -> Int32:
    """(n, 2) pairs of triangles that run through each other; no more than 10,000 are listed."""
    if not surface.triangle_count:
        return np.zeros((0, 2), np.int32)
    corners = surface.vertices_mm.astype(np.float64)[surface.faces]
    lows, highs = corners.min(axis=1), corners.max(axis=1)
    low, extent = lows.min(axis=0), float((highs.max(axis=0) - lows.min(axis=0)).max())
    size_mm = max(float((highs - lows).max(axis=1).mean()) * 2, extent / _MOST_CELLS, 1e-6)
    first = ((lows - low) / size_mm).astype(np.int64)
    last = ((highs - low) / size_mm).astype(np.int64)
    shape = last.max(axis=0) + 1
    pairs = np.empty((_MOST_PAIRS, 2), np.int32)
    return pairs[: _crossings(corners, surface.faces, first, last, shape, pairs)]


@inlined
def _passes(corners: Any, f: int, a: int, b: int, g: int) -> bool:
    """Whether the edge from corner a to b of triangle f passes through triangle g."""
    px, py, pz = corners[f, a, 0], corners[f, a, 1], corners[f, a, 2]
    dx, dy, dz = corners[f, b, 0] - px, corners[f, b, 1] - py, corners[f, b, 2] - pz
    ex, ey, ez = (
        corners[g, 1, 0] - corners[g, 0, 0],
        corners[g, 1, 1] - corners[g, 0, 1],
        corners[g, 1, 2] - corners[g, 0, 2],
    )
    hx, hy, hz = (
        corners[g, 2, 0] - corners[g, 0, 0],
        corners[g, 2, 1] - corners[g, 0, 1],
        corners[g, 2, 2] - corners[g, 0, 2],
    )
    cx, cy, cz = dy * hz - dz * hy, dz * hx - dx * hz, dx * hy - dy * hx
    det = ex * cx + ey * cy + ez * cz
    if abs(det) < 1e-15:
        return False
    sx, sy, sz = px - corners[g, 0, 0], py - corners[g, 0, 1], pz - corners[g, 0, 2]
    u = (sx * cx + sy * cy + sz * cz) / det
    if u <= _EDGE or u >= 1.0 - _EDGE:
        return False
    qx, qy, qz = sy * ez - sz * ey, sz * ex - sx * ez, sx * ey - sy * ex
    v = (dx * qx + dy * qy + dz * qz) / det
    if v <= _EDGE or u + v >= 1.0 - _EDGE:
        return False
    t = (hx * qx + hy * qy + hz * qz) / det
    return bool(_EDGE < t < 1.0 - _EDGE)


@inlined
def _cross(corners: Any, f: int, g: int) -> bool:
    for k in range(3):
        after = (k + 1) % 3
        if _passes(corners, f, k, after, g) or _passes(corners, g, k, after, f):
            return True
    return False


@kernel
def _crossings(corners: Any, faces: Any, first: Any, last: Any, shape: Any, pairs: Any) -> int:
    """Triangles are listed by the cells that their boxes touch; a pair is tried in the first cell that both touch."""
    start = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int64)
    for f in range(len(faces)):
        for x in range(first[f, 0], last[f, 0] + 1):
            for y in range(first[f, 1], last[f, 1] + 1):
                for z in range(first[f, 2], last[f, 2] + 1):
                    start[(x * shape[1] + y) * shape[2] + z + 1] += 1
    start = np.cumsum(start)
    members, cursor = np.empty(start[-1], np.int32), start.copy()
    for f in range(len(faces)):
        for x in range(first[f, 0], last[f, 0] + 1):
            for y in range(first[f, 1], last[f, 1] + 1):
                for z in range(first[f, 2], last[f, 2] + 1):
                    cell = (x * shape[1] + y) * shape[2] + z
                    members[cursor[cell]] = f
                    cursor[cell] += 1
    count = 0
    for cell in range(len(start) - 1):
        for a in range(start[cell], start[cell + 1]):
            f = members[a]
            for b in range(a + 1, start[cell + 1]):
                g = members[b]
                x, y, z = max(first[f, 0], first[g, 0]), max(first[f, 1], first[g, 1]), max(first[f, 2], first[g, 2])
                if (x * shape[1] + y) * shape[2] + z != cell:
                    continue
                shared = False
                for k in range(3):
                    for m in range(3):
                        shared = shared or faces[f, k] == faces[g, m]
                if not shared and _cross(corners, f, g):
                    pairs[count, 0], pairs[count, 1] = f, g
                    count += 1
                    if count == len(pairs):
                        return count
    return count
