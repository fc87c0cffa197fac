"""Surfaces measure what they enclose and know whether they enclose it."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import WORLD, patient
from engine.core.surface import Surface
from engine.core.transform import Transform
from tests.strategies import rigid_transforms

FRAME = patient("1.2.3")


def solids() -> dict[str, trimesh.Trimesh]:
    return {
        "box": trimesh.creation.box(extents=(10, 20, 30)),
        "ball": trimesh.creation.icosphere(subdivisions=3, radius=12.0),
        "ring": trimesh.creation.torus(major_radius=20.0, minor_radius=5.0),
    }


def surface(mesh: trimesh.Trimesh) -> Surface:
    return Surface(FRAME, np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32))


@pytest.mark.parametrize("name", solids())
def test_volume_and_area_are_those_trimesh_finds(name: str) -> None:
    mesh = solids()[name]
    assert surface(mesh).volume_mm3 == pytest.approx(mesh.volume, rel=1e-5)
    assert surface(mesh).area_mm2 == pytest.approx(mesh.area, rel=1e-5)
    assert surface(mesh).is_closed()


@given(rigid_transforms(st.just(FRAME), st.just(FRAME)), st.sampled_from(sorted(solids())))
def test_moving_a_surface_changes_neither_volume_nor_area(moved: Transform, name: str) -> None:
    still = surface(solids()[name])
    there = Surface(FRAME, moved.apply(still.vertices_mm).astype(np.float32), still.faces)
    assert there.volume_mm3 == pytest.approx(still.volume_mm3, rel=1e-4)
    assert there.area_mm2 == pytest.approx(still.area_mm2, rel=1e-4)


@pytest.mark.parametrize("name", solids())
def test_inside_out_is_negative(name: str) -> None:
    mesh = surface(solids()[name])
    assert Surface(FRAME, mesh.vertices_mm, mesh.faces[:, ::-1]).volume_mm3 == pytest.approx(-mesh.volume_mm3)


@given(st.sampled_from(sorted(solids())), st.data())
def test_one_triangle_missing_turned_or_doubled_opens_a_surface(name: str, data: st.DataObject) -> None:
    mesh = surface(solids()[name])
    index = data.draw(st.integers(0, mesh.triangle_count - 1))
    turned = mesh.faces.copy()
    turned[index] = turned[index, ::-1]
    for faces in (np.delete(mesh.faces, index, axis=0), turned, np.vstack([mesh.faces, mesh.faces[index]])):
        assert not Surface(FRAME, mesh.vertices_mm, faces).is_closed()


def test_four_triangles_on_one_edge_are_not_two_manifold() -> None:
    """Two boxes that share an edge's vertices: each edge must be met once each way."""
    box = trimesh.creation.box(extents=(1, 1, 1))
    other = box.copy().apply_translation((1, 1, 0))
    faces = np.vstack([box.faces, other.faces + len(box.vertices)])
    two = trimesh.Trimesh(np.vstack([box.vertices, other.vertices]), faces, process=True)
    assert not surface(two).is_closed()


def test_nothing_encloses_nothing_and_is_not_closed() -> None:
    nothing = Surface(FRAME, np.empty((0, 3), np.float32), np.empty((0, 3), np.int32))
    assert (nothing.volume_mm3, nothing.area_mm2, nothing.is_closed()) == (0.0, 0.0, False)


@pytest.mark.parametrize(
    ("vertices", "faces", "why"),
    [
        (np.zeros((3, 2)), np.zeros((1, 3)), r"vertices are \(v, 3\)"),
        (np.zeros((3, 3)), np.zeros((1, 4)), r"faces are \(f, 3\)"),
        (np.full((3, 3), np.inf), np.zeros((1, 3)), "infinite"),
        (np.zeros((3, 3)), np.full((1, 3), 3), "outside the 3 vertices"),
        (np.zeros((3, 3)), np.full((1, 3), -1), "outside the 3 vertices"),
    ],
)
def test_a_broken_mesh_is_refused_with_the_reason(vertices: np.ndarray, faces: np.ndarray, why: str) -> None:
    with pytest.raises(InvalidValue, match=why):
        Surface(FRAME, vertices, faces)


def test_a_surface_lives_in_a_patient_and_nowhere_else() -> None:
    with pytest.raises(FrameMismatch, match="patient"):
        Surface(WORLD, np.zeros((3, 3), np.float32), np.zeros((1, 3), np.int32))
