"""Kernels that hold many straight ways against surfaces: where they go through, and how near they pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from guidance.compiled import kernel
from guidance.margins.kernels.build import share
from guidance.margins.kernels.nearest import signed_distance
from guidance.margins.kernels.shaft import crossing, nearest_to_segment, segment_to_box2
from guidance.margins.kernels.vector import MOST_WAITING

#: What `crossings` says of a way that goes through a surface more often than it counts.
MANY = 64


@kernel
def crossings(tree: Any, a: Any, d: Any, at: Any) -> int:
    """How often the segment a, a + d goes through a surface; the fractions, ascending, are left in `at` (MANY,).

    An edge that is met by both its triangles counts once.
    """
    n, first_leaf = len(tree.corners), tree.first_leaf
    start, way = (a[0], a[1], a[2]), (d[0], d[1], d[2])
    waiting = np.empty(MOST_WAITING, np.int32)
    waiting[0], count, found = 0, 1, 0
    while count:
        count -= 1
        node = waiting[count]
        if segment_to_box2(tree.nodes, node, start, way, 0.0) > 0.0:
            continue
        if node < first_leaf:
            waiting[count], waiting[count + 1] = 2 * node + 1, 2 * node + 2
            count += 2
            continue
        first, last = share(node, first_leaf, first_leaf + 1, n)
        for k in range(first, last):
            t = crossing(tree.corners, k, start, way)
            if t < 0.0:
                continue
            place = found
            while place > 0 and at[place - 1] > t:
                place -= 1
            if (place > 0 and t - at[place - 1] < 1e-9) or (place < found and at[place] - t < 1e-9):
                continue
            if found == MANY:
                return MANY
            for i in range(found, place, -1):
                at[i] = at[i - 1]
            at[place] = t
            found += 1
    return found


@kernel
def first_crossings(tree: Any, start: Any, ways: Any, counts: Any, fractions: Any) -> None:
    """Of ways (n, 3) from one place: how often each goes through a surface, and where it does so first."""
    at = np.empty(MANY)
    for c in range(len(ways)):
        counts[c] = crossings(tree, start, ways[c], at)
        fractions[c] = at[0] if counts[c] else np.inf


@kernel
def passes(trees: Any, starts: Any, end: Any, enough: Any, within: Any, tolerance: float, out: Any) -> None:
    """How near ways from `starts` (n, 3) to one end, which lies within no surface, pass by each, in out (n, trees).

    Infinite where nothing is nearer than `within`, -1 where the way goes through. A way that comes nearer than `enough`
    to one is not held against those after it: they stay NaN.
    """
    found, way = np.empty(3), np.empty(3)
    for c in range(len(starts)):
        for i in range(3):
            way[i] = end[i] - starts[c, i]
        start, d = (starts[c, 0], starts[c, 1], starts[c, 2]), (way[0], way[1], way[2])
        out[c, :] = np.nan
        for k in range(len(trees)):
            tree = trees[k]
            place, _, distance2 = nearest_to_segment(
                tree.nodes, tree.corners, tree.first_leaf, start, d, tolerance, -1, within[k] * within[k], found
            )
            if place >= 0 and distance2 <= tolerance * tolerance:  # as near as that is through (`near_axis`)
                out[c, k] = -1.0
            else:
                out[c, k] = np.sqrt(distance2) if place >= 0 else np.inf
            if out[c, k] < enough[k]:
                break


@kernel
def profile(trees: Any, a: Any, d: Any, tolerance: float, out: Any) -> None:
    """Signed distance to each surface at evenly spaced places of the segment a, a + d, in out (trees, places)."""
    p, found = np.empty(3), np.empty(3)
    steps = out.shape[1]
    step = np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) / (steps - 1)
    for k in range(len(trees)):
        tree = trees[k]
        hint, known = -1, 0.0
        for n in range(steps):
            for i in range(3):
                p[i] = a[i] + n / (steps - 1) * d[i]
            hint, known = signed_distance(
                tree.nodes,
                tree.corners,
                tree.first_leaf,
                tree.around,
                tree.faces,
                tree.vertex_normals,
                p,
                tolerance,
                hint,
                known,
                step,
                found,
            )
            out[k, n] = known
