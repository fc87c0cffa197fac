"""Signed distances to a closed surface, and regions of space, sampled on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.array import Float64, Samples, frozen_samples
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.grid import Grid


@dataclass(frozen=True, slots=True, eq=False)
class DistanceField:
    """How far each voxel centre is from a surface.

    Attributes:
        grid: where the samples are.
        samples_mm: (ni, nj, nk) floating point, numpy or a torch tensor on any device; negative inside.
        error_mm: bound on how far a sample is from the exact distance to the surface that it was made of.
    """

    grid: Grid
    samples_mm: Samples
    error_mm: float = 0.0

    def __post_init__(self) -> None:
        if tuple(self.samples_mm.shape) != self.grid.shape:
            raise InvalidValue(f"distances are {tuple(self.samples_mm.shape)}, the grid is {self.grid.shape}")
        if "float" not in str(self.samples_mm.dtype):
            raise InvalidValue(f"distances are floating point, got {self.samples_mm.dtype}")
        if not 0 <= self.error_mm < np.inf:
            raise InvalidValue(f"the error of a field is finite and not negative, got {self.error_mm}")
        object.__setattr__(self, "samples_mm", frozen_samples(self.samples_mm))

    def at(self, points_mm: Float64) -> Float64:
        """(...) distances of (..., 3) patient points, linear between samples; infinite off the grid (numpy samples).

        Near a surface of radius R this is off by no more than the squared spacing by 8 R, beside `error_mm`.
        """
        samples: Any = self.samples_mm
        voxel = self.grid.patient_from_voxel.inverse.apply(points_mm)
        last = np.array(self.grid.shape) - 1
        inside = ((voxel >= 0) & (voxel <= last)).all(axis=-1)
        low = np.clip(np.floor(voxel), 0, np.maximum(last - 1, 0)).astype(np.intp)
        share = np.clip(voxel - low, 0.0, 1.0)
        total = np.zeros(voxel.shape[:-1])
        for corner in np.ndindex(2, 2, 2):
            weight = np.where(corner, share, 1 - share).prod(axis=-1)
            i, j, k = np.moveaxis(np.minimum(low + corner, last), -1, 0)
            total += np.where(weight > 0, weight * samples[i, j, k], 0.0)
        return np.where(inside, total, np.inf)

    def close(self, other: DistanceField, *, tolerance_mm: float = 1e-3) -> bool:
        """Same grid, and every distance within `tolerance_mm` (numpy samples)."""
        return self.grid.close(other.grid) and bool(
            np.abs(np.asarray(self.samples_mm) - np.asarray(other.samples_mm)).max() <= tolerance_mm
        )

    def region(self, distance_mm: float = 0.0) -> Region:
        """What lies within `distance_mm` of the surface, the inside included; within it, where negative."""
        samples: Any = self.samples_mm
        return Region(self.grid, samples - distance_mm, self.error_mm)


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A part of space, by a function that is negative in it.

    Attributes:
        grid: where the function is sampled.
        level: (ni, nj, nk) floating point; about the distance to the border, in millimetres, near it.
        error_mm: bound on how far the border may be from where it should.
    """

    grid: Grid
    level: Samples
    error_mm: float = 0.0

    def __post_init__(self) -> None:
        if tuple(self.level.shape) != self.grid.shape:
            raise InvalidValue(f"levels are {tuple(self.level.shape)}, the grid is {self.grid.shape}")
        object.__setattr__(self, "level", frozen_samples(self.level))

    def within(self, other: Region) -> Region:
        """What is in both (numpy levels).

        Raises:
            FrameMismatch, InvalidValue: the grids differ.
        """
        self._check(other)
        both = np.maximum(np.asarray(self.level), np.asarray(other.level))
        return Region(self.grid, both, max(self.error_mm, other.error_mm))

    def without(self, other: Region) -> Region:
        """What is in this one and not in the other (numpy levels).

        Raises:
            FrameMismatch, InvalidValue: the grids differ.
        """
        self._check(other)
        left = np.maximum(np.asarray(self.level), -np.asarray(other.level))
        return Region(self.grid, left, max(self.error_mm, other.error_mm))

    def _check(self, other: Region) -> None:
        if other.grid.frame != self.grid.frame:
            raise FrameMismatch(f"one region lies in {self.grid.frame}, the other in {other.grid.frame}")
        if other.grid is not self.grid and not self.grid.close(other.grid):
            raise InvalidValue("both regions must be sampled on the same grid")
