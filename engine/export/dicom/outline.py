"""Outlines of a mask: closed contours half way between pixels inside and outside, holes joined by keyholes.

Contours run through the middles between a pixel inside and its neighbour outside (marching squares at one half;
pixels that touch by a corner alone stay apart). Every pixel centre is thus at least a third of a pixel from its
contour: whoever fills them, even-odd or by winding, gets the mask back, and four decimals do not matter.

A contour that has a hole must be one line (PS3.3 C.8.8.6.3, "keyhole"): it goes to the hole and back on the same way,
half way between two rows of centres, so that nobody's rule for points on a line is asked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from engine.core.array import Float64

Nodes = NDArray[np.int64]

#: Sides of a cell of four pixels as offsets in half pixels from its first: top, right, bottom, left.
_TOP, _RIGHT, _BOTTOM, _LEFT = (1, 0), (2, 1), (1, 2), (0, 1)
#: From side to side by which pixels are inside (1 first, 2 right, 4 below, 8 right below), what is inside always on the
#: same hand, so that contours of what is inside run one way round and those of holes the other.
_STEPS: dict[int, tuple[tuple[tuple[int, int], tuple[int, int]], ...]] = {
    1: ((_LEFT, _TOP),), 2: ((_TOP, _RIGHT),), 3: ((_LEFT, _RIGHT),), 4: ((_BOTTOM, _LEFT),), 5: ((_BOTTOM, _TOP),),
    6: ((_TOP, _RIGHT), (_BOTTOM, _LEFT)), 7: ((_BOTTOM, _RIGHT),), 8: ((_RIGHT, _BOTTOM),),
    9: ((_LEFT, _TOP), (_RIGHT, _BOTTOM)), 10: ((_TOP, _BOTTOM),), 11: ((_LEFT, _BOTTOM),), 12: ((_RIGHT, _LEFT),),
    13: ((_RIGHT, _TOP),), 14: ((_TOP, _LEFT),),
}  # fmt: skip


def outlines(mask: NDArray[np.bool_]) -> list[Float64]:
    """Contours of `mask` (rows, columns): (n, 2) of column and row each, with pixel centres at integers."""
    places, follower = _traced(mask)
    if not len(places):
        return []
    ring = _rings(follower)
    areas = np.bincount(ring, weights=_cross(places, places[follower]))  # their sign tells which way round
    turns = _turns(places, follower)
    if (areas > 0).any():
        places, follower, turns = _joined(places, follower, turns, ring, areas > 0)
    _, first = np.unique(ring, return_index=True)
    ahead, kept = follower.tolist(), turns.tolist()
    return [places[_way(int(first[outer]), ahead, kept)] / 2.0 for outer in np.flatnonzero(areas < 0)]


def _way(first: int, ahead: list[int], kept: list[bool]) -> list[int]:
    """The nodes of a ring at which it turns."""
    way, node = [], first
    while True:
        if kept[node]:
            way.append(node)
        node = ahead[node]
        if node == first:
            return way


def _traced(mask: NDArray[np.bool_]) -> tuple[Nodes, Nodes]:
    """Nodes (n, 2) in half pixels, and (n,) which one follows each."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    top, left = int(rows[0]) - 1, int(columns[0]) - 1
    padded = np.pad(mask[top + 1 : rows[-1] + 1, left + 1 : columns[-1] + 1], 1).astype(np.int8)
    kind = padded[:-1, :-1] + 2 * padded[:-1, 1:] + 4 * padded[1:, :-1] + 8 * padded[1:, 1:]
    width = 2 * padded.shape[1]
    edge = np.flatnonzero((kind > 0) & (kind < 15))
    starts, ends = [], []
    for case, steps in _STEPS.items():
        row, column = np.divmod(edge[kind.ravel()[edge] == case], kind.shape[1])
        for (x0, y0), (x1, y1) in steps:
            starts.append((2 * row + y0) * width + 2 * column + x0)
            ends.append((2 * row + y1) * width + 2 * column + x1)
    start, end = np.concatenate(starts), np.concatenate(ends)
    order = np.argsort(start)  # every node begins one step and ends one
    start, end = start[order], end[order]
    places = np.column_stack([start % width + 2 * left, start // width + 2 * top])
    return places, np.searchsorted(start, end)


def _rings(follower: Nodes) -> Nodes:
    """The number of the ring that each node is on."""
    count = len(follower)
    steps = csr_array((np.ones(count, np.int8), (np.arange(count), follower)), shape=(count, count))
    found: Nodes = connected_components(steps, directed=False)[1]
    return found


def _cross(one: Nodes, other: Nodes) -> Nodes:
    crossed: Nodes = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    return crossed


def _turns(places: Nodes, follower: Nodes) -> NDArray[np.bool_]:
    """Whether each node is a corner; the others lie on a straight way."""
    ahead = places[follower] - places
    behind = np.empty_like(ahead)
    behind[follower] = ahead
    return np.asarray(_cross(behind, ahead) != 0)


def _joined(
    places: Nodes, follower: Nodes, turns: NDArray[np.bool_], ring: Nodes, is_hole: NDArray[np.bool_]
) -> tuple[Nodes, Nodes, NDArray[np.bool_]]:
    """With a keyhole from each hole to what lies left of it: another hole, or what they are holes of."""
    hits, anchors = _hits(places, follower, ring, is_hole)
    ways = follower.tolist()
    more: list[Nodes] = []
    for (node, x), anchor in zip(hits, anchors, strict=True):
        hit, y = node, int(places[anchor, 1])
        if (int(places[node, 0]), int(places[node, 1])) != (x, y):  # half way along an upright step: a node there
            more.append(np.array([x, y]))
            ways.append(ways[node])
            ways[node] = hit = len(ways) - 1
        # hit, anchor, round the hole, anchor again, hit again, and on.
        more += [places[anchor], np.array([x, y])]
        ways += [ways[anchor], ways[hit]]
        ways[hit], ways[anchor] = len(ways) - 2, len(ways) - 1
    corners = np.concatenate([turns, np.ones(len(more), np.bool_)])
    corners[[*(node for node, _ in hits), *anchors]] = True
    return np.concatenate([places, np.array(more)]), np.array(ways), corners


def _hits(
    places: Nodes, follower: Nodes, ring: Nodes, is_hole: NDArray[np.bool_]
) -> tuple[list[tuple[int, int]], list[int]]:
    """Where a line to the left from each hole meets a contour: the node there or before, and its x; and from where.

    A hole's anchor is its node farthest left on a line half way between rows. What a line meets is an outer contour, or
    a hole whose own anchor is farther left.
    """
    odd = np.flatnonzero(places[:, 1] % 2)
    upright = np.flatnonzero((places[:, 1] % 2 == 0) & (places[follower, 0] == places[:, 0]))
    x = np.concatenate([places[odd, 0], places[upright, 0]])
    y = np.concatenate([places[odd, 1], (places[upright, 1] + places[follower[upright], 1]) // 2])
    node = np.concatenate([odd, upright])
    wide = int(x.max()) + 2 - min(int(x.min()), 0)
    key = y * wide + x
    order = np.argsort(key, kind="stable")
    own = odd[is_hole[ring[odd]]]
    own = own[np.lexsort((places[own, 1], places[own, 0]))]
    anchors = own[np.unique(ring[own], return_index=True)[1]]
    met = order[np.searchsorted(key[order], places[anchors, 1] * wide + places[anchors, 0]) - 1]
    return list(zip(node[met].tolist(), x[met].tolist(), strict=True)), anchors.tolist()
