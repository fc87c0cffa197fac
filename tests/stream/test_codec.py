from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.core.volume import Quantity
from engine.stream.codec import headset_from_patient, row_major, slabs, wire_samples


def transformed(point_mm: tuple[float, float, float]) -> list[float]:
    return [round(float(value), 9) for value in headset_from_patient((0, 0, 0)) @ np.array([*point_mm, 1.0])][:3]


def test_superior_is_up_anterior_faces_the_viewer_and_left_is_on_the_viewers_right() -> None:
    assert transformed((0, 0, 1000)) == [0, 1, 0]
    assert transformed((0, -1000, 0)) == [0, 0, 1]
    assert transformed((1000, 0, 0)) == [1, 0, 0]


def test_the_map_keeps_handedness_so_that_left_stays_left() -> None:
    assert np.linalg.det(headset_from_patient((0, 0, 0))[:3, :3]) == pytest.approx(1e-9)


@given(hnp.arrays(np.float64, 3, elements=st.floats(-1000, 1000)))
def test_the_centre_goes_to_the_origin(centre_mm: np.ndarray) -> None:
    image = headset_from_patient(centre_mm) @ np.array([*centre_mm, 1.0])
    np.testing.assert_allclose(image, (0, 0, 0, 1), atol=1e-9)


def test_rows_come_first() -> None:
    assert row_major(np.arange(16.0).reshape(4, 4)) == tuple(range(16))


def test_hounsfield_units_travel_unchanged() -> None:
    samples = np.array([[[-1024, 0, 3071]]], dtype=np.int16)
    wire, value_range = wire_samples(samples, Quantity.HOUNSFIELD)
    np.testing.assert_array_equal(wire, samples)
    assert value_range == (-32768.0, 32767.0)


@given(hnp.arrays(np.float32, (2, 3, 4), elements=st.floats(-1e6, 1e6, width=32)))
def test_other_values_come_back_within_half_a_step_of_their_range(samples: np.ndarray) -> None:
    wire, (low, high) = wire_samples(samples, Quantity.ARBITRARY)
    back = low + (wire.astype(np.float64) + 32768) * (high - low) / 65535
    # float32 arithmetic adds a few units in the last place of the values themselves
    tolerance = (high - low) / 65535 * 0.51 + 4e-7 * max(abs(low), abs(high))
    assert np.abs(back - samples).max() <= tolerance


@given(st.integers(1, 50))
def test_slabs_cover_every_slice_once(count: int) -> None:
    volume = np.arange(count * 2).reshape(count, 2, 1)
    rebuilt = np.concatenate([part for _, _, part in slabs(volume)])
    np.testing.assert_array_equal(rebuilt, volume)
    assert all(len(part) == k_count for _, k_count, part in slabs(volume))
