"""Kernels that look for where a straight shaft comes nearest to a surface, and how deep it lies within.

Segment to segment: Ericson, "Real-Time Collision Detection" (2004), 5.1.9.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from guidance.compiled import inlined, kernel
from guidance.margins.kernels.build import share
from guidance.margins.kernels.nearest import on_triangle, signed_distance
from guidance.margins.kernels.vector import MOST_WAITING, along, corner, dot, floor2, minus

#: Newton's steps towards the point of a segment that is nearest to a box; most need two.
_STEPS = 4
#: Looks along a shaft within a structure; what then still could be deeper is told as error.
_MOST_LOOKS = 256


@inlined
def segment_to_box2(nodes: Any, node: int, a: Any, d: Any, limit2: float) -> float:
    """No more than the squared distance from the segment a, a + d to the box of a node.

    The ball around the box tells most that are farther than `limit2`. The distance to the box is convex along the
    segment: its tangent at any place bounds it from below.
    """
    at = minus(a, (nodes[node, 0], nodes[node, 1], nodes[node, 2]))
    length2 = dot(d, d)
    if length2 == 0.0:
        length2 = 1.0
    t = min(max(-dot(at, d) / length2, 0.0), 1.0)
    apart = along(at, t, d)
    beyond = np.sqrt(dot(apart, apart)) - nodes[node, 15]
    if beyond > 0.0 and beyond * beyond > limit2:
        return beyond * beyond
    u0 = nodes[node, 3] * at[0] + nodes[node, 4] * at[1] + nodes[node, 5] * at[2]
    u1 = nodes[node, 6] * at[0] + nodes[node, 7] * at[1] + nodes[node, 8] * at[2]
    u2 = nodes[node, 9] * at[0] + nodes[node, 10] * at[1] + nodes[node, 11] * at[2]
    w0 = nodes[node, 3] * d[0] + nodes[node, 4] * d[1] + nodes[node, 5] * d[2]
    w1 = nodes[node, 6] * d[0] + nodes[node, 7] * d[1] + nodes[node, 8] * d[2]
    w2 = nodes[node, 9] * d[0] + nodes[node, 10] * d[1] + nodes[node, 11] * d[2]
    bound = 0.0
    for _ in range(_STEPS):
        x0, x1, x2 = u0 + t * w0, u1 + t * w1, u2 + t * w2
        e0 = max(abs(x0) - nodes[node, 12], 0.0)
        e1 = max(abs(x1) - nodes[node, 13], 0.0)
        e2 = max(abs(x2) - nodes[node, 14], 0.0)
        value = e0 * e0 + e1 * e1 + e2 * e2
        if value == 0.0:
            return 0.0
        slope = 2.0 * ((e0 if x0 > 0.0 else -e0) * w0 + (e1 if x1 > 0.0 else -e1) * w1 + (e2 if x2 > 0.0 else -e2) * w2)
        bound = max(bound, value - (slope * t if slope > 0.0 else -slope * (1.0 - t)))
        bend = 2.0 * ((w0 * w0 if e0 > 0.0 else 0.0) + (w1 * w1 if e1 > 0.0 else 0.0) + (w2 * w2 if e2 > 0.0 else 0.0))
        if bend == 0.0:
            return max(bound, 0.0)
        following = min(max(t - slope / bend, 0.0), 1.0)
        if abs(following - t) < 1e-6:
            break
        t = following
    return bound


@inlined
def _between(a: Any, d: Any, e: Any, f: Any) -> tuple[float, float]:
    """Where on the segments a, a + d and e, e + f they are nearest to each other: fractions of both."""
    r = minus(a, e)
    dd, ff, fr, dr, df = dot(d, d), dot(f, f), dot(f, r), dot(d, r), dot(d, f)
    if dd <= 0.0:
        return 0.0, (min(max(fr / ff, 0.0), 1.0) if ff > 0.0 else 0.0)
    if ff <= 0.0:
        return min(max(-dr / dd, 0.0), 1.0), 0.0
    across = dd * ff - df * df
    s = min(max((df * fr - dr * ff) / across, 0.0), 1.0) if across > 1e-12 * dd * ff else 0.0
    t = (df * s + fr) / ff
    if t < 0.0:
        return min(max(-dr / dd, 0.0), 1.0), 0.0
    if t > 1.0:
        return min(max((df - dr) / dd, 0.0), 1.0), 1.0
    return s, t


@inlined
def crossing(corners: Any, k: int, a: Any, d: Any) -> float:
    """Fraction of the segment a, a + d at which it goes through triangle k; -1 where it does not (Moeller-Trumbore)."""
    o = corner(corners, k, 0)
    e1, e2 = minus(corner(corners, k, 1), o), minus(corner(corners, k, 2), o)
    h = (d[1] * e2[2] - d[2] * e2[1], d[2] * e2[0] - d[0] * e2[2], d[0] * e2[1] - d[1] * e2[0])
    across = dot(e1, h)
    if across == 0.0:
        return -1.0
    s = minus(a, o)
    u = dot(s, h) / across
    if u < 0.0 or u > 1.0:
        return -1.0
    q = (s[1] * e1[2] - s[2] * e1[1], s[2] * e1[0] - s[0] * e1[2], s[0] * e1[1] - s[1] * e1[0])
    v = dot(d, q) / across
    if v < 0.0 or u + v > 1.0:
        return -1.0
    t = dot(e2, q) / across
    return t if 0.0 <= t <= 1.0 else -1.0


@kernel
def nearest_to_segment(
    nodes: Any, corners: Any, first_leaf: int, a: Any, d: Any, tolerance: float, hint: int, within2: float, found: Any
) -> tuple[int, float, float]:
    """Place of the triangle nearest to the segment a, a + d, the fraction of it, and the squared distance.

    As `nearest_to_point`; squared distance 0 says that it goes through the surface.
    """
    n = len(corners)
    leaves = first_leaf + 1
    best, best_t, best2 = -1, 0.0, within2
    limit2 = floor2(best2, tolerance)
    waiting = np.empty(MOST_WAITING, np.int32)
    distance2 = np.empty(MOST_WAITING)
    waiting[0], distance2[0], count = 0, 0.0, 1
    end = along(a, 1.0, d)
    k_hint = hint
    while count or k_hint >= 0:
        if k_hint >= 0:  # the hint, as a leaf of one triangle before all others
            first, last = k_hint, k_hint + 1
            k_hint = -1
        else:
            count -= 1
            if distance2[count] > limit2:
                continue
            node = waiting[count]
            while node < first_leaf:
                left, right = 2 * node + 1, 2 * node + 2
                left2, right2 = segment_to_box2(nodes, left, a, d, limit2), segment_to_box2(nodes, right, a, d, limit2)
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
            through = crossing(corners, k, a, d)
            if through >= 0.0:
                at = along(a, through, d)
                found[0], found[1], found[2] = at[0], at[1], at[2]
                return k, through, 0.0
            for tip in range(2):
                p = end if tip else a
                x, y, z, _on = on_triangle(corners, k, p)
                apart = minus(p, (x, y, z))
                d2 = dot(apart, apart)
                if d2 < best2 or (best < 0 and d2 <= best2):
                    best, best_t, best2 = k, float(tip), d2
                    found[0], found[1], found[2] = x, y, z
            for side in range(3):
                e = corner(corners, k, side)
                f = minus(corner(corners, k, (side + 1) % 3), e)
                s, t = _between(a, d, e, f)
                there = along(e, t, f)
                apart = minus(along(a, s, d), there)
                d2 = dot(apart, apart)
                if d2 < best2:
                    best, best_t, best2 = k, s, d2
                    found[0], found[1], found[2] = there[0], there[1], there[2]
            limit2 = floor2(best2, tolerance)
    return best, best_t, best2


@kernel
def deepest(
    nodes: Any,
    corners: Any,
    first_leaf: int,
    around: Any,
    faces: Any,
    vertex_normals: Any,
    a: Any,
    d: Any,
    at_a: float,
    tolerance: float,
    guess: float,
    hint: int,
    found: Any,
) -> tuple[int, float, float, float]:
    """Where the segment a, a + d lies deepest: triangle, fraction of it, signed distance, and what it may be off by.

    Signed distance changes by no more than the way gone, so its values at two places bound it from below between them
    (Piyavskii 1972, Shubert 1972). `at_a` is its value at a, `guess` a fraction to begin from.
    """
    length = np.sqrt(dot(d, d))
    near, p = np.empty(3), np.empty(3)
    precision = tolerance / 4.0
    if length <= 1e-6:
        p[0], p[1], p[2] = a
        best, best_mm = signed_distance(
            nodes, corners, first_leaf, around, faces, vertex_normals, p, precision, hint, 0.0, 0.0, found
        )
        return best, 0.0, best_mm, precision
    places, values = np.empty(_MOST_LOOKS + 3), np.empty(_MOST_LOOKS + 3)
    nexts, bounds = np.empty(_MOST_LOOKS + 3, np.int32), np.empty(_MOST_LOOKS + 3)
    places[0], values[0], nexts[0], bounds[0], count = 0.0, at_a, -1, -np.inf, 1
    best, best_t, best_mm = hint, 0.0, np.inf
    looks = 0
    lowest, at = 0, length
    while looks < _MOST_LOOKS:
        p[0], p[1], p[2] = a[0] + at / length * d[0], a[1] + at / length * d[1], a[2] + at / length * d[2]
        following = nexts[lowest]
        known, moved = values[lowest], at - places[lowest]
        if following >= 0 and abs(values[following]) - (places[following] - at) > abs(known) - moved:
            known, moved = values[following], places[following] - at
        hint, value = signed_distance(
            nodes, corners, first_leaf, around, faces, vertex_normals, p, precision, hint, known, moved, near
        )
        looks += 1
        if value < best_mm:
            best, best_t, best_mm = hint, at / length, value
            found[0], found[1], found[2] = near[0], near[1], near[2]
        # The new place comes after `lowest`; each place keeps the bound between it and the next.
        places[count], values[count], nexts[count] = at, value, nexts[lowest]
        nexts[lowest] = count
        for i in (lowest, count):
            following = nexts[i]
            bounds[i] = (
                (values[i] + values[following] - (places[following] - places[i])) / 2.0 if following >= 0 else np.inf
            )
        count += 1
        if looks == 1 and 0.0 < guess < 1.0:
            lowest, at = 0, guess * length
            continue
        lowest = 0
        for i in range(1, count):
            if bounds[i] < bounds[lowest]:
                lowest = i
        if bounds[lowest] > best_mm - tolerance:
            break
        following = nexts[lowest]
        at = (places[lowest] + places[following] + values[lowest] - values[following]) / 2.0
        # Rounding, and the precision of the values, must not bring it back to a place that was seen.
        edge = 0.1 * (places[following] - places[lowest])
        at = min(max(at, places[lowest] + edge), places[following] - edge)
    if at_a < best_mm:  # at the very beginning
        hint, best_mm = signed_distance(
            nodes, corners, first_leaf, around, faces, vertex_normals, np.array(a), precision, hint, at_a, 0.0, near
        )
        best, best_t = hint, 0.0
        found[0], found[1], found[2] = near[0], near[1], near[2]
    lowest_mm = min(best_mm, bounds[lowest])
    # The truth lies between what was seen and what was not excluded: the middle is off by half of that at most.
    half = (best_mm - lowest_mm) / 2.0
    return best, best_t, best_mm - half, half + precision
