"""NIfTI in and out, against nibabel and SimpleITK."""

from __future__ import annotations

import gzip
import logging
import struct
import zlib
from pathlib import Path
from typing import Any

import nibabel as untyped_nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.core.anatomy import structure
from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.core.structure import Code, Provenance, Structure
from engine.core.volume import Quantity, Volume
from engine.ingest.nifti import NiftiReader, write_nifti
from engine.ingest.study import SeriesKind
from tests.ingest.single_file import labels_of, read_by_itk, read_by_nibabel, samples, series_of, volume_of

READER = NiftiReader()
nibabel: Any = untyped_nibabel
RNG = np.random.default_rng(7)


def rotation(degrees: tuple[float, float, float]) -> NDArray[np.float64]:
    """Rotation about x, then y, then z."""
    a, b, c = np.radians(degrees)
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(z @ y @ x)


def affine(
    spacing: tuple[float, float, float] = (1.0, 2.0, 3.0), degrees: tuple[float, float, float] = (10, 20, 30)
) -> Any:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(degrees) * spacing
    matrix[:3, 3] = (-40.0, 22.0, 7.0)
    return matrix


def saved(path: Path, values: Any, matrix: Any = None, version: int = 1, **header: Any) -> Path:
    """A file written by nibabel with header fields set behind its back."""
    kind: Any = nibabel.Nifti2Image if version == 2 else nibabel.Nifti1Image
    image: Any = kind(values, affine() if matrix is None else matrix, dtype=values.dtype)
    for name, value in header.items():
        image.header[name] = value
    path.write_bytes(image.to_bytes())
    return path


def patched(path: Path, offset: int, form: str, *values: Any) -> Path:
    raw = bytearray(path.read_bytes())
    struct.pack_into("<" + form, raw, offset, *values)
    path.write_bytes(bytes(raw))
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return saved(tmp_path / "plain.nii", RNG.integers(0, 3000, (5, 6, 7)).astype(np.int16))


# --- the same as nibabel ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_real_type_is_read_as_nibabel_reads_it(tmp_path: Path, kind: str, order: str) -> None:
    values = RNG.integers(0, 100, (4, 5, 6)).astype(order + kind)
    image: Any = nibabel.Nifti1Image(values, affine(), nibabel.Nifti1Header(endianness=order), dtype=values.dtype)
    (tmp_path / "v.nii").write_bytes(image.to_bytes())
    found = samples(volume_of(READER, tmp_path / "v.nii"))
    np.testing.assert_array_equal(found, values)
    assert found.dtype in (np.int16, np.float32)
    assert found.T.flags.c_contiguous


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("packed", [False, True])
def test_both_versions_plain_and_gzip_give_the_same(tmp_path: Path, version: int, packed: bool) -> None:
    path = saved(tmp_path / "v.nii", RNG.integers(0, 900, (4, 5, 6)).astype(np.int16), version=version)
    expected, matrix = read_by_nibabel(path)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))  # the name still says .nii: content counts
    reading = volume_of(READER, path)
    np.testing.assert_array_equal(samples(reading), expected)
    np.testing.assert_allclose(reading.value.grid.patient_from_voxel.matrix, matrix, atol=1e-6)
    assert reading.repairs == ()


@settings(max_examples=40, deadline=None)
@given(
    degrees=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(*[st.floats(0.1, 9.0)] * 3),
    flips=st.tuples(*[st.sampled_from([1, -1])] * 3),
    order=st.permutations([0, 1, 2]),
    use_qform=st.booleans(),
)
def test_any_orientation_agrees_with_nibabel(
    tmp_path_factory: pytest.TempPathFactory, degrees: Any, spacing: Any, flips: Any, order: Any, use_qform: bool
) -> None:
    matrix = affine(spacing, degrees)
    matrix[:3, :3] = (matrix[:3, :3] * flips)[:, order]
    image: Any = nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), None)
    image.set_qform(matrix, 1 if use_qform else 0)
    image.set_sform(None if use_qform else matrix, 0 if use_qform else 1)
    path = tmp_path_factory.mktemp("any") / "v.nii"
    path.write_bytes(image.to_bytes())
    found = volume_of(READER, path).value.grid.patient_from_voxel.matrix
    np.testing.assert_allclose(found, read_by_nibabel(path)[1], atol=1e-4)


