"""Kernels that look in a tree of boxes for what is nearest to a point or to a line segment.

Point to triangle: Ericson, "Real-Time Collision Detection" (2004), 5.1.5. Segment to segment: 5.1.9. Inside or outside:
the normal of the nearest vertex, edge or face weighted by angle (Baerentzen and Aanaes, "Signed distance computation
using the angle weighted pseudonormal", 2005), which is exact for a closed surface and its exactly nearest point.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from guidance.compiled import inlined, kernel
from guidance.margins.kernels.build import share
from guidance.margins.kernels.vector import MOST_WAITING, along, corner, dot, floor2, minus

#: Parts of a triangle: its face, its edges (number 1 to 3: from corner n - 1 to the next), its corners (4 to 6).
FACE, EDGE, CORNER = 0, 1, 4


@inlined
def _to_box2(nodes: Any, node: int, x: float, y: float, z: float) -> float:
    """Squared distance from a point to the box of a node."""
    dx, dy, dz = x - nodes[node, 0], y - nodes[node, 1], z - nodes[node, 2]
    a = abs(nodes[node, 3] * dx + nodes[node, 4] * dy + nodes[node, 5] * dz) - nodes[node, 12]
    b = abs(nodes[node, 6] * dx + nodes[node, 7] * dy + nodes[node, 8] * dz) - nodes[node, 13]
    c = abs(nodes[node, 9] * dx + nodes[node, 10] * dy + nodes[node, 11] * dz) - nodes[node, 14]
    a, b, c = max(a, 0.0), max(b, 0.0), max(c, 0.0)
    return a * a + b * b + c * c


@inlined
def on_triangle(corners: Any, k: int, p: Any) -> tuple[float, float, float, int]:
    """Nearest point of triangle k to p, and the part of the triangle that it lies on."""
    a, b, c = corner(corners, k, 0), corner(corners, k, 1), corner(corners, k, 2)
    ab, ac, ap = minus(b, a), minus(c, a), minus(p, a)
    d1, d2 = dot(ab, ap), dot(ac, ap)
    if d1 <= 0.0 and d2 <= 0.0:
        return a[0], a[1], a[2], CORNER
    bp = minus(p, b)
    d3, d4 = dot(ab, bp), dot(ac, bp)
    if d3 >= 0.0 and d4 <= d3:
        return b[0], b[1], b[2], CORNER + 1
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        at = along(a, d1 / (d1 - d3), ab)
        return at[0], at[1], at[2], EDGE
    cp = minus(p, c)
    d5, d6 = dot(ab, cp), dot(ac, cp)
    if d6 >= 0.0 and d5 <= d6:
        return c[0], c[1], c[2], CORNER + 2
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        at = along(a, d2 / (d2 - d6), ac)
        return at[0], at[1], at[2], EDGE + 2
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        at = along(b, (d4 - d3) / ((d4 - d3) + (d5 - d6)), minus(c, b))
        return at[0], at[1], at[2], EDGE + 1
    total = va + vb + vc
    v, w = vb / total, vc / total
    return a[0] + v * ab[0] + w * ac[0], a[1] + v * ab[1] + w * ac[1], a[2] + v * ab[2] + w * ac[2], FACE


@kernel
def nearest_to_point(
    nodes: Any, corners: Any, first_leaf: int, p: Any, tolerance: float, hint: int, within2: float, found: Any
) -> tuple[int, int, float]:
    """Place of the triangle nearest to p, the part of it, and the squared distance; the point is left in `found`.

    Nothing else is nearer by more than `tolerance`. `hint` is a triangle to begin from, or -1. Nothing farther than the
    root of `within2` is looked for: then the place is -1.
    """
    n = len(corners)
    leaves = first_leaf + 1
    best, part, best2 = -1, FACE, within2
    if hint >= 0:
        x, y, z, on = on_triangle(corners, hint, p)
        d = minus(p, (x, y, z))
        d2 = dot(d, d)
        if d2 <= best2:
            best, part, best2 = hint, on, d2
            found[0], found[1], found[2] = x, y, z
    limit2 = floor2(best2, tolerance)
    waiting = np.empty(MOST_WAITING, np.int32)
    distance2 = np.empty(MOST_WAITING)
    waiting[0], distance2[0], count = 0, 0.0, 1
    while count:
        count -= 1
        if distance2[count] > limit2:
            continue
        node = waiting[count]
        while node < first_leaf:
            left, right = 2 * node + 1, 2 * node + 2
            left2, right2 = _to_box2(nodes, left, p[0], p[1], p[2]), _to_box2(nodes, right, p[0], p[1], p[2])
            if right2 < left2:
                left, right, left2, right2 = right, left, right2, left2
            if right2 <= limit2:
                waiting[count], distance2[count] = right, right2
                count += 1
            if left2 > limit2:
                node = -1
                break
            node = left
        if node < 0:
            continue
        first, last = share(node, first_leaf, leaves, n)
        for k in range(first, last):
            x, y, z, on = on_triangle(corners, k, p)
            d = minus(p, (x, y, z))
            d2 = dot(d, d)
            if d2 < best2 or (best < 0 and d2 <= best2):
                best, part, best2 = k, on, d2
                found[0], found[1], found[2] = x, y, z
                limit2 = floor2(best2, tolerance)
    return best, part, best2


@inlined
def _pseudonormal(
    corners: Any, around: Any, faces: Any, vertex_normals: Any, best: int, part: int
) -> tuple[float, float, float]:
    """Angle-weighted normal of a part of a triangle; not of unit length."""
    if part >= CORNER:
        vertex = faces[best, part - CORNER]
        return vertex_normals[vertex, 0], vertex_normals[vertex, 1], vertex_normals[vertex, 2]
    normal = _face_normal(corners, best)
    if part == FACE:
        return normal
    other = around[best, part - EDGE]
    if other < 0:
        return normal
    beside = _face_normal(corners, other)
    return normal[0] + beside[0], normal[1] + beside[1], normal[2] + beside[2]


@inlined
def _face_normal(corners: Any, k: int) -> tuple[float, float, float]:
    a, b, c = corner(corners, k, 0), corner(corners, k, 1), corner(corners, k, 2)
    u, v = minus(b, a), minus(c, a)
    x, y, z = u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
    length = np.sqrt(x * x + y * y + z * z)
    if length == 0.0:
        return 0.0, 0.0, 0.0
    return x / length, y / length, z / length


@kernel
def is_inside(
    nodes: Any,
    corners: Any,
    first_leaf: int,
    around: Any,
    faces: Any,
    vertex_normals: Any,
    p: Any,
    distance: float,
    tolerance: float,
    hint: int,
    found: Any,
) -> bool:
    """Whether p lies within, from the point `found` that is nearest to it but for the tolerance, and its triangle.

    The side is never guessed from a triangle that is only nearly the nearest, which for a thin wall may be one of its
    far side. No surface is nearer to p than distance - tolerance; so the point on the way to the nearest that is still
    farther from it than the tolerance lies on the same side as p, and what is exactly nearest to that point is quickly
    found.
    """
    near = np.empty(3)
    t = 1.5 * tolerance / distance if distance > 2.0 * tolerance else 1.0
    beside = (
        found[0] + t * (p[0] - found[0]),
        found[1] + t * (p[1] - found[1]),
        found[2] + t * (p[2] - found[2]),
    )
    exact, part, _ = nearest_to_point(nodes, corners, first_leaf, beside, 0.0, hint, np.inf, near)
    normal = _pseudonormal(corners, around, faces, vertex_normals, exact, part)
    return dot(normal, minus(beside, (near[0], near[1], near[2]))) < 0.0


@kernel
def signed_distance(
    nodes: Any,
    corners: Any,
    first_leaf: int,
    around: Any,
    faces: Any,
    vertex_normals: Any,
    p: Any,
    tolerance: float,
    hint: int,
    known: float,
    moved: float,
    found: Any,
) -> tuple[int, float]:
    """Place of the nearest triangle and signed distance, negative inside; the nearest point is left in `found`.

    `known` is the signed distance of a place from which p is `moved`: where that is less than the distance, no surface
    was crossed and the side is the same. 0 where nothing is known.
    """
    q = (p[0], p[1], p[2])
    best, _, best2 = nearest_to_point(nodes, corners, first_leaf, q, tolerance, hint, np.inf, found)
    distance = np.sqrt(best2)
    if abs(known) > moved + tolerance:
        return best, -distance if known < 0.0 else distance
    if distance <= 2.0 * tolerance:  # so near, the exact distance costs little, and the side needs it
        best, _, best2 = nearest_to_point(nodes, corners, first_leaf, q, 0.0, best, np.inf, found)
        distance = np.sqrt(best2)
    inside = is_inside(nodes, corners, first_leaf, around, faces, vertex_normals, q, distance, tolerance, best, found)
    return best, -distance if inside else distance
