"""Signed distance fields: exact near the surface, bounded beyond, sub-voxel, of whatever way the grid lies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial.transform import Rotation

from engine.core.anatomy import structure
from engine.core.array import Float64
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.field import DistanceField
from engine.core.frame import patient
from engine.core.grid import Grid
from engine.core.structure import Provenance
from engine.core.surface import Surface
from engine.core.volume import LabelMap
from engine.mesh.distance import distances_mm
from engine.mesh.field import FAR_ERROR, OFF_GRID_ERROR, distance_field, structure_field, structure_surface
from engine.mesh.smooth import NO_SMOOTHING
from guidance.margins.surface_tree import SEARCH_MM, SurfaceTree
from tests.guidance.margins.shapes import PATIENT, ball, exact_signed_mm, lumpy

MADE = structure("liver", 1, Provenance("test", "1", (), synthetic=True))
TURNED = np.asarray(Rotation.from_rotvec([0.3, -0.5, 0.2]).as_matrix())


def grid_around(
    surface: Surface, spacing_mm: float | tuple[float, ...], room_mm: float, turn: Float64 | None = None
) -> Grid:
    turn = np.eye(3) if turn is None else turn
    spacing = np.broadcast_to(np.asarray(spacing_mm, np.float64), (3,))
    reach = np.linalg.norm(surface.vertices_mm, axis=1).max() + room_mm
    shape = tuple(int(n) for n in np.ceil(2 * reach / spacing))
    matrix = np.eye(4)
    matrix[:3, :3] = turn * spacing
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid.from_matrix((shape[0], shape[1], shape[2]), matrix, PATIENT.uid)


def centres(grid: Grid) -> Float64:
    ijk = np.moveaxis(np.indices(grid.shape), 0, -1).reshape(-1, 3)
    return np.asarray(grid.patient_from_voxel.apply(ijk))


def labelled(inside: NDArray[np.bool_], grid: Grid) -> LabelMap:
    return LabelMap(grid, np.asfortranarray(inside.astype(np.uint8)), (MADE,))


@pytest.mark.parametrize(
    ("surface", "spacing_mm", "turn"),
    [
        (lumpy(1, 15.0, 3), 1.2, None),
        (lumpy(2, 15.0, 3), (0.8, 1.1, 2.5), TURNED),
        (ball(9.0, 3), 1.0, TURNED),
    ],
)
def test_a_field_is_the_distance_to_the_triangles_exact_within_a_voxel_and_bounded_beyond(
    surface: Surface, spacing_mm: float | tuple[float, ...], turn: Float64 | None
) -> None:
    grid = grid_around(surface, spacing_mm, 6.0, turn)
    field = distance_field(surface, grid)
    chosen = np.random.default_rng(0).choice(grid.voxel_count, 1000, replace=False)
    told, true = np.asarray(field.samples_mm).ravel()[chosen], distances_mm(centres(grid)[chosen], surface)
    off = np.abs(told) - true
    assert off.min() > -1e-4  # never too small
    assert np.abs(off[true < grid.spacing_mm.min()]).max() < 1e-4
    assert off.max() < field.error_mm == FAR_ERROR * grid.spacing_mm.max()
    assert np.mean(off > 1e-3) < 0.1


def test_a_field_is_negative_where_the_surface_winds_around_the_voxel() -> None:
    surface = lumpy(3, 15.0, 3)
    grid = grid_around(surface, 2.0, 4.0, TURNED)
    told = np.asarray(distance_field(surface, grid).samples_mm).ravel()
    chosen = np.random.default_rng(0).choice(told.size, 150, replace=False)
    np.testing.assert_array_equal(np.sign(told[chosen]), np.sign(exact_signed_mm(surface, centres(grid)[chosen])))


def test_a_field_agrees_with_the_search_tree_that_tools_are_held_against() -> None:
    surface = lumpy(5, 15.0, 3)
    grid = grid_around(surface, 1.5, 8.0, TURNED)
    field, tree = distance_field(surface, grid), SurfaceTree(surface)
    told = np.asarray(field.samples_mm)
    for voxel in np.random.default_rng(1).integers(0, grid.shape, (100, 3)):
        near = tree.near_point(grid.patient_from_voxel.apply(voxel))
        assert told[tuple(voxel)] == pytest.approx(near.distance_mm, abs=SEARCH_MM + field.error_mm)


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=8)
def test_of_a_surface_that_was_not_smoothed_it_is_the_distance_to_the_boundary_of_the_voxels(seed: int) -> None:
    """Against a distance transform on a grid ten times as fine, of which the boundary lies between samples."""
    rng = np.random.default_rng(seed)
    inside = np.zeros((7, 6, 5), bool)
    inside[1:-1, 1:-1, 1:-1] = rng.random((5, 4, 3)) < 0.6
    inside[3, 3, 2] = True
    spacing = rng.uniform(0.5, 2.0, 3)
    grid = Grid.centred((7, 6, 5), spacing, PATIENT.uid)
    told = np.asarray(structure_field(labelled(inside, grid), MADE, smoothing=NO_SMOOTHING).samples_mm)
    times = 7
    fine = inside.repeat(times, 0).repeat(times, 1).repeat(times, 2)
    out = distance_transform_edt(~fine, sampling=spacing / times)
    within = distance_transform_edt(fine, sampling=spacing / times)
    # Samples lie half a fine voxel off the boundary.
    middle = (slice(times // 2, None, times),) * 3
    exact = np.where(inside, -within[middle], out[middle])
    slack = np.linalg.norm(spacing / times) + FAR_ERROR * spacing.max()
    assert (np.sign(told) == np.sign(exact)).all()
    assert np.abs(np.abs(told) - np.abs(exact)).max() < slack


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.7, 0.7, 1.5)])
def test_the_field_of_a_labelled_ball_is_mostly_within_a_seventh_of_a_voxel(
    spacing_mm: tuple[float, float, float],
) -> None:
    """A mask says of each voxel in or out, and its field still knows the surface to a fraction of a voxel."""
    grid = Grid.centred((44, 44, 40), spacing_mm, PATIENT.uid)
    radius = 11.3
    true = np.linalg.norm(centres(grid), axis=1).reshape(grid.shape) - radius
    told = np.asarray(structure_field(labelled(true < 0, grid), MADE).samples_mm)
    near = np.abs(true) < 3
    off = (told - true)[near]
    assert np.abs(off).max() < 0.5 * max(spacing_mm)
    assert np.sqrt((off**2).mean()) < 0.14 * max(spacing_mm)
    # From voxel centre to voxel centre it is off by half a voxel on either side.
    edt = distance_transform_edt(true >= 0, sampling=spacing_mm) - distance_transform_edt(true < 0, sampling=spacing_mm)
    assert np.sqrt(((edt - true)[near] ** 2).mean()) > 2.5 * np.sqrt((off**2).mean())


def test_the_field_of_a_labelled_box_is_that_of_the_box_away_from_its_edges() -> None:
    grid = Grid.centred((40, 36, 32), 1.0, PATIENT.uid)
    at = np.abs(centres(grid)).reshape(*grid.shape, 3)
    half = np.array([10.0, 8.0, 6.0])  # faces between voxels
    told = np.asarray(structure_field(labelled(np.asarray((at < half).all(axis=-1)), grid), MADE).samples_mm)
    facing = (at[..., 1] < 4) & (at[..., 2] < 2) & (at[..., 0] > 7)
    np.testing.assert_allclose(told[facing], (at[..., 0] - half[0])[facing], atol=0.02)


def test_the_field_of_a_labelled_ellipsoid_is_within_half_a_voxel() -> None:
    grid = Grid.centred((60, 48, 40), 0.8, PATIENT.uid)
    radii = np.array([18.0, 12.0, 9.0])
    points = centres(grid)
    inside = (((points / radii) ** 2).sum(axis=1) < 1).reshape(grid.shape)
    field = structure_field(labelled(inside, grid), MADE)
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(2000, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    on = direction * radii
    normal = direction / radii
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    for away in (-1.5, 0.0, 2.0, 4.0):
        assert np.abs(field.at(on + away * normal) - away).max() < 0.5 * 0.8


def test_a_structure_with_parts_has_the_field_of_both() -> None:
    grid = Grid.centred((24, 24, 24), 1.0, PATIENT.uid)
    true: Float64 = np.asarray(np.linalg.norm(centres(grid), axis=1)).reshape(grid.shape)
    labels = np.asfortranarray(np.where(true < 4, 2, np.where(true < 8, 1, 0)).astype(np.uint8))
    whole = replace(MADE, includes=(2,))
    both = structure_field(LabelMap(grid, labels, (whole,)), whole)
    alone = structure_field(labelled(np.asarray(true < 8), grid), MADE)
    assert both.close(alone)


def test_a_field_may_be_sampled_on_another_grid_than_its_labels() -> None:
    grid = Grid.centred((30, 30, 30), 1.0, PATIENT.uid)
    points = centres(grid)
    label_map = labelled((np.linalg.norm(points, axis=1) < 9).reshape(grid.shape), grid)
    other = grid_around(structure_surface(label_map, MADE), 1.7, 5.0, TURNED)
    one, two = structure_field(label_map, MADE), structure_field(label_map, MADE, other)
    at = np.random.default_rng(0).uniform(-8, 8, (500, 3))
    assert np.abs(one.at(at) - two.at(at)).max() < 0.25


def test_between_samples_it_is_linear_and_off_the_grid_it_is_infinite() -> None:
    grid = Grid.centred((3, 4, 5), (1.0, 2.0, 3.0), PATIENT.uid)
    slope = np.array([1.0, -2.0, 0.5])
    field = DistanceField(grid, (centres(grid) @ slope).reshape(grid.shape).astype(np.float32))
    at = np.random.default_rng(0).uniform(-1, 1, (50, 3)) * [1.0, 3.0, 6.0]
    np.testing.assert_allclose(field.at(at), at @ slope, atol=1e-5)
    assert field.at(np.array([1.1, 0.0, 0.0])) == np.inf


@pytest.mark.parametrize("turn", [np.eye(3), TURNED])
def test_a_device_finds_the_same_field(turn: Float64) -> None:
    surface = lumpy(4, 6.0, 3)
    grid = grid_around(surface, (1.0, 1.3, 1.6), 3.0, turn)
    host = distance_field(surface, grid)
    _same(distance_field(surface, grid, device=torch.device("cpu")), host)


@pytest.mark.cuda
def test_a_gpu_finds_the_same_field() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    surface = lumpy(4, 30.0, 4)
    grid = grid_around(surface, (1.0, 1.3, 1.6), 8.0, TURNED)
    on_gpu = distance_field(surface, grid, device=torch.device("cuda"))
    assert on_gpu.samples_mm.device.type == "cuda"  # type: ignore[attr-defined]  # a tensor
    _same(on_gpu, distance_field(surface, grid, device=torch.device("cpu")), 1e-5)
    _same(on_gpu, distance_field(surface, grid))


def _same(found: DistanceField, expected: DistanceField, bound_mm: float | None = None) -> None:
    one = found.samples_mm.cpu().numpy()  # type: ignore[attr-defined]  # a tensor
    two = np.asarray(expected.samples_mm)
    assert (np.sign(one) == np.sign(two)).all()
    assert np.abs(one - two).max() < (expected.error_mm if bound_mm is None else bound_mm)
    near = np.abs(two) < expected.grid.spacing_mm.min()
    assert np.abs(one - two)[near].max() < 1e-4


@pytest.mark.parametrize("centre_mm", [(10.0, 0.0, 0.0), (14.0, 14.0, 14.0), (30.0, 0.0, 0.0)])
def test_a_surface_that_leaves_the_grid_is_measured_to_beyond_its_end(centre_mm: tuple[float, float, float]) -> None:
    surface, grid = ball(12.0, 4, centre_mm), Grid.centred((24, 20, 18), 1.0, PATIENT.uid)
    field = distance_field(surface, grid)
    chosen = np.random.default_rng(0).choice(grid.voxel_count, 500, replace=False)
    told, at = np.asarray(field.samples_mm).ravel()[chosen], centres(grid)[chosen]
    off = np.abs(told) - distances_mm(at, surface)
    assert off.min() > -1e-4
    assert off.max() < field.error_mm == OFF_GRID_ERROR
    outside = np.linalg.norm(at - centre_mm, axis=1) > 12.0
    far = np.abs(np.linalg.norm(at - centre_mm, axis=1) - 12.0) > 0.1  # facets
    np.testing.assert_array_equal((told > 0)[far], outside[far])


def test_an_open_surface_another_patient_and_an_empty_structure_are_refused() -> None:
    surface = ball(5.0, 2)
    grid = grid_around(surface, 1.0, 2.0)
    with pytest.raises(InvalidValue, match="open"):
        distance_field(Surface(PATIENT, surface.vertices_mm, surface.faces[1:]), grid)
    with pytest.raises(FrameMismatch, match="lies in"):
        distance_field(Surface(patient("another"), surface.vertices_mm, surface.faces), grid)
    with pytest.raises(InvalidValue, match="no voxel"):
        structure_field(labelled(np.zeros((4, 4, 4), bool), Grid.centred((4, 4, 4), 1.0, PATIENT.uid)), MADE)