@pytest.mark.data
def test_real_nifti_scans_agree_with_nibabel_and_itk(shared_data: Path) -> None:
    paths = sorted([*shared_data.glob("ct/*.nii.gz"), *shared_data.glob("mri/*.nii.gz")])
    assert len(paths) > 15
    for path in paths:
        reading = volume_of(READER, path)
        for values, matrix in (read_by_nibabel(path), read_by_itk(path)):
            assert np.array_equal(samples(reading), values), path.name
            assert np.abs(reading.value.grid.patient_from_voxel.matrix - matrix).max() < 1e-3, path.name


@pytest.mark.data
def test_real_label_maps_are_told_from_real_images(shared_data: Path) -> None:
    paths = [*shared_data.glob("ct/*.nii.gz"), *shared_data.glob("mri/*.nii.gz")]
    kinds = {path.name: series_of(READER, path).kind for path in paths}
    images = ("chest", "abdomen_pelvis_ts.nii", "T2w", "t1w.nii", "t2.nii", "t2s.nii", "conformed256.nii", "seg3d.nii")
    for name, kind in kinds.items():
        assert (kind is SeriesKind.VOLUME) == any(part in name for part in images), name


@pytest.mark.data
def test_awkward_and_broken_files_are_repaired_in_words_or_refused(shared_data: Path) -> None:
    folder = shared_data / "broken" / "derived" / "nifti"
    said, refused = {}, {}
    for path in sorted(folder.iterdir()):
        if READER.accepts(path, path.read_bytes()[:352]):
            try:
                said[path.name] = volume_of(READER, path).repairs
            except InputRefused as error:
                refused[path.name] = str(error)
    assert {name.split(".")[0] for name in refused} == {
        "all_nan", "bad_datatype_code", "bad_magic", "complex64", "dim0_zero", "dim_bomb_32767cubed", "dim_negative",
        "double_gz", "metres_not_mm", "rgb24", "scl_inter_inf", "truncated_data", "truncated_gz", "truncated_header",
        "vox_offset_negative", "vox_offset_past_end",
    }  # fmt: skip
    stated = {name.split(".")[0] for name, repairs in said.items() if repairs}
    assert stated == {
        "bad_sizeof_hdr", "bitpix_mismatch", "nan_inf_voxels", "no_qform_no_sform", "pixdim_negative", "pixdim_zero",
        "qform_sform_conflict", "scl_slope_nan", "scl_slope_zero", "sform_nan", "sform_singular_zero", "shape_4d_three",
        "sheared_affine_gantry", "trailing_garbage", "two_d",
    }  # fmt: skip


# --- place -----------------------------------------------------------------------------------------


def test_a_disagreement_of_qform_and_sform_is_said_and_the_sform_used(tmp_path: Path) -> None:
    image: Any = nibabel.Nifti1Image(np.zeros((5, 6, 7), np.int16), affine())
    image.set_qform(np.diag([-2.0, 2.0, 2.0, 1.0]), 1)
    image.set_sform(affine(), 2)
    (tmp_path / "v.nii").write_bytes(image.to_bytes())
    reading = volume_of(READER, tmp_path / "v.nii")
    assert any("sform used" in repair for repair in reading.repairs)
    np.testing.assert_allclose(
        reading.value.grid.patient_from_voxel.matrix, np.diag([-1, -1, 1, 1]) @ affine(), atol=1e-4
    )


def test_a_template_sform_does_not_displace_the_patients_own_space(tmp_path: Path) -> None:
    image: Any = nibabel.Nifti1Image(np.zeros((5, 6, 7), np.int16), affine())
    image.set_qform(affine(), 1)
    image.set_sform(affine((1.2, 2.3, 3.1)), 4)
    (tmp_path / "v.nii").write_bytes(image.to_bytes())
    reading = volume_of(READER, tmp_path / "v.nii")
    assert any("qform used" in repair for repair in reading.repairs)
    np.testing.assert_allclose(reading.value.grid.spacing_mm, (1, 2, 3), atol=1e-4)


def test_without_orientation_the_sides_are_said_to_be_uncertain(plain: Path) -> None:
    patched(plain, 252, "hh", 0, 0)
    assert any("left and right are not certain" in repair for repair in volume_of(READER, plain).repairs)
    assert series_of(READER, plain).orientation is None


