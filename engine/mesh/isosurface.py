"""The border of a region as a closed surface: the topology of a surface net, its vertices on the border itself.

A surface net of where the region's level is negative says which vertices there are and how they meet, two-manifold as
ever (`engine.mesh.extract`). Each vertex then goes from the mean of the crossings on its cell's edges to where the
level, linear between the corners, is zero, and stays in its cell.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.field import Region
from engine.core.surface import Surface
from engine.core.volume import LabelMap
from engine.mesh.extract import extract
from engine.mesh.kernels_bits import inlined, kernel
from engine.mesh.measure import area_mm2, is_closed
from engine.mesh.smooth import NO_SMOOTHING

#: Newton steps of a vertex towards the border: the second changes less than a hundredth of a voxel.
_STEPS = 3


def region_surface(region: Region) -> Surface | None:
    """The closed surface around a region (numpy levels), outward; None where it holds no voxel centre.

    `error_mm` of the surface is the region's. Where the region reaches the end of the grid, it is closed there.
    """
    kji = np.ascontiguousarray(np.asarray(region.level, np.float32).T)
    inside = kji < 0
    if not inside.any():
        return None
    labels = LabelMap(region.grid, inside.view(np.uint8).T, ())
    net = extract(labels, smoothing=NO_SMOOTHING).surface(1)
    matrix = region.grid.patient_from_voxel.matrix
    voxels = region.grid.patient_from_voxel.inverse.apply(net.vertices_mm)
    _place(kji, voxels, _STEPS)
    vertices = voxels @ matrix[:3, :3].T + matrix[:3, 3]
    return Surface(net.frame, vertices.astype(np.float32), net.faces, region.error_mm)


def enclosed_ml(surface: Surface) -> tuple[float, float]:
    """Volume within a closed surface, and by how much its `error_mm` may change that: its area times the error.

    Raises:
        InvalidValue: it is not closed.
    """
    if not is_closed(surface):
        raise InvalidValue("an open surface encloses nothing")
    volume_mm3 = _volume(surface.vertices_mm, surface.faces, surface.vertices_mm.mean(axis=0, dtype=np.float64))
    return float(volume_mm3) / 1000, area_mm2(surface) * surface.error_mm / 1000


@kernel
def _volume(vertices: Any, faces: Any, about: Any) -> float:
    """By the divergence theorem; `about` is somewhere near, which keeps the terms small."""
    total = 0.0
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = vertices[i, 0] - about[0], vertices[i, 1] - about[1], vertices[i, 2] - about[2]
        bx, by, bz = vertices[j, 0] - about[0], vertices[j, 1] - about[1], vertices[j, 2] - about[2]
        cx, cy, cz = vertices[k, 0] - about[0], vertices[k, 1] - about[1], vertices[k, 2] - about[2]
        total += ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    return total / 6


@kernel
def _place(kji: Any, voxels: Float64, steps: int) -> None:
    """Move each of voxels (v, 3), which stand at the middle of cells between eight voxels, to where the level is 0."""
    nk, nj, ni = kji.shape
    corner = np.empty((2, 2, 2))
    for v in range(voxels.shape[0]):
        i, j, k = int(np.floor(voxels[v, 0])), int(np.floor(voxels[v, 1])), int(np.floor(voxels[v, 2]))
        if i < 0 or j < 0 or k < 0 or i + 1 >= ni or j + 1 >= nj or k + 1 >= nk:
            continue
        for c in range(2):
            for b in range(2):
                for a in range(2):
                    corner[c, b, a] = kji[k + c, j + b, i + a]
        x, y, z = _crossings(corner)
        for _ in range(steps):
            level, gx, gy, gz = _level(corner, x, y, z)
            slope = gx * gx + gy * gy + gz * gz
            if slope <= 0.0:
                break
            x = min(max(x - level * gx / slope, 0.0), 1.0)
            y = min(max(y - level * gy / slope, 0.0), 1.0)
            z = min(max(z - level * gz / slope, 0.0), 1.0)
        voxels[v, 0], voxels[v, 1], voxels[v, 2] = i + x, j + y, k + z


@inlined
def _crossings(corner: Any) -> Any:
    """Mean of where the level crosses zero on the edges of a cell."""
    x = y = z = 0.0
    count = 0
    for m in range(2):
        for n in range(2):
            if (corner[m, n, 0] < 0) != (corner[m, n, 1] < 0):
                x += corner[m, n, 0] / (corner[m, n, 0] - corner[m, n, 1])
                y, z, count = y + n, z + m, count + 1
            if (corner[m, 0, n] < 0) != (corner[m, 1, n] < 0):
                y += corner[m, 0, n] / (corner[m, 0, n] - corner[m, 1, n])
                x, z, count = x + n, z + m, count + 1
            if (corner[0, m, n] < 0) != (corner[1, m, n] < 0):
                z += corner[0, m, n] / (corner[0, m, n] - corner[1, m, n])
                x, y, count = x + n, y + m, count + 1
    return x / max(count, 1), y / max(count, 1), z / max(count, 1)


@inlined
def _level(corner: Any, x: Any, y: Any, z: Any) -> Any:
    """The level at a place in a cell, linear along each axis, and its slopes."""
    level = gx = gy = gz = 0.0
    for c in range(2):
        wz = z if c else 1 - z
        for b in range(2):
            wy = y if b else 1 - y
            for a in range(2):
                wx = x if a else 1 - x
                value = corner[c, b, a]
                level += wx * wy * wz * value
                gx += (1 if a else -1) * wy * wz * value
                gy += (1 if b else -1) * wx * wz * value
                gz += (1 if c else -1) * wx * wy * value
    return level, gx, gy, gz
