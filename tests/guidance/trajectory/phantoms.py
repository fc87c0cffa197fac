"""Heads that are balls, with balls and walls in them, where every clearance is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import trimesh

from engine.core.array import Float64
from guidance.margins.surface_tree import SurfaceTree
from guidance.trajectory.assess import Surroundings
from guidance.trajectory.entry_surface import EntrySurface
from guidance.trajectory.trajectory import Limits, Trajectory
from tests.guidance.margins.shapes import ball, surface

HEAD_MM = 90.0
#: What a ball of triangles is short of a ball, with `subdivisions` below.
FACETS_MM = 0.05
HEAD = EntrySurface(ball(HEAD_MM, 5))

Ball = tuple[Sequence[float], float]


def tree_of(centre_mm: Sequence[float], radius_mm: float) -> SurfaceTree:
    return SurfaceTree(ball(radius_mm, 4, tuple(centre_mm)))


def wall(size_mm: tuple[float, float, float], centre_mm: tuple[float, float, float]) -> SurfaceTree:
    mesh = trimesh.creation.box(extents=size_mm)
    mesh.apply_translation(centre_mm)
    return SurfaceTree(surface(mesh))


def head_with(
    watched: Mapping[str, Ball] | None = None,
    forbidden: Mapping[str, SurfaceTree] | None = None,
    limits: Limits | None = None,
) -> Surroundings:
    trees = {key: tree_of(*one) for key, one in (watched or {}).items()}
    return Surroundings(HEAD, trees, forbidden or {}, limits or Limits())


def way(entry_mm: Sequence[float], target_mm: Sequence[float], radius_mm: float = 1.0) -> Trajectory:
    return Trajectory("a", "A", np.array(entry_mm, float), np.array(target_mm, float), radius_mm)


def clearance_mm(of: Trajectory, centre_mm: Sequence[float], radius_mm: float) -> float:
    """Of a ball, by its formula."""
    t = float((np.array(centre_mm) - of.entry_mm) @ of.direction)
    nearest = of.entry_mm + np.clip(t, 0, of.length_mm) * of.direction
    return float(np.linalg.norm(nearest - centre_mm)) - radius_mm - of.radius_mm


def to_head(from_mm: Float64, directions: Float64) -> Float64:
    """(n,) lengths from a place within the head to its skin, by the formula of a ball."""
    along = directions @ from_mm
    return np.asarray(-along + np.sqrt(along**2 + HEAD_MM**2 - from_mm @ from_mm))