@pytest.mark.parametrize(
    ("degrees", "orientation"),
    [
        ((0, 0, 0), "axial"),
        ((30, 0, 0), "axial"),
        ((90, 0, 20), "coronal"),
        ((0, 90, 0), "sagittal"),
        ((45, 0, 0), "oblique"),
    ],
)
def test_the_orientation_of_its_slices_is_listed(
    tmp_path: Path, degrees: tuple[float, float, float], orientation: str
) -> None:
    path = saved(tmp_path / "a.nii", RNG.integers(0, 3000, (5, 6, 7)).astype(np.int16), affine(degrees=degrees))
    assert series_of(READER, path).orientation == orientation


def test_metres_and_micrometres_become_millimetres(tmp_path: Path) -> None:
    for unit, scale in ((1, 1e-3), (3, 1e3)):
        matrix = affine()
        matrix[:3] *= scale
        path = saved(tmp_path / "v.nii", np.zeros((5, 6, 7), np.int16), matrix, xyzt_units=unit)
        reading = volume_of(READER, path)
        np.testing.assert_allclose(reading.value.grid.spacing_mm, (1, 2, 3), rtol=1e-5)
        assert any("converted to millimetres" in repair for repair in reading.repairs)


def test_a_sheared_grid_becomes_right_angled_with_samples_where_they_were(tmp_path: Path) -> None:
    i, j, k = np.mgrid[0:20, 0:24, 0:16]
    matrix = np.diag([2.0, 2.0, 3.0, 1.0])
    matrix[1, 2] = 1.2
    points = np.stack([i, j, k, np.ones_like(i)]).reshape(4, -1)
    linear = (np.array([1.0, -2.0, 0.5, 300.0]) @ (matrix @ points)).reshape(i.shape)
    reading = volume_of(READER, saved(tmp_path / "v.nii", linear.astype(np.float32), matrix))
    grid, found = reading.value.grid, samples(reading)
    assert grid.is_orthogonal
    assert any("resampled" in repair for repair in reading.repairs)
    index = np.array([10, 12, 8])
    where = np.diag([-1, -1, 1]) @ grid.patient_from_voxel.apply(index)  # RAS
    assert found[tuple(index)] == pytest.approx(np.array([1.0, -2.0, 0.5]) @ where + 300.0, abs=1e-2)


def test_sheared_labels_keep_their_volume_on_a_right_angled_grid(tmp_path: Path) -> None:
    matrix = np.diag([1.0, 1.0, 1.0, 1.0])
    matrix[1, 2] = 0.4
    reading = labels_of(READER, saved(tmp_path / "v.nii", CUBE, matrix))
    assert reading.value.grid.is_orthogonal
    counts = np.bincount(np.asarray(reading.value.labels).ravel())
    np.testing.assert_allclose(counts[[5, 9]], [208, 8], rtol=0.05)
    assert any("right-angled" in repair for repair in reading.repairs)


def test_a_grid_sheared_almost_flat_is_refused(tmp_path: Path) -> None:
    matrix = np.eye(4)
    matrix[1, 2] = 30.0
    path = saved(tmp_path / "v.nii", CUBE, matrix)
    for read in (volume_of, labels_of):
        with pytest.raises(InputRefused, match="sheared so far"):
            read(READER, path)


@pytest.mark.parametrize("spacing", [(1e-6, 1, 1), (1, 1, 400.0)])
def test_absurd_voxel_sizes_are_refused(tmp_path: Path, spacing: Any) -> None:
    with pytest.raises(InputRefused, match="unit of length"):
        volume_of(READER, saved(tmp_path / "v.nii", np.zeros((3, 3, 3), np.int16), np.diag([*spacing, 1.0])))


# --- intensities -----------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    slope=st.sampled_from([1.0, 2.0, -1.0, 0.5, 1e-3, 3.7]),
    intercept=st.sampled_from([0.0, -1024.0, 0.25, 40000.0]),
    kind=st.sampled_from(["u1", "i2", "u2", "i4", "f4"]),
)
def test_scaling_agrees_with_nibabel(
    tmp_path_factory: pytest.TempPathFactory, slope: float, intercept: float, kind: str
) -> None:
    path = saved(
        tmp_path_factory.mktemp("scaled") / "v.nii",
        RNG.integers(0, 200, (4, 5, 6)).astype(kind),
        scl_slope=slope,
        scl_inter=intercept,
    )
    patched(path, 112, "ff", slope, intercept)
    expected, _ = read_by_nibabel(path)
    np.testing.assert_allclose(samples(volume_of(READER, path)), expected, rtol=1e-6, atol=1e-6)


