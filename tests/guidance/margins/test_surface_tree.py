"""Distances from a tree of boxes, against every triangle asked in turn and against geometry that is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.core.surface import Surface
from guidance.margins.surface_tree import SEARCH_MM, SurfaceTree
from tests.guidance.margins.shapes import PATIENT, ball, box, exact_signed_mm, lumpy

SHAPES = {"ball": ball(), "thin box": box(), "lumpy": lumpy(1), "tetrahedron": ball(20.0, 0)}
TREES = {name: SurfaceTree(shape) for name, shape in SHAPES.items()}
#: What single precision may do to a distance of some hundred millimetres.
ROUNDING_MM = 1e-4

reaches = st.floats(-70.0, 70.0)
points = st.tuples(reaches, reaches, reaches).map(np.array)


@pytest.mark.parametrize("shape", SHAPES)
def test_distance_and_side_are_those_of_every_triangle_asked_in_turn(shape: str) -> None:
    rng = np.random.default_rng(3)
    near = SHAPES[shape].vertices_mm[rng.integers(0, len(SHAPES[shape].vertices_mm), 60)] + rng.normal(size=(60, 3))
    asked = np.concatenate([rng.uniform(-60, 60, (60, 3)), near, SHAPES[shape].vertices_mm[:5] * 1.001])
    truth = exact_signed_mm(SHAPES[shape], asked)
    for point, exact in zip(asked, truth, strict=True):
        told = TREES[shape].near_point(point)
        assert abs(told.distance_mm - exact) <= told.error_mm + ROUNDING_MM
        assert np.linalg.norm(told.surface_mm - point) == pytest.approx(abs(told.distance_mm), abs=ROUNDING_MM)


@given(points)
def test_a_ball_is_as_far_as_its_centre_says(point: np.ndarray) -> None:
    told = TREES["ball"].near_point(point)
    facets_mm = 30.0 * (1 - np.cos(0.06))  # its triangles lie a little within
    assert told.distance_mm == pytest.approx(np.linalg.norm(point) - 30.0, abs=facets_mm + SEARCH_MM)


@given(points, points)
def test_distance_changes_by_no_more_than_the_way(one: np.ndarray, other: np.ndarray) -> None:
    at_one, at_other = (TREES["lumpy"].near_point(point).distance_mm for point in (one, other))
    assert abs(at_one - at_other) <= np.linalg.norm(one - other) + SEARCH_MM + ROUNDING_MM


@given(points, points)
def test_a_hint_changes_no_distance(one: np.ndarray, other: np.ndarray) -> None:
    tree = TREES["lumpy"]
    hinted = tree.near_point(other, tree.near_point(one).triangle)
    assert hinted.distance_mm == pytest.approx(tree.near_point(other).distance_mm, abs=SEARCH_MM + ROUNDING_MM)


@pytest.mark.parametrize("place", ["edge", "vertex"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_line_that_goes_in_through_an_edge_or_a_vertex_is_as_deep_as_any(shape: str, place: str) -> None:
    """After rounding it may go through none of the triangles that meet there."""
    tree = TREES[shape]
    corners = tree.arrays.corners.astype(np.float64)
    rng = np.random.default_rng(0)
    for k in rng.integers(0, len(corners), 200):
        at = corners[k, 0] if place == "vertex" else (corners[k, 0] + corners[k, 1]) / 2
        start, end = 2.0 * at, 0.5 * at  # from without to within: each of these shapes is seen whole from its middle
        if tree.near_point(start).distance_mm < 1.0 or tree.near_point(end).distance_mm > -1.0:
            continue
        told = tree.near_axis(start, end, tree.near_point(start))
        assert told.distance_mm <= tree.near_point(end).distance_mm + told.error_mm + SEARCH_MM + ROUNDING_MM


@pytest.mark.parametrize("shape", SHAPES)
@given(start=points, end=points)
@example(start=np.array([0.0, 5.0, -51.0]), end=np.array([0.0, -1.0, 13.125]))  # through an edge
def test_a_line_is_as_near_as_the_nearest_of_its_points_and_as_deep_as_the_deepest(
    shape: str, start: np.ndarray, end: np.ndarray
) -> None:
    tree = TREES[shape]
    told = tree.near_axis(start, end, tree.near_point(start))
    steps = np.linspace(0.0, 1.0, 60)[:, None]
    sampled = min(tree.near_point(point).distance_mm for point in start + steps * (end - start))
    step_mm = float(np.linalg.norm(end - start)) / 59
    assert told.distance_mm <= sampled + told.error_mm + SEARCH_MM + ROUNDING_MM
    assert told.distance_mm >= sampled - step_mm / 2 - told.error_mm - SEARCH_MM - ROUNDING_MM
    assert told.error_mm < 0.2
    on_line = np.linalg.norm(np.cross(told.tool_mm - start, end - start)) / max(
        float(np.linalg.norm(end - start)), 1e-9
    )
    assert on_line < 1e-6


def test_from_the_middle_of_a_ball_few_boxes_are_opened_and_the_distance_is_right() -> None:
    """All of its surface is equally far away: the case in which a search sees the most."""
    fine = ball(50.0, 6)
    told = SurfaceTree(fine).near_point(np.array([0.01, 0.0, 0.0]))
    assert told.distance_mm == pytest.approx(-50.0, abs=0.07)


def test_on_the_surface_the_distance_is_zero() -> None:
    for vertex in SHAPES["lumpy"].vertices_mm[:50].astype(np.float64):
        assert abs(TREES["lumpy"].near_point(vertex).distance_mm) < ROUNDING_MM


def test_an_open_surface_has_no_inside_and_is_refused() -> None:
    whole = ball()
    with pytest.raises(InvalidValue, match="3 edges of the surface have no neighbour"):
        SurfaceTree(Surface(PATIENT, whole.vertices_mm, whole.faces[1:]))


def test_nothing_is_near_no_triangles() -> None:
    with pytest.raises(InvalidValue, match="without triangles"):
        SurfaceTree(Surface(PATIENT, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)))
