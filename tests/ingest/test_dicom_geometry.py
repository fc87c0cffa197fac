"""Slices become a grid by their positions; what is not even is repaired aloud or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.core.errors import InputRefused
from engine.ingest.dicom.geometry import NotAStack, plan_stack
from engine.ingest.dicom.plane import Plane, Rescale
from tests.ingest.dicom_writer import AXIAL, image, save, save_series
from tests.ingest.reading import inventory_of, layers, read

RNG = np.random.default_rng(3)


def ramp(count: int) -> np.ndarray:
    """A volume (k, 6, 5) whose samples tell their slice and place, from air upwards."""
    k, j, i = np.meshgrid(np.arange(count), np.arange(6), np.arange(5), indexing="ij")
    return (100 * k + 10 * j + i - 1000).astype(np.int16)


def plane(position: np.ndarray, orientation: list[float] = AXIAL, spacing: tuple[float, float] = (1.0, 1.0)) -> Plane:
    return Plane(0, tuple(position), tuple(orientation), spacing, None, Rescale(), (), {})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_matrix_maps_every_slice_to_its_position(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    assume(np.isfinite(rotation).all())
    origin, gap = rng.uniform(-500, 500, 3), rng.uniform(0.2, 8)
    normal = np.cross(rotation[0], rotation[1])
    heights = gap * rng.permutation(7)
    orientation, spacing = [*rotation[0], *rotation[1]], (rng.uniform(0.2, 3), rng.uniform(0.2, 3))
    planes = [plane(origin + height * normal, orientation, spacing) for height in heights]
    stack = plan_stack(planes, (5, 6), "1.2.3")
    assert stack.is_direct
    assert not stack.repairs
    assert stack.grid.frame_of_reference_uid == "1.2.3"
    assert stack.grid.is_right_handed
    for level, index in enumerate(stack.order):
        at = stack.grid.patient_from_voxel.apply([0, 0, level])
        np.testing.assert_allclose(at, np.array(planes[index].position_mm), atol=1e-9)
    last_pixel = np.asarray(planes[stack.order[2]].position_mm) + 4 * spacing[0] * rotation[0]
    np.testing.assert_allclose(stack.grid.patient_from_voxel.apply([4, 0, 2]), last_pixel, atol=1e-9)


def test_slices_are_ordered_by_position_whatever_their_names_and_numbers(tmp_path: Path) -> None:
    volume = ramp(6)
    order = RNG.permutation(6)
    save_series(tmp_path, volume[order], heights_mm=2.5 * order)
    reading = read(tmp_path)
    np.testing.assert_array_equal(layers(reading), volume)
    np.testing.assert_allclose(reading.value.grid.spacing_mm, [1, 1, 2.5])
    assert not reading.repairs


def test_slice_location_and_thickness_are_not_believed(tmp_path: Path) -> None:
    save_series(tmp_path, ramp(4), heights_mm=3.0 * np.arange(4), SliceLocation=7.0, SliceThickness=9.0)
    assert read(tmp_path).value.grid.spacing_mm[2] == pytest.approx(3.0)


def test_pixel_spacing_is_rows_first(tmp_path: Path) -> None:
    save_series(tmp_path, ramp(3), spacing_mm=(0.5, 2.0))
    np.testing.assert_allclose(read(tmp_path).value.grid.spacing_mm, [0.5, 2.0, 1.0])


def test_samples_arrive_with_i_fastest(tmp_path: Path) -> None:
    save_series(tmp_path, ramp(3))
    samples = np.asarray(read(tmp_path).value.samples)
    assert samples.shape == (5, 6, 3)
    assert samples.T.flags.c_contiguous
    assert not samples.flags.writeable


def test_rounded_positions_pass_without_a_word(tmp_path: Path) -> None:
    save_series(tmp_path, ramp(20), heights_mm=np.round(1.25 * np.arange(20) + RNG.uniform(-0.005, 0.005, 20), 3))
    assert not read(tmp_path).repairs


def test_small_unevenness_is_accepted_and_said(tmp_path: Path) -> None:
    heights = 5.0 * np.arange(10)
    heights[4] += 0.3
    save_series(tmp_path, ramp(10), heights_mm=heights)
    reading = read(tmp_path)
    np.testing.assert_array_equal(layers(reading), ramp(10))
    assert reading.repairs == ("slice positions depart up to 0.30 mm from even spacing; read as 5.000 mm apart",)


@pytest.mark.parametrize("lost", [[3], [3, 4], [1, 8], [1, 2, 7]], ids=str)
def test_a_few_missing_slices_are_interpolated_and_said(tmp_path: Path, lost: list[int]) -> None:
    keep = [k for k in range(16) if k not in lost]
    save_series(tmp_path, ramp(16)[keep], heights_mm=2.0 * np.array(keep))
    reading = read(tmp_path)
    np.testing.assert_array_equal(layers(reading), ramp(16))  # a ramp is what interpolation restores
    assert reading.value.grid.spacing_mm[2] == pytest.approx(2.0)
    assert any(f"{len(lost)} missing slice" in repair for repair in reading.repairs)


@pytest.mark.parametrize("lost", [range(4, 7), range(4, 14), [2, 4, 6, 8, 10]], ids=str)
def test_large_gaps_are_refused(tmp_path: Path, lost: list[int]) -> None:
    keep = [k for k in range(20) if k not in lost]
    save_series(tmp_path, ramp(20)[keep], heights_mm=2.0 * np.array(keep))
    inventory = inventory_of(tmp_path)
    assert "slices are missing" in str(inventory.problems[0])
    with pytest.raises(InputRefused, match="no volume to read"):
        inventory.choose()


def test_one_missing_slice_never_loses_a_short_series(tmp_path: Path) -> None:
    save_series(tmp_path, ramp(4)[[0, 1, 3]], heights_mm=np.array([0.0, 12.0, 36.0]))
    np.testing.assert_array_equal(layers(read(tmp_path)), ramp(4))


def test_a_protocol_of_uneven_spacing_is_resampled_and_said(tmp_path: Path) -> None:
    heights = np.concatenate([np.arange(0, 20, 4.0), np.arange(20, 56, 7.0)])
    volume = np.broadcast_to((10 * heights)[:, None, None], (len(heights), 4, 4)).astype(np.int16)
    save_series(tmp_path, volume, heights_mm=heights)
    reading = read(tmp_path)
    spacing = reading.value.grid.spacing_mm[2]
    assert spacing == pytest.approx(55 / 14)
    at = spacing * np.arange(reading.value.grid.shape[2])
    assert np.abs(layers(reading)[:, 0, 0] - 10 * at).max() <= 10 * 0.05 * 7 + 0.5
    assert "unevenly spaced, 4.00 to 7.00 mm apart; interpolated to" in reading.repairs[0]


def test_uneven_spacing_beyond_ten_millimetres_is_refused() -> None:
    heights = [0, 5, 10, 22, 34, 46, 51]
    with pytest.raises(NotAStack, match=r"unevenly spaced, 5\.00 to 12\.00 mm"):
        plan_stack([plane(np.array([0, 0, h])) for h in heights], (4, 4), "")


def test_slices_far_apart_are_not_a_volume() -> None:
    with pytest.raises(NotAStack, match="slices are 90 mm apart"):
        plan_stack([plane(np.array([0, 0, h])) for h in (0, 90)], (4, 4), "")


def test_a_single_slice_takes_its_thickness_from_the_header_and_says_so(tmp_path: Path) -> None:
    reading = read(save(image(np.zeros((6, 5), np.int16), SliceThickness=4.5), tmp_path / "a.dcm"))
    assert reading.value.grid.shape == (5, 6, 1)
    np.testing.assert_allclose(reading.value.grid.spacing_mm, [1, 1, 4.5])
    assert any("one slice only; its thickness of 4.5 mm" in repair for repair in reading.repairs)


@pytest.mark.parametrize("tag", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_slices_without_geometry_are_refused_by_file(tmp_path: Path, tag: str) -> None:
    for k in range(3):
        save(image(np.zeros((6, 5), np.int16), **{tag: None}), tmp_path / f"{k}.dcm")
    inventory = inventory_of(tmp_path)
    assert len(inventory.problems) == 3
    assert all("states no usable" in str(problem) for problem in inventory.problems)


@pytest.mark.parametrize(
    "tags",
    [
        {"PixelSpacing": [0, 0]},
        {"PixelSpacing": [-1, 1]},
        {"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]},
        {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]},
        {"ImageOrientationPatient": [2, 0, 0, 0, 2, 0]},
        {"ImagePositionPatient": [1e9, 0, 0]},
    ],
    ids=str,
)
def test_impossible_geometry_is_refused(tmp_path: Path, tags: dict[str, list[float]]) -> None:
    inventory = inventory_of(save(image(np.zeros((6, 5), np.int16), **tags), tmp_path / "a.dcm"))
    assert "states no usable" in str(inventory.problems[0])


# Gantry tilt ------------------------------------------------------------------------------------

TILT_DEG = 18.5
RADIUS_MM, CENTRE_MM = 20.0, np.array([31.0, 33.0, 40.0])


def tilted_sphere(folder: Path, gaps_mm: list[float], tilt_deg: float = TILT_DEG) -> None:
    """A sphere of 1000 in a bath of -1000, scanned with a tilted gantry while the table moves along z."""
    angle = np.radians(tilt_deg)
    column = np.array([0, np.cos(angle), -np.sin(angle)])
    orientation = [1.0, 0.0, 0.0, *(round(float(v), 8) for v in column)]
    table = np.concatenate([[0], np.cumsum(gaps_mm)])
    i, j = np.meshgrid(np.arange(80), np.arange(80))
    slices = []
    for z in table:
        points = np.stack([0.8 * i, 0.8 * j * column[1], z + 0.8 * j * column[2]], axis=-1)
        distance = np.linalg.norm(points - CENTRE_MM, axis=-1)
        slices.append(np.rint(2000 * np.clip(RADIUS_MM - distance + 0.5, 0, 1) - 1000).astype(np.int16))
    save_series(
        folder, np.array(slices), heights_mm=table, spacing_mm=(0.8, 0.8), orientation=orientation, step=np.eye(3)[2]
    )


@pytest.mark.parametrize("gaps", [[2.0] * 45, [2.0] * 20 + [3.5] * 15], ids=["even", "uneven"])
@pytest.mark.parametrize("tilt", [TILT_DEG, -12.0])
def test_a_tilted_gantry_is_straightened_without_moving_or_bending_anything(
    tmp_path: Path, gaps: list[float], tilt: float
) -> None:
    tilted_sphere(tmp_path, gaps, tilt)
    reading = read(tmp_path)
    grid = reading.value.grid
    assert grid.is_orthogonal
    assert any(f"gantry tilt of {abs(tilt):.1f} degrees" in repair for repair in reading.repairs)
    inside = np.clip((np.asarray(reading.value.samples).astype(float) + 1000) / 2000, 0, 1)
    volume_ml = inside.sum() * grid.voxel_volume_mm3 / 1000
    assert volume_ml == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=0.01)
    indices = np.argwhere(inside > 0)
    weights = inside[tuple(indices.T)]
    centroid = grid.patient_from_voxel.apply((indices * weights[:, None]).sum(axis=0) / weights.sum())
    np.testing.assert_allclose(centroid, CENTRE_MM, atol=0.1)
    surface = np.linalg.norm(grid.patient_from_voxel.apply(np.argwhere(inside > 0.5)) - CENTRE_MM, axis=1)
    assert surface.max() <= RADIUS_MM + 1.0


def test_background_beyond_tilted_slices_is_air(tmp_path: Path) -> None:
    tilted_sphere(tmp_path, [2.0] * 20)
    samples = layers(read(tmp_path))
    assert samples[0, -1, 0] == -1024 or samples[-1, -1, 0] == -1024


def test_wander_below_a_fifth_of_a_pixel_is_left_alone_and_said(tmp_path: Path) -> None:
    for k in range(5):
        at = [0.15 * (k == 3), 0.0, float(k)]
        save(image(ramp(5)[k], ImagePositionPatient=at), tmp_path / f"{k}.dcm")
    reading = read(tmp_path)
    np.testing.assert_array_equal(layers(reading), ramp(5))
    assert reading.repairs == ("slices wander up to 0.15 mm within their planes; ignored",)


def test_a_shifted_slice_is_put_where_it_belongs(tmp_path: Path) -> None:
    for k in range(5):
        at = [2.0 * (k == 3), 0.0, float(k)]
        save(image(ramp(5)[k] + np.int16(1), ImagePositionPatient=at), tmp_path / f"{k}.dcm")
    reading = read(tmp_path)
    assert "slices are shifted against each other" in reading.repairs[0]
    assert reading.value.grid.shape == (7, 6, 5)
    np.testing.assert_array_equal(layers(reading)[3, :, 2:], ramp(5)[3] + 1)
    np.testing.assert_array_equal(layers(reading)[2, :, :5], ramp(5)[2] + 1)


def test_slices_that_do_not_overlap_are_refused() -> None:
    with pytest.raises(NotAStack, match="more than their own width"):
        plan_stack([plane(np.array([400.0 * k, 0, k])) for k in range(4)], (100, 100), "")
