"""Kernels that sort triangles into a tree of oriented boxes.

The tree is perfect and has no pointers: the children of node i are 2i + 1 and 2i + 2, and node i of a level with 2^k
nodes holds an even share of the sorted triangles. Boxes lie along the principal axes of what they hold (Gottschalk,
Lin, Manocha, "OBBTree", SIGGRAPH 1996): a patch of surface is flat, and its box nearly as thin as the patch is, so that
the distance to the box tells nearly the distance to the patch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from guidance.compiled import inlined, kernel

#: Floats of a node: centre 0-2, axes 3-11 (rows), half sizes 12-14, radius of the ball around it 15.
NODE_FLOATS = 16
#: What single precision may have lost in a box, millimetres; boxes are larger by it.
_SLACK_MM = 1e-3
_SWEEPS = 6


@inlined
def share(node: int, level_start: int, level_size: int, triangles: int) -> tuple[int, int]:
    """First and last + 1 of the sorted triangles of a node."""
    place = node - level_start
    return place * triangles // level_size, (place + 1) * triangles // level_size


@inlined
def _rotate(c: Any, v: Any, p: int, q: int) -> None:
    """One Jacobi rotation of the symmetric 3 x 3 `c`, gathered in the columns of `v`."""
    if abs(c[p, q]) < 1e-12:
        return
    theta = (c[q, q] - c[p, p]) / (2.0 * c[p, q])
    t = 1.0 / (abs(theta) + np.sqrt(theta * theta + 1.0))
    if theta < 0.0:
        t = -t
    cosine = 1.0 / np.sqrt(t * t + 1.0)
    sine = t * cosine
    for k in range(3):
        one, other = c[k, p], c[k, q]
        c[k, p], c[k, q] = cosine * one - sine * other, sine * one + cosine * other
    for k in range(3):
        one, other = c[p, k], c[q, k]
        c[p, k], c[q, k] = cosine * one - sine * other, sine * one + cosine * other
    for k in range(3):
        one, other = v[k, p], v[k, q]
        v[k, p], v[k, q] = cosine * one - sine * other, sine * one + cosine * other


@inlined
def _spread(first: int, last: int, order: Any, corners: Any, c: Any) -> None:
    """Covariance of the corners of order[first:last]."""
    s0 = s1 = s2 = s00 = s01 = s02 = s11 = s12 = s22 = 0.0
    o0, o1, o2 = corners[order[first], 0, 0], corners[order[first], 0, 1], corners[order[first], 0, 2]
    for k in range(first, last):
        t = order[k]
        for corner in range(3):
            x, y, z = corners[t, corner, 0] - o0, corners[t, corner, 1] - o1, corners[t, corner, 2] - o2
            s0 += x
            s1 += y
            s2 += z
            s00 += x * x
            s01 += x * y
            s02 += x * z
            s11 += y * y
            s12 += y * z
            s22 += z * z
    n = 3.0 * (last - first)
    c[0, 0] = s00 / n - s0 * s0 / (n * n)
    c[1, 1] = s11 / n - s1 * s1 / (n * n)
    c[2, 2] = s22 / n - s2 * s2 / (n * n)
    c[0, 1] = c[1, 0] = s01 / n - s0 * s1 / (n * n)
    c[0, 2] = c[2, 0] = s02 / n - s0 * s2 / (n * n)
    c[1, 2] = c[2, 1] = s12 / n - s1 * s2 / (n * n)


@inlined
def _box(first: int, last: int, order: Any, corners: Any, c: Any, v: Any, node: Any) -> int:
    """Write the box of order[first:last]; the number of its longest axis."""
    _spread(first, last, order, corners, c)
    for row in range(3):
        for column in range(3):
            v[row, column] = 1.0 if row == column else 0.0
    for _ in range(_SWEEPS):
        _rotate(c, v, 0, 1)
        _rotate(c, v, 0, 2)
        _rotate(c, v, 1, 2)
    # The third axis from the first two: rounding must not leave them out of square.
    a0, a1, a2 = np.float32(v[0, 0]), np.float32(v[1, 0]), np.float32(v[2, 0])
    b0, b1, b2 = np.float32(v[0, 1]), np.float32(v[1, 1]), np.float32(v[2, 1])
    c0, c1, c2 = a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0
    low_a = low_b = low_c = np.inf
    high_a = high_b = high_c = -np.inf
    for k in range(first, last):
        t = order[k]
        for corner in range(3):
            x, y, z = corners[t, corner, 0], corners[t, corner, 1], corners[t, corner, 2]
            along_a = a0 * x + a1 * y + a2 * z
            along_b = b0 * x + b1 * y + b2 * z
            along_c = c0 * x + c1 * y + c2 * z
            low_a, high_a = min(low_a, along_a), max(high_a, along_a)
            low_b, high_b = min(low_b, along_b), max(high_b, along_b)
            low_c, high_c = min(low_c, along_c), max(high_c, along_c)
    middle_a, middle_b, middle_c = (low_a + high_a) / 2, (low_b + high_b) / 2, (low_c + high_c) / 2
    half_a = (high_a - low_a) / 2 + _SLACK_MM
    half_b = (high_b - low_b) / 2 + _SLACK_MM
    half_c = (high_c - low_c) / 2 + _SLACK_MM
    node[0] = a0 * middle_a + b0 * middle_b + c0 * middle_c
    node[1] = a1 * middle_a + b1 * middle_b + c1 * middle_c
    node[2] = a2 * middle_a + b2 * middle_b + c2 * middle_c
    node[3], node[4], node[5] = a0, a1, a2
    node[6], node[7], node[8] = b0, b1, b2
    node[9], node[10], node[11] = c0, c1, c2
    node[12], node[13], node[14] = half_a, half_b, half_c
    node[15] = np.sqrt(half_a * half_a + half_b * half_b + half_c * half_c) + _SLACK_MM
    if half_a >= half_b and half_a >= half_c:
        return 0
    return 1 if half_b >= half_c else 2


@inlined
def _select(order: Any, keys: Any, first: int, last: int, nth: int) -> None:
    """Reorder both so that the nth of first..last - 1 is where sorting would put it (Hoare's quickselect)."""
    low, high = first, last - 1
    while low < high:
        pivot = keys[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if nth <= j:
            high = j
        elif nth >= i:
            low = i
        else:
            return


@kernel
def build(depth: int, corners: Any, order: Any, keys: Any, nodes: Any) -> None:
    """Sort `order` and write all `nodes`, level by level.

    `corners` is (n, 3, 3) float64, `order` (n,) int32 in any order, `keys` (n,) float64 to work in, `nodes`
    (2^(depth + 1) - 1, 16) float32.
    """
    n = len(order)
    c, v = np.empty((3, 3)), np.empty((3, 3))
    for level in range(depth + 1):
        size = 1 << level
        start = size - 1
        for node in range(start, start + size):
            first, last = share(node, start, size, n)
            axis = _box(first, last, order, corners, c, v, nodes[node])
            if level == depth:
                continue
            x, y, z = nodes[node, 3 + 3 * axis], nodes[node, 4 + 3 * axis], nodes[node, 5 + 3 * axis]
            for k in range(first, last):
                t = order[k]
                keys[k] = (
                    x * (corners[t, 0, 0] + corners[t, 1, 0] + corners[t, 2, 0])
                    + y * (corners[t, 0, 1] + corners[t, 1, 1] + corners[t, 2, 1])
                    + z * (corners[t, 0, 2] + corners[t, 1, 2] + corners[t, 2, 2])
                )
            middle, _end = share(2 * node + 2, 2 * size - 1, 2 * size, n)
            _select(order, keys, first, last, middle)
