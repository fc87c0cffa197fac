"""What an eye must see of an ellipsoid, worked out without the engine: a ray a pixel, and whether it meets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Headset axes (x left, y up, z towards the eyes) of patient axes (x left, y back, z up): docs/conventions.md.
_HEADSET_FROM_LPS = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def silhouette(
    centre_mm: tuple[float, float, float],
    radii_mm: tuple[float, float, float],
    anatomy_at_m: tuple[float, float, float],
    eye_at_m: tuple[float, float, float],
    fov_rad: tuple[float, float, float, float],
    size_px: tuple[int, int],
) -> NDArray[np.bool_]:
    """(height, width) pixels, first row at the top, whose middle sees the ellipsoid.

    The anatomy stands upright at true size, the eye looks along -Z; `fov_rad` is left, right, up, down.
    """
    width, height = size_px
    left, right, up, down = (np.tan(angle) for angle in fov_rad)
    x = left + (right - left) * (np.arange(width) + 0.5) / width
    y = up + (down - up) * (np.arange(height) + 0.5) / height
    rays = np.stack([*np.meshgrid(x, y), np.full((height, width), -1.0)], axis=-1)
    middle = np.array(anatomy_at_m) + _HEADSET_FROM_LPS @ np.array(centre_mm) / 1e3
    radii = np.abs(_HEADSET_FROM_LPS @ np.array(radii_mm)) / 1e3
    # In the space where it is the unit ball: |o + t d| = 1 has a solution.
    o, d = (np.array(eye_at_m) - middle) / radii, rays / radii
    b = (d * o).sum(axis=-1)
    met: NDArray[np.bool_] = (b**2 >= (d * d).sum(axis=-1) * (o @ o - 1)) & (b < 0)
    return met


def overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Pixels in both, of those in either."""
    return float((a & b).sum() / (a | b).sum())


def grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """The mask and all within so many pixels of it, up, down and aside; negative: what is left of it inside."""
    if by < 0:
        return ~grown(~mask, -by)
    out = mask.copy()
    for shift in range(1, by + 1):
        for axis in (0, 1):
            for way in (-shift, shift):
                out |= np.roll(mask, way, axis)
    return out


def light(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Linear light (…, 3) of sRGB bytes."""
    encoded = pixels[..., :3] / 255.0
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
