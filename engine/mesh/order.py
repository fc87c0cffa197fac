"""Triangle and vertex order that a vertex cache and the index codec like: fan after fan, new vertices numbered in turn.

After Sander, Nehab, Barczak: "Fast triangle reordering for vertex locality and reduced overdraw" (Tipsify, 2007), in
linear time. Each fan is walked around its vertex, so that a triangle shares an edge with the one before and brings at
most one new vertex; the next fan is that of the vertex with the fewest triangles left, which leaves no strays behind.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Int32
from engine.mesh.kernels_bits import inlined, kernel

UInt8 = NDArray[np.uint8]

#: Triangles of one vertex that are walked in order; beyond that (poles of spheres) they come as they are.
_MOST_AROUND = 64


def in_drawing_order(faces: Int32, vertex_count: int) -> tuple[Int32, Int32]:
    """`faces` in an order that reuses vertices soon, and the vertices in the order of their first use.

    Args:
        faces: (f, 3) int32.
        vertex_count: how many vertices there are.

    Returns:
        The same triangles, renumbered and each possibly rotated, (f, 3) int32; and which old vertex each new one is,
        (u,) int32, where u counts the vertices in use.
    """
    ordered = np.empty((len(faces), 3), np.int32)
    old_of_new = np.empty(vertex_count, np.int32)
    start, corners = _corners_around(faces, vertex_count)
    used = _order(faces, start, corners, ordered, old_of_new)
    return ordered, old_of_new[:used]


@kernel
def _corners_around(faces: Any, vertex_count: Any) -> Any:
    """Corners (3 * face + place) around each vertex: start of each vertex, and the corners vertex after vertex."""
    start = np.zeros(vertex_count + 1, np.int32)
    for f in range(faces.shape[0]):
        for c in range(3):
            start[faces[f, c] + 1] += 1
    for v in range(vertex_count):
        start[v + 1] += start[v]
    cursor = start[:-1].copy()
    corners = np.empty(3 * faces.shape[0], np.int32)
    for f in range(faces.shape[0]):
        for c in range(3):
            v = faces[f, c]
            corners[cursor[v]] = 3 * f + c
            cursor[v] += 1
    return start, corners


@kernel
def _order(faces: Any, start: Any, corners: Any, ordered: Any, old_of_new: Any) -> Any:
    """Write `ordered` and `old_of_new` fan by fan; returns how many vertices are in use."""
    new_of_old, live = np.empty(len(start) - 1, np.int32), np.empty(len(start) - 1, np.int32)
    for v in range(len(live)):
        new_of_old[v], live[v] = -1, start[v + 1] - start[v]
    emitted = np.zeros(faces.shape[0], np.uint8)
    stack = np.empty(3 * faces.shape[0], np.int32)
    fan = np.empty((_MOST_AROUND, 3), np.int32)  # next vertex, vertex after that, face
    triple = np.empty(3, np.int32)
    depth = used = written = scan = 0
    centre = np.int32(0)
    while True:
        bottom = depth
        count = _live_fan(faces, start, corners, emitted, centre, fan)
        at = _fan_start(fan, count)
        for _ in range(count):
            emitted[fan[at, 2]] = 1
            triple[0], triple[1], triple[2] = centre, fan[at, 0], fan[at, 1]
            for c in range(3):
                v = triple[c]
                if new_of_old[v] < 0:
                    new_of_old[v] = used
                    old_of_new[used] = v
                    used += 1
                ordered[written, c] = new_of_old[v]
                live[v] -= 1
                stack[depth] = v
                depth += 1
            written += 1
            at = _fan_next(fan, count, at, emitted)
        centre = _next_centre(stack, bottom, depth, live)
        while centre < 0 and depth > 0:  # a dead end: back to a vertex that was left behind
            depth -= 1
            if live[stack[depth]] > 0:
                centre = stack[depth]
        while centre < 0 and scan < len(live):
            if live[scan] > 0:
                centre = np.int32(scan)
            scan += 1
        if centre < 0:
            return used


@inlined
def _live_fan(faces: Any, start: Any, corners: Any, emitted: Any, centre: Any, fan: Any) -> Any:
    count = 0
    for at in range(start[centre], start[centre + 1]):
        f, c = corners[at] // 3, corners[at] % 3
        if emitted[f] == 0 and count < _MOST_AROUND:
            fan[count, 0], fan[count, 1], fan[count, 2] = faces[f, (c + 1) % 3], faces[f, (c + 2) % 3], f
            count += 1
    return count


@inlined
def _fan_start(fan: Any, count: Any) -> Any:
    """A triangle with none before it around the centre, or the first of a closed fan."""
    for i in range(count):
        follows = False
        for j in range(count):
            follows |= fan[j, 1] == fan[i, 0]
        if not follows:
            return i
    return 0


@inlined
def _fan_next(fan: Any, count: Any, last: Any, emitted: Any) -> Any:
    """The triangle after `last` around the centre, or any that is left."""
    left = last
    for i in range(count):
        if emitted[fan[i, 2]] == 0:
            if fan[i, 0] == fan[last, 1]:
                return i
            left = i
    return left


@inlined
def _next_centre(stack: Any, bottom: Any, depth: Any, live: Any) -> Any:
    """Of the last fan's vertices the one with the fewest triangles left, and of those the latest; or -1."""
    best = np.int32(-1)
    for at in range(bottom, depth):
        v = stack[at]
        if live[v] > 0 and (best < 0 or live[v] <= live[best]):
            best = v
    return best
