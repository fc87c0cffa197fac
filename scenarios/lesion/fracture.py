"""A compression fracture: a vertebral body loses height, most in front, and is denser where bone was driven in."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from scenarios.lesion.form import Form, Layer
from scenarios.lesion.setting import Mask, Setting
from scenarios.lesion.warp import pull

#: The wall before the canal loses this share of what the front loses.
_BEHIND = 0.3
#: What stands above follows down, and fades over this height.
_ABOVE_MM = 70.0
#: Beside the body nothing moves beyond this distance.
_BESIDE_MM = 14.0
#: Bone that was driven in makes a band so thick under the end plate.
_BAND_MM = 4.5
#: No body loses more of its height than this.
_MOST = 0.75


def fracture(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """The body at `at_mm` loses `size_mm` of its height in front; the contrast is the band's.

    Raises:
        InvalidValue: no vertebral body lies there, or it is not so high.
    """
    body = _body_at(setting, at_mm)
    low, high = _corners_mm(setting, body)
    height = float(high[2] - low[2])
    if size_mm > _MOST * height:
        raise InvalidValue(f"the body is {height:.0f} mm high and cannot lose {size_mm:.0f} mm")
    middle = (low + high) / 2
    window = setting.window(middle, 0.5 * height + _ABOVE_MM)
    points = setting.points_mm(window)
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    back = np.clip((y - low[1]) / (high[1] - low[1]), 0.0, 1.0)
    dent = 1.0 + 0.12 * np.sin(2 * np.pi * (x - low[0]) / (high[0] - low[0]) + rng.uniform(0, 2 * np.pi))
    lost = size_mm * (1.0 - (1.0 - _BEHIND) * _smooth(back)) * dent
    top = high[2] - lost
    within = (z - low[2]) / np.maximum(top - low[2], 1.0)
    above = np.clip(1.0 - (z - top) / (_ABOVE_MM - height), 0.0, 1.0)
    rise = np.where(z <= top, lost * np.clip(within, 0.0, 1.0), lost * above * above * (3 - 2 * above))
    beside = np.hypot(
        np.maximum(np.maximum(low[0] - x, x - high[0]), 0.0), np.maximum(np.maximum(low[1] - y, y - high[1]), 0.0)
    )
    rise *= _smooth(np.clip(1.0 - beside / _BESIDE_MM, 0.0, 1.0))
    step = np.zeros_like(points)
    step[..., 2] = rise
    now = pull(body[window].astype(np.float32), step, setting.grid, order=1)
    ragged = gaussian_filter(rng.normal(size=z.shape), 2.0)
    ragged *= 1.0 / max(float(ragged.std()), 1e-9)
    band = np.clip((z - (top - _BAND_MM - ragged)) / 1.5, 0.0, 1.0) * np.clip((top + 1.0 - z) / 1.5, 0.0, 1.0) * now
    truth = np.asarray(np.clip(now, 0.0, 1.0), np.float32)
    share = np.asarray(np.clip(band, 0.0, 1.0), np.float32)
    layer = Layer(share, contrast, counts=False, clears=False, texture_sd=0.2 * abs(contrast))
    return Form(window, (layer,), pull_mm=step, truth=truth)


def vertebra(setting: Setting, _radius_mm: float, rng: np.random.Generator) -> Float64:
    """The middle of a vertebral body that is wholly in the volume, with neighbours."""
    masks = [mask for key, mask in setting.structures.items() if key.startswith("vertebral_body")]
    whole = [mask for mask in masks if mask.any() and not (mask[:, :, :8].any() or mask[:, :, -8:].any())]
    if not whole:
        raise InvalidValue("no vertebral body is wholly in this volume")
    chosen = whole[int(rng.integers(len(whole)))]
    return np.asarray(setting.grid.patient_from_voxel.apply(np.argwhere(chosen).mean(axis=0)))


def _body_at(setting: Setting, at_mm: Float64) -> Mask:
    index = tuple(np.rint(setting.grid.patient_from_voxel.inverse.apply(at_mm)).astype(int).tolist())
    for key, mask in setting.structures.items():
        within = all(0 <= i < n for i, n in zip(index, mask.shape, strict=True))
        if key.startswith("vertebral_body") and within and mask[index]:
            return mask
    raise InvalidValue(f"no vertebral body lies at {np.round(at_mm, 1).tolist()} mm")


def _corners_mm(setting: Setting, body: Mask) -> tuple[Float64, Float64]:
    points = setting.grid.patient_from_voxel.apply(np.argwhere(body).astype(np.float64))
    half = setting.grid.spacing_mm[2] / 2 * np.array([0.0, 0.0, 1.0])
    return np.percentile(points, 2, axis=0) - half, np.percentile(points, 98, axis=0) + half


def _smooth(t: Float64) -> Float64:
    return np.asarray(t * t * (3 - 2 * t))
