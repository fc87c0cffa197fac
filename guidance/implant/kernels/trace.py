"""Where rays meet a field's surface."""

from __future__ import annotations

from typing import Any

import numpy as np

from guidance.compiled import inlined, kernel

_MOST_STEPS = 600


@inlined
def _value(field: Any, x: float, y: float, z: float) -> float:
    i, j, k = int(x), int(y), int(z)
    u, v, w = x - i, y - j, z - k
    near = (1 - u) * ((1 - v) * field[i, j, k] + v * field[i, j + 1, k]) + u * (
        (1 - v) * field[i + 1, j, k] + v * field[i + 1, j + 1, k]
    )
    far = (1 - u) * ((1 - v) * field[i, j, k + 1] + v * field[i, j + 1, k + 1]) + u * (
        (1 - v) * field[i + 1, j, k + 1] + v * field[i + 1, j + 1, k + 1]
    )
    return float(near + w * (far - near))


@kernel
def trace(field: Any, origin: Any, spacing: float, starts: Any, way: Any, met: Any) -> None:
    """How far along its way each ray goes until it meets the surface; infinity where it does not.

    Args:
        field: (ni, nj, nk) signed distances.
        origin: (3,) place of its first voxel.
        spacing: edge of its cubes.
        starts: (n, 3) in front of the field.
        way: (3,) unit, of all rays.
        met: (n,) written.
    """
    for p in range(starts.shape[0]):
        met[p] = np.inf
        near, far = 0.0, np.inf
        for axis in range(3):
            low, high = origin[axis], origin[axis] + (field.shape[axis] - 1.001) * spacing
            if abs(way[axis]) < 1e-9:
                if not low <= starts[p, axis] <= high:
                    far = -1.0
                continue
            a, b = (low - starts[p, axis]) / way[axis], (high - starts[p, axis]) / way[axis]
            near, far = max(near, min(a, b)), min(far, max(a, b))
        t, before, was = near + 1e-6, near, 1.0
        for _ in range(_MOST_STEPS):
            if t >= far:
                break
            x = (starts[p, 0] + t * way[0] - origin[0]) / spacing
            y = (starts[p, 1] + t * way[1] - origin[1]) / spacing
            z = (starts[p, 2] + t * way[2] - origin[2]) / spacing
            value = _value(field, x, y, z)
            if value <= 0.0:
                met[p] = before + (t - before) * was / max(was - value, 1e-9)
                break
            before, was = t, value
            t += max(0.7 * value, 0.25 * spacing)
