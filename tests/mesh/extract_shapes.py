"""Analytic shapes on awkward grids: what surface tests compare with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.grid import Grid
from engine.core.volume import LabelMap

Distance = Callable[[Float64], Float64]


@dataclass(frozen=True)
class Shape:
    """A solid round the origin.

    Attributes:
        distance: signed distance (…,) of points (…, 3), negative inside; any function with that zero set and slope 1.
        extent: half size along x, y, z.
        volume: exact.
        euler: Euler number of its surface: 2 for each closed part, less 2 for each handle.
    """

    name: str
    distance: Distance
    extent: tuple[float, float, float]
    volume: float
    euler: int

    def __str__(self) -> str:
        return self.name


def sphere(radius: float) -> Shape:
    return Shape("sphere", lambda p: np.linalg.norm(p, axis=-1) - radius, (radius,) * 3, 4 / 3 * np.pi * radius**3, 2)


def ellipsoid(a: float, b: float, c: float) -> Shape:
    axes = np.array((a, b, c))

    def distance(p: Float64) -> Float64:
        # First-order distance, exact on the surface: f / |grad f| with f = |p / axes| - 1.
        scaled = np.linalg.norm(p / axes, axis=-1)
        slope = np.linalg.norm(p / axes**2, axis=-1) / np.maximum(scaled, 1e-12)
        found: Float64 = (scaled - 1) / np.maximum(slope, 1e-12)
        return found

    return Shape("ellipsoid", distance, (a, b, c), 4 / 3 * np.pi * a * b * c, 2)


def torus(large: float, small: float) -> Shape:
    return Shape(
        "torus",
        lambda p: np.hypot(np.hypot(p[..., 0], p[..., 1]) - large, p[..., 2]) - small,
        (large + small, large + small, small),
        2 * np.pi**2 * large * small**2,
        0,
    )


def shell(outer: float, inner: float) -> Shape:
    return Shape(
        "thin shell",
        lambda p: np.maximum(np.linalg.norm(p, axis=-1) - outer, inner - np.linalg.norm(p, axis=-1)),
        (outer,) * 3,
        4 / 3 * np.pi * (outer**3 - inner**3),
        4,
    )


def rotation(seed: int) -> Float64:
    """A random rotation matrix."""
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    proper: Float64 = matrix * np.sign(np.linalg.det(matrix))
    return proper


@dataclass(frozen=True)
class Placement:
    """How a grid lies: spacing, rotation, handedness, and where the origin falls within a voxel."""

    spacing: tuple[float, float, float]
    seed: int
    mirrored: bool

    def __str__(self) -> str:
        return f"{self.spacing}{' mirrored' if self.mirrored else ''}"

    @property
    def turn(self) -> Float64:
        return rotation(self.seed)

    def label_map(self, *shapes: tuple[Shape, tuple[float, float, float]]) -> LabelMap:
        """Shape n, moved, as label n + 1, in voxel units: a sphere of radius 20 is 20 voxels along every axis."""
        extent = np.max([np.abs(at) + np.array(shape.extent) for shape, at in shapes], axis=0)
        size = np.ceil(2 * extent).astype(int) + 3
        centre = (size - 1) / 2 + np.array((0.31, 0.17, 0.43))
        indices = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), axis=-1)
        labels = np.zeros(size, dtype=np.uint8, order="F")
        for label, (shape, at) in enumerate(shapes, start=1):
            labels[shape.distance(indices - centre - np.array(at)) <= 0] = label
        matrix = np.eye(4)
        matrix[:3, :3] = self.turn @ np.diag(self.spacing) @ np.diag((-1 if self.mirrored else 1, 1, 1))
        matrix[:3, 3] = -matrix[:3, :3] @ centre
        grid = Grid.from_matrix((int(size[0]), int(size[1]), int(size[2])), matrix)
        return LabelMap(grid, labels, ())

    def in_voxels(self, vertices_mm: NDArray[np.float32]) -> Float64:
        """Points of the patient in voxel units, from the common centre of the shapes."""
        points = vertices_mm.astype(np.float64) @ self.turn / np.array(self.spacing)
        unmirrored: Float64 = points * (-1 if self.mirrored else 1, 1, 1)
        return unmirrored


PLACEMENTS = (
    Placement((1.0, 1.0, 1.0), 0, mirrored=False),
    Placement((0.7, 0.7, 2.5), 1, mirrored=True),
    Placement((0.5, 1.2, 0.9), 2, mirrored=False),
)


def from_labels(labels: NDArray[np.uint8] | NDArray[np.uint16], spacing: float = 1.0) -> LabelMap:
    """`labels[i, j, k]` on a plain grid."""
    return LabelMap(Grid.centred(labels.shape, spacing), np.asfortranarray(labels), ())
