"""Kernels of a cutting tool: what it covers of a grid of cubes between two places, and how near the target it came."""

from __future__ import annotations

from typing import Any

import numpy as np

from guidance.compiled import inlined, kernel

#: A voxel that is covered whole.
WHOLE = 255


@inlined
def _triangle2(corners: Any, px: Any, py: Any, pz: Any) -> float:
    """Squared distance from a triangle (3, 3), which may be a line or a point (Ericson 2004, 5.1.5)."""
    ax, ay, az = corners[0, 0], corners[0, 1], corners[0, 2]
    abx, aby, abz = corners[1, 0] - ax, corners[1, 1] - ay, corners[1, 2] - az
    acx, acy, acz = corners[2, 0] - ax, corners[2, 1] - ay, corners[2, 2] - az
    apx, apy, apz = px - ax, py - ay, pz - az
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
    x, y, z = apx - v * abx - w * acx, apy - v * aby - w * acy, apz - v * abz - w * acz
    return x * x + y * y + z * z


@kernel
def cover(triangles: Any, radii: Any, own: Any, total: Any, was: Any, removed: Any, left: Any) -> None:
    """Cover what lies within the radii of triangles (t, 3, 3); everything is in voxels.

    Args:
        triangles: swept by the axis of the tool; where a point went, lines.
        radii: (3,) ascending; one that is not positive covers nothing.
        own: (ni, nj, nk, 3) uint8, the share of each voxel that this cut covers by each radius; grows.
        total: the same of all cuts.
        was: (ni, nj, nk) uint8, the share of each voxel that the target had.
        removed, left: (3,) int64 sums of what is covered, and of what is left of the target; exact, in any order.
    """
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    reach = radii[2] + 0.5
    for t in range(triangles.shape[0]):
        for axis in range(3):
            a, b, c = triangles[t, 0, axis], triangles[t, 1, axis], triangles[t, 2, axis]
            low[axis] = int(min(max(np.ceil(min(a, b, c) - reach), 0), was.shape[axis]))
            high[axis] = int(max(min(np.floor(max(a, b, c) + reach), was.shape[axis] - 1), -1))
        for i in range(low[0], high[0] + 1):
            for j in range(low[1], high[1] + 1):
                for k in range(low[2], high[2] + 1):
                    if own[i, j, k, 0] == WHOLE:  # by the other radii then, too
                        continue
                    away2 = _triangle2(triangles[t], i, j, k)
                    if away2 >= reach * reach:
                        continue
                    away = np.sqrt(away2)
                    for n in range(3):
                        if radii[n] <= 0.0:
                            continue
                        covered = int(WHOLE * min(max(0.5 + radii[n] - away, 0.0), 1.0) + 0.5)
                        if covered > own[i, j, k, n]:
                            own[i, j, k, n] = covered
                        more = covered - int(total[i, j, k, n])
                        if more > 0:
                            total[i, j, k, n] = covered
                            removed[n] += more
                            left[n] -= more * int(was[i, j, k])


@kernel
def nearest(triangles: Any, f: Any, found: Any) -> float:
    """The least of f (ni, nj, nk), linear between voxels, over triangles; infinite where all of them lie off the grid.

    Looked for at points no more than half a voxel apart. Written: found (2, 3), the place in voxels and the slope.
    """
    best = np.inf
    for t in range(triangles.shape[0]):
        longest = 0.0
        for n in range(3):
            along = triangles[t, (n + 1) % 3] - triangles[t, n]
            longest = max(longest, np.sqrt((along * along).sum()))
        parts = int(np.ceil(2 * longest))
        for m in range(parts + 1):
            for n in range(parts + 1 - m):
                v, w = (m / parts, n / parts) if parts else (0.0, 0.0)
                x = triangles[t, 0, 0] + v * (triangles[t, 1, 0] - triangles[t, 0, 0])
                y = triangles[t, 0, 1] + v * (triangles[t, 1, 1] - triangles[t, 0, 1])
                z = triangles[t, 0, 2] + v * (triangles[t, 1, 2] - triangles[t, 0, 2])
                x += w * (triangles[t, 2, 0] - triangles[t, 0, 0])
                y += w * (triangles[t, 2, 1] - triangles[t, 0, 1])
                z += w * (triangles[t, 2, 2] - triangles[t, 0, 2])
                i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
                if i < 0 or j < 0 or k < 0 or i + 1 >= f.shape[0] or j + 1 >= f.shape[1] or k + 1 >= f.shape[2]:
                    continue
                x, y, z = x - i, y - j, z - k
                level = gx = gy = gz = 0.0
                for a in range(2):
                    wx = x if a else 1 - x
                    for b in range(2):
                        wy = y if b else 1 - y
                        for c in range(2):
                            wz = z if c else 1 - z
                            value = f[i + a, j + b, k + c]
                            level += wx * wy * wz * value
                            gx += (1 if a else -1) * wy * wz * value
                            gy += (1 if b else -1) * wx * wz * value
                            gz += (1 if c else -1) * wx * wy * value
                if level < best:
                    best = level
                    found[0, 0], found[0, 1], found[0, 2] = i + x, j + y, k + z
                    found[1, 0], found[1, 1], found[1, 2] = gx, gy, gz
    return best
