"""A volume is known again by its samples and place, whatever holds it, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.ingest.nifti import write_nifti
from engine.ingest.open import read_volume, take_inventory
from scenarios.case.fingerprint import fingerprint

SHAPE = (5, 4, 3)


def grid_of(spacing_mm: float = 0.7, origin_mm: float = -107.3) -> Grid:
    matrix = np.diag([spacing_mm, spacing_mm, 2.5, 1.0])
    matrix[:3, 3] = origin_mm
    return Grid.from_matrix(SHAPE, matrix)


def whole(seed: int = 0) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-1024, 3071, SHAPE).astype(np.int16)


def test_the_same_values_are_alike_in_every_type_and_layout_that_holds_them() -> None:
    samples = whole()
    expected = fingerprint(grid_of(), samples)
    for kind in (np.int32, np.int64, np.float32, np.float64):
        assert fingerprint(grid_of(), samples.astype(kind)) == expected
        assert fingerprint(grid_of(), np.asfortranarray(samples.astype(kind))) == expected


def test_fractions_count_to_single_precision_and_nothing_that_is_no_number_differs_from_another() -> None:
    samples = whole() / 7.0
    assert fingerprint(grid_of(), samples) == fingerprint(grid_of(), samples.astype(np.float32))
    samples[0, 0, 0] = np.nan
    other = samples.astype(np.float32)
    other.view(np.uint32)[0, 0, 0] = 0x7FC00001
    assert np.isnan(other[0, 0, 0])
    assert fingerprint(grid_of(), samples) == fingerprint(grid_of(), other)


@given(voxel=st.tuples(*(st.integers(0, n - 1) for n in SHAPE)), step=st.sampled_from([1, -1]))
def test_one_voxel_that_differs_by_one_makes_another_volume(voxel: tuple[int, int, int], step: int) -> None:
    samples = whole()
    other = samples.copy()
    other[voxel] += step
    assert fingerprint(grid_of(), samples) != fingerprint(grid_of(), other)


def test_another_place_spacing_or_order_of_axes_makes_another_volume() -> None:
    samples = whole()
    prints = {
        fingerprint(grid_of(), samples),
        fingerprint(grid_of(origin_mm=-107.1), samples),
        fingerprint(grid_of(spacing_mm=0.75), samples),
        fingerprint(grid_of(), samples[::-1]),
        fingerprint(grid_of(), samples.transpose(0, 2, 1).reshape(SHAPE)),
    }
    assert len(prints) == 5


@given(spacing=st.integers(1, 5_000), origin=st.integers(-500_000, 500_000))
def test_a_place_in_three_decimals_is_the_same_in_single_precision(spacing: int, origin: int) -> None:
    grid = grid_of(spacing / 1000, origin / 1000)
    single = Grid.from_matrix(SHAPE, grid.patient_from_voxel.matrix.astype(np.float32))
    assert fingerprint(grid, whole()) == fingerprint(single, whole())


def test_samples_that_do_not_fill_the_grid_are_refused() -> None:
    with pytest.raises(InvalidValue, match="do not fill"):
        fingerprint(grid_of(), whole()[1:])
    with pytest.raises(InvalidValue, match="do not fill"):
        fingerprint(grid_of(), whole().astype(np.complex64))


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_what_was_written_and_read_again_is_the_same_volume(tmp_path: Path, kind: type[np.generic]) -> None:
    samples = (whole() if kind is np.int16 else whole() / 3).astype(kind)
    write_nifti(tmp_path / "scan.nii.gz", grid_of(), samples)
    (series,) = take_inventory([tmp_path / "scan.nii.gz"]).series
    volume = read_volume(series).value
    assert fingerprint(volume.grid, np.asarray(volume.samples)) == fingerprint(grid_of(), samples)
