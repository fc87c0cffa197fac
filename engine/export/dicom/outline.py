"""Outlines of a mask: closed contours half way between pixels inside and outside, holes joined by keyholes.

Contours run through the middles between a pixel inside and its neighbour outside (marching squares at one half;
pixels that touch by a corner alone stay apart). Every pixel centre is thus at least a third of a pixel from its
contour: whoever fills them, even-odd or by winding, gets the mask back, and four decimals do not matter.

A contour that has a hole must be one line (PS3.3 C.8.8.6.3, "keyhole"): it goes to the hole and back on the same way,
half way between two rows of centres, so that nobody's rule for points on a line is asked.
"""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64

Node = tuple[int, int]

#: Sides of a cell of four pixels as offsets in half pixels from its first: top, right, bottom, left.
_TOP, _RIGHT, _BOTTOM, _LEFT = (1, 0), (2, 1), (1, 2), (0, 1)
#: From side to side by which pixels are inside (1 first, 2 right, 4 below, 8 right below), what is inside always on the
#: same hand, so that contours of what is inside run one way round and those of holes the other.
_STEPS: dict[int, tuple[tuple[Node, Node], ...]] = {
    1: ((_LEFT, _TOP),), 2: ((_TOP, _RIGHT),), 3: ((_LEFT, _RIGHT),), 4: ((_BOTTOM, _LEFT),), 5: ((_BOTTOM, _TOP),),
    6: ((_TOP, _RIGHT), (_BOTTOM, _LEFT)), 7: ((_BOTTOM, _RIGHT),), 8: ((_RIGHT, _BOTTOM),),
    9: ((_LEFT, _TOP), (_RIGHT, _BOTTOM)), 10: ((_TOP, _BOTTOM),), 11: ((_LEFT, _BOTTOM),), 12: ((_RIGHT, _LEFT),),
    13: ((_RIGHT, _TOP),), 14: ((_TOP, _LEFT),),
}  # fmt: skip


def outlines(mask: NDArray[np.bool_]) -> list[Float64]:
    """Contours of `mask` (rows, columns): (n, 2) of column and row each, with pixel centres at integers."""
    nodes, follower = _traced(mask)
    if not len(nodes):
        return []
    places = [(int(x), int(y)) for x, y in nodes]
    rings = _rings(follower)
    outer = [ring for ring in rings if _area2(places, ring) < 0]
    holes = [ring for ring in rings if _area2(places, ring) > 0]
    if holes:
        _join(places, follower, holes)
    return [np.array(_straightened([places[n] for n in _ring(follower, ring[0])])) / 2.0 for ring in outer]


def _traced(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], list[int]]:
    """Nodes (n, 2) in half pixels, and which one follows each."""
    there = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not there[0].size:
        return np.zeros((0, 2), np.int64), []
    top, left = int(there[0][0]) - 1, int(there[1][0]) - 1
    padded = np.pad(mask[top + 1 : there[0][-1] + 1, left + 1 : there[1][-1] + 1], 1).astype(np.int8)
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
    nodes = np.column_stack([start % width + 2 * left, start // width + 2 * top])
    return nodes, np.searchsorted(start, end).tolist()


def _ring(follower: list[int], first: int) -> list[int]:
    ring, node = [first], follower[first]
    while node != first:
        ring.append(node)
        node = follower[node]
    return ring


def _rings(follower: list[int]) -> list[list[int]]:
    seen = bytearray(len(follower))
    rings = []
    for first in range(len(follower)):
        if not seen[first]:
            ring = _ring(follower, first)
            for node in ring:
                seen[node] = 1
            rings.append(ring)
    return rings


def _area2(places: list[Node], ring: list[int]) -> int:
    """Twice the area in quarter pixels; its sign tells which way round."""
    total = 0
    x0, y0 = places[ring[-1]]
    for node in ring:
        x1, y1 = places[node]
        total += x0 * y1 - x1 * y0
        x0, y0 = x1, y1
    return total


def _join(places: list[Node], follower: list[int], holes: list[list[int]]) -> None:
    """Lead a keyhole from each hole to what lies left of it: joined already, as holes are taken from the left."""
    rows = _crossings(places, follower)
    anchors = [min((n for n in hole if places[n][1] % 2), key=lambda n: places[n]) for hole in holes]
    for anchor in sorted(anchors, key=lambda n: places[n]):
        x, y = places[anchor]
        row = rows[y]
        place, node, is_node = row[bisect_left(row, (x, -1, False)) - 1]
        if not is_node:  # half way along an upright step: a node of its own there
            places.append((place, y))
            follower.append(follower[node])
            follower[node] = node = len(places) - 1
        _bridge(places, follower, node, anchor)


def _bridge(places: list[Node], follower: list[int], hit: int, anchor: int) -> None:
    """hit → anchor → round the hole → anchor again → hit again → on."""
    again, back = len(places), len(places) + 1
    places += [places[anchor], places[hit]]
    follower += [follower[anchor], follower[hit]]
    follower[hit], follower[anchor] = again, back


def _crossings(places: list[Node], follower: list[int]) -> dict[int, list[tuple[int, int, bool]]]:
    """Where contours cross lines half way between rows: by line, from the left, the node there or before."""
    rows: dict[int, list[tuple[int, int, bool]]] = {}
    for node, (x, y) in enumerate(places):
        if y % 2:
            insort(rows.setdefault(y, []), (x, node, True))
        elif places[follower[node]][0] == x:  # an upright step, from row to row
            insort(rows.setdefault((y + places[follower[node]][1]) // 2, []), (x, node, False))
    return rows


def _straightened(ring: list[Node]) -> list[Node]:
    """Without nodes on a straight way; a keyhole's turning points stay."""
    kept = []
    count = len(ring)
    for n, (x, y) in enumerate(ring):
        (a, b), (c, d) = ring[n - 1], ring[(n + 1) % count]
        if (x - a) * (d - y) != (y - b) * (c - x) or (x - a) * (c - x) + (y - b) * (d - y) < 0:
            kept.append((x, y))
    return kept
