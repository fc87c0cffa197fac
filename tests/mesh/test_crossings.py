"""Triangles that run through each other are found, and others are not."""

from __future__ import annotations

import numpy as np
import trimesh

from engine.core.frame import patient
from engine.core.surface import Surface
from engine.mesh.crossings import crossings


def surface(mesh: trimesh.Trimesh) -> Surface:
    return Surface(patient(""), np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32))


def test_a_ball_crosses_itself_nowhere() -> None:
    assert not len(crossings(surface(trimesh.creation.icosphere(3, 20.0))))


def test_two_balls_in_each_other_cross_along_their_circle() -> None:
    one, other = trimesh.creation.icosphere(3, 20.0), trimesh.creation.icosphere(3, 20.0)
    other.apply_translation([13.0, 1.0, 0.5])
    faces = np.concatenate([one.faces, other.faces + len(one.vertices)])
    made = surface(trimesh.Trimesh(np.concatenate([one.vertices, other.vertices]), faces, process=False))
    pairs = crossings(made)
    middles = made.vertices_mm[made.faces].mean(axis=1)[pairs.ravel()]
    assert len(pairs) > 30
    assert np.abs(np.linalg.norm(middles, axis=1) - 20.0).max() < 1.5
    assert np.abs(np.linalg.norm(middles - [13.0, 1.0, 0.5], axis=1) - 20.0).max() < 3.5


def test_a_vertex_pushed_through_the_other_side_is_found() -> None:
    mesh = trimesh.creation.icosphere(3, 20.0)
    vertices = mesh.vertices.copy()
    vertices[int(vertices[:, 0].argmax())] = (-25.0, 0.3, 0.2)
    assert len(crossings(surface(trimesh.Trimesh(vertices, mesh.faces, process=False))))


def test_nothing_crosses_in_an_empty_surface() -> None:
    assert not len(crossings(Surface(patient(""), np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))))
