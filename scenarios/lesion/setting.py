"""Where a lesion goes: the volume, what is where in it, and how sharp it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.grid import Grid

Mask = NDArray[np.bool_]
Window = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A volume that a lesion is put into.

    Attributes:
        grid: its grid.
        samples: (i, j, k).
        structures: masks (i, j, k) by key, as the phantom or a segmentation pipeline names them.
        blur_mm: (3,) standard deviation of the scanner's point spread along each axis.
    """

    grid: Grid
    samples: NDArray[np.generic]
    structures: Mapping[str, Mask]
    blur_mm: Float64

    def __post_init__(self) -> None:
        for key, mask in self.structures.items():
            if mask.shape != self.grid.shape:
                raise InvalidValue(f"structure {key} is {mask.shape}, the volume is {self.grid.shape}")

    def mask(self, *keys: str) -> Mask:
        """All of these structures together; a key that ends with * stands for all that begin so.

        Raises:
            InvalidValue: none of them is there.
        """
        found = [mask for key, mask in self.structures.items() if any(_fits(key, wanted) for wanted in keys)]
        if not found:
            there = ", ".join(sorted(self.structures)) or "none"
            raise InvalidValue(f"this lesion lies in {' or '.join(keys)}; the structures that are known: {there}")
        return np.asarray(np.logical_or.reduce(found))

    def mask_or_none(self, *keys: str) -> Mask | None:
        """As `mask`, or None where none of them is known."""
        return self.mask(*keys) if any(_fits(key, wanted) for key in self.structures for wanted in keys) else None

    def window(self, at_mm: Float64, radius_mm: float) -> Window:
        """Voxels of a box that holds a ball, as far as the volume goes.

        Raises:
            InvalidValue: it lies wholly outside.
        """
        centre = self.grid.patient_from_voxel.inverse.apply(at_mm)
        reach = radius_mm * np.linalg.norm(np.linalg.inv(self.grid.patient_from_voxel.matrix[:3, :3]), axis=1)
        low = np.maximum(np.floor(centre - reach).astype(int), 0)
        high = np.minimum(np.ceil(centre + reach).astype(int) + 1, self.grid.shape)
        if (low >= high).any():
            raise InvalidValue(f"{np.round(at_mm, 1).tolist()} mm lies outside the volume")
        return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])

    def points_mm(self, window: Window) -> Float64:
        """Centres of the voxels of a window in patient millimetres, (i, j, k, 3)."""
        index = np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in window], indexing="ij"), axis=-1)
        matrix = self.grid.patient_from_voxel.matrix
        return np.asarray(index @ matrix[:3, :3].T + matrix[:3, 3])


def _fits(key: str, wanted: str) -> bool:
    return key.startswith(wanted[:-1]) if wanted.endswith("*") else key == wanted
