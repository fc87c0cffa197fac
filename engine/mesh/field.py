"""Signed distance fields of closed surfaces and of labelled structures.

The distance is that to the surface as it is drawn: sub-voxel, not from voxel centre to voxel centre, which is what a
distance transform of a mask gives (`engine.segment.steps.distance`). Of a surface that was not smoothed, whose
triangles are the sides of voxels, it is the distance to the boundary of the voxels.

Within a voxel of the surface every triangle near is tried, and distances are exact. Beyond, nearest points are handed
on from voxel to voxel, and the distance is that to the nearest triangle among those that the neighbours found: never
too small, and too large by less than `FAR_ERROR` of a voxel in all that was measured (tests/mesh/test_field.py).
A surface that leaves the grid, or lies off it, is measured to as well, less exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.field import DistanceField
from engine.core.grid import Grid
from engine.core.structure import Structure
from engine.core.surface import Surface
from engine.core.volume import LabelMap
from engine.mesh.extract import extract
from engine.mesh.kernels_field import NOBODY, seed, settle, spread, wind
from engine.mesh.kernels_slabs import Slabs
from engine.mesh.smooth import DEFAULT_SMOOTHING, Smoothing

#: Share of the largest spacing by which a distance beyond a voxel may be too large.
FAR_ERROR = 0.1
#: The same where a part of the surface lies off the grid, and is nearest to what it is handed to last.
OFF_GRID_ERROR = 0.5
#: How often each voxel tries the triangles of its neighbours.
ROUNDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Triangles:
    """A surface as a grid sees it.

    Attributes:
        corners_mm: (t, 3, 3) from the grid's first voxel, along patient axes.
        voxels: (t, 3, 3) the same as i, j, k.
        steps_mm: (3, 3) patient step of i, j, k as columns.
        lows, highs: (t, 3) voxels around each triangle, a voxel wider than it, within the grid.
        is_held: whether all of it lies in the grid.
        exact_mm: distances up to here are exact: less than a voxel in any direction.
    """

    corners_mm: Float64
    voxels: Float64
    steps_mm: Float64
    lows: NDArray[np.int64]
    highs: NDArray[np.int64]
    is_held: bool
    exact_mm: float

    @classmethod
    def seen(cls, surface: Surface, grid: Grid) -> Triangles:
        """Of `surface` on `grid`.

        Raises:
            FrameMismatch: they lie in different patient frames.
        """
        if surface.frame != grid.frame:
            raise FrameMismatch(f"the surface lies in {surface.frame}, the grid in {grid.frame}")
        matrix = grid.patient_from_voxel.matrix
        vertices = surface.vertices_mm.astype(np.float64)
        # Dividing twice would round the corners of neighbours differently: once a vertex.
        voxels = grid.patient_from_voxel.inverse.apply(vertices)[surface.faces]
        corners = (vertices - matrix[:3, 3])[surface.faces]
        last = np.array(grid.shape) - 1
        # What lies off the grid is handed on from where the grid comes nearest to it.
        lows = np.clip(np.floor(voxels.min(axis=1)) - 1, 0, last).astype(np.int64)
        highs = np.clip(np.ceil(voxels.max(axis=1)) + 1, 0, last).astype(np.int64)
        # Perpendicular distance of neighbouring lattice planes: the spacing, but where the grid is sheared.
        planes_mm = 1 / np.linalg.norm(np.linalg.inv(matrix[:3, :3]), axis=1)
        is_held = bool((voxels >= 0).all() and (voxels <= last).all())
        return cls(corners, voxels, matrix[:3, :3], lows, highs, is_held, float(planes_mm.min()))


def distance_field(surface: Surface, grid: Grid, *, device: Any = None) -> DistanceField:
    """Signed distance of every voxel centre of `grid` to a closed `surface`.

    Args:
        device: a torch device to compute on, where the samples stay; on the CPU, into a numpy array, when None.

    Returns:
        float32 samples; negative where the surface winds around the voxel.

    Raises:
        InvalidValue: the surface is open.
        FrameMismatch: it lies in another patient frame.
    """
    if not surface.is_closed():
        raise InvalidValue("the surface is open and has no inside")
    triangles = Triangles.seen(surface, grid)
    error_mm = (FAR_ERROR if triangles.is_held else OFF_GRID_ERROR) * float(grid.spacing_mm.max())
    if device is not None:
        from engine.mesh.torch_field import signed_distances  # whoever has a device has torch

        return DistanceField(grid, signed_distances(triangles, grid.shape, ROUNDS, device), error_mm)
    return DistanceField(grid, _signed(triangles, grid.shape), error_mm)


def structure_field(
    label_map: LabelMap,
    structure: Structure,
    grid: Grid | None = None,
    *,
    smoothing: Smoothing = DEFAULT_SMOOTHING,
    device: Any = None,
) -> DistanceField:
    """Signed distance to a structure's surface, with what it includes.

    Args:
        grid: where to sample it; the label map's own when None.
        smoothing: of the surface; `engine.mesh.smooth.NO_SMOOTHING` for the boundary of the voxels themselves.

    Raises:
        InvalidValue: the structure has no voxel.
        FrameMismatch: the grid lies in another patient frame.
    """
    surface = structure_surface(label_map, structure, smoothing)
    return distance_field(surface, grid or label_map.grid, device=device)


def structure_surface(label_map: LabelMap, structure: Structure, smoothing: Smoothing = DEFAULT_SMOOTHING) -> Surface:
    """The finest surface of a structure, with what it includes, from the part of the label map that it is in.

    Raises:
        InvalidValue: the structure has no voxel.
    """
    labels = np.asarray(label_map.labels)
    kji = np.isin(labels.T, structure.labels) if structure.includes else np.equal(labels.T, structure.label)
    spans = [np.flatnonzero(kji.any(axis=axes)) for axes in ((0, 1), (0, 2), (1, 2))]
    if not len(spans[0]):
        raise InvalidValue(f"{structure.name} has no voxel")
    # Beyond the background around it, nothing bears on its surface.
    low = [max(int(span[0]) - 1, 0) for span in spans]
    high = [min(int(span[-1]) + 2, n) for span, n in zip(spans, label_map.grid.shape, strict=True)]
    start, shape = (low[0], low[1], low[2]), (high[0] - low[0], high[1] - low[1], high[2] - low[2])
    box = tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
    part = np.ascontiguousarray(kji[box]).view(np.uint8)
    return extract(LabelMap(label_map.grid.cropped(start, shape), part.T, ()), smoothing=smoothing).surface(1)


def _signed(triangles: Triangles, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    ni, nj, nk = shape
    owner = np.full((nk, nj, ni), NOBODY, np.int32)
    near, square = np.empty((nk, nj, ni, 3), np.float32), np.full((nk, nj, ni), np.inf, np.float32)
    turns = np.zeros((nk, nj, ni), np.int16)
    corners, steps = np.ascontiguousarray(triangles.corners_mm), np.ascontiguousarray(triangles.steps_mm)
    exact2 = float(triangles.exact_mm**2)
    seed(corners, triangles.lows, triangles.highs, steps, owner, near, square)
    spread(steps, owner, near, square)
    with Slabs() as slabs:
        for _ in range(ROUNDS):
            settled, closer = np.empty_like(owner), np.empty_like(square)
            slabs.over(nk, partial(settle, corners, steps, exact2, owner, square, settled, closer))
            owner, square = settled, closer
    wind(np.ascontiguousarray(triangles.voxels), turns)
    distance = np.sqrt(square, out=square)
    np.negative(distance, out=distance, where=np.cumsum(turns, axis=2, dtype=np.int16) != 0)
    return distance.T
