"""Distance fields of shapes that formulas know."""

from __future__ import annotations

import numpy as np

from engine.core.array import Float64
from engine.core.field import DistanceField
from engine.core.grid import Grid
from guidance.margins.banded import margin_grid
from tests.guidance.margins.shapes import PATIENT


def cube_grid(half_mm: float, spacing_mm: float, reach_mm: float = 0.0) -> Grid:
    return margin_grid(np.full(3, -half_mm), np.full(3, half_mm), PATIENT, reach_mm, spacing_mm)


def centres(grid: Grid) -> Float64:
    """(ni, nj, nk, 3) patient positions."""
    return np.asarray(grid.patient_from_voxel.apply(np.moveaxis(np.indices(grid.shape), 0, -1)))


def ball_field(grid: Grid, radius_mm: float, centre_mm: tuple[float, ...] = (0.0, 0.0, 0.0)) -> DistanceField:
    distance = np.linalg.norm(centres(grid) - centre_mm, axis=-1) - radius_mm
    return DistanceField(grid, distance.astype(np.float32))


def box_field(grid: Grid, half_mm: tuple[float, float, float]) -> DistanceField:
    beyond = np.abs(centres(grid)) - half_mm
    distance = np.linalg.norm(beyond.clip(0), axis=-1) + beyond.max(axis=-1).clip(None, 0)
    return DistanceField(grid, distance.astype(np.float32))


def slope_field(grid: Grid, normal: tuple[float, float, float], offset_mm: float = 0.0) -> DistanceField:
    """A half space: below the plane is inside."""
    unit = np.array(normal) / np.linalg.norm(normal)
    return DistanceField(grid, (centres(grid) @ unit - offset_mm).astype(np.float32))
