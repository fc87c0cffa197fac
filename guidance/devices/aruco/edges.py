"""Corners of a printed square to a hundredth of a pixel: where its straight sides meet.

A corner itself is rounded by every lens, and what looks for it finds it a tenth of a pixel too far in. Along a side,
how much of a line across it is white tells where the side is, whatever the blur, as long as that is the same on both
sides of it (the grey-level moment of Tabatabai and Mitchell, IEEE PAMI 6, 1984, its first order alone).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from guidance.devices.aruco.opencv import opencv

_ALONG, _ACROSS, _TURNS = 24, 25, 2
#: Of a side, the part that is looked at: near its ends another side is near.
_FROM, _TO = 0.1, 0.9
#: Looked at on either side of an edge, in cells of the marker, and in pixels at least.
_CELLS, _LEAST_PX = 0.7, 1.5
#: Grey levels between black and white that are enough to go by.
_CONTRAST = 20.0


def refined(grey: NDArray[np.uint8], corners_px: Float64, cells: int) -> Float64:
    """(4, 2) corners of a black square on white, near (4, 2) as they were found; as they were where it is too faint.

    `cells`: along a side of the square, its black border included.
    """
    found = corners_px
    for _ in range(_TURNS):
        sides = np.roll(found, -1, axis=0) - found
        lengths = np.linalg.norm(sides, axis=1)
        reach_px = max(_CELLS * float(lengths.min()) / cells, _LEAST_PX)
        normals = np.stack([sides[:, 1], -sides[:, 0]], axis=1) / lengths[:, None]  # outward: corners go clockwise
        on_side = found[:, None] + np.linspace(_FROM, _TO, _ALONG)[None, :, None] * sides[:, None]
        offsets = _edges(grey, on_side, normals, reach_px)
        if offsets is None:
            return corners_px
        lines = [_line(points) for points in on_side + offsets[..., None] * normals[:, None]]
        found = np.array([_meeting(lines[k - 1], lines[k]) for k in range(4)])
        if not np.isfinite(found).all() or float(np.abs(found - corners_px).max()) > 2 * reach_px:
            return corners_px
    return found


def _edges(grey: NDArray[np.uint8], on_side: Float64, normals: Float64, reach_px: float) -> Float64 | None:
    """(4, along) how far outward from each place on a side it really is."""
    across = np.linspace(-reach_px, reach_px, _ACROSS)
    at = (on_side[:, :, None] + across[None, None, :, None] * normals[:, None, None]).reshape(4 * _ALONG, _ACROSS, 2)
    cv2 = opencv()
    x, y = (np.ascontiguousarray(at[..., k], np.float32) for k in (0, 1))
    levels = cv2.remap(grey.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    levels = np.asarray(levels, np.float64).reshape(4, _ALONG, _ACROSS)
    ends = _ACROSS // 5
    black = np.median(levels[..., :ends], axis=(1, 2))[:, None]
    white = np.median(levels[..., -ends:], axis=(1, 2))[:, None]
    if float((white - black).min()) < _CONTRAST:
        return None
    share = (np.trapezoid(levels, across, axis=2) / (2 * reach_px) - black) / (white - black)
    return np.asarray(reach_px * (1 - 2 * share))


def _line(points: Float64) -> tuple[Float64, Float64]:
    """A place and the unit normal of the line nearest to (n, 2) points; those farthest off are left out once."""
    middle, normal = _nearest(points)
    off = np.abs((points - middle) @ normal)
    return _nearest(points[off <= max(3 * float(np.median(off)), 0.02)])


def _nearest(points: Float64) -> tuple[Float64, Float64]:
    middle = points.mean(axis=0)
    return middle, np.linalg.svd(points - middle)[2][1]


def _meeting(one: tuple[Float64, Float64], other: tuple[Float64, Float64]) -> Float64:
    normals = np.stack([one[1], other[1]])
    if abs(np.linalg.det(normals)) < 1e-3:
        return np.full(2, np.nan)
    return np.asarray(np.linalg.solve(normals, [one[1] @ one[0], other[1] @ other[0]]))
