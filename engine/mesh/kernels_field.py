"""Kernels that fill a grid with signed distances to a closed triangle surface.

Arrays are [k, j, i]. Positions are patient axes in millimetres, from the grid's first voxel: voxel (i, j, k) stands at
`steps @ (i, j, k)`, so that rotated and sheared grids need nothing of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.mesh.kernels_bits import inlined, kernel

#: No triangle found yet.
NOBODY = -1


@inlined
def _point(steps: Any, i: Any, j: Any, k: Any) -> Any:
    return (
        steps[0, 0] * i + steps[0, 1] * j + steps[0, 2] * k,
        steps[1, 0] * i + steps[1, 1] * j + steps[1, 2] * k,
        steps[2, 0] * i + steps[2, 1] * j + steps[2, 2] * k,
    )


@inlined
def _nearest(corners: Any, t: Any, p: Any) -> Any:
    """Nearest point of triangle t (Ericson, "Real-Time Collision Detection", 2004, 5.1.5); it may have no area."""
    ax, ay, az = corners[t, 0, 0], corners[t, 0, 1], corners[t, 0, 2]
    abx, aby, abz = corners[t, 1, 0] - ax, corners[t, 1, 1] - ay, corners[t, 1, 2] - az
    acx, acy, acz = corners[t, 2, 0] - ax, corners[t, 2, 1] - ay, corners[t, 2, 2] - az
    apx, apy, apz = p[0] - ax, p[1] - ay, p[2] - az
    d1, d2 = abx * apx + aby * apy + abz * apz, acx * apx + acy * apy + acz * apz
    bb, cc, bc = abx * abx + aby * aby + abz * abz, acx * acx + acy * acy + acz * acz, abx * acx + aby * acy + abz * acz
    d3, d4, d5, d6 = d1 - bb, d2 - bc, d1 - bc, d2 - cc
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    v = w = 0.0
    if d1 <= 0 and d2 <= 0:
        pass
    elif d3 >= 0 and d4 <= d3:
        v = 1.0
    elif d6 >= 0 and d5 <= d6:
        w = 1.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        v = d1 / bb if bb > 0 else 0.0
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        w = d2 / cc if cc > 0 else 0.0
    elif va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        along = (d4 - d3) + (d5 - d6)
        w = (d4 - d3) / along if along > 0 else 0.0
        v = 1.0 - w
    else:
        whole = va + vb + vc
        v, w = (vb / whole, vc / whole) if whole > 0 else (0.0, 0.0)
    return ax + v * abx + w * acx, ay + v * aby + w * acy, az + v * abz + w * acz


@inlined
def _squared(p: Any, q: Any) -> Any:
    x, y, z = p[0] - q[0], p[1] - q[1], p[2] - q[2]
    return x * x + y * y + z * z


@kernel
def seed(corners: Any, lows: Any, highs: Any, steps: Any, owner: Any, near: Any, square: Any) -> None:
    """The nearest triangle of every voxel within a voxel of any: exact.

    lows, highs (t, 3): voxels i, j, k around each triangle that are looked at. Written: owner, near (..., 3) the
    nearest point, square the squared distance.
    """
    for t in range(corners.shape[0]):
        for k in range(lows[t, 2], highs[t, 2] + 1):
            for j in range(lows[t, 1], highs[t, 1] + 1):
                for i in range(lows[t, 0], highs[t, 0] + 1):
                    p = _point(steps, i, j, k)
                    found = _nearest(corners, t, p)
                    distance = _squared(p, found)
                    if distance < square[k, j, i]:
                        square[k, j, i] = distance
                        owner[k, j, i] = t
                        near[k, j, i, 0], near[k, j, i, 1], near[k, j, i, 2] = found


@inlined
def _take(owner: Any, near: Any, square: Any, p: Any, k: Any, j: Any, i: Any, kk: Any, jj: Any, ii: Any) -> None:
    if owner[kk, jj, ii] == NOBODY or owner[kk, jj, ii] == owner[k, j, i]:
        return
    found = near[kk, jj, ii, 0], near[kk, jj, ii, 1], near[kk, jj, ii, 2]
    distance = _squared(p, found)
    if distance < square[k, j, i]:
        square[k, j, i] = distance
        owner[k, j, i] = owner[kk, jj, ii]
        near[k, j, i, 0], near[k, j, i, 1], near[k, j, i, 2] = found


@kernel
def spread(steps: Any, owner: Any, near: Any, square: Any) -> None:
    """Nearest points handed on from voxel to voxel, up and down the slices.

    After Danielsson, "Euclidean distance mapping", 1980; in a slice forwards and backwards, as Leymarie and Levine do.
    """
    nk, nj, ni = owner.shape
    for way in (1, -1):
        for kk in range(nk):
            k = kk if way == 1 else nk - 1 - kk
            behind = k - way
            for j in range(nj):
                for i in range(ni):
                    p = _point(steps, i, j, k)
                    if 0 <= behind < nk:
                        for b in range(max(j - 1, 0), min(j + 1, nj - 1) + 1):
                            for a in range(max(i - 1, 0), min(i + 1, ni - 1) + 1):
                                _take(owner, near, square, p, k, j, i, behind, b, a)
                    if j > 0:
                        for a in range(max(i - 1, 0), min(i + 1, ni - 1) + 1):
                            _take(owner, near, square, p, k, j, i, k, j - 1, a)
                    if i > 0:
                        _take(owner, near, square, p, k, j, i, k, j, i - 1)
                for i in range(ni - 2, -1, -1):
                    _take(owner, near, square, _point(steps, i, j, k), k, j, i, k, j, i + 1)
            for j in range(nj - 2, -1, -1):
                for i in range(ni):
                    p = _point(steps, i, j, k)
                    for a in range(max(i - 1, 0), min(i + 1, ni - 1) + 1):
                        _take(owner, near, square, p, k, j, i, k, j + 1, a)
                    if i > 0:
                        _take(owner, near, square, p, k, j, i, k, j, i - 1)
                for i in range(ni - 2, -1, -1):
                    _take(owner, near, square, _point(steps, i, j, k), k, j, i, k, j, i + 1)


@kernel
def settle(
    corners: Any, steps: Any, exact2: float, owner: Any, square: Any, settled: Any, out: Any, first: int, last: int
) -> None:
    """The nearest of the triangles that each voxel and its six neighbours own, into settled, and its squared distance.

    Voxels within the root of `exact2` have their exact distance already.
    """
    nk, nj, ni = owner.shape
    for k in range(first, last):
        for j in range(nj):
            for i in range(ni):
                own = owner[k, j, i]
                best, kept = float(square[k, j, i]), own
                if best > exact2:
                    p = _point(steps, i, j, k)
                    best = _squared(p, _nearest(corners, own, p))
                    seen = own
                    for n in range(6):
                        kk = k + (n == 0) - (n == 1)
                        jj = j + (n == 2) - (n == 3)
                        ii = i + (n == 4) - (n == 5)
                        if 0 <= kk < nk and 0 <= jj < nj and 0 <= ii < ni:
                            other = owner[kk, jj, ii]
                            if other != own and other != seen:
                                seen = other
                                distance = _squared(p, _nearest(corners, other, p))
                                if distance < best:
                                    best, kept = distance, other
                settled[k, j, i], out[k, j, i] = kept, best


@inlined
def _side(ax: Any, ay: Any, bx: Any, by: Any, x: Any, y: Any) -> Any:
    """Which side of the line from a to b a point lies on; one that lies on it counts as moved a little in x, then y.

    The line is always taken from its lower end, so that both triangles of an edge see the same side.
    """
    turned = ax > bx or (ax == bx and ay > by)
    if turned:
        ax, ay, bx, by = bx, by, ax, ay
    cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    left = cross > 0 or (cross == 0 and (by < ay or (by == ay and bx > ax)))
    return left != turned


@kernel
def wind(voxels: Any, turns: Any) -> None:
    """How often the surface winds around each voxel, as steps along its row: `cumsum` over i gives the number.

    voxels (t, 3, 3): corners as i, j, k. Each row is a line along i; a triangle that it crosses adds one turn to the
    voxels after it, with its sense.
    """
    nk, nj, ni = turns.shape
    for t in range(voxels.shape[0]):
        ay, az = voxels[t, 0, 1], voxels[t, 0, 2]
        by, bz = voxels[t, 1, 1], voxels[t, 1, 2]
        cy, cz = voxels[t, 2, 1], voxels[t, 2, 2]
        double = (by - ay) * (cz - az) - (bz - az) * (cy - ay)
        if double == 0.0:
            continue
        for k in range(max(int(np.ceil(min(az, bz, cz))), 0), min(int(np.floor(max(az, bz, cz))), nk - 1) + 1):
            for j in range(max(int(np.ceil(min(ay, by, cy))), 0), min(int(np.floor(max(ay, by, cy))), nj - 1) + 1):
                one = _side(ay, az, by, bz, j, k)
                if one != _side(by, bz, cy, cz, j, k) or one != _side(cy, cz, ay, az, j, k):
                    continue
                u = ((j - ay) * (cz - az) - (k - az) * (cy - ay)) / double
                v = ((by - ay) * (k - az) - (bz - az) * (j - ay)) / double
                x = voxels[t, 0, 0] + u * (voxels[t, 1, 0] - voxels[t, 0, 0])
                x += v * (voxels[t, 2, 0] - voxels[t, 0, 0])
                i = min(max(int(np.ceil(x)), 0), ni)
                if i < ni:
                    turns[k, j, i] += 1 if one else -1