def test_nan_and_infinity_become_the_least_value_and_are_counted(tmp_path: Path) -> None:
    values = RNG.normal(10, 1, (4, 5, 6)).astype(np.float32)
    values[0, 0, 0], values[1, 1, 1], values[2, 2, 2] = np.nan, np.inf, -np.inf
    reading = volume_of(READER, saved(tmp_path / "v.nii", values))
    least = values[np.isfinite(values)].min()
    assert [samples(reading)[n, n, n] for n in range(3)] == [least] * 3
    assert any(repair.startswith("3 NaN") for repair in reading.repairs)


def test_hounsfield_units_are_inferred_and_said_and_mr_stays_arbitrary(tmp_path: Path) -> None:
    body = np.full((20, 20, 20), -1000, np.int16)
    body[5:15, 5:15, 5:15] = RNG.integers(0, 80, (10, 10, 10))
    ct = volume_of(READER, saved(tmp_path / "ct.nii", body))
    mr = volume_of(READER, saved(tmp_path / "mr.nii", np.abs(body)))
    assert ct.value.quantity is Quantity.HOUNSFIELD
    assert any("taken as Hounsfield" in repair for repair in ct.repairs)
    assert (mr.value.quantity, mr.value.source.modality, mr.repairs) == (Quantity.ARBITRARY, "", ())


@pytest.mark.parametrize("padding", [-2000, -3024, -32768])
def test_padding_below_air_leaves_hounsfield_units_what_they_are(tmp_path: Path, padding: int) -> None:
    body = np.full((20, 20, 20), -1000, np.int16)
    body[5:15, 5:15, 5:15] = RNG.integers(0, 80, (10, 10, 10))
    body[:3] = padding
    ct = volume_of(READER, saved(tmp_path / "ct.nii", body))
    assert ct.value.quantity is Quantity.HOUNSFIELD
    assert any(
        repair == f"values of {padding} lie below all that a CT measures: padding, not the patient"
        for repair in ct.repairs
    ) == (padding < -3100)


def test_padding_beyond_int16_leaves_the_values_as_they_are(tmp_path: Path) -> None:
    body = np.full((20, 20, 20), -1000, np.float32)
    body[5:15, 5:15, 5:15] = RNG.integers(0, 80, (10, 10, 10))
    body[:3] = -99999
    ct = volume_of(READER, saved(tmp_path / "ct.nii", body))
    assert ct.value.quantity is Quantity.HOUNSFIELD
    assert np.array_equal(samples(ct), body)


def test_many_values_below_all_that_a_ct_measures_are_no_hounsfield_units(tmp_path: Path) -> None:
    values = RNG.integers(-30000, 3000, (20, 20, 20)).astype(np.int16)
    assert volume_of(READER, saved(tmp_path / "v.nii", values)).value.quantity is Quantity.ARBITRARY


# --- phases and refusals ---------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_one_phase_of_four_dimensions_is_read(tmp_path: Path, packed: bool) -> None:
    values = RNG.integers(0, 3000, (4, 5, 6, 3)).astype(np.int16)
    path = saved(tmp_path / "v.nii", values)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert series_of(READER, path).phases == 3
    for phase in range(3):
        np.testing.assert_array_equal(samples(volume_of(READER, path, phase)), values[..., phase])
    with pytest.raises(InputRefused, match="no phase 3"):
        volume_of(READER, path, 3)


def test_vectors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="values a voxel"):
        volume_of(READER, saved(tmp_path / "v.nii", np.zeros((4, 5, 6, 1, 3), np.float32)))


@pytest.mark.parametrize("packed", [False, True])
def test_a_header_that_claims_more_than_the_file_is_refused_before_allocation(plain: Path, packed: bool) -> None:
    patched(plain, 42, "hhh", 3000, 3000, 100)
    if packed:
        plain.write_bytes(gzip.compress(plain.read_bytes()))
    with pytest.raises(InputRefused, match=r"truncated|more than"):
        volume_of(READER, plain)


