"""Laws of rigid motions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.xr.rigid import (
    apply,
    inverse,
    part_of_turn,
    rotation_about,
    rotation_vector,
    swing,
    turned_to,
    twist_rad,
)
from tests.xr.strategies import directions, poses, positions, rotations

angles = st.floats(-3.1, 3.1)


def is_rotation(matrix: Float64) -> bool:
    return np.allclose(matrix.T @ matrix, np.eye(3), atol=1e-9) and bool(np.linalg.det(matrix) > 0)


@given(poses(), positions())
def test_the_inverse_brings_points_back(motion: Float64, point: Float64) -> None:
    assert apply(inverse(motion), apply(motion, point)) == pytest.approx(point, abs=1e-9)


@given(directions(), directions())
def test_a_swing_takes_one_direction_to_the_other(a: Float64, b: Float64) -> None:
    turn = swing(a, b)
    assert is_rotation(turn)
    assert turn @ a == pytest.approx(b, abs=1e-7)


def test_a_swing_to_the_opposite_is_half_a_turn() -> None:
    for axis in np.eye(3):
        assert swing(axis, -axis) @ axis == pytest.approx(-axis)


@given(directions(), angles)
def test_the_twist_of_a_turn_about_an_axis_is_its_angle(axis: Float64, angle: float) -> None:
    assert twist_rad(rotation_about(axis, angle), axis) == pytest.approx(angle, abs=1e-6)


@given(directions(), angles)
def test_a_rotation_vector_is_axis_times_angle(axis: Float64, angle: float) -> None:
    assert rotation_vector(rotation_about(axis, angle)) == pytest.approx(angle * axis, abs=1e-6)


@given(directions())
def test_the_rotation_vector_of_half_a_turn_lies_along_its_axis(axis: Float64) -> None:
    vector = rotation_vector(rotation_about(axis, np.pi))
    assert np.linalg.norm(vector) == pytest.approx(np.pi, abs=1e-6)
    assert abs(vector @ axis) == pytest.approx(np.pi, abs=1e-6)


@given(rotations())
def test_parts_of_a_turn_add_up_to_it(rotation: Float64) -> None:
    half = part_of_turn(rotation, 0.5)
    assert is_rotation(half)
    assert half @ half == pytest.approx(rotation, abs=1e-6)


@given(directions(), directions())
def test_a_thing_turned_to_somebody_shows_its_front_upright(back: Float64, up: Float64) -> None:
    turn = turned_to(back, up)
    assert is_rotation(turn)
    assert turn[:, 2] == pytest.approx(back, abs=1e-9)
    assert turn[:, 1] @ up >= -1e-6
