"""A small analytic chest: exact labels, any orientation, no scanner."""

from __future__ import annotations

import numpy as np
import torch

from engine.core.grid import Grid
from engine.core.volume import Quantity, Source, Volume

SHAPE = (110, 80, 70)
SPACING_MM = 3.0


def chest(*, bridge: bool = False, contrast: bool = False, noise: float = 12.0) -> torch.Tensor:
    """HU of a trunk with two lungs, a trachea that forks into them, a spine, a table and a blanket.

    The left lung (+x) is the smaller. `bridge` makes the lungs touch in front; `contrast` fills a heart.
    """
    x, y, z = np.meshgrid(*(np.arange(n) * SPACING_MM for n in SHAPE), indexing="ij")
    x, y = x - x.mean(), y - 100.0
    hu = np.full(SHAPE, -1000.0)
    hu[(x / 140) ** 2 + (y / 85) ** 2 <= 1] = -100
    hu[(x / 128) ** 2 + (y / 73) ** 2 <= 1] = 50
    up = (z - 95) / 80
    hu[((x - 62) / 42) ** 2 + (y / 58) ** 2 + up**2 <= 1] = -860
    hu[((x + 62) / 48) ** 2 + (y / 62) ** 2 + up**2 <= 1] = -860
    if bridge:
        hu[(np.abs(x) <= 30) & (np.abs(y + 25) <= 5) & (np.abs(z - 95) <= 25)] = -860
    trachea = (x**2 + (y - 5) ** 2 <= 8.5**2) & (z >= 110)
    bronchi = ((y - 5) ** 2 + (z - 112 + 0.35 * np.abs(x)) ** 2 <= 7**2) & (np.abs(x) <= 40)
    wall = ((x**2 + (y - 5) ** 2 <= 12**2) & (z >= 110)) | (
        ((y - 5) ** 2 + (z - 112 + 0.35 * np.abs(x)) ** 2 <= 10**2) & (np.abs(x) <= 40)
    )
    hu[wall] = 40
    hu[trachea | bronchi] = -1000
    spine = x**2 + (y - 50) ** 2
    hu[spine <= 19**2] = 500
    hu[spine <= 14**2] = 180
    if contrast:
        hu[((x - 5) / 22) ** 2 + ((y + 25) / 22) ** 2 + ((z - 60) / 35) ** 2 <= 1] = 320
    hu[(np.abs(y - 94) <= 2) & (np.abs(x) <= 155)] = 150
    hu[(np.abs(y + 92) <= 1.5) & (np.abs(x) <= 60)] = -600
    hu += np.random.default_rng(7).normal(0, noise, SHAPE)
    samples = torch.from_numpy(np.rint(np.clip(hu, -1024, 3071)).astype(np.int16))
    return samples.permute(2, 1, 0).contiguous().permute(2, 1, 0)


def placed(samples: torch.Tensor, axes: tuple[int, int, int] = (0, 1, 2), flips: tuple[int, ...] = ()) -> Volume:
    """The same patient with other voxel axes: voxel axis n is patient axis `axes[n]`, some reversed."""
    moved = samples.permute(axes).flip(flips)
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for axis, patient in enumerate(axes):
        backwards = axis in flips
        matrix[patient, axis] = -SPACING_MM if backwards else SPACING_MM
        if backwards:
            matrix[patient, 3] = SPACING_MM * (samples.shape[patient] - 1)
    shape = (moved.shape[0], moved.shape[1], moved.shape[2])
    return Volume(Grid.from_matrix(shape, matrix), moved, Quantity.HOUNSFIELD, Source("phantom", "CT"))
