"""A coarse copy of a volume in patient order, where a pipeline takes its global decisions.

Organs are found at about 3 mm, where 72 million voxels are 2.7 million and noise is averaged away;
boundaries are then drawn at full resolution. Patient order means +x left, +y posterior, +z
superior, whatever the order and direction of the voxel axes: sides are told from the patient.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch

from engine.core.grid import Grid
from engine.segment.steps.layout import i_fastest
from engine.segment.steps.resample import Factors, block_mean


@dataclass(frozen=True, slots=True)
class Overview:
    """Where the coarse copy lies.

    Attributes:
        factors: full-resolution voxels per coarse voxel along i, j, k.
        axes: the voxel axis that runs along patient x, y, z.
        flipped: patient axes along which the voxel axis runs the other way.
        spacing_mm: coarse spacing along patient x, y, z.
        shape: coarse voxels along patient x, y, z.
    """

    factors: Factors
    axes: tuple[int, int, int]
    flipped: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    shape: tuple[int, int, int]

    @property
    def voxel_ml(self) -> float:
        """Volume of a coarse voxel."""
        return float(np.prod(self.spacing_mm)) / 1000

    def voxels(self, millilitres: float) -> int:
        """How many coarse voxels make up a volume, at least 1."""
        return max(1, round(millilitres / self.voxel_ml))

    def in_patient_order(self, coarse: torch.Tensor) -> torch.Tensor:
        """Coarse (i, j, k) to (x, y, z)."""
        return i_fastest(coarse.permute(self.axes).flip(self.flipped))

    def in_voxel_order(self, patient: torch.Tensor) -> torch.Tensor:
        """Coarse (x, y, z) to (i, j, k)."""
        back = [self.axes.index(axis) for axis in range(3)]
        return i_fastest(patient.flip(self.flipped).permute(back))

    def coarse(self, samples: torch.Tensor) -> torch.Tensor:
        """Block means of full-resolution samples, in patient order."""
        return self.in_patient_order(block_mean(samples, self.factors))


def overview_of(grid: Grid, spacing_mm: float) -> Overview:
    """A coarse copy of `grid` with a spacing of at most `spacing_mm`, or its own where that is larger."""
    fine_mm = grid.spacing_mm
    factors = [max(1, min(int(spacing_mm / s + 1e-6), n)) for s, n in zip(fine_mm, grid.shape, strict=True)]
    axes = _aligned_axes(grid)
    flipped = tuple(p for p in range(3) if grid.directions[p, axes[p]] < 0)
    coarse_shape = [-(-n // f) for n, f in zip(grid.shape, factors, strict=True)]
    coarse_mm = [float(s * f) for s, f in zip(fine_mm, factors, strict=True)]
    return Overview(
        factors=(factors[0], factors[1], factors[2]),
        axes=axes,
        flipped=flipped,
        spacing_mm=(coarse_mm[axes[0]], coarse_mm[axes[1]], coarse_mm[axes[2]]),
        shape=(coarse_shape[axes[0]], coarse_shape[axes[1]], coarse_shape[axes[2]]),
    )


def _aligned_axes(grid: Grid) -> tuple[int, int, int]:
    """The assignment of voxel axes to patient axes with the least turning between them."""
    cosines = np.abs(grid.directions)
    x, y, z = max(itertools.permutations(range(3)), key=lambda axes: sum(cosines[p, axes[p]] for p in range(3)))
    return x, y, z