def test_damage_inside_a_gzip_stream_is_noticed(plain: Path) -> None:
    packed = bytearray(gzip.compress(plain.read_bytes()))
    packed[len(packed) // 2] ^= 0xFF
    plain.write_bytes(bytes(packed))
    with pytest.raises(InputRefused):
        volume_of(READER, plain)


def test_gzip_members_that_follow_each_other_are_one_stream(plain: Path) -> None:
    expected, raw = samples(volume_of(READER, plain)), plain.read_bytes()
    plain.write_bytes(gzip.compress(raw[:400]) + gzip.compress(raw[400:]))
    np.testing.assert_array_equal(samples(volume_of(READER, plain)), expected)


# --- labels ----------------------------------------------------------------------------------------

CUBE = np.zeros((12, 13, 14), np.uint8)
CUBE[3:9, 4:10, 5:11] = 5
CUBE[4:6, 5:7, 6:8] = 9


def test_labels_near_whole_numbers_are_rounded_and_fractions_refused(tmp_path: Path) -> None:
    reading = labels_of(READER, saved(tmp_path / "v.nii", CUBE * np.float32(0.9999)))
    np.testing.assert_array_equal(np.asarray(reading.value.labels), CUBE)
    assert any("rounded" in repair for repair in reading.repairs)
    with pytest.raises(InputRefused, match="between whole numbers"):
        labels_of(READER, saved(tmp_path / "w.nii", CUBE * np.float32(0.5)))
    with pytest.raises(InputRefused, match="negative"):
        labels_of(READER, saved(tmp_path / "n.nii", -CUBE.astype(np.int16)))


def test_labels_beyond_16_bits_are_renumbered_and_that_is_said(tmp_path: Path) -> None:
    reading = labels_of(READER, saved(tmp_path / "v.nii", CUBE.astype(np.int32) * 100_000))
    assert sorted(np.unique(np.asarray(reading.value.labels))) == [0, 1, 2]
    assert any("500000 is now 1" in repair for repair in reading.repairs)


def reference_volume(shape: tuple[int, int, int] = CUBE.shape, matrix: Any = None) -> Volume:
    grid = Grid.from_matrix(shape, np.diag([-1, -1, 1, 1]) @ (affine() if matrix is None else matrix), "1.2.3")
    return Volume(grid, np.zeros(shape, np.int16, order="F"))


def test_labels_on_the_volumes_own_grid_are_not_moved(tmp_path: Path) -> None:
    reading = labels_of(READER, saved(tmp_path / "v.nii", CUBE), reference_volume())
    np.testing.assert_array_equal(np.asarray(reading.value.labels), CUBE)
    assert reading.value.grid.frame_of_reference_uid == "1.2.3"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_flipped_and_permuted_labels_land_on_the_same_patient_points(tmp_path: Path, order: Any) -> None:
    flipped = CUBE[::-1, :, ::-1]
    matrix = affine()
    matrix[:3, 3] = (matrix @ [11, 0, 13, 1])[:3]
    matrix[:3, [0, 2]] *= -1
    turned = matrix.copy()
    turned[:3, :3] = matrix[:3, list(order)]
    path = saved(tmp_path / "v.nii", np.ascontiguousarray(flipped.transpose(order)), turned)
    reading = labels_of(READER, path, reference_volume())
    np.testing.assert_array_equal(np.asarray(reading.value.labels), CUBE)


def test_cropped_labels_are_placed_and_what_lies_outside_is_counted(tmp_path: Path) -> None:
    matrix = affine()
    matrix[:3, 3] = (matrix @ [3, 4, 5, 1])[:3]
    inside = labels_of(READER, saved(tmp_path / "v.nii", CUBE[3:9, 4:10, 5:11].copy(), matrix), reference_volume())
    np.testing.assert_array_equal(np.asarray(inside.value.labels), CUBE)
    cut = labels_of(READER, saved(tmp_path / "w.nii", CUBE), reference_volume((12, 13, 8)))
    assert any("108 of 216 labelled voxels lie outside" in repair for repair in cut.repairs)


def test_labels_of_another_place_are_refused(tmp_path: Path) -> None:
    matrix = affine()
    matrix[:3, 3] += 5000
    with pytest.raises(InputRefused, match="belongs to another scan"):
        labels_of(READER, saved(tmp_path / "v.nii", CUBE, matrix), reference_volume())


def test_finer_labels_keep_their_volume_on_the_volumes_grid(tmp_path: Path) -> None:
    fine = CUBE.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    matrix = affine()
    matrix[:3, 3] = (matrix @ [-0.25, -0.25, -0.25, 1])[:3]
    matrix[:3, :3] /= 2
    reading = labels_of(READER, saved(tmp_path / "v.nii", fine, matrix), reference_volume())
    assert np.count_nonzero(np.asarray(reading.value.labels)) == np.count_nonzero(CUBE)
    assert any("nearest neighbour; labelled volume is 100.0 %" in repair for repair in reading.repairs)


# --- out -------------------------------------------------------------------------------------------

ROWS = (
    structure("liver", 5, Provenance("test", "1")),
    Structure(9, "odd", 'A <b> & "c" ]]> d', Code("1-2", "x & y", "99X"), (1, 128, 254), 0.25, Provenance("test", "1")),
)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "i4", "f4", "f8"])
def test_what_is_written_is_read_by_nibabel_and_itk(tmp_path: Path, suffix: str, kind: str) -> None:
    path = tmp_path / f"v{suffix}"
    grid = Grid.from_matrix(CUBE.shape, affine())
    write_nifti(path, grid, CUBE.astype(kind), ROWS if kind == "u1" else ())
    for values, matrix in (read_by_nibabel(path), read_by_itk(path)):
        np.testing.assert_array_equal(values, CUBE)
        np.testing.assert_allclose(matrix, grid.patient_from_voxel.matrix, atol=1e-4)
    header: Any = nibabel.load(path).header
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=1e-4)
    assert values.dtype == np.dtype(kind)


