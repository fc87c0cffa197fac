"""Simplification: inside its bound both ways, closed, of the same topology, the same on any number of threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.surface import Surface
from engine.core.volume import LabelMap
from engine.mesh import simplify as module
from engine.mesh.distance import deviation_mm
from engine.mesh.extract import extract
from engine.mesh.simplify import simplify
from tests.mesh.extract_shapes import PLACEMENTS, Placement, Shape, ellipsoid, shell, sphere, torus
from tests.mesh.organs import FRAME, ball, bumpy_sphere, euler_number, from_mask, organ, shape_surface

SHAPES = (sphere(14), ellipsoid(18, 10, 6), torus(14, 5), shell(14, 12))


def box(cells: int, side_mm: float = 40.0) -> Surface:
    """A cube whose sides are `cells` by `cells` squares of two triangles."""
    import trimesh

    mesh = trimesh.creation.box((side_mm,) * 3)
    for _ in range(int(np.log2(cells))):
        mesh = mesh.subdivide()
    mesh.merge_vertices()
    return Surface(FRAME, np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32))


def assert_sound(coarse: Surface, fine: Surface, bound_mm: float, samples: int = 4000) -> None:
    """What simplification promises, whatever the surface."""
    assert coarse.error_mm <= bound_mm
    assert coarse.triangle_count <= fine.triangle_count
    assert coarse.frame == fine.frame
    found = deviation_mm(fine, coarse, samples, np.random.default_rng(0))
    assert found.hausdorff_mm <= coarse.error_mm * (1 + 1e-6) + 1e-5


@pytest.mark.parametrize("placement", PLACEMENTS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_analytic_shapes_stay_closed_within_the_bound_and_of_their_genus(shape: Shape, placement: Placement) -> None:
    fine = shape_surface(shape, placement)
    coarse = simplify(fine, 0.4)
    assert_sound(coarse, fine, 0.4)
    assert coarse.is_closed()
    assert euler_number(coarse) == shape.euler
    assert coarse.triangle_count < 0.5 * fine.triangle_count
    assert coarse.volume_mm3 == pytest.approx(fine.volume_mm3, rel=0.03)


@pytest.mark.parametrize("bound_mm", [0.05, 0.3, 1.0, 3.0])
def test_a_rough_organ_stays_inside_every_bound(bound_mm: float) -> None:
    fine = organ()
    coarse = simplify(fine, bound_mm)
    assert_sound(coarse, fine, bound_mm, 30_000)
    assert coarse.is_closed()
    assert euler_number(coarse) == euler_number(fine)


def test_a_larger_bound_leaves_fewer_triangles() -> None:
    fine = organ()
    counts = [simplify(fine, bound).triangle_count for bound in (0.02, 0.1, 0.4, 1.5)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < 0.2 * fine.triangle_count


def test_flat_sides_cost_no_error() -> None:
    fine = box(32)
    coarse = simplify(fine, 0.05)
    assert coarse.triangle_count < 0.15 * fine.triangle_count
    assert coarse.volume_mm3 == pytest.approx(40.0**3, rel=1e-4)
    assert_sound(coarse, fine, 0.05)


def test_vertices_are_the_surface_s_own() -> None:
    fine = organ(40)
    coarse = simplify(fine, 0.5)
    assert {tuple(v) for v in coarse.vertices_mm.tolist()} <= {tuple(v) for v in fine.vertices_mm.tolist()}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 0.8), st.floats(0.05, 3.0))
def test_any_label_map_s_surface_stays_closed_and_inside_the_bound(seed: int, share: float, bound_mm: float) -> None:
    mask = np.random.default_rng(seed).random((9, 10, 11)) < share
    mask[4, 5, 6] = True
    fine = from_mask(mask)
    coarse = simplify(fine, bound_mm)
    assert_sound(coarse, fine, bound_mm)
    assert coarse.is_closed()
    assert euler_number(coarse) == euler_number(fine)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1.5), st.floats(0.02, 4.0))
def test_any_bumpy_sphere_stays_closed_and_inside_the_bound(seed: int, roughness_mm: float, bound_mm: float) -> None:
    fine = bumpy_sphere(4, seed, roughness_mm)
    coarse = simplify(fine, bound_mm)
    assert_sound(coarse, fine, bound_mm)
    assert coarse.is_closed()
    assert euler_number(coarse) == 2


def test_the_bytes_do_not_depend_on_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TARGET_VERTICES", 500)  # many blocks, and seams between them
    monkeypatch.setattr(module, "_FACES_PER_TASK", 1000)
    fine = organ()
    one, many = simplify(fine, 0.3, workers=1), simplify(fine, 0.3, workers=5)
    assert one.vertices_mm.tobytes() == many.vertices_mm.tobytes()
    assert one.faces.tobytes() == many.faces.tobytes()
    assert one.error_mm == many.error_mm


@pytest.mark.parametrize(("target", "most"), [(300, 40_000), (300, 400), (10**9, 700)])
def test_seams_between_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch, target: int, most: int) -> None:
    fine = organ(48)
    whole = simplify(fine, 0.4)
    monkeypatch.setattr(module, "_TARGET_VERTICES", target)
    monkeypatch.setattr(module, "_MOST_VERTICES", most)
    monkeypatch.setattr(module, "_MOST_CELLS", 8)
    cut = simplify(fine, 0.4)
    assert_sound(cut, fine, 0.4)
    assert cut.is_closed()
    assert cut.triangle_count < 2 * whole.triangle_count


def test_a_second_simplification_adds_to_the_first_one_s_error() -> None:
    fine = organ(40)
    once = simplify(fine, 0.2)
    twice = simplify(once, 0.6)
    assert once.error_mm <= 0.2 < twice.error_mm <= 0.6
    assert_sound(twice, fine, 0.6)


def test_a_tetrahedron_and_an_octahedron_keep_their_solid() -> None:
    tetrahedron = Surface(
        FRAME,
        np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32),
        np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]], np.int32),
    )
    coarse = simplify(tetrahedron, 10.0)
    assert coarse.triangle_count == 4
    assert coarse.is_closed()
    single_voxel = np.zeros((5, 5, 5), bool)
    single_voxel[2, 2, 2] = True
    assert simplify(from_mask(single_voxel), 10.0).is_closed()


def test_an_open_edge_stays_where_it_is() -> None:
    side = 12
    grid = np.arange((side + 1) ** 2).reshape(side + 1, side + 1)
    a, b, c, d = grid[:-1, :-1].ravel(), grid[1:, :-1].ravel(), grid[1:, 1:].ravel(), grid[:-1, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    x, y = np.divmod(np.arange((side + 1) ** 2), side + 1)
    vertices = np.stack([x, y, np.zeros_like(x)], 1).astype(np.float32)
    rim = {tuple(v) for v in vertices.tolist() if {v[0], v[1]} & {0.0, float(side)}}
    coarse = simplify(Surface(FRAME, vertices, faces), 0.5)
    assert rim <= {tuple(v) for v in coarse.vertices_mm[np.unique(coarse.faces)].tolist()}
    assert coarse.area_mm2 == pytest.approx(side**2, rel=1e-5)
    assert coarse.triangle_count < len(faces)


def test_parts_that_share_a_vertex_or_an_edge_stay_joined() -> None:
    import trimesh

    one = trimesh.creation.icosphere(subdivisions=3, radius=10.0)
    vertices, faces = np.asarray(one.vertices), np.asarray(one.faces)
    for shared in ([0], list(one.edges_unique[0])):
        mirrored = vertices.copy()
        mirrored += 2 * (vertices[shared].mean(axis=0) - vertices.mean(axis=0))
        joined = np.arange(len(vertices)) + len(vertices)
        joined[shared] = shared
        both = Surface(
            FRAME,
            np.concatenate([vertices, mirrored]).astype(np.float32),
            np.concatenate([faces, joined[faces]]).astype(np.int32),
        )
        coarse = simplify(both, 0.5)
        kept = {tuple(v) for v in coarse.vertices_mm[np.unique(coarse.faces)].tolist()}
        assert {tuple(v) for v in vertices[shared].astype(np.float32).tolist()} <= kept
        assert coarse.triangle_count < 0.6 * both.triangle_count


def test_nothing_to_simplify_is_nothing() -> None:
    empty = Surface(FRAME, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    assert simplify(empty, 1.0).triangle_count == 0


@pytest.mark.parametrize("bound_mm", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bound_that_is_no_length_is_refused(bound_mm: float) -> None:
    with pytest.raises(InvalidValue, match="bound"):
        simplify(ball(4), bound_mm)


@pytest.mark.data
def test_real_bone_stays_inside_its_bound(shared_data: Path) -> None:
    import nibabel

    image: Any = nibabel.load(shared_data / "ct" / "chest_lidc0314_1p5mm.nii.gz")
    samples = np.asarray(image.dataobj)[60:200, 40:160, 60:140]
    labels = np.asfortranarray((samples > 200).astype(np.uint8))
    fine = extract(LabelMap(Grid.centred(labels.shape, 1.5), labels, ())).surface(1)
    for bound_mm in (0.5, 1.5):
        coarse = simplify(fine, bound_mm)
        assert_sound(coarse, fine, bound_mm, 50_000)
        assert coarse.is_closed()
        assert euler_number(coarse) == euler_number(fine)
        assert coarse.triangle_count < 0.6 * fine.triangle_count
