"""Vertex normals: unit, outward, exact on spheres, indifferent to how flat parts are cut."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from engine.core.frame import patient
from engine.core.surface import Surface
from engine.mesh.normals import vertex_normals


def as_surface(mesh: trimesh.Trimesh) -> Surface:
    return Surface(patient(""), np.asarray(mesh.vertices), np.asarray(mesh.faces))


def test_normals_of_an_inscribed_sphere_are_its_radii() -> None:
    surface = as_surface(trimesh.creation.icosphere(subdivisions=3, radius=30))
    normals = vertex_normals(surface)
    assert normals.dtype == np.float32
    assert normals == pytest.approx(surface.vertices_mm / 30, abs=2e-3)


def test_normals_at_a_box_corner_do_not_depend_on_its_diagonals() -> None:
    normals = vertex_normals(as_surface(trimesh.creation.box((10, 10, 10))))
    assert np.abs(normals) == pytest.approx(np.full((8, 3), 1 / np.sqrt(3)), abs=1e-6)


def test_normals_are_unit_and_agree_with_the_faces_on_a_rough_surface() -> None:
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=30)
    mesh.vertices += np.random.default_rng(8).normal(0, 0.1, mesh.vertices.shape)
    normals = vertex_normals(as_surface(mesh))
    assert np.linalg.norm(normals, axis=1) == pytest.approx(np.ones(len(normals)), abs=1e-6)
    assert (normals * mesh.vertex_normals).sum(axis=1).min() > 0.98


@pytest.mark.parametrize("scale", [1e-5, 1e-3, 1e5])
def test_size_does_not_matter(scale: float) -> None:
    mesh = trimesh.creation.torus(3, 1)
    large = vertex_normals(as_surface(mesh))
    mesh.apply_scale(scale)
    assert vertex_normals(as_surface(mesh)) == pytest.approx(large, abs=1e-3)


def test_vertices_without_area_get_a_unit_normal_all_the_same() -> None:
    vertices: NDArray[np.float32] = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5], [1, 0, 0]], dtype=np.float32)
    faces = np.array([[0, 1, 2], [0, 1, 4]], dtype=np.int32)
    normals = vertex_normals(Surface(patient(""), vertices, faces))
    assert normals == pytest.approx(np.tile((0, 0, 1), (5, 1)))
