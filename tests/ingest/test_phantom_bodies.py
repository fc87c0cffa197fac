"""Analytic bodies: closed forms agree with what can be counted and with each other."""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.ingest.phantom import bodies
from engine.ingest.phantom.bodies import Body

BODIES = [
    bodies.sphere(20.0, (3.0, -2.0, 1.0)),
    bodies.shell(20.0, 15.0),
    bodies.torus(18.0, 6.0),
    bodies.ellipsoid((24.0, 15.0, 9.0), (1.0, 2.0, 3.0)),
]
ONE_A_BODY = pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)


def scattered(body: Body, count: int, margin_mm: float = 5.0) -> Float64:
    """Points all over the box of a body and a little beyond."""
    low, high = np.array(body.bounds_mm)
    return np.random.default_rng(1).uniform(low - margin_mm, high + margin_mm, (count, 3))


@ONE_A_BODY
def test_the_volume_is_the_share_of_points_inside(body: Body) -> None:
    points = scattered(body, 400_000, margin_mm=0.0)
    low, high = np.array(body.bounds_mm)
    share = (body.distance_mm(points) < 0).mean()
    error = np.sqrt(share * (1 - share) / len(points)) * np.prod(high - low)
    assert body.volume_mm3 == pytest.approx(share * np.prod(high - low), abs=4 * error)


@ONE_A_BODY
def test_the_area_is_how_fast_the_volume_grows(body: Body) -> None:
    """dV/dr of the layer within r of the surface is twice the area (Minkowski)."""
    half_mm = 0.5
    points = scattered(body, 2_000_000, margin_mm=half_mm)
    low, high = np.array(body.bounds_mm)
    share = (np.abs(body.distance_mm(points)) < half_mm).mean()
    box = np.prod(high - low + 2 * half_mm)
    error = np.sqrt(share / len(points)) * box / (2 * half_mm)
    assert body.area_mm2 == pytest.approx(share * box / (2 * half_mm), abs=4 * error + 0.003 * body.area_mm2)


@ONE_A_BODY
def test_the_distance_grows_by_a_millimetre_a_millimetre(body: Body) -> None:
    points, step = scattered(body, 2000), 1e-4
    gradient = np.stack(
        [
            (body.distance_mm(points + offset) - body.distance_mm(points - offset)) / (2 * step)
            for offset in np.eye(3) * step
        ],
        axis=-1,
    )
    lengths = np.linalg.norm(gradient, axis=-1)
    # Points between two nearest places have no gradient; they are few.
    assert (np.abs(lengths - 1) < 1e-3).mean() > 0.995


@ONE_A_BODY
def test_a_step_of_the_distance_ends_on_the_surface(body: Body) -> None:
    points, step = scattered(body, 500), 1e-4
    distance = body.distance_mm(points)
    gradient = np.stack([(body.distance_mm(points + offset) - distance) / step for offset in np.eye(3) * step], axis=-1)
    on_surface = body.distance_mm(points - distance[:, None] * gradient)
    assert (np.abs(on_surface) < 0.02).mean() > 0.97


def test_known_answers() -> None:
    assert bodies.sphere(10.0).volume_mm3 == pytest.approx(4000 * pi / 3)
    assert bodies.torus(20.0, 5.0).volume_mm3 == pytest.approx(2 * pi**2 * 20 * 25)
    assert bodies.torus(20.0, 5.0).euler_characteristic == 0
    assert bodies.shell(10.0, 8.0).euler_characteristic == 4
    assert bodies.ellipsoid((10.0, 10.0, 10.0)).area_mm2 == pytest.approx(400 * pi)
    # A spheroid of half axes 1, 1, 2 has area 2 pi (1 + 2 asin(e) / e), e = sqrt(3) / 2.
    prolate = 2 * pi * (1 + 2 * (pi / 3) / (3**0.5 / 2))
    assert bodies.ellipsoid((1.0, 1.0, 2.0)).area_mm2 == pytest.approx(prolate)


def test_labels_are_taken_at_voxel_centres_on_any_grid() -> None:
    grid = Grid.centred((40, 30, 20), (1.5, 2.0, 3.0))
    one, other = bodies.two_touching_spheres(8.0)
    labels = np.asarray(bodies.label_map([one, other], grid).labels)
    centres = grid.patient_from_voxel.apply(np.argwhere(np.ones(grid.shape))).reshape(*grid.shape, 3)
    assert np.array_equal(labels == 1, one.distance_mm(centres) < 0)
    assert np.array_equal(labels == 2, other.distance_mm(centres) < 0)


def test_touching_spheres_touch_in_one_point() -> None:
    one, other = bodies.two_touching_spheres(8.0, (5.0, 0.0, 0.0))
    points = scattered(one, 20_000)
    assert (one.distance_mm(points) + other.distance_mm(points)).min() >= -1e-9
    middle = np.array([[5.0, 0.0, 0.0]])
    assert one.distance_mm(middle) == pytest.approx(0.0, abs=1e-9)
    assert other.distance_mm(middle) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("make", [lambda: bodies.sphere(0.0), lambda: bodies.torus(10.0, -1.0)])
def test_a_body_without_size_is_refused(make: Callable[[], Body]) -> None:
    with pytest.raises(InvalidValue):
        make()
