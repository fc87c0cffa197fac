"""Closed surfaces to measure distances to."""

from __future__ import annotations

from typing import Any

import numpy as np
import trimesh
from trimesh import triangles

from engine.core.array import Float64
from engine.core.frame import Frame, patient
from engine.core.surface import Surface

PATIENT = patient("1.2.3")


def surface(mesh: trimesh.Trimesh, frame: Frame = PATIENT) -> Surface:
    return Surface(frame, mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))


def ball(radius_mm: float = 30.0, subdivisions: int = 4, centre_mm: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Surface:
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius_mm)
    mesh.apply_translation(centre_mm)
    return surface(mesh)


def box(size_mm: tuple[float, float, float] = (40.0, 30.0, 2.0)) -> Surface:
    """Thin: what is nearly the nearest may be of its far side."""
    return surface(trimesh.creation.box(extents=size_mm).subdivide().subdivide().subdivide())


def lumpy(seed: int, radius_mm: float = 40.0, subdivisions: int = 5) -> Surface:
    """Hills and valleys, as organs have them."""
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=1.0)
    rng, radius = np.random.default_rng(seed), np.ones(len(mesh.vertices))
    for _ in range(12):
        radius += 0.12 * np.sin(mesh.vertices @ (rng.normal(size=3) * 6) + rng.uniform(0, 6))
    mesh.vertices *= radius_mm * radius[:, None]
    return surface(mesh)


def exact_signed_mm(of: Surface, points_mm: Float64) -> Float64:
    """By every triangle, without a tree: distance (Ericson 5.1.5) and winding number (Van Oosterom, Strackee 1983)."""
    corners = of.vertices_mm.astype(np.float64)[of.faces]
    nearest: Any = triangles.closest_point  # has no types
    out = np.empty(len(points_mm))
    for n, point in enumerate(points_mm):
        near = nearest(corners, np.broadcast_to(point, (len(corners), 3)))
        distance = np.linalg.norm(near - point, axis=1).min()
        a, b, c = (corners[:, k] - point for k in range(3))
        la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
        solid = 2 * np.arctan2(
            np.einsum("ni,ni->n", a, np.cross(b, c)),
            la * lb * lc
            + np.einsum("ni,ni->n", a, b) * lc
            + np.einsum("ni,ni->n", b, c) * la
            + np.einsum("ni,ni->n", c, a) * lb,
        )
        out[n] = -distance if solid.sum() > 2 * np.pi else distance
    return out
