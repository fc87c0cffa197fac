"""GLB files read back: what was written stands where it stood."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.anatomy import structure
from engine.core.errors import InvalidValue
from engine.core.structure import Provenance
from engine.mesh.gltf import GltfMesh, single_surface_glb, write_glb
from engine.mesh.gltf_read import read_glb
from engine.mesh.normals import vertex_normals
from engine.stream.codec import headset_from_patient
from tests.mesh.organs import ball

MADE = structure("liver", 3, Provenance("test", "1", (), synthetic=True))
HEADSET_FROM_PATIENT = headset_from_patient((10.0, -20.0, 30.0))


def test_a_surface_comes_back_in_headset_metres() -> None:
    surface = ball()
    (back,) = read_glb(single_surface_glb(surface, MADE, HEADSET_FROM_PATIENT))
    assert back.name == MADE.name
    assert len(back.triangles) == surface.triangle_count
    expected = surface.vertices_mm @ HEADSET_FROM_PATIENT[:3, :3].T + HEADSET_FROM_PATIENT[:3, 3]
    assert back.positions_m.min(axis=0) == pytest.approx(expected.min(axis=0), abs=1e-5)
    assert back.positions_m.max(axis=0) == pytest.approx(expected.max(axis=0), abs=1e-5)


def test_triangles_keep_facing_outwards_with_their_normals() -> None:
    (back,) = read_glb(single_surface_glb(ball(), MADE, HEADSET_FROM_PATIENT))
    corners = back.positions_m[back.triangles].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((across * back.normals[back.triangles[:, 0]]).sum(axis=1) > 0).mean() > 0.99
    assert np.linalg.norm(back.normals, axis=1) == pytest.approx(1, abs=1e-3)


def test_vertex_normals_are_those_of_the_surface() -> None:
    surface = ball()
    (back,) = read_glb(single_surface_glb(surface, MADE, np.eye(4)))
    nearest = {tuple(np.round(v, 2)): n for v, n in zip(surface.vertices_mm, vertex_normals(surface), strict=True)}
    met = [(nearest[key], n) for v, n in zip(back.positions_m, back.normals, strict=True)
           if (key := tuple(np.round(v, 2))) in nearest]  # fmt: skip
    assert len(met) > 50
    assert all(float(a @ b) > 0.999 for a, b in met)


def test_several_structures_are_read_each_at_its_finest() -> None:
    both = read_glb(write_glb([GltfMesh(MADE, (ball(), ball())), GltfMesh(MADE, (ball(),))], HEADSET_FROM_PATIENT))
    assert len(both) == 2


@pytest.mark.parametrize("cut", [0, 11, 19, 30, 200])
def test_part_of_a_file_is_refused(cut: int) -> None:
    with pytest.raises(InvalidValue):
        read_glb(single_surface_glb(ball(), MADE, HEADSET_FROM_PATIENT)[:cut])


def test_a_file_with_a_lie_in_its_description_is_refused() -> None:
    good = single_surface_glb(ball(), MADE, HEADSET_FROM_PATIENT)
    for lie in (
        (b'"ATTRIBUTES"', b'"TRIANGLES" '),
        (b'"byteOffset":0', b'"byteOffset":-'),
        (b'"POSITION"', b'"POSITIOM"'),
    ):
        assert lie[0] in good
        with pytest.raises(InvalidValue):
            read_glb(good.replace(*lie))
