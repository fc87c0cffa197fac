"""Closed surfaces to simplify, encode and export: made by extraction, as in the product, or drawn at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.frame import patient
from engine.core.structure import Code, Provenance, Structure
from engine.core.surface import Surface
from engine.mesh.extract import extract
from tests.mesh.extract_shapes import PLACEMENTS, Placement, Shape, from_labels, sphere

FRAME = patient("1.2.3")
BONE = Structure(
    3,
    "bone",
    "Bone",
    Code("272673000", "Bone"),
    (240, 230, 204),
    0.5,
    Provenance("tissue", "1", (("threshold_hu", "200"),), synthetic=True),
)
SKIN = Structure(1, "skin", "Skin", None, (222, 184, 160))

#: Rotation and millimetres to metres, as docs/conventions.md states it.
HEADSET_FROM_PATIENT = np.array([[1, 0, 0, 0.1], [0, 0, 1, 0.2], [0, -1, 0, 0.3], [0, 0, 0, 1000.0]]) / 1000


def shape_surface(shape: Shape, placement: Placement = PLACEMENTS[0]) -> Surface:
    """The smoothed surface of one analytic shape."""
    return extract(placement.label_map((shape, (0, 0, 0)))).surface(1)


def ball(radius_voxels: float = 12, placement: Placement = PLACEMENTS[0]) -> Surface:
    """A sphere."""
    return shape_surface(sphere(radius_voxels), placement)


def organ(size: int = 60, seed: int = 0) -> Surface:
    """A lobed, rough solid: what thresholding a scan gives."""
    axis = np.linspace(-1, 1, size)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    field = np.sqrt(x**2 + y**2 + z**2) + 0.12 * np.sin(7 * x + 1) * np.sin(6 * y) * np.sin(8 * z + 2)
    noise = np.random.default_rng(seed).normal(scale=0.01, size=field.shape)
    return from_mask(field + noise < 0.8)


def from_mask(mask: NDArray[np.bool_]) -> Surface:
    """The smoothed surface of a mask on a grid of 0.8 mm."""
    return extract(from_labels(np.asarray(mask, np.uint8), 0.8)).surface(1)


def bumpy_sphere(subdivisions: int, seed: int, roughness_mm: float) -> Surface:
    """A subdivided icosahedron of 20 mm with every vertex moved along its normal at random."""
    import trimesh

    mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=20.0)
    shift = np.random.default_rng(seed).normal(scale=roughness_mm, size=(len(mesh.vertices), 1))
    vertices = np.asarray(mesh.vertices) * (1 + shift / 20)
    return Surface(FRAME, vertices.astype(np.float32), np.asarray(mesh.faces, np.int32))


def euler_number(surface: Surface) -> int:
    """Vertices in use minus edges plus faces: 2 for every closed part, less 2 for every handle."""
    edges = np.sort(surface.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    return len(np.unique(surface.faces)) - len(np.unique(edges, axis=0)) + len(surface.faces)


def brute_force_distances(points: Float64, surface: Surface) -> Float64:
    """Distances by minimising over every triangle's three edges and plane: slow, and by another way."""
    corners = surface.vertices_mm.astype(np.float64)[surface.faces]
    best = np.full(len(points), np.inf)
    for a, b, c in corners:
        for p, q in ((a, b), (b, c), (c, a)):
            along = np.clip((points - p) @ (q - p) / ((q - p) @ (q - p)), 0, 1)
            best = np.minimum(best, np.linalg.norm(points - p - along[:, None] * (q - p), axis=1))
        normal = np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal)
        height = (points - a) @ normal
        foot = points - height[:, None] * normal
        sides = [np.cross(q - p, foot - p) @ normal for p, q in ((a, b), (b, c), (c, a))]
        best = np.where(np.min(sides, axis=0) >= 0, np.minimum(best, abs(height)), best)
    return best
