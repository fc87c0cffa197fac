"""Numba kernels of `engine.mesh.simplify`: one block of a surface at a time, small enough for a core's own cache.

A block holds its vertices' one-rings, counter-clockwise, instead of triangles: a ring of `n` vertices around `v`
is `n` triangles, and a half-edge collapse of `v` into `u` edits the rings of `v`'s neighbours and nothing else.

A vertex is free when all its triangles lie in the block and close one fan around it; everything else is locked
and never moves, so blocks can be worked on in any order, or at once, with the same result.

The error of a collapse is measured exactly (Cohen, Manocha, Olano: "Simplifying polygonal models using successive
mappings", 1997). Along the ring's area normal, the star of `v` and the fan that replaces it project onto one
polygon, one-to-one when all their triangles face the normal. Both are piecewise linear over that polygon and agree
on its rim, so their distance is largest at `v` or where an old spoke crosses a new diagonal. That distance bounds
the Hausdorff distance of the two patches both ways, and adds to what the star's triangles had already. Where a star is
too rough to project so, the length of the collapsed edge is the bound: each triangle moves by no more, linearly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

#: Most neighbours a vertex may have; one with more is locked, and no collapse makes one.
MAX_DEGREE = 16

#: What `degree` holds for a vertex that has been collapsed, and for one that may not move.
DEAD, LOCKED = 0, 255

#: What a round keeps of each vertex: inside its block, on a block's border, collapsed.
INSIDE, BORDER, GONE = 0, 1, 2

#: A new triangle may not tilt further than this from the patch it replaces: squared cosine, 78 degrees.
_LEAST_COSINE_SQUARED = np.float32(0.04)
#: Twice a new triangle's area over its longest edge squared: keeps out needles, which shade badly.
_LEAST_SHAPE = np.float32(0.02)
#: Projected areas below this (mm²) count as folded: float32 cannot tell their sign for millimetre edges.
_LEAST_AREA_MM2 = np.float32(1e-6)
#: Share of its squared length that an edge's cost takes on, so that flat places come out even.
_EVEN = np.float32(1e-4)
#: A vertex is not tried whose best neighbour lies this many times further from the star's planes than there is room.
_HOPELESS = np.float32(1)
_LEAST_WEIGHT = np.float32(1e-12)
_NEVER = np.float32(3e38)
_LATER = np.float32(1.0001)
_BIT = np.uint64(1)
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)

#: Rows of the scratch array: the ring relative to its centre, costs, the ring in its own basis twice over, its normal.
_X, _Y, _Z, _COST, _A, _B, _H, _NORMAL = range(8)
SCRATCH_SHAPE = (8, 2 * MAX_DEGREE + 1)


def inlined(function: Function) -> Function:
    """Compile `function` into `simplify_block`: divisions give infinity as in numpy, products and sums may fuse."""
    compiled = njit(nogil=True, cache=True, forceinline=True, error_model="numpy", fastmath={"contract"})(function)
    return cast(Function, compiled)


def kernel(function: Function) -> Function:
    """Compile `function` under the rules of `inlined`, to be called from outside."""
    return cast(Function, njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})(function))


@inlined
def build_rings(faces: Any, begin: Any, end: Any, ring: Any, degree: Any, count: Any) -> None:
    """Order each vertex's triangles into a ring; lock what does not close exactly one fan.

    Args:
        faces: (f, 3) indices into the block.
        begin, end: (count, MAX_DEGREE) scratch: the edge opposite the vertex in each of its triangles.
        ring, degree: written; (count, MAX_DEGREE), (count,).
        count: vertices in the block.
    """
    for v in range(count):
        degree[v] = 0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for _ in range(3):
            n = degree[a]
            if n < MAX_DEGREE:
                begin[a, n] = b
                end[a, n] = c
            degree[a] = min(n + 1, LOCKED)
            a, b, c = b, c, a
    for v in range(count):
        n = np.intp(degree[v])
        if n > MAX_DEGREE or not _close_ring(begin[v], end[v], ring[v], n):
            degree[v] = LOCKED


@inlined
def _close_ring(begin: Any, end: Any, ring: Any, n: Any) -> Any:
    """Chain `n` directed edges into one closed ring of distinct vertices; False where they form none."""
    if n < 3:
        return False
    first, current = begin[0], end[0]
    ring[0] = first
    for i in range(1, n):
        if current == first:
            return False
        ring[i] = current
        k = i
        while k < n and begin[k] != current:
            k += 1
        if k == n:
            return False
        current = end[k]
        begin[k], end[k] = begin[i], end[i]
    return current == first and _distinct(ring, n)


@inlined
def _distinct(ring: Any, n: Any) -> Any:
    """Whether no vertex comes twice: an edge with more than two triangles closes a fan all the same."""
    repeats = 0
    for i in range(n):
        for k in range(i):
            repeats += ring[i] == ring[k]
    return repeats == 0


@inlined
def sweep(
    position: Any,
    ring: Any,
    degree: Any,
    error: Any,
    wait: Any,
    limit_mm: Any,
    attempts: Any,
    count: Any,
    scratch: Any,
) -> Any:
    """Visit every free vertex once and collapse it where its error stays within `limit_mm`.

    Args:
        position: (count, 4) millimetres, the fourth is padding.
        ring, degree: of `build_rings`; updated.
        error: (count,) bound on the error of any triangle at the vertex, mm; updated.
        wait: (count,) the least limit at which trying again can succeed; updated.
        limit_mm: largest error after the collapse.
        attempts: how many neighbours to try, cheapest first.
        count: vertices in the block.
        scratch: of SCRATCH_SHAPE.

    Returns:
        The number of collapses.
    """
    collapses = 0
    limit = np.float32(limit_mm)
    for v in range(count):
        if degree[v] == DEAD or degree[v] == LOCKED or wait[v] > limit:
            continue
        n = np.intp(degree[v])
        room = limit - error[v]
        _load(position, ring, v, n, scratch)
        best = _cheapest(ring, degree, v, n, scratch)
        wait[v] = _NEVER
        if best < 0:
            continue
        if attempts < n:
            wait[v] = limit * _LATER
        distance = np.sqrt(max(scratch[_COST, best] - _EVEN * _length(best, scratch) ** 2, _ZERO))
        if distance > _HOPELESS * room:
            wait[v] = error[v] + distance / _HOPELESS
            continue
        flat = _project(n, scratch)
        for attempt in range(attempts):
            if attempt:
                best = _next_cheapest(best, n, scratch)
                if best < 0:
                    break
            if flat and _fan_faces_up(n, best, scratch):
                deviation = _deviation(n, best, room, scratch)
            elif _keeps_facing(n, best, scratch):
                deviation = _length(best, scratch)
            else:
                continue
            if deviation > room:
                wait[v] = max(error[v] + deviation, limit * _LATER)
                continue
            u = np.intp(ring[v, best])
            if not _meet_in_two(ring[v], n, ring[u], np.intp(degree[u])):
                continue
            _merge(ring, degree, error, wait, v, u, best, error[v] + deviation)
            collapses += 1
            break
    return collapses


@inlined
def _load(position: Any, ring: Any, v: Any, n: Any, scratch: Any) -> None:
    """The ring relative to `v` in rows X, Y, Z, closed by repeating the first; collapse costs in row COST.

    The cost is the mean squared distance of the neighbour from the planes of the star, weighted by squared area
    (Lindstrom and Turk's memoryless quadric, 1998, which needs nothing stored), and a little for a long edge. Row
    NORMAL is the ring's area vector.
    """
    x, y, z, cost = scratch[_X], scratch[_Y], scratch[_Z], scratch[_COST]
    px, py, pz = position[v, 0], position[v, 1], position[v, 2]
    for i in range(n):
        w = ring[v, i]
        x[i] = position[w, 0] - px
        y[i] = position[w, 1] - py
        z[i] = position[w, 2] - pz
    x[n], y[n], z[n] = x[0], y[0], z[0]
    nx = ny = nz = xx = xy = xz = yy = yz = zz = _ZERO
    for i in range(n):
        cx = y[i] * z[i + 1] - z[i] * y[i + 1]
        cy = z[i] * x[i + 1] - x[i] * z[i + 1]
        cz = x[i] * y[i + 1] - y[i] * x[i + 1]
        nx += cx
        ny += cy
        nz += cz
        xx += cx * cx
        xy += cx * cy
        xz += cx * cz
        yy += cy * cy
        yz += cy * cz
        zz += cz * cz
    scratch[_NORMAL, 0], scratch[_NORMAL, 1], scratch[_NORMAL, 2] = nx, ny, nz
    scale = _ONE / max(xx + yy + zz, _LEAST_WEIGHT)
    xy, xz, yz = xy * _TWO, xz * _TWO, yz * _TWO
    for i in range(n):
        a, b, c = x[i], y[i], z[i]
        cost[i] = abs(a * (xx * a + xy * b + xz * c) + b * (yy * b + yz * c) + zz * c * c) * scale
        cost[i] += _EVEN * (a * a + b * b + c * c)


@inlined
def _cheapest(ring: Any, degree: Any, v: Any, n: Any, scratch: Any) -> Any:
    """The cheapest neighbour that `v` may move onto, as an index into its ring, or -1; marks the others NEVER."""
    cost = scratch[_COST]
    best, least = -1, _NEVER
    for i in range(n):
        merged = np.intp(degree[ring[v, i]]) + n - 4
        if merged > MAX_DEGREE or merged < 3:
            cost[i] = _NEVER
        if cost[i] < least:
            best, least = i, cost[i]
    return best


@inlined
def _next_cheapest(tried: Any, n: Any, scratch: Any) -> Any:
    """The cheapest neighbour after `tried`, or -1."""
    cost = scratch[_COST]
    cost[tried] = _NEVER
    best, least = -1, _NEVER
    for i in range(n):
        if cost[i] < least:
            best, least = i, cost[i]
    return best


@inlined
def _project(n: Any, scratch: Any) -> Any:
    """The ring along and across its area vector, rows A, B, H, written twice over; False where the star folds."""
    x, y, z = scratch[_X], scratch[_Y], scratch[_Z]
    a, b, h = scratch[_A], scratch[_B], scratch[_H]
    nx, ny, nz = scratch[_NORMAL, 0], scratch[_NORMAL, 1], scratch[_NORMAL, 2]
    squared = nx * nx + ny * ny + nz * nz
    if squared < _LEAST_WEIGHT:
        return False
    scale = _ONE / np.sqrt(squared)
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    # An orthonormal basis without branches: Duff et al., JCGT 6(1), 2017.
    sign = np.copysign(_ONE, nz)
    p = -_ONE / (sign + nz)
    q = nx * ny * p
    tx, ty, tz = _ONE + sign * nx * nx * p, sign * q, -sign * nx
    ux, uy, uz = q, sign + ny * ny * p, -ny
    for i in range(n):
        a[i] = a[n + i] = x[i] * tx + y[i] * ty + z[i] * tz
        b[i] = b[n + i] = x[i] * ux + y[i] * uy + z[i] * uz
        h[i] = h[n + i] = x[i] * nx + y[i] * ny + z[i] * nz
    turns = 0
    for i in range(n):
        if a[i] * b[i + 1] - a[i + 1] * b[i] <= _LEAST_AREA_MM2:
            return False
        turns += b[i] < _ZERO and b[i + 1] >= _ZERO
    return turns == 1


@inlined
def _fan_faces_up(n: Any, j: Any, scratch: Any) -> Any:
    """Whether the fan from ring vertex `j` has only well-shaped triangles facing the normal, in under half a turn."""
    a, b, h = scratch[_A], scratch[_B], scratch[_H]
    ua, ub, uh = a[j], b[j], h[j]
    for k in range(j + 1, j + n - 1):
        ea, eb, eh = a[k] - ua, b[k] - ub, h[k] - uh
        fa, fb, fh = a[k + 1] - ua, b[k + 1] - ub, h[k + 1] - uh
        area = ea * fb - eb * fa
        if area <= _LEAST_AREA_MM2:
            return False
        p, q = eb * fh - eh * fb, eh * fa - ea * fh
        if area * area < _LEAST_COSINE_SQUARED * (p * p + q * q + area * area):
            return False
        ga, gb, gh = fa - ea, fb - eb, fh - eh
        longest = max(ea * ea + eb * eb + eh * eh, fa * fa + fb * fb + fh * fh, ga * ga + gb * gb + gh * gh)
        if area < _LEAST_SHAPE * longest:
            return False
    first, last = j + 1, j + n - 1
    return (a[first] - ua) * (b[last] - ub) - (b[first] - ub) * (a[last] - ua) > _ZERO


@inlined
def _keeps_facing(n: Any, j: Any, scratch: Any) -> Any:
    """Whether every triangle that follows `v` onto ring vertex `j` stays well shaped and on its own side."""
    x, y, z = scratch[_X], scratch[_Y], scratch[_Z]
    ux, uy, uz = x[j], y[j], z[j]
    for i in range(n):
        k = i + 1 if i + 1 < n else 0
        if i == j or k == j:
            continue
        ox, oy, oz = y[i] * z[k] - z[i] * y[k], z[i] * x[k] - x[i] * z[k], x[i] * y[k] - y[i] * x[k]
        px, py, pz, qx, qy, qz = x[i] - ux, y[i] - uy, z[i] - uz, x[k] - ux, y[k] - uy, z[k] - uz
        mx, my, mz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
        area = mx * mx + my * my + mz * mz
        facing = ox * mx + oy * my + oz * mz
        before = ox * ox + oy * oy + oz * oz
        if facing <= _ZERO or facing * facing < _LEAST_COSINE_SQUARED * before * area:
            return False
        gx, gy, gz = qx - px, qy - py, qz - pz
        longest = max(px * px + py * py + pz * pz, qx * qx + qy * qy + qz * qz, gx * gx + gy * gy + gz * gz)
        if area < _LEAST_SHAPE * _LEAST_SHAPE * longest * longest:
            return False
    return True


@inlined
def _length(j: Any, scratch: Any) -> Any:
    """Length of the edge to ring vertex `j`."""
    x, y, z = scratch[_X, j], scratch[_Y, j], scratch[_Z, j]
    return np.sqrt(x * x + y * y + z * z)


@inlined
def _deviation(n: Any, j: Any, room: Any, scratch: Any) -> Any:
    """Largest distance along the normal between the star and the fan from ring vertex `j`; gives up past `room`."""
    a, b, h = scratch[_A], scratch[_B], scratch[_H]
    ua, ub, uh = a[j], b[j], h[j]
    largest = _ZERO
    before = ua * b[j + 1] - ub * a[j + 1]  # twice the area left of the previous diagonal towards `v`
    for m in range(j + 2, j + n):
        wa, wb, wh = a[m], b[m], h[m]
        side = ua * wb - ub * wa
        if before > _ZERO and side <= _ZERO:  # `v` lies over this triangle of the fan
            far = a[m - 1] * wb - b[m - 1] * wa
            largest = max(largest, abs((far * uh + before * wh - side * h[m - 1]) / (far + before - side)))
        before = side
        if m == j + n - 1:
            break
        da, db, dh = wa - ua, wb - ub, wh - uh
        start, stop = (j + 1, m) if side > _ZERO else (m + 1, j + n)
        for i in range(start, stop):  # spokes that end beyond the diagonal
            over = _ONE / (da * b[i] - db * a[i])
            along_spoke, along_diagonal = -side * over, (a[i] * ub - b[i] * ua) * over
            largest = max(largest, abs(uh + along_diagonal * dh - along_spoke * h[i]))
        if largest > room:
            break
    return largest


@inlined
def _meet_in_two(one: Any, n: Any, other: Any, m: Any) -> Any:
    """The link condition: the ends of an edge share exactly its two wings, so a collapse keeps the topology."""
    # The wings are always shared. Two vertices alike in their last six bits are rare: count those first.
    present = np.uint64(0)
    for k in range(m):
        present |= _BIT << np.uint64(other[k] & 63)
    shared = np.uint64(0)
    for i in range(n):
        shared += (present >> np.uint64(one[i] & 63)) & _BIT
    if shared == 2:
        return True
    matches = 0
    for i in range(n):
        for k in range(m):
            matches += one[i] == other[k]
    return matches == 2


@inlined
def _merge(ring: Any, degree: Any, error: Any, wait: Any, v: Any, u: Any, j: Any, merged_error: Any) -> None:
    """Move `v` onto its ring vertex `j`, which is `u`."""
    n = np.intp(degree[v])
    _take_over(ring, v, n, u, np.intp(degree[u]), j)
    degree[u] += n - 4
    degree[v] = DEAD
    error[u] = max(error[u], merged_error)
    wait[u] = _ZERO
    at = j
    for k in range(1, n):
        at = at + 1 if at + 1 < n else 0
        w = np.intp(ring[v, at])
        error[w] = max(error[w], merged_error)
        if wait[w] >= _NEVER:
            wait[w] = _ZERO
        if degree[w] == LOCKED:
            continue
        place = 0
        while ring[w, place] != v:
            place += 1
        if 1 < k < n - 1:
            ring[w, place] = u
            continue
        degree[w] -= 1  # a wing: it has `u` already
        for q in range(place, np.intp(degree[w])):
            ring[w, q] = ring[w, q + 1]


@inlined
def _take_over(ring: Any, v: Any, n: Any, u: Any, m: Any, j: Any) -> None:
    """In the ring of `u`, put what lies between the wings around `v` in the place of `v`."""
    place = 0
    while ring[u, place] != v:
        place += 1
    # Counter-clockwise around `u` the wing before `v` is ring[v, j + 1], so the order is that of `v`'s own ring.
    if n == 3:
        for k in range(place, m - 1):
            ring[u, k] = ring[u, k + 1]
        return
    for k in range(m - 1, place, -1):
        ring[u, k + n - 4] = ring[u, k]
    at = j + 1 if j + 1 < n else 0
    for k in range(place, place + n - 3):
        at = at + 1 if at + 1 < n else 0
        ring[u, k] = ring[v, at]


@kernel
def simplify_block(
    vertices: Any,
    members: Any,
    faces: Any,
    error: Any,
    wait: Any,
    limits_mm: Any,
    kind: Any,
    out: Any,
) -> Any:
    """Simplify one block in place of its faces.

    Args:
        vertices: (v, 3) millimetres, the whole surface's.
        members: (m,) which of them the block holds.
        faces: (f, 3) indices into `members`: the faces whose corners all lie in the block.
        error: (v,) bound on the error of any triangle at a vertex, mm; updated for members.
        wait: (v,) least limit at which trying a vertex again can succeed; updated for members.
        limits_mm: (s,) error limit of each sweep, rising; the last tries three neighbours instead of two.
        kind: (v,) BORDER for vertices with faces outside the block; set to GONE for collapsed members.
        out: (f, 3) receives faces as indices into `vertices`.

    Returns:
        How many faces were written.
    """
    count = len(members)
    position = np.empty((count, 4), np.float32)
    local_error, local_wait = np.empty(count, np.float32), np.empty(count, np.float32)
    for i in range(count):
        m = members[i]
        position[i, 0], position[i, 1], position[i, 2] = vertices[m, 0], vertices[m, 1], vertices[m, 2]
        local_error[i], local_wait[i] = error[m], wait[m]
    ring = np.empty((count, MAX_DEGREE), np.uint16)
    begin, end = np.empty((count, MAX_DEGREE), np.uint16), np.empty((count, MAX_DEGREE), np.uint16)
    degree = np.empty(count, np.uint8)
    scratch = np.zeros(SCRATCH_SHAPE, np.float32)
    build_rings(faces, begin, end, ring, degree, count)
    for i in range(count):
        if kind[members[i]] == BORDER:
            degree[i] = LOCKED
    for i in range(len(limits_mm)):
        attempts = 3 if i == len(limits_mm) - 1 else 2
        sweep(position, ring, degree, local_error, local_wait, limits_mm[i], attempts, count, scratch)
    for i in range(count):
        m = members[i]
        error[m], wait[m] = local_error[i], _wait_outside(ring, degree, local_wait, i)
        if degree[i] == DEAD:
            kind[m] = GONE
    return _emit(members, faces, ring, degree, out)


@inlined
def _wait_outside(ring: Any, degree: Any, wait: Any, v: Any) -> Any:
    """`wait` of a vertex once the block's locks are lifted: none for a locked vertex or one beside it."""
    if degree[v] == LOCKED:
        return _ZERO
    for i in range(degree[v]):
        if degree[ring[v, i]] == LOCKED:
            return _ZERO
    return wait[v]


@inlined
def _emit(members: Any, faces: Any, ring: Any, degree: Any, out: Any) -> Any:
    """Write the block's faces: those between locked vertices as they came, the rest from the free vertices' rings."""
    written = 0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if degree[a] == LOCKED and degree[b] == LOCKED and degree[c] == LOCKED:
            out[written, 0], out[written, 1], out[written, 2] = members[a], members[b], members[c]
            written += 1
    for v in range(len(degree)):
        n = np.intp(degree[v])
        if n in (DEAD, LOCKED):
            continue
        a = np.intp(ring[v, n - 1])
        for i in range(n):
            b = np.intp(ring[v, i])
            if (a > v or degree[a] == LOCKED) and (b > v or degree[b] == LOCKED):
                out[written, 0], out[written, 1], out[written, 2] = members[v], members[a], members[b]
                written += 1
            a = b
    return written
