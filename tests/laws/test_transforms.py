"""Transforms form a groupoid: they compose where frames meet, undo, and refuse everything else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import VOXEL, WORLD, Frame, patient
from engine.core.transform import Transform
from tests.strategies import frames, grids, points_mm, rigid_transforms

A, B, C, D = (st.just(patient(uid)) for uid in "ABCD")


@given(rigid_transforms(D, C), rigid_transforms(C, B), rigid_transforms(B, A))
def test_a_chain_is_the_same_wherever_the_brackets_stand(dc: Transform, cb: Transform, ba: Transform) -> None:
    assert ((dc @ cb) @ ba).close(dc @ (cb @ ba), tolerance=1e-9)


@given(rigid_transforms(B, A), points_mm)
def test_there_and_back_is_where_one_started(b_from_a: Transform, points: Float64) -> None:
    np.testing.assert_allclose(b_from_a.inverse.apply(b_from_a.apply(points)), points, atol=1e-9)


@given(rigid_transforms(C, B), rigid_transforms(B, A), points_mm)
def test_a_product_does_one_after_the_other(c_from_b: Transform, b_from_a: Transform, points: Float64) -> None:
    np.testing.assert_allclose((c_from_b @ b_from_a).apply(points), c_from_b.apply(b_from_a.apply(points)), atol=1e-9)


@given(rigid_transforms(B, A), points_mm)
def test_a_rigid_transform_keeps_lengths(b_from_a: Transform, points: Float64) -> None:
    before, after = (np.linalg.norm(p - p[0], axis=1) for p in (points, b_from_a.apply(points)))
    np.testing.assert_allclose(after, before, atol=1e-9)


@given(rigid_transforms(B, A), points_mm)
def test_a_vector_is_the_difference_of_two_points(b_from_a: Transform, points: Float64) -> None:
    np.testing.assert_allclose(
        b_from_a.apply_vectors(points - points[0]), b_from_a.apply(points) - b_from_a.apply(points[0]), atol=1e-9
    )


@given(rigid_transforms(), rigid_transforms())
def test_a_product_whose_inner_frames_differ_is_refused_by_name(first: Transform, second: Transform) -> None:
    assume(first.source != second.target)
    with pytest.raises(FrameMismatch, match=f"{first.source} is not"):
        first @ second


@given(grids(), st.floats(1.01, 3.0), frames, frames)
def test_only_voxel_space_may_scale(grid: object, scale: float, target: Frame, source: Frame) -> None:
    with pytest.raises(InvalidValue, match="rigid"):
        Transform(target, source, np.diag([scale, scale, scale, 1.0]))
    assert Transform(patient("A"), VOXEL, np.diag([scale, scale, scale, 1.0])).target == patient("A")


def test_a_mirror_is_not_rigid() -> None:
    with pytest.raises(InvalidValue, match="rigid"):
        Transform(WORLD, patient("A"), np.diag([-1.0, 1.0, 1.0, 1.0]))


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        (np.eye(3), "4x4"),
        (np.full((4, 4), np.nan), "NaN"),
        (np.diag([1.0, 1.0, 0.0, 1.0]), "invertible"),
        (np.diag([1.0, 1.0, 1.0, 2.0]), "last row"),
    ],
)
def test_what_is_no_affine_map_is_refused_with_the_reason(matrix: Float64, why: str) -> None:
    with pytest.raises(InvalidValue, match=why):
        Transform(patient("A"), VOXEL, matrix)


def test_a_transform_cannot_be_changed_nor_its_maker_change_it() -> None:
    matrix = np.eye(4)
    transform = Transform(WORLD, patient("A"), matrix)
    matrix[0, 3] = 10.0
    assert transform.matrix[0, 3] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        transform.matrix[0, 3] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        transform.target = WORLD  # type: ignore[misc]  # what must fail
