"""Where the cells of a surface net are, and how many there may be."""

from __future__ import annotations

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.grid import Grid

#: Indices are int32, and two more bits tell apart the vertices of a cell.
MOST_VERTICES = 2**30
MOST_QUADS = 2**31 - 1


def check_counts(vertices: int, quads: int) -> None:
    """Refuse a net that its indices cannot hold.

    Raises:
        InvalidValue: more than 2³⁰ vertices or 2³¹ - 1 quads; only noise has so many.
    """
    if vertices > MOST_VERTICES or quads > MOST_QUADS:
        raise InvalidValue(
            f"the boundaries have {vertices} vertices and {quads} quads; {MOST_VERTICES} and {MOST_QUADS} fit. "
            "Smooth or crop the labels"
        )


def patient_from_cell(grid: Grid) -> Float64:
    """(3, 4) from padded cell numbers to millimetres: cell 0 is centred half a voxel before voxel 0."""
    matrix = grid.patient_from_voxel.matrix[:3].copy()
    matrix[:, 3] -= matrix[:, :3].sum(axis=1) / 2
    return matrix
