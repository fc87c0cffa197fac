"""Plain bodies that lesions are put into: uniform tissue with noise, and a scene of balls."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from engine.core.grid import Grid
from scenarios.lesion.setting import Setting

SPACING = (1.0, 1.0, 1.25)
SHAPE = (96, 96, 80)
BLUR = np.array([0.6, 0.6, 0.7])


def away_mm(grid: Grid) -> np.ndarray:
    """Distance of each voxel from the middle of the grid."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    return np.asarray(np.linalg.norm(grid.patient_from_voxel.apply(index) - grid.centre_mm, axis=-1))


def uniform(keys: tuple[str, ...], value: float, sd: float = 0.0, seed: int = 0) -> Setting:
    """A ball of radius 38 mm of one tissue, under all of the keys, in soft tissue of 0."""
    grid = Grid.centred(SHAPE, SPACING)
    inside = away_mm(grid) < 38.0
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=SHAPE), 0.7)
    samples = np.where(inside, value, 0.0) + sd * noise / noise.std()
    return Setting(grid, np.asarray(samples, np.float32), dict.fromkeys(keys, inside), BLUR)
