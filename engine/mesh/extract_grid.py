"""Where the cells of a surface net are."""

from __future__ import annotations

from engine.core.array import Float64
from engine.core.grid import Grid


def patient_from_cell(grid: Grid) -> Float64:
    """(3, 4) from padded cell numbers to millimetres: cell 0 is centred half a voxel before voxel 0."""
    matrix = grid.patient_from_voxel.matrix[:3].copy()
    matrix[:, 3] -= matrix[:, :3].sum(axis=1) / 2
    return matrix
