"""Skulls whose plane, wall and holes are known: shells about a middle, the same on both sides."""

from __future__ import annotations

import numpy as np

from engine.core.array import Float64
from engine.core.grid import Grid
from guidance.implant.bone import BoneScan, Field, grid_over
from guidance.register.rigid_fit import turn

WALL_MM = 6.0
STEP_MM = 3.0


def shell(
    turn_rad: Float64 | None = None,
    shift_mm: Float64 | None = None,
    *,
    holes: tuple[tuple[tuple[float, float, float], float], ...] = (),
    swollen: float = 0.0,
    from_left_mm: float = -120.0,
    wall_mm: float = WALL_MM,
) -> BoneScan:
    """A vault of 150 × 180 × 160 mm with a bulge at its back, mirrored in the plane x = 0 of its own axes.

    Args:
        turn_rad, shift_mm: how it lies in the scanner.
        holes: (middle, radius) of balls that are cut out, in its own axes (left, back, up).
        swollen: its left side is larger by this share.
        from_left_mm: the scan begins here: 0 shows one side alone.
    """
    rotation = turn(np.zeros(3) if turn_rad is None else turn_rad)
    matrix = np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0])
    matrix[:3, 3] = (from_left_mm, -120.0, -110.0)
    grid = Grid.from_matrix((int((120.0 - from_left_mm) / STEP_MM), 80, 74), matrix)
    points = grid.patient_from_voxel.apply(np.indices(grid.shape).reshape(3, -1).T)
    own = (points - (np.zeros(3) if shift_mm is None else shift_mm)) @ rotation
    distance = np.linalg.norm(own, axis=1)
    x, y, z = (own / np.maximum(distance, 1e-9)[:, None]).T
    radius = 1.0 / np.sqrt((x / 75.0) ** 2 + (y / 90.0) ** 2 + (z / 80.0) ** 2)
    radius *= 1.0 + 0.08 * np.exp(-((y - 0.7) ** 2 + (z + 0.3) ** 2) / 0.1) + 0.05 * np.abs(x) * np.maximum(-y, 0)
    radius *= 1.0 + swollen * np.maximum(x, 0.0) * (1 + np.sin(9 * y) + np.sin(7 * z))
    inside = wall_mm / 2 - np.abs(distance - radius)
    for middle, ball_mm in holes:
        inside = np.minimum(inside, np.linalg.norm(own - np.array(middle), axis=1) - ball_mm)
    return BoneScan(grid, inside.reshape(grid.shape).astype(np.float32), 0.0)


def field_of(scan: BoneScan, spacing_mm: float = 2.5) -> Field:
    """Its bone, coarsely."""
    points = scan.grid.patient_from_voxel.apply(np.argwhere(scan.samples >= scan.level))
    return scan.field(grid_over(points, spacing_mm, 10.0, ""))


def ball_shell_field(outer_mm: float, wall_mm: float, spacing_mm: float) -> Field:
    """Exact distance to a hollow ball about the origin."""
    half = outer_mm + 4.0
    grid = grid_over(np.array([[-half] * 3, [half] * 3]), spacing_mm, 0.0, "")
    points = grid.patient_from_voxel.apply(np.indices(grid.shape).reshape(3, -1).T)
    distance = np.linalg.norm(points, axis=1)
    signed = np.maximum(distance - outer_mm, outer_mm - wall_mm - distance)
    return Field(grid, signed.reshape(grid.shape).astype(np.float32))
