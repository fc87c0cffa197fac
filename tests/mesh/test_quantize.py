"""Quantised positions: back within half a step, in a frame that stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.core.surface import Surface
from engine.mesh.quantize import QuantizationFrame
from tests.mesh.organs import FRAME, ball


def cloud(seed: int, scale_mm: float, offset_mm: float) -> Surface:
    vertices = np.random.default_rng(seed).normal(offset_mm, scale_mm, (200, 3)).astype(np.float32)
    return Surface(FRAME, vertices, np.array([[0, 1, 2]], np.int32))


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 500), st.floats(-2000, 2000))
def test_positions_come_back_within_the_stated_error(seed: int, scale_mm: float, offset_mm: float) -> None:
    surface = cloud(seed, scale_mm, offset_mm)
    frame = QuantizationFrame.around([surface])
    back = frame.restored(frame.quantized(surface.vertices_mm))
    assert np.linalg.norm(back - surface.vertices_mm, axis=1).max() <= frame.error_mm + 1e-9


def test_the_step_is_the_longest_side_over_65535() -> None:
    surface = ball(20)
    extent = float(np.ptp(surface.vertices_mm, axis=0).max())
    frame = QuantizationFrame.around([surface])
    assert frame.step_mm == pytest.approx(extent / 65535)
    quantized = frame.quantized(surface.vertices_mm)
    assert quantized[:, :3].max() == 65535
    assert quantized[:, :3].min() == 0
    assert not quantized[:, 3].any()


def test_a_frame_with_margin_takes_an_organ_that_moves() -> None:
    surface = ball(20)
    moved = surface.vertices_mm + np.float32(4.9)
    frame = QuantizationFrame.around([surface], margin_mm=5.0)
    assert np.abs(frame.restored(frame.quantized(moved)) - moved).max() <= frame.step_mm / 2 * (1 + 1e-6)
    with pytest.raises(InvalidValue, match="outside"):
        QuantizationFrame.around([surface]).quantized(moved)


def test_a_coarse_level_takes_a_coarser_step_that_its_error_does_not_notice() -> None:
    frame = QuantizationFrame.around([ball(20)])
    assert frame.fit_for(0.0).step_mm == frame.step_mm
    coarse = frame.fit_for(1.0)
    assert coarse.step_mm > 8 * frame.step_mm
    assert coarse.error_mm < 1.0 / 64
    assert np.log2(coarse.step_mm / frame.step_mm) % 1 == 0  # both frames share their grid points


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(InvalidValue, match="at least one vertex"):
        QuantizationFrame.around([])
    for origin, step in (((0, 0), 1.0), ((0, 0, np.nan), 1.0), ((0, 0, 0), 0.0), ((0, 0, 0), float("inf"))):
        with pytest.raises(InvalidValue):
            QuantizationFrame(np.array(origin, float), step)


def test_a_single_point_has_a_frame() -> None:
    point = Surface(FRAME, np.full((3, 3), 7, np.float32), np.array([[0, 1, 2]], np.int32))
    frame = QuantizationFrame.around([point])
    np.testing.assert_allclose(frame.restored(frame.quantized(point.vertices_mm)), 7)
