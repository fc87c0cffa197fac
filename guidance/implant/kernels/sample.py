"""Values between the voxels of a field."""

from __future__ import annotations

from typing import Any

import numpy as np

from guidance.compiled import kernel


@kernel
def sample(field: Any, origin: Any, spacing: float, points: Any, values: Any, gradients: Any) -> None:
    """Trilinear values and their gradients at points; NaN and 0 beyond the grid.

    Args:
        field: (ni, nj, nk).
        origin: (3,) place of its first voxel.
        spacing: edge of its cubes.
        points: (n, 3).
        values: (n,) written.
        gradients: (n, 3) written.
    """
    ni, nj, nk = field.shape
    for p in range(points.shape[0]):
        x = (points[p, 0] - origin[0]) / spacing
        y = (points[p, 1] - origin[1]) / spacing
        z = (points[p, 2] - origin[2]) / spacing
        if not (0.0 <= x <= ni - 1 and 0.0 <= y <= nj - 1 and 0.0 <= z <= nk - 1):
            values[p] = np.nan
            gradients[p, 0], gradients[p, 1], gradients[p, 2] = 0.0, 0.0, 0.0
            continue
        i, j, k = min(int(x), ni - 2), min(int(y), nj - 2), min(int(z), nk - 2)
        u, v, w = x - i, y - j, z - k
        a, b = float(field[i, j, k]), float(field[i + 1, j, k])
        c, d = float(field[i, j + 1, k]), float(field[i + 1, j + 1, k])
        e, f = float(field[i, j, k + 1]), float(field[i + 1, j, k + 1])
        g, h = float(field[i, j + 1, k + 1]), float(field[i + 1, j + 1, k + 1])
        near0, near1 = a + u * (b - a), c + u * (d - c)
        far0, far1 = e + u * (f - e), g + u * (h - g)
        near, far = near0 + v * (near1 - near0), far0 + v * (far1 - far0)
        values[p] = near + w * (far - near)
        gradients[p, 0] = (
            (1 - w) * ((1 - v) * (b - a) + v * (d - c)) + w * ((1 - v) * (f - e) + v * (h - g))
        ) / spacing
        gradients[p, 1] = ((1 - w) * (near1 - near0) + w * (far1 - far0)) / spacing
        gradients[p, 2] = (far - near) / spacing
