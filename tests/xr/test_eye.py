"""Laws of what an eye sees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.xr.eye import FAR_M, NEAR_M, Eye, FieldOfView, projection
from engine.xr.rigid import apply
from tests.xr.strategies import poses

outwards = st.floats(0.2, 1.3)
fields = st.builds(
    lambda left, right, up, down: FieldOfView(-left, right, up, -down), outwards, outwards, outwards, outwards
)


def clip(matrix: Float64, point: Float64) -> Float64:
    x, y, z, w = matrix @ [*point, 1.0]
    return np.array([x / w, y / w, z / w])


@given(fields, st.floats(NEAR_M, FAR_M))
def test_the_edges_of_sight_are_the_edges_of_the_picture(fov: FieldOfView, away_m: float) -> None:
    for across, down, edge in (
        (fov.left, fov.up, (-1, 1)),
        (fov.right, fov.down, (1, -1)),
        (fov.left, fov.down, (-1, -1)),
    ):
        seen = clip(projection(fov), away_m * np.array([np.tan(across), np.tan(down), -1.0]))
        assert seen[:2] == pytest.approx(edge, abs=1e-6)


@given(fields)
def test_depth_runs_from_the_near_plane_to_the_far_one(fov: FieldOfView) -> None:
    assert clip(projection(fov), np.array([0, 0, -NEAR_M]))[2] == pytest.approx(-1)
    assert clip(projection(fov), np.array([0, 0, -FAR_M]))[2] == pytest.approx(1)


@given(fields, poses(), st.floats(0.1, 10))
def test_what_moves_with_the_eye_stays_where_it_is_in_the_picture(
    fov: FieldOfView, world_from_eye: Float64, away_m: float
) -> None:
    ahead = np.array([0.01, -0.02, -away_m])
    seen = clip(Eye(world_from_eye, fov).clip_from_world, apply(world_from_eye, ahead))
    assert seen == pytest.approx(clip(projection(fov), ahead), abs=1e-6)


@pytest.mark.parametrize("angles", [(0.5, -0.5, 0.5, -0.5), (-0.5, 0.5, -0.5, 0.5), (-1.6, 0.5, 0.5, -0.5)])
def test_a_field_that_sees_nothing_is_refused(angles: tuple[float, float, float, float]) -> None:
    with pytest.raises(InvalidValue):
        FieldOfView(*angles)


def test_planes_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(InvalidValue):
        projection(FieldOfView(-0.5, 0.5, 0.5, -0.5), 2.0, 1.0)
