"""A grid says where voxels are, whatever way it lies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import VOXEL, WORLD, patient
from engine.core.grid import Grid
from engine.core.transform import Transform
from tests.strategies import grids


@given(grids())
def test_spacing_and_directions_give_the_matrix_back(grid: Grid) -> None:
    np.testing.assert_allclose(grid.directions * grid.spacing_mm, grid.patient_from_voxel.matrix[:3, :3], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(grid.directions, axis=0), 1.0)


@given(grids())
def test_a_voxel_is_as_large_as_its_edges_say(grid: Grid) -> None:
    assert grid.is_orthogonal
    assert grid.voxel_volume_mm3 == pytest.approx(np.prod(grid.spacing_mm), rel=1e-6)


@given(grids())
def test_reversing_one_axis_changes_handedness_and_nothing_else(grid: Grid) -> None:
    matrix = grid.patient_from_voxel.matrix.copy()
    matrix[:3, 3] = grid.patient_from_voxel.apply((grid.shape[0] - 1, 0, 0))
    matrix[:3, 0] *= -1
    other = Grid.from_matrix(grid.shape, matrix, grid.frame_of_reference_uid)
    assert other.is_right_handed is not grid.is_right_handed
    np.testing.assert_allclose(other.centre_mm, grid.centre_mm, atol=1e-9)
    np.testing.assert_allclose(other.spacing_mm, grid.spacing_mm)


@given(grids(), st.data())
def test_a_crop_leaves_every_voxel_where_it_was(grid: Grid, data: st.DataObject) -> None:
    start = data.draw(st.tuples(*[st.integers(0, n - 1) for n in grid.shape]))
    shape = data.draw(st.tuples(*[st.integers(1, n - s) for n, s in zip(grid.shape, start, strict=True)]))
    cropped = grid.cropped(start, shape)
    voxel = data.draw(st.tuples(*[st.integers(0, n - 1) for n in shape]))
    np.testing.assert_allclose(
        cropped.patient_from_voxel.apply(voxel), grid.patient_from_voxel.apply(np.add(start, voxel)), atol=1e-9
    )


@given(grids(), st.data())
def test_a_crop_that_leaves_the_grid_is_refused(grid: Grid, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, 2))
    start, shape = [0, 0, 0], list(grid.shape)
    start[axis] = data.draw(st.sampled_from((-1, 1)))
    with pytest.raises(InvalidValue, match="leaves the grid"):
        grid.cropped((start[0], start[1], start[2]), (shape[0], shape[1], shape[2]))


@given(grids(), st.integers(0, 2), st.floats(2e-3, 1.0))
def test_grids_are_the_same_only_where_every_corner_is(grid: Grid, axis: int, shift_mm: float) -> None:
    matrix = grid.patient_from_voxel.matrix.copy()
    assert grid.close(Grid.from_matrix(grid.shape, matrix, grid.frame_of_reference_uid))
    matrix[axis, 3] += shift_mm
    assert not grid.close(Grid.from_matrix(grid.shape, matrix, grid.frame_of_reference_uid))
    assert grid.close(Grid.from_matrix(grid.shape, matrix, grid.frame_of_reference_uid), tolerance_mm=shift_mm * 1.01)


def test_the_same_place_in_another_frame_of_reference_is_another_grid() -> None:
    assert not Grid.centred((4, 4, 4), 1.0, "1.2.3").close(Grid.centred((4, 4, 4), 1.0, "1.2.4"))


def test_a_sheared_stack_is_told_from_an_upright_one() -> None:
    matrix = np.diag([1.0, 1.0, 2.0, 1.0])
    matrix[1, 2] = 0.2
    assert not Grid.from_matrix((4, 4, 4), matrix).is_orthogonal
    assert Grid.from_matrix((4, 4, 4), matrix).voxel_volume_mm3 == pytest.approx(2.0)


@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 4), (4, -1, 4)])
def test_a_grid_without_voxels_is_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidValue, match="three axes"):
        Grid.from_matrix(shape, np.eye(4))


def test_a_grid_maps_voxels_to_a_patient_and_to_nothing_else() -> None:
    with pytest.raises(FrameMismatch, match="voxel to patient"):
        Grid((2, 2, 2), Transform(WORLD, VOXEL, np.eye(4)))
    with pytest.raises(FrameMismatch, match="voxel to patient"):
        Grid((2, 2, 2), Transform(patient("A"), WORLD, np.eye(4)))
