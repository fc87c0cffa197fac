"""Stored samples become the right values in every transfer syntax, or a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from engine.core.errors import Cancelled, InputRefused
from engine.core.volume import Quantity
from engine.ingest.dicom.reader import DicomReader
from engine.ingest.study import by_file
from tests.ingest.dicom_writer import ENCODERS, ENHANCED_CT, JPEG_LS, NATIVE, PT, enhanced, image, save, save_compressed
from tests.ingest.reading import inventory_of, layers, read

RNG = np.random.default_rng(2)
SIGNED = RNG.integers(-1024, 3000, (24, 40)).astype(np.int16)
UNSIGNED = RNG.integers(0, 4096, (24, 40)).astype(np.uint16)
LOSSLESS = [*list(ENCODERS)[:-2], RLELossless]


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("pixels", [SIGNED, UNSIGNED, (UNSIGNED >> 4).astype(np.uint8)], ids=["i2", "u2", "u1"])
def test_native_samples_are_read_as_written(tmp_path: Path, syntax: str, pixels: np.ndarray) -> None:
    reading = read(save(image(pixels), tmp_path / "a.dcm", syntax))
    np.testing.assert_array_equal(layers(reading)[0], pixels)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("pixels", [SIGNED, UNSIGNED], ids=["signed", "unsigned"])
def test_lossless_samples_are_read_as_written(tmp_path: Path, syntax: str, pixels: np.ndarray) -> None:
    reading = read(save_compressed(pixels, tmp_path / "a.dcm", syntax))
    np.testing.assert_array_equal(layers(reading)[0], pixels)
    assert np.asarray(reading.value.samples).dtype == np.int16


def test_near_lossless_and_12_bit_jpeg_stay_within_their_error(tmp_path: Path) -> None:
    smooth = (2000 + 1500 * np.sin(np.linspace(0, 3, 24))[:, None] * np.ones(40)).astype(np.uint16)
    near = read(save_compressed(smooth, tmp_path / "near.dcm", "1.2.840.10008.1.2.4.81"))
    lossy = read(save_compressed(smooth, tmp_path / "lossy.dcm", "1.2.840.10008.1.2.4.51", BitsStored=12, HighBit=11))
    assert np.abs(layers(near)[0] - smooth).max() <= 2
    assert np.abs(layers(lossy)[0] - smooth).max() <= 4


@pytest.mark.parametrize("fragments", [1, 3])
def test_frames_in_several_fragments_are_joined(tmp_path: Path, fragments: int) -> None:
    frames = np.stack([UNSIGNED, UNSIGNED[::-1], UNSIGNED[:, ::-1]])
    path = save_compressed(frames, tmp_path / "a.dcm", JPEG_LS, fragments=fragments)
    info = inventory_of(path).series[0]
    # Three frames at one place and nothing to tell them apart: decoding shows that they differ.
    with pytest.raises(InputRefused, match="different slices lie at the same position"):
        DicomReader().read_volume(info, phase=0, progress=lambda fraction, stage: None)


@settings(max_examples=20, deadline=None)
@given(st.integers(9, 16), st.booleans(), st.integers(0, 2**32 - 1))
def test_bits_beyond_the_stored_ones_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, stored: int, signed: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    low, high = (-(1 << stored - 1), 1 << stored - 1) if signed else (0, 1 << stored)
    values = rng.integers(low, high, (8, 8))
    rubbish = rng.integers(0, 1 << 16 - stored, (8, 8)) << stored
    bits = ((values & ((1 << stored) - 1)) | rubbish).astype(np.uint16)
    path = tmp_path_factory.mktemp("bits") / "a.dcm"
    dataset = image(bits, BitsStored=stored, HighBit=stored - 1, PixelRepresentation=int(signed))
    np.testing.assert_array_equal(layers(read(save(dataset, path)))[0], values)


def test_samples_that_do_not_start_at_bit_zero_are_shifted(tmp_path: Path) -> None:
    dataset = image((UNSIGNED << 4).astype(np.uint16), BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(layers(read(save(dataset, tmp_path / "a.dcm")))[0], UNSIGNED)


def test_the_header_decides_the_sign_where_jpeg_2000_disagrees(tmp_path: Path) -> None:
    syntax = "1.2.840.10008.1.2.4.90"
    bits = (SIGNED & 0x1FFF).astype(np.uint16)  # 13 bits, which the codestream calls unsigned
    path = save_compressed(bits, tmp_path / "a.dcm", syntax, BitsStored=13, HighBit=12, PixelRepresentation=1)
    np.testing.assert_array_equal(layers(read(path))[0], SIGNED)


def test_each_slice_has_its_own_rescale(tmp_path: Path) -> None:
    slopes = (0.5, 1.25, 3.0)
    for k, slope in enumerate(slopes):
        dataset = image(UNSIGNED, SOPClassUID=PT, Modality="PT", Units="BQML", RescaleSlope=slope)
        dataset.ImagePositionPatient = [0, 0, k]
        save(dataset, tmp_path / f"{k}.dcm")
    reading = read(tmp_path)
    assert reading.value.quantity is Quantity.ACTIVITY
    np.testing.assert_allclose(layers(reading), [UNSIGNED * slope for slope in slopes], rtol=1e-6)


@pytest.mark.parametrize(
    ("intercept", "dtype"), [(-1024, np.int16), (-1024.5, np.float32), (40000, np.float32)], ids=str
)
def test_whole_values_that_fit_stay_int16(tmp_path: Path, intercept: float, dtype: type) -> None:
    reading = read(save(image(UNSIGNED, RescaleIntercept=intercept), tmp_path / "a.dcm"))
    assert np.asarray(reading.value.samples).dtype == dtype
    np.testing.assert_allclose(layers(reading)[0], UNSIGNED.astype(float) + intercept)


def test_a_slope_of_whole_numbers_is_exact_in_place(tmp_path: Path) -> None:
    reading = read(save(image(UNSIGNED, RescaleSlope=-3, RescaleIntercept=1000), tmp_path / "a.dcm"))
    np.testing.assert_array_equal(layers(reading)[0], UNSIGNED.astype(int) * -3 + 1000)


def test_values_beyond_16_bits_become_float(tmp_path: Path) -> None:
    wide = RNG.integers(-(2**31), 2**31, (8, 8)).astype(np.int32)
    reading = read(save(image(wide), tmp_path / "a.dcm"))
    np.testing.assert_allclose(layers(reading)[0], wide, rtol=1e-6)


def test_padding_becomes_air_and_is_counted(tmp_path: Path) -> None:
    pixels = SIGNED.copy()
    pixels[:4] = -2000
    dataset = image(pixels)
    dataset.add_new(0x00280120, "SS", -2000)
    reading = read(save(dataset, tmp_path / "a.dcm"))
    assert (layers(reading)[0, :4] == -1024).all()
    np.testing.assert_array_equal(layers(reading)[0, 4:], pixels[4:])
    assert "160 padding samples set to -1024 HU" in reading.repairs


def test_a_padding_range_is_replaced_whole(tmp_path: Path) -> None:
    pixels = SIGNED.copy()
    pixels[0], pixels[1] = -3000, -2500
    dataset = image(pixels)
    dataset.add_new(0x00280120, "SS", -3000)
    dataset.add_new(0x00280121, "SS", -2000)
    assert (layers(read(save(dataset, tmp_path / "a.dcm")))[0, :2] == -1024).all()


def test_padding_among_tissue_values_is_left_alone_and_said(tmp_path: Path) -> None:
    dataset = image(np.zeros((8, 8), np.int16))
    dataset.add_new(0x00280120, "SS", 0)  # water, by mistake
    reading = read(save(dataset, tmp_path / "a.dcm"))
    assert (layers(reading) == 0).all()
    assert any("padding value lies among tissue" in repair for repair in reading.repairs)


def test_monochrome1_keeps_its_values_and_says_so(tmp_path: Path) -> None:
    reading = read(save(image(SIGNED, PhotometricInterpretation="MONOCHROME1"), tmp_path / "a.dcm"))
    np.testing.assert_array_equal(layers(reading)[0], SIGNED)
    assert any("MONOCHROME1" in repair for repair in reading.repairs)


def test_ct_that_states_another_unit_is_not_hu(tmp_path: Path) -> None:
    dataset = image(SIGNED, RescaleType="US")
    reading = read(save(dataset, tmp_path / "a.dcm"))
    assert reading.value.quantity is Quantity.ARBITRARY
    assert "values are not HU but US" in reading.repairs


def test_ct_without_air_is_noted(tmp_path: Path) -> None:
    reading = read(save(image(UNSIGNED), tmp_path / "a.dcm"))
    assert any("masked, clipped, or not in HU" in repair for repair in reading.repairs)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "colour": ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "a colour image"),
    "palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, "a colour image"),
    "mosaic": ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "a mosaic"),
    "no size": ({"Rows": 0}, "states no image size"),
    "absurd": ({"Rows": 65535, "Columns": 65535}, "claims 65535 x 65535 x 1 pixels"),
    "bomb": ({"Rows": 20000, "Columns": 20000}, "more than its"),
    "frames": ({"NumberOfFrames": 2**30}, "beyond any scan"),
    "bits": ({"BitsAllocated": 13}, "stores 13 bits"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_a_volume_is_refused_with_a_reason(tmp_path: Path, case: str) -> None:
    tags, reason = REFUSED[case]
    path = save(image(SIGNED, **tags), tmp_path / "a.dcm")
    inventory = inventory_of(path)
    assert [reason in str(problem) for problem in inventory.problems] == [True]
    with pytest.raises(InputRefused, match="no volume to read"):
        inventory.choose()


def test_a_truncated_slice_is_set_aside_and_interpolated(tmp_path: Path) -> None:
    for k in range(8):
        save(image(np.full((16, 16), 10 * k, np.int16), ImagePositionPatient=[0, 0, k]), tmp_path / f"{k}.dcm")
    damaged = tmp_path / "3.dcm"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    reading = read(tmp_path)
    np.testing.assert_array_equal(layers(reading)[:, 0, 0], np.arange(0, 80, 10))
    assert "1 missing slice was interpolated from neighbours (1.00 mm apart)" in reading.repairs
    assert [str(problem) for problem in reading.problems] == ["3.dcm: pixel data ends after 412 of 512 bytes"]


def save_as(pixels: np.ndarray, path: Path, syntax: str, fragments: int = 1, **tags: Any) -> Path:
    """Write a slice in any syntax."""
    if syntax in NATIVE:
        return save(image(pixels, **tags), path, syntax)
    bits = {"BitsStored": 12, "HighBit": 11} if syntax.endswith("51") else {}
    return save_compressed(pixels, path, syntax, fragments, **bits, **tags)


#: RLE frames are one fragment each (PS3.5 annex A.4.2).
CUT = [
    *((syntax, 1) for syntax in (*NATIVE, *ENCODERS, RLELossless)),
    *((syntax, 3) for syntax in ENCODERS),
]


@pytest.mark.parametrize(("syntax", "fragments"), CUT)
def test_a_file_that_is_cut_anywhere_is_named_once_when_listed_and_when_read(
    tmp_path: Path, syntax: str, fragments: int
) -> None:
    for k in range(4):
        save_as(UNSIGNED, tmp_path / f"{k}.dcm", syntax, fragments, ImagePositionPatient=[0, 0, k])
    path = tmp_path / "3.dcm"
    data = path.read_bytes()
    for kept in (300, *(int(len(data) * share) for share in (0.5, 0.6, 0.7, 0.8, 0.9)), len(data) - 9):
        path.write_bytes(data[:kept])
        inventory, reading = inventory_of(tmp_path), read(tmp_path)
        assert reading.value.grid.shape == (40, 24, 3)
        for found in (inventory.problems, by_file((*inventory.problems, *reading.problems))):
            assert [problem.path.name for problem in found] == ["3.dcm"]
        assert [problem.path.name for problem in reading.problems] == ([] if kept == 300 else ["3.dcm"])


@pytest.mark.parametrize("syntax", [JPEG_LS, "1.2.840.10008.1.2.4.90", RLELossless])
def test_a_whole_image_in_a_file_without_its_end_is_used_and_said(tmp_path: Path, syntax: str) -> None:
    path = save_compressed(UNSIGNED, tmp_path / "a.dcm", syntax)
    path.write_bytes(path.read_bytes()[:-8])
    reading = read(path)
    np.testing.assert_array_equal(layers(reading)[0], UNSIGNED)
    assert [str(problem) for problem in reading.problems] == [
        "a.dcm: pixel data is not closed: the file may be cut short"
    ]
    assert inventory_of(path).problems == reading.problems


@pytest.mark.parametrize("syntax", [JPEG_LS, "1.2.840.10008.1.2.4.90"])
def test_a_frame_that_lost_its_last_fragments_never_reaches_the_volume(tmp_path: Path, syntax: str) -> None:
    for k in range(4):
        save_compressed(UNSIGNED, tmp_path / f"{k}.dcm", syntax, 3, ImagePositionPatient=[0, 0, k])
    path = tmp_path / "3.dcm"
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"\xfe\xff\x00\xe0")])  # two whole fragments of three
    reading = read(tmp_path)
    assert reading.value.grid.shape == (40, 24, 3)
    (problem,) = reading.problems
    assert problem.path == path
    assert [problem.path for problem in inventory_of(tmp_path).problems] == [path]


@pytest.mark.parametrize("syntax", [JPEG_LS, "1.2.840.10008.1.2.4.90", RLELossless])
@pytest.mark.parametrize("fragments", [1, 3])
@pytest.mark.parametrize("kept", [0.35, 0.55, 0.8])
def test_the_whole_frames_of_a_cut_file_are_read_each_in_its_place(
    tmp_path: Path, syntax: str, fragments: int, kept: float
) -> None:
    pixels = RNG.integers(0, 1000, (6, 24, 40)).astype(np.uint16)
    groups = enhanced(pixels, [[0.0, 0.0, 3.0 * z] for z in range(6)])
    tags = {name: groups[name].value for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")}
    plain = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "PixelSpacing": None}
    pieces = 1 if syntax == RLELossless else fragments
    path = save_compressed(pixels, tmp_path / "a.dcm", syntax, pieces, **tags, **plain)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    (info,) = inventory_of(path).series
    reading = read(path)
    count = reading.value.grid.shape[2]
    assert info.shape[2] == count
    assert 1 <= count < 6
    np.testing.assert_array_equal(layers(reading), pixels[:count] * 2.0 - 5)
    assert [str(problem) for problem in reading.problems] == [f"a.dcm: pixel data ends after {count} of 6 frames"]


def test_a_codestream_of_another_size_never_reaches_the_decoder(tmp_path: Path) -> None:
    path = save_compressed(UNSIGNED, tmp_path / "a.dcm", JPEG_LS, Rows=23)
    with pytest.raises(InputRefused, match="compressed image is 40 x 24 x 1, header says 40 x 23"):
        read(path)


def test_a_damaged_codestream_is_a_reason(tmp_path: Path) -> None:
    path = save_compressed(UNSIGNED, tmp_path / "a.dcm", JPEG_LS)
    data = bytearray(path.read_bytes())
    middle = len(data) - 600
    data[middle : middle + 300] = b"\xff" * 300
    path.write_bytes(data)
    with pytest.raises(InputRefused, match=r"(?s)no slice of the series could be read.*JPEG-LS"):
        read(path)


def test_an_unknown_transfer_syntax_is_a_reason(tmp_path: Path) -> None:
    path = save_compressed(UNSIGNED, tmp_path / "a.dcm", JPEG_LS)
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.4.55"))
    assert "transfer syntax 1.2.840.10008.1.2.4.55 is not read" in str(inventory_of(path).problems[0])


def test_eight_bit_samples_in_big_endian_words_are_put_in_order(tmp_path: Path) -> None:
    pixels = (UNSIGNED >> 4).astype(np.uint8)
    dataset = image(pixels)
    dataset.PixelData = pixels.reshape(-1, 2)[:, ::-1].tobytes()
    dataset["PixelData"].VR = "OW"
    np.testing.assert_array_equal(layers(read(save(dataset, tmp_path / "a.dcm", ExplicitVRBigEndian)))[0], pixels)


def test_float_pixel_data_is_read(tmp_path: Path) -> None:
    values = RNG.normal(size=(8, 8)).astype(np.float32)
    dataset = image(values, SOPClassUID=ENHANCED_CT, PixelRepresentation=0)
    dataset.FloatPixelData = values.tobytes()
    del dataset.PixelData
    np.testing.assert_array_equal(layers(read(save(dataset, tmp_path / "a.dcm")))[0], values)


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    for k in range(5):
        save(image(SIGNED, ImagePositionPatient=[0, 0, k]), tmp_path / f"{k}.dcm")

    def stop(fraction: float, stage: str) -> None:
        if fraction > 0.3:
            raise Cancelled

    info = inventory_of(tmp_path).choose()
    with pytest.raises(Cancelled):
        DicomReader().read_volume(info, phase=0, progress=stop)
