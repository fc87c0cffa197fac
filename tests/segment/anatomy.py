"""A small analytic chest: exact labels, any orientation, no scanner."""

from __future__ import annotations

import numpy as np
import torch

from engine.core.grid import Grid
from engine.core.volume import Quantity, Source, Volume

SHAPE = (110, 80, 70)
SPACING_MM = 3.0


#: Radius and place of an aorta that touches the spine.
AORTA_MM = (12.0, 20.0, 27.0)


def chest(
    *, bridge: bool = False, contrast: bool = False, aorta_hu: float | None = None, noise: float = 12.0
) -> torch.Tensor:
    """HU of a trunk with two lungs, a trachea that forks into them, a spine, a table and a blanket.

    The left lung (+x) is the smaller. `bridge` makes the lungs touch in front; `contrast` fills a heart;
    `aorta_hu` fills an aorta that touches the spine.
    """
    x, y, z = _axes()
    hu = _trunk()
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
    if aorta_hu is not None:
        hu[aorta()] = aorta_hu
    _paint_spine(hu)
    if contrast:
        hu[((x - 5) / 22) ** 2 + ((y + 25) / 22) ** 2 + ((z - 60) / 35) ** 2 <= 1] = 320
    hu[(np.abs(y - 94) <= 2) & (np.abs(x) <= 155)] = 150
    hu[(np.abs(y + 92) <= 1.5) & (np.abs(x) <= 60)] = -600
    return _scanned(hu, noise)


def belly(content_hu: float, *, blood_hu: float, gas: bool, noise: float = 12.0) -> torch.Tensor:
    """HU of a trunk without lungs: a spine, an aorta on it, and a bowel across: wall, content, gas above."""
    _, y, _ = _axes()
    hu = _trunk()
    hu[aorta()] = blood_hu
    _paint_spine(hu)
    hu[bowel(wall_mm=3)] = 50
    hu[bowel()] = content_hu
    if gas:
        hu[bowel() & (y < -48)] = -1000
    return _scanned(hu, noise)


def aorta() -> np.ndarray:
    """Voxels of the aorta."""
    x, y, _ = _axes()
    radius_mm, x_mm, y_mm = AORTA_MM
    return np.asarray(((x - x_mm) ** 2 + (y - y_mm) ** 2 <= radius_mm**2) & ~_in_spine(19))


def bowel(*, wall_mm: float = 0.0) -> np.ndarray:
    """Voxels of a loop of bowel across the body, and of its wall."""
    x, y, z = _axes()
    return np.asarray(((y + 38) ** 2 + (z - 100) ** 2 <= (18 + wall_mm) ** 2) & (np.abs(x) <= 35 + wall_mm))


def _axes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, z = np.meshgrid(*(np.arange(n) * SPACING_MM for n in SHAPE), indexing="ij")
    return x - x.mean(), y - 100.0, z


def _trunk() -> np.ndarray:
    x, y, _ = _axes()
    hu = np.full(SHAPE, -1000.0)
    hu[(x / 140) ** 2 + (y / 85) ** 2 <= 1] = -100
    hu[(x / 128) ** 2 + (y / 73) ** 2 <= 1] = 50
    return hu


def _in_spine(radius_mm: float) -> np.ndarray:
    x, y, _ = _axes()
    return np.asarray(x**2 + (y - 50) ** 2 <= radius_mm**2)


def _paint_spine(hu: np.ndarray) -> None:
    hu[_in_spine(19)] = 500
    hu[_in_spine(14)] = 180


def _scanned(hu: np.ndarray, noise: float) -> torch.Tensor:
    hu = hu + np.random.default_rng(7).normal(0, noise, SHAPE)
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