@settings(max_examples=40, deadline=None)
@given(degrees=st.tuples(*[st.sampled_from([-180.0, -90.0, 0.0, 13.0, 90.0, 179.9, 180.0])] * 3), flip=st.booleans())
def test_the_written_qform_holds_in_any_orientation(
    tmp_path_factory: pytest.TempPathFactory, degrees: Any, flip: bool
) -> None:
    matrix = affine((0.7, 0.7, 1.3), degrees)
    matrix[:3, 2] *= -1 if flip else 1
    path = tmp_path_factory.mktemp("q") / "v.nii"
    write_nifti(path, Grid.from_matrix((2, 3, 4), matrix), np.zeros((2, 3, 4), np.uint8))
    header: Any = nibabel.load(path).header
    if header["qform_code"]:
        np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=2e-3)
    np.testing.assert_allclose(read_by_itk(path)[1], read_by_nibabel(path)[1], atol=2e-3)


def test_the_label_table_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "v.nii.gz"
    write_nifti(path, Grid.from_matrix(CUBE.shape, affine()), CUBE, ROWS)
    info = series_of(READER, path)
    assert info.kind is SeriesKind.LABELS
    found = READER.read_labels(info, None, progress=silent).value.structures
    assert [(s.label, s.key, s.name, s.code, s.colour, s.opacity) for s in found] == [
        (s.label, s.key, s.name, s.code, s.colour, s.opacity) for s in ROWS
    ]


def test_the_same_input_gives_the_same_bytes_on_any_number_of_threads(tmp_path: Path) -> None:
    values = RNG.integers(0, 4, (90, 300, 200)).astype(np.uint8)
    grid = Grid.centred(values.shape, (1, 1, 1))
    packed = []
    for threads in (1, 2, 5):
        write_nifti(tmp_path / "v.nii.gz", grid, values, ROWS, threads=threads)
        packed.append((tmp_path / "v.nii.gz").read_bytes())
    assert packed[0] == packed[1] == packed[2]
    # One member, whole and checked: what readers that stop at the first member see.
    stream = zlib.decompressobj(31)
    assert len(stream.decompress(packed[0])) > values.size
    assert stream.eof
    assert not stream.unused_data


def test_a_write_that_is_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(fraction: float, stage: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_nifti(tmp_path / "v.nii.gz", Grid.centred((4, 4, 4), 1), np.zeros((4, 4, 4), np.uint8), progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(autouse=True)
def quiet_nibabel() -> None:
    """nibabel logs what it repairs; the files here are broken on purpose."""
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)
