"""Quaternions x, y, z, w, as OpenIGTLink writes them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from engine.core.array import Float64


def matrix_of(position_mm: ArrayLike, quaternion: ArrayLike) -> Float64:
    """(4, 4). A quaternion of another length than one is taken for what it points to; of none, as no rotation at all.

    The zero quaternion gives a matrix that is not rigid, so that whoever reads it refuses it.
    """
    x, y, z, w = np.asarray(quaternion, np.float64)
    length2 = x * x + y * y + z * z + w * w
    made = np.eye(4)
    made[:3, 3] = np.asarray(position_mm, np.float64)
    if not length2 > 1e-12:
        made[:3, :3] = np.nan
        return made
    s = 2.0 / length2
    made[:3, :3] = [
        [1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
        [s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)],
        [s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)],
    ]
    return made


def quaternion_of(rotation: Float64) -> Float64:
    """(4,) of unit length with w ≥ 0, from a (3, 3) rotation, by its largest part (Shepperd, J. Guidance 1, 1978)."""
    (a, b, c), (d, e, f), (g, h, i) = np.asarray(rotation, np.float64).tolist()
    products = (  # four times each two parts
        (1.0 + a - e - i, b + d, c + g, h - f),
        (b + d, 1.0 - a + e - i, f + h, c - g),
        (c + g, f + h, 1.0 - a - e + i, d - b),
        (h - f, c - g, d - b, 1.0 + a + e + i),
    )
    x, y, z, w = max(products, key=lambda row: sum(part * part for part in row))
    length = math.copysign(math.sqrt(x * x + y * y + z * z + w * w), w)
    return np.array([x / length, y / length, z / length, w / length])
