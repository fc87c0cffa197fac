"""A lesion in a volume as a scanner would show it: partial volume, its sharpness, and the noise that is there.

`I' = I + PSF * (m (lesion - local mean))`: what is added is smooth, so the noise of the place stays what it is, where
overwriting would leave a patch without noise that anybody sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from engine.core.array import Float32, Float64, frozen
from engine.core.errors import InvalidValue

#: The tissue that a lesion takes the place of is the mean within about this distance.
LOCAL_MM = 4.0
#: The scanner's blur ends so many standard deviations out; beyond it no voxel changes at all.
_TRUNCATE = 4.0
#: Standard deviations of the noise beyond which a voxel within a lesion is another structure.
_STANDS_OUT = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Inserted:
    """A volume with a lesion.

    Attributes:
        samples: (i, j, k) as it was, in its own type, but for the lesion.
        mask: (i, j, k) voxels that the lesion fills by half or more: the truth that marks are matched to.
        volume_mm3: of the lesion, partial voxels counted by their share.
        contrast: mean of the lesion less the mean of what it took the place of, both without blur.
    """

    samples: NDArray[np.generic]
    mask: NDArray[np.bool_]
    volume_mm3: float
    contrast: float


def insert(
    samples: NDArray[np.generic],
    spacing_mm: Float64,
    share: Float32,
    value: float | Float32,
    blur_mm: Float64,
    *,
    texture: Float32 | None = None,
    noise_sd: float | None = None,
) -> Inserted:
    """Put a lesion into a volume.

    Args:
        samples: (i, j, k), any numeric type; values are rounded to it.
        spacing_mm: (3,).
        share: (i, j, k) how much of each voxel the lesion fills, 0 to 1.
        value: of the lesion in the volume's unit (Hounsfield units), everywhere or (i, j, k).
        blur_mm: (3,) standard deviation of the scanner's point spread along each axis, as it is measured.
        texture: (i, j, k) what is added to `value` within the lesion, before blur.
        noise_sd: of the place. What differs by more than four of it from the middle of what the lesion takes the place
            of is then another structure, a vessel or a sulcus, and goes too; None: it is seen through the lesion.

    Raises:
        InvalidValue: shapes that differ, shares beyond 0 to 1, or a lesion that lies nowhere.
    """
    if share.shape != samples.shape or np.ndim(value) not in (0, 3):
        raise InvalidValue("a lesion is told voxel by voxel, on the grid of the volume")
    if not ((share >= 0) & (share <= 1)).all() or not share.any():
        raise InvalidValue("a lesion fills 0 to all of each voxel, and some of at least one")
    sigma = np.asarray(blur_mm, np.float64) / spacing_mm
    box = _box(share, sigma, spacing_mm)
    part, before = share[box].astype(np.float64), samples[box].astype(np.float64)
    wanted = np.broadcast_to(np.asarray(value, np.float64), samples.shape)[box]
    if texture is not None:
        wanted = wanted + texture[box]
    if noise_sd is not None:
        before_clear = _cleared(before, part, noise_sd)
        local = _local_mean(before_clear, part, spacing_mm) + (before - before_clear)
    else:
        local = _local_mean(before, part, spacing_mm)
    added = gaussian_filter(part * (wanted - local), sigma, mode="constant", truncate=_TRUNCATE)
    made = samples.copy()
    made[box] = as_type(samples.dtype, before + added)
    weight = part.sum()
    return Inserted(
        frozen(made),
        frozen(share >= 0.5),
        float(weight * np.prod(spacing_mm)),
        float((part * (wanted - local)).sum() / weight),
    )


def _box(share: Float32, sigma: Float64, spacing_mm: Float64) -> tuple[slice, slice, slice]:
    """Voxels that may change, and those that the local mean is taken of."""
    room = np.ceil(np.maximum(_TRUNCATE * sigma, 3 * LOCAL_MM / spacing_mm)).astype(int) + 1
    there = np.nonzero(share)
    low = [max(int(at.min()) - n, 0) for at, n in zip(there, room, strict=True)]
    high = [int(at.max()) + n + 1 for at, n in zip(there, room, strict=True)]
    return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])


def _cleared(before: Float64, part: Float64, noise_sd: float) -> Float64:
    """What would be there without other structures: their voxels get the middle, and the noise of a voxel elsewhere."""
    inside = part > 0
    middle = float(np.median(before[inside]))
    strange = inside & (np.abs(before - middle) > _STANDS_OUT * max(noise_sd, 1e-6))
    plain = before[inside & ~strange]
    if not strange.any() or len(plain) == 0:
        return before
    # Voxels some way apart have no noise in common: laid side by side and blurred a little they look like it again.
    grain = np.resize(plain[:: max(len(plain) // 997, 1)] - middle, before.shape)
    grain = gaussian_filter(np.clip(grain, -2 * noise_sd, 2 * noise_sd), 0.7)
    cleared = before.copy()
    cleared[strange] = middle + noise_sd * grain[strange] / max(float(grain.std()), 1e-9)
    return cleared


def _local_mean(before: Float64, part: Float64, spacing_mm: Float64) -> Float64:
    """The mean of what the lesion takes the place of, near each voxel: of voxels in it alone, by their share."""
    sigma = LOCAL_MM / spacing_mm
    weight = gaussian_filter(part, sigma, mode="constant")
    total = gaussian_filter(part * before, sigma, mode="constant")
    return np.asarray(np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-9))


def as_type(dtype: np.dtype[np.generic], values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Values rounded and kept within what the type holds."""
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)  # type: ignore[type-var]
        return np.asarray(np.clip(np.rint(values), info.min, info.max).astype(dtype))
    return values.astype(dtype)
