"""Distances: known answers, a slow independent way, and what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import patient
from engine.core.surface import Surface
from engine.mesh.distance import deviation_mm, distances_mm, sample_points
from tests.mesh.organs import FRAME, ball, brute_force_distances, bumpy_sphere

TRIANGLE = Surface(FRAME, np.array([[0, 0, 0], [4, 0, 0], [0, 3, 0]], np.float32), np.array([[0, 1, 2]], np.int32))


@pytest.mark.parametrize(
    ("point", "distance"),
    [
        ((1, 1, 0), 0),  # inside
        ((1, 1, -2), 2),  # over the face
        ((-3, -4, 0), 5),  # off a corner
        ((2, -2, 0), 2),  # off an edge
        ((4, 3, 0), 2.4),  # off the slope
        ((6, 0, 0), 2),
        ((0, 7, 3), 5),
    ],
)
def test_a_point_is_as_far_from_a_triangle_as_geometry_says(point: tuple[float, ...], distance: float) -> None:
    assert distances_mm(np.array([point], float), TRIANGLE)[0] == pytest.approx(distance, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.floats(0.01, 50))
def test_distances_equal_those_found_by_trying_every_triangle(seed: int, triangles: int, reach_mm: float) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=10, size=(triangles, 1, 3))
    corners = (centres + rng.normal(scale=rng.uniform(0.1, 5), size=(triangles, 3, 3))).astype(np.float32)
    surface = Surface(FRAME, corners.reshape(-1, 3), np.arange(3 * triangles, dtype=np.int32).reshape(-1, 3))
    points = rng.normal(scale=reach_mm, size=(50, 3))
    np.testing.assert_allclose(
        distances_mm(points, surface), brute_force_distances(points, surface), rtol=1e-6, atol=1e-6
    )


def test_a_sliver_without_area_is_as_near_as_its_longest_edge() -> None:
    sliver = Surface(FRAME, np.array([[0, 0, 0], [1, 0, 0], [4, 0, 0]], np.float32), np.array([[0, 1, 2]], np.int32))
    assert distances_mm(np.array([[3.0, 2.0, 0.0]]), sliver)[0] == pytest.approx(2)


def test_concentric_spheres_lie_apart_by_the_difference_of_their_radii() -> None:
    outer = bumpy_sphere(4, 0, 0.0)  # of 20 mm
    inner = Surface(FRAME, outer.vertices_mm * np.float32(0.9), outer.faces)
    found = deviation_mm(inner, outer, 5000, np.random.default_rng(0))
    assert found.hausdorff_mm == pytest.approx(2, abs=0.03)
    assert found.rms_mm == pytest.approx(2, abs=0.02)
    assert found.p95_mm == pytest.approx(2, abs=0.02)


def test_deviation_sees_a_spike_of_either_surface() -> None:
    smooth = ball(10)
    spiked = smooth.vertices_mm.copy()
    spiked[17] *= 1.5
    rough = Surface(smooth.frame, spiked, smooth.faces)
    length = float(np.linalg.norm(spiked[17] - smooth.vertices_mm[17]))
    rng = np.random.default_rng(0)
    assert deviation_mm(rough, smooth, 1000, rng).there_mm == pytest.approx(length, rel=0.05)
    assert deviation_mm(smooth, rough, 1000, rng).back_mm == pytest.approx(length, rel=0.05)


def test_samples_spread_evenly_over_the_area() -> None:
    points = sample_points(TRIANGLE, 20_000, np.random.default_rng(1))
    np.testing.assert_allclose(points.mean(axis=0), (4 / 3, 1, 0), atol=0.03)
    assert (points[:, 0] / 4 + points[:, 1] / 3 <= 1 + 1e-12).all()


def test_what_cannot_be_measured_is_refused() -> None:
    empty = Surface(FRAME, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    elsewhere = Surface(patient("9.9"), TRIANGLE.vertices_mm, TRIANGLE.faces)
    with pytest.raises(InvalidValue, match="without triangles"):
        distances_mm(np.zeros((1, 3)), empty)
    with pytest.raises(InvalidValue, match="without triangles"):
        deviation_mm(empty, TRIANGLE, 10, np.random.default_rng(0))
    with pytest.raises(FrameMismatch):
        deviation_mm(TRIANGLE, elsewhere, 10, np.random.default_rng(0))
