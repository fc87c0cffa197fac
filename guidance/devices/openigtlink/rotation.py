"""Quaternions x, y, z, w, as OpenIGTLink writes them."""

from __future__ import annotations

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
    """(4,) of unit length with w ≥ 0, from a (3, 3) rotation: the eigenvector of Bar-Itzhack, J. Guidance 23 (2000)."""
    r = np.asarray(rotation, np.float64)
    symmetric = np.array(
        [
            [r[0, 0] - r[1, 1] - r[2, 2], r[1, 0] + r[0, 1], r[2, 0] + r[0, 2], r[2, 1] - r[1, 2]],
            [r[1, 0] + r[0, 1], r[1, 1] - r[0, 0] - r[2, 2], r[2, 1] + r[1, 2], r[0, 2] - r[2, 0]],
            [r[2, 0] + r[0, 2], r[2, 1] + r[1, 2], r[2, 2] - r[0, 0] - r[1, 1], r[1, 0] - r[0, 1]],
            [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], r[0, 0] + r[1, 1] + r[2, 2]],
        ]
    )
    quaternion = np.linalg.eigh(symmetric)[1][:, -1]
    return np.asarray(quaternion if quaternion[3] >= 0 else -quaternion, np.float64)
