"""Margins are where geometry says, whatever bounds them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.array import Float32, Float64
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.field import DistanceField, Region
from engine.core.frame import patient
from engine.core.grid import Grid
from engine.core.surface import Surface
from engine.mesh.isosurface import enclosed_ml, region_surface
from guidance.margins.banded import MOST_VOXELS, Toward, margin, margin_grid, thinned
from tests.guidance.margins.sampled import ball_field, box_field, centres, cube_grid, slope_field
from tests.guidance.margins.shapes import PATIENT

RADIUS = 12.0
GRID = cube_grid(RADIUS, 1.0, 14.0)
BALL = ball_field(GRID, RADIUS)


def drawn(region: Region) -> Surface:
    surface = region_surface(region)
    assert surface is not None
    assert surface.is_closed()
    return surface


@pytest.mark.parametrize("distance_mm", [-8.0, -3.0, 0.0, 0.4, 5.0, 12.0])
def test_the_margin_of_a_ball_is_the_ball_that_is_larger_by_it(distance_mm: float) -> None:
    surface = drawn(margin(BALL, Toward.evenly(distance_mm)))
    expected = RADIUS + distance_mm
    assert np.abs(np.linalg.norm(surface.vertices_mm, axis=1) - expected).max() < max(0.03, 0.3 / expected)
    # Facets cut a ball short, by about the square of the spacing over its radius.
    assert surface.volume_mm3 == pytest.approx(4 / 3 * np.pi * expected**3, rel=1.3 / expected**2)


def test_the_margin_of_a_box_is_the_box_with_rounded_edges() -> None:
    surface = drawn(margin(box_field(cube_grid(10.0, 0.8, 8.0), (10.0, 7.0, 5.0)), Toward.evenly(6.0)))
    a, b, c, r = 20.0, 14.0, 10.0, 6.0
    steiner = a * b * c + 2 * r * (a * b + b * c + c * a) + np.pi * r**2 * (a + b + c) + 4 / 3 * np.pi * r**3
    assert surface.volume_mm3 == pytest.approx(steiner, rel=6e-3)


def support_off(points_mm: Float32, radius_mm: float, toward: tuple[float, ...]) -> Float64:
    """How far points stand outside a ball grown by ellipsoid octants: their worst over all directions (convex)."""
    normal = np.random.default_rng(0).normal(size=(15_000, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    reach = np.where(normal > 0, np.array(toward[0::2]), np.array(toward[1::2]))
    support = radius_mm + np.linalg.norm(normal * reach, axis=1)
    return np.array([(point @ normal.T - support).max() for point in points_mm.astype(np.float64)])


@pytest.mark.parametrize("toward", [(9.0, 5.0, 8.0, 3.0, 11.0, 6.0), (4.0, 8.0, 8.0, 8.0, 4.0, 4.0)])
def test_a_margin_that_differs_by_side_is_the_ball_grown_by_ellipsoid_octants(toward: tuple[float, ...]) -> None:
    region = margin(BALL, Toward(*toward))
    surface = drawn(region)
    chosen = np.random.default_rng(1).choice(len(surface.vertices_mm), 300, replace=False)
    off = support_off(surface.vertices_mm[chosen], RADIUS, toward)
    assert np.abs(off).max() < region.error_mm
    low, high = surface.vertices_mm.min(axis=0), surface.vertices_mm.max(axis=0)
    np.testing.assert_allclose(high, RADIUS + np.array(toward[0::2]), atol=0.1)  # left, posterior, superior
    np.testing.assert_allclose(-low, RADIUS + np.array(toward[1::2]), atol=0.1)


def test_sides_without_a_margin_stay_where_the_target_ends_within_a_voxel() -> None:
    toward = (10.0, 0.0, 6.0, 0.0, 6.0, 6.0)
    off = support_off(drawn(margin(BALL, Toward(*toward))).vertices_mm[::20], RADIUS, toward)
    assert np.abs(off).max() < 1.0
    assert np.sqrt((off**2).mean()) < 0.25


def test_a_cube_grown_by_ellipsoid_octants_moves_each_face_by_its_own_side() -> None:
    toward = (5.0, 2.5, 4.0, 3.0, 6.0, 2.0)
    surface = drawn(margin(box_field(cube_grid(8.0, 1.0, 8.0), (8.0, 8.0, 8.0)), Toward(*toward)))
    np.testing.assert_allclose(surface.vertices_mm.max(axis=0), 8 + np.array(toward[0::2]), atol=0.05)
    np.testing.assert_allclose(-surface.vertices_mm.min(axis=0), 8 + np.array(toward[1::2]), atol=0.05)


def test_going_in_by_side_leaves_what_cannot_be_reached_from_outside() -> None:
    surface = drawn(
        margin(box_field(cube_grid(10.0, 1.0, 4.0), (10.0, 10.0, 10.0)), Toward(-5.0, -2.0, -4.0, -3.0, -6.0, -2.0))
    )
    np.testing.assert_allclose(surface.vertices_mm.max(axis=0), [5.0, 6.0, 4.0], atol=0.05)
    np.testing.assert_allclose(surface.vertices_mm.min(axis=0), [-8.0, -7.0, -8.0], atol=0.05)


def test_a_margin_ends_where_its_organ_ends() -> None:
    surface = drawn(margin(BALL, Toward.evenly(8.0), within=slope_field(GRID, (1.0, 0.5, 0.0), 14.0)))
    unit = np.array([1.0, 0.5, 0.0]) / np.hypot(1.0, 0.5)
    assert (surface.vertices_mm @ unit).max() < 14.02
    radius, height = RADIUS + 8.0, RADIUS + 8.0 - 14.0
    cap = np.pi * height**2 * (3 * radius - height) / 3
    assert surface.volume_mm3 == pytest.approx(4 / 3 * np.pi * radius**3 - cap, rel=4e-3)


def test_a_margin_stays_out_of_a_vessel_and_as_far_from_it_as_is_asked() -> None:
    pipe = DistanceField(GRID, (np.linalg.norm(centres(GRID)[..., :2] - [14.0, 0.0], axis=-1) - 3.0).astype(np.float32))
    surface = drawn(margin(BALL, Toward.evenly(8.0), without=((pipe, 1.5),)))
    away = np.linalg.norm(surface.vertices_mm[:, :2] - [14.0, 0.0], axis=1)
    assert away.min() > 3.0 + 1.5 - 0.1


@settings(max_examples=15)
@given(st.floats(-6, 8), st.floats(-6, 8), st.tuples(*[st.floats(0, 8)] * 6), st.tuples(*[st.floats(0, 3)] * 6))
def test_a_smaller_margin_lies_within_a_larger_one(
    one: float, two: float, sides: tuple[float, ...], more: tuple[float, ...]
) -> None:
    organ, coarse = slope_field(GRID, (0.2, 1.0, 0.3), 15.0), thinned(BALL, 2)
    less, most = (np.asarray(margin(BALL, Toward.evenly(d), organ).level) < 0 for d in sorted((one, two)))
    assert not (less & ~most).any()
    wider = [side + extra for side, extra in zip(sides, more, strict=True)]
    inner, outer = (np.asarray(margin(coarse, Toward(*mm)).level) for mm in (sides, wider))
    # Within its error: sides under a voxel and a half are measured another way.
    assert not ((inner < -coarse.grid.spacing_mm[0]) & (outer > 0)).any()


@given(st.floats(0.5, 8))
@settings(max_examples=10)
def test_sides_that_are_all_the_same_are_a_margin_that_is_the_same_all_round(distance_mm: float) -> None:
    even = np.asarray(margin(BALL, Toward.evenly(distance_mm)).level)
    nearly = np.asarray(margin(BALL, Toward(distance_mm + 1e-6, *[distance_mm] * 5)).level)
    border = np.abs(even) < 0.5
    assert np.abs(even - nearly)[border].max() < 0.3


def test_a_volume_comes_with_what_the_error_of_its_border_makes_of_it() -> None:
    off = DistanceField(GRID, BALL.samples_mm, error_mm=0.2)
    volume_ml, error_ml = enclosed_ml(drawn(off.region()))
    assert volume_ml == pytest.approx(4 / 3 * np.pi * RADIUS**3 / 1000, rel=0.01)
    assert error_ml == pytest.approx(4 * np.pi * RADIUS**2 * 0.2 / 1000, rel=0.02)


def test_nothing_is_left_of_a_margin_that_goes_in_past_the_middle() -> None:
    assert region_surface(margin(BALL, Toward.evenly(-RADIUS - 1))) is None


def test_a_grid_for_margins_holds_the_target_and_its_reach_and_no_more_voxels_than_it_may() -> None:
    for half in (5.0, 120.0):
        grid = margin_grid(np.full(3, -half), np.full(3, half), PATIENT, 20.0)
        assert grid.voxel_count < 1.1 * MOST_VOXELS
        corners = grid.patient_from_voxel.apply(np.array([(0, 0, 0), np.array(grid.shape) - 1]))
        assert (corners[0] < -half - 20).all()
        assert (corners[1] > half + 20).all()


def test_mixed_sides_oblique_grids_other_grids_and_other_patients_are_refused() -> None:
    with pytest.raises(InvalidValue, match="mixture"):
        Toward(3.0, -1.0, 3.0, 3.0, 3.0, 3.0)
    with pytest.raises(InvalidValue, match="50 mm"):
        Toward.evenly(51.0)
    flat = Grid.from_matrix((8, 8, 8), np.diag([1.0, 1.0, 2.0, 1.0]), PATIENT.uid)
    with pytest.raises(InvalidValue, match="cubes"):
        margin(ball_field(flat, 3.0), Toward(1.0, 2.0, 1.0, 1.0, 1.0, 1.0))
    with pytest.raises(InvalidValue, match="same grid"):
        margin(BALL, Toward.evenly(1.0), within=thinned(BALL, 2))
    elsewhere = ball_field(Grid(GRID.shape, Grid.centred(GRID.shape, 1.0, "9").patient_from_voxel), 5.0)
    with pytest.raises(FrameMismatch, match="lies in"):
        margin(BALL, Toward.evenly(1.0), within=elsewhere)
    assert patient("9") == elsewhere.grid.frame
