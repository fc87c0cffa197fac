"""Real scans: the same voxels in the same places as GDCM through SimpleITK, and every exception named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest

from engine.core.errors import InputRefused
from engine.core.volume import Quantity
from tests.ingest.reading import inventory_of, layers, read

sitk: Any = pytest.importorskip("SimpleITK")
pytestmark = pytest.mark.data

#: Series that GDCM reads as they are.
SAME_AS_GDCM = (
    "dicom/ct_chest_lidc0314_jpegls",
    "dicom/ct_chest_minimal_tags",
    "dicom/mr_t1_defaced_deflated",
    "dicom/pet_seg_qinhn0024/PET",
    "dicom/ct_liver_seg_dcmqi",
    "dicom/rtstruct_rtutils_phantom/mock_data",
    "dicom/rtstruct_rtutils_phantom/oriented_data",
    "dicom/mr_enhanced_multiframe/philips_enhanced.dcm",
    "dicom/mr_enhanced_multiframe/siemens_multiframe.dcm",
    "dicom/mr_enhanced_multiframe/hyperfine.dcm",
    "broken/derived/dicom/ok_control",
    "broken/derived/dicom/instance_number_reversed",
    "broken/derived/dicom/junk_in_folder",
    "broken/derived/dicom/two_series_interleaved",
    "broken/dicom2nifti_failing/slicecount",
)
#: What the padding of two of them (stored -2000) becomes by their rescale intercept of -1024.
PADDING_HU = -3024
# Not compared, because GDCM does not read or place them as their headers say; each has its own test here or in
# test_dicom_geometry: ct_head_ge_tilt_irregular and ct_skullphantom_philips_tilt_jpegls (tilt, which GDCM shears
# silently), ct_lego_phantom_10of108 (a 90 mm gap, which GDCM evens out), invalid-vr-length-test (frames in falling
# order, which GDCM leaves so), rt_breast_dicompyler (one slice, 1 mm thick to GDCM), no_preamble (not DICOM to GDCM).


def peer(path: Path, uid: str) -> Any:
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    if path.is_file():
        return sitk.ReadImage(str(path))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path), uid))
    return reader.Execute()


def matrix_of(image: Any) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    return matrix


@pytest.mark.parametrize("series", SAME_AS_GDCM)
def test_voxels_and_places_agree_with_gdcm(shared_data: Path, series: str) -> None:
    path = shared_data / series
    info = inventory_of(path).choose() if path.is_file() else inventory_of(*path.rglob("*.dcm")).choose()
    reading = read(path) if path.is_file() else read(*path.rglob("*.dcm"))
    theirs = peer(path, info.uid)
    grid = reading.value.grid
    np.testing.assert_allclose(grid.patient_from_voxel.matrix, matrix_of(theirs), atol=1e-3)
    expected, ours = sitk.GetArrayViewFromImage(theirs), np.asarray(reading.value.samples).T
    if any("padding" in repair for repair in reading.repairs):  # GDCM leaves padding as it is stored
        expected = np.where(expected == PADDING_HU, -1024, expected)
    if ours.dtype == np.int16:
        np.testing.assert_array_equal(ours, expected)
    else:
        np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6)
    assert info.shape == grid.shape


def test_the_chest_ct_is_hounsfield_int16_without_a_copy_in_the_wrong_order(shared_data: Path) -> None:
    reading = read(shared_data / "dicom" / "ct_chest_lidc0314_jpegls")
    samples = np.asarray(reading.value.samples)
    assert samples.dtype == np.int16
    assert samples.T.flags.c_contiguous
    assert reading.value.quantity is Quantity.HOUNSFIELD
    assert -1100 < np.median(samples[:, :40]) < -900  # air in front of the patient


def test_frames_in_falling_order_are_put_in_rising_order(shared_data: Path) -> None:
    path = shared_data / "broken" / "dicom_dcmjs" / "invalid-vr-length-test.dcm"
    reading, theirs = read(path), peer(path, "")
    np.testing.assert_array_equal(layers(reading)[::-1], sitk.GetArrayFromImage(theirs))
    grid = reading.value.grid
    flipped = matrix_of(theirs)
    last = pydicom.dcmread(path, stop_before_pixels=True).PerFrameFunctionalGroupsSequence[-1]
    np.testing.assert_allclose(
        grid.patient_from_voxel.apply([0, 0, 0]), last.PlanePositionSequence[0].ImagePositionPatient, atol=1e-3
    )
    np.testing.assert_allclose(grid.patient_from_voxel.matrix[:3, :2], flipped[:3, :2], atol=1e-3)


def test_enhanced_mr_agrees_with_its_published_nifti(shared_data: Path) -> None:
    folder = shared_data / "dicom" / "mr_enhanced_multiframe"
    reading = read(folder / "hyperfine.dcm")
    truth: Any = nib.load(folder / "hyperfine_ground_truth.nii.gz")
    lps_from_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    voxel_from_truth = reading.value.grid.patient_from_voxel.inverse.matrix @ lps_from_ras @ truth.affine
    corners = np.array([[0, 0, 0, 1], [*np.array(truth.shape) - 1, 1]]).T
    ours = (voxel_from_truth @ corners)[:3].T
    last = np.array(reading.value.grid.shape) - 1
    assert np.abs(ours - np.rint(ours)).max() < 1e-3
    np.testing.assert_allclose(np.sort(ours, axis=0), np.stack([0 * last, last]), atol=1e-3)
    flips = tuple(slice(None, None, -1 if ours[0, axis] > 0 else 1) for axis in range(3))
    np.testing.assert_array_equal(np.asarray(reading.value.samples)[flips], np.asarray(truth.dataobj))


# Tilt -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ct_head_ge_tilt_irregular", "ct_skullphantom_philips_tilt_jpegls"])
def test_tilted_scans_are_straightened_onto_the_positions_of_their_slices(shared_data: Path, name: str) -> None:
    folder = shared_data / "dicom" / name
    reading = read(folder)
    grid = reading.value.grid
    assert grid.is_orthogonal
    assert any("gantry tilt of 18.5 degrees" in repair for repair in reading.repairs)
    volume = layers(reading)
    checked = 0
    for path in sorted(folder.glob("*.dcm"))[3:-3:5]:
        dataset = pydicom.dcmread(path)
        k, j, i = grid.patient_from_voxel.inverse.apply(np.array(dataset.ImagePositionPatient, float))[::-1]
        if abs(k - round(k)) > 0.01:
            continue  # between layers: interpolated
        stored = dataset.pixel_array.astype(float) * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        ours = volume[round(k)]
        # The slice's own pixels, where it lies on the grid: linear interpolation between two rows.
        low, part = int(np.floor(j)), j - np.floor(j)
        window = ours[low + 1 : low + 512, round(i) : round(i) + 512]
        expected = part * stored[:-1] + (1 - part) * stored[1:]
        inside = np.minimum(stored[:-1], stored[1:]) > -1024
        np.testing.assert_allclose(window[inside], expected[inside], atol=0.51)
        checked += 1
    assert checked >= 2


def test_uneven_spacing_is_said_with_both_spacings(shared_data: Path) -> None:
    reading = read(shared_data / "dicom" / "ct_head_ge_tilt_irregular")
    assert "slices are unevenly spaced, 1.08 to 7.00 mm apart; interpolated to 4.00 mm" in reading.repairs


def test_a_gap_of_ninety_millimetres_is_refused(shared_data: Path) -> None:
    inventory = inventory_of(shared_data / "dicom" / "ct_lego_phantom_10of108")
    assert all("47 of them in a row (a gap of 90.0 mm)" in str(problem) for problem in inventory.problems)
    with pytest.raises(InputRefused, match="no volume to read"):
        inventory.choose()


# Transfer syntaxes ------------------------------------------------------------------------------

LOSSLESS = (
    "CTImage_BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2",
    "CTImage_DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99",
    "CTImage_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90",
    "CTImage_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80",
    "CTImage_JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70",
    "CTImage_JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57",
    "CTImage_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1",
    "CTImage_LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2",
    "CTImage_RLELosslessTransferSyntax_1.2.840.10008.1.2.5",
)
#: Largest mean error, in HU: near-lossless and wavelet, 12-bit JPEG, 8-bit JPEG (one step is 32 HU).
LOSSY = {
    "CTImage_JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91": 2.0,
    "CTImage_JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81": 2.0,
    "CTImage_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51": 10.0,
    "CTImage_JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50": 20.0,
}
RETIRED = (
    "CTImage_JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53",
    "CTImage_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55",
)


def one(shared_data: Path, name: str) -> Path:
    return shared_data / "dicom" / "ct_transfer_syntaxes" / f"{name}.dcm"


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_syntaxes_are_pixel_identical(shared_data: Path, name: str) -> None:
    original = layers(read(one(shared_data, "CTImage")))
    np.testing.assert_array_equal(layers(read(one(shared_data, name))), original)


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_syntaxes_stay_close_to_the_original(shared_data: Path, name: str) -> None:
    original, ours = layers(read(one(shared_data, "CTImage"))), layers(read(one(shared_data, name)))
    inside = original > -1024
    assert np.abs(ours - original)[inside].mean() < LOSSY[name]


@pytest.mark.parametrize("name", RETIRED)
def test_retired_syntaxes_are_a_clean_error(shared_data: Path, name: str) -> None:
    inventory = inventory_of(one(shared_data, name))
    assert "is not read" in str(inventory.problems[0])
    with pytest.raises(InputRefused, match="no volume to read"):
        inventory.choose()


def test_one_slice_in_sixteen_syntaxes_is_not_sixteen_slices(shared_data: Path) -> None:
    with pytest.raises(InputRefused, match="different slices lie at the same position"):
        read(shared_data / "dicom" / "ct_transfer_syntaxes")


# Awkward and broken -----------------------------------------------------------------------------

#: Each derived series has one defect: the shape it is read as, and the word that says so.
REPAIRED = {
    "duplicate_position": ((64, 64, 8), "1 duplicate slice dropped"),
    "duplicate_sop_instance": ((64, 64, 8), "1 duplicate slice dropped"),
    "gantry_tilt_18p5": ((64, 67, 8), "gantry tilt of 18.5 degrees"),
    "missing_slice": ((64, 64, 8), "1 missing slice was interpolated"),
    "mixed_matrix_size": ((64, 64, 8), "this is one of 7 of its 8 slices"),
    "mixed_orientation_localizer": ((64, 64, 7), "this is one of 7 of its 8 slices"),
    "mixed_pixel_spacing": ((64, 64, 4), "this is one of 4 of its 8 slices"),
    "mixed_rescale": ((64, 64, 8), "each slice has its own applied"),
    "monochrome1": ((64, 64, 8), "MONOCHROME1"),
    "no_preamble": ((64, 64, 8), ""),
    "one_slice_without_pixels": ((64, 64, 8), "1 missing slice was interpolated"),
    "pixel_padding_value": ((64, 64, 8), ""),
    "short_pixel_data": ((64, 64, 8), "1 missing slice was interpolated"),
    "truncated_file": ((64, 64, 8), "1 missing slice was interpolated"),
    "variable_spacing": ((64, 64, 32), "unevenly spaced, 1.00 to 7.00 mm apart"),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_each_defect_is_repaired_and_said(shared_data: Path, name: str) -> None:
    shape, word = REPAIRED[name]
    reading = read(*(shared_data / "broken" / "derived" / "dicom" / name).glob("*.dcm"))
    assert reading.value.grid.shape == shape
    assert any(word in repair for repair in reading.repairs) or not word


@pytest.mark.parametrize("name", ["no_image_position", "no_pixel_spacing", "zero_pixel_spacing"])
def test_each_defect_beyond_repair_is_refused_by_file(shared_data: Path, name: str) -> None:
    inventory = inventory_of(shared_data / "broken" / "derived" / "dicom" / name)
    assert len(inventory.problems) == 8
    with pytest.raises(InputRefused, match="no volume to read"):
        inventory.choose()


#: dicom2nifti's failing cases: here all can be read, with what was done said.
AWKWARD = {
    "gantrytilting": "gantry tilt of 14.0 degrees",
    "notavolume": "one slice only",
    "sliceincrement": "1 missing slice was interpolated",
    "sliceorientation": "2 stacks that differ",
}


@pytest.mark.parametrize("name", AWKWARD)
def test_what_a_converter_fails_on_is_read_and_said(shared_data: Path, name: str) -> None:
    reading = read(shared_data / "broken" / "dicom2nifti_failing" / name)
    assert any(AWKWARD[name] in repair for repair in reading.repairs)


#: Reasons or pixels for every file of the parser's and decoders' edge cases.
EDGE_CASES = {
    "dicom/pydicom_extra": {
        "emri_small.dcm": "states no usable image position",
        "emri_small_RLE.dcm": "states no usable image position",
        "emri_small_big_endian.dcm": "states no usable image position",
        "emri_small_jpeg_2k_lossless.dcm": "states no usable image position",
        "emri_small_jpeg_ls_lossless.dcm": "states no usable image position",
        "mlut_18.dcm": "a lookup table",
        "color-pl.dcm": "a colour image",
    },
    "broken/dicom_pydicom": {
        "MR_truncated.dcm": "pixel data ends after 8130 of 8192 bytes",
        "GDCMJ2K_TextGBR.dcm": "a colour image",
        "rtplan_truncated.dcm": "ends within its header: the file is cut short",
        "badVR.dcm": "states no usable number of frames",
        "emri_small_jpeg_2k_lossless_too_short.dcm": "states no usable image position",
    },
    "broken/dicom_cornerstone": {
        "no-pixel-data.dcm": "has no pixel data",
        "no-pixel-spacing.dcm": "an ultrasound image",
    },
}


@pytest.mark.parametrize("folder", EDGE_CASES)
def test_every_edge_case_has_its_reason(shared_data: Path, folder: str) -> None:
    inventory = inventory_of(*(shared_data / folder).glob("*.dcm"))
    reasons = {problem.path.name: problem.reason for problem in inventory.problems}
    for name, reason in EDGE_CASES[folder].items():
        assert reason in reasons[name]


@pytest.mark.parametrize(
    "path",
    ["dicom/pydicom_extra/bad_sequence.dcm", "dicom/pydicom_extra/explicit_VR-UN.dcm"],
)
def test_odd_headers_around_sound_pixels_are_read(shared_data: Path, path: str) -> None:
    dataset = pydicom.dcmread(shared_data / path)
    expected = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    np.testing.assert_array_equal(layers(read(shared_data / path))[0], expected)


def test_fragments_without_an_offset_table_are_two_frames(shared_data: Path) -> None:
    path = shared_data / "broken" / "dicom_cornerstone" / "CT0012.fragmented_no_bot_jpeg_baseline.51.dcm"
    reading = read(path)
    assert reading.value.grid.shape == (512, 512, 2)
    assert "values are not HU but US" in reading.repairs


def test_jpeg_2000_that_disagrees_on_the_sign_is_read_as_the_header_says(shared_data: Path) -> None:
    path = shared_data / "broken" / "dicom_pydicom" / "J2K_pixelrep_mismatch.dcm"
    assert layers(read(path)).min() == -2000
