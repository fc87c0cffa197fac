"""Tissue that moved: a smooth warp in which noise stays as strong as it was.

Interpolation averages neighbours and so takes noise away; what is lost is measured on white noise that is warped
likewise, and given back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from engine.core.array import Float64
from engine.core.grid import Grid

#: Less than this is no move: it would change no sample by more than its noise.
_STILL_MM = 0.03


def pull(values: NDArray[np.generic], pull_mm: Float64, grid: Grid, *, order: int = 3) -> Float64:
    """`values` (a, b, c) as they are at each place plus `pull_mm` (a, b, c, 3)."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in values.shape], indexing="ij"))
    steps = np.moveaxis(pull_mm @ np.linalg.inv(grid.patient_from_voxel.matrix[:3, :3]).T, -1, 0)
    return np.asarray(map_coordinates(values.astype(np.float64), index + steps, order=order, mode="nearest"))


def moved(
    samples: NDArray[np.generic], pull_mm: Float64, grid: Grid, noise_sd: float, rng: np.random.Generator
) -> Float64:
    """Samples (a, b, c) after the move, exactly as they were where nothing moved, their noise kept."""
    moves = np.linalg.norm(pull_mm, axis=-1) >= _STILL_MM
    made = samples.astype(np.float64)
    if not moves.any():
        return made
    steps = np.linalg.inv(grid.patient_from_voxel.matrix[:3, :3])
    at = (np.argwhere(moves) + pull_mm[moves] @ steps.T).T
    white = rng.normal(size=samples.shape)
    kept = np.ones(samples.shape)
    kept[moves] = map_coordinates(white, at, order=3, mode="nearest") ** 2
    lost = np.sqrt(np.clip(1.0 - gaussian_filter(kept, 2.0)[moves], 0.0, 1.0))
    made[moves] = map_coordinates(made, at, order=3, mode="nearest") + noise_sd * lost * rng.normal(size=at.shape[1])
    return made


def pushed_out(offsets_mm: Float64, radius_mm: float, amount: float, reach_mm: float) -> Float64:
    """Where tissue about a mass was before the mass came, as steps (…, 3).

    An incompressible mass of radius R pushes from r_0 to (r_0³ + amount R³)^(1/3); it fades to nothing at `reach_mm`.
    """
    r = np.maximum(np.linalg.norm(offsets_mm, axis=-1), 1e-6)
    outside = np.maximum(r, radius_mm)
    before = np.cbrt(np.maximum(outside**3 - amount * radius_mm**3, 0.0))
    fade = np.clip((reach_mm - r) / (0.6 * reach_mm), 0.0, 1.0)
    fade = fade * fade * (3 - 2 * fade)
    step = (before - outside) * fade * np.minimum(r / radius_mm, 1.0)
    return np.asarray(offsets_mm / r[..., None] * step[..., None])
