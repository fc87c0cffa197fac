"""DICOM segmentations, written by highdicom and by others."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import highdicom
import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.sr.codedict import codes
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.core.volume import LabelMap, Source, Volume
from engine.ingest.dicom.object import colour_of_cielab
from engine.ingest.dicom.segmentation_object import read_segmentation, separate
from engine.ingest.nrrd import NrrdReader
from engine.ingest.open import read_labels, take_inventory
from engine.ingest.study import Reading, SeriesKind
from tests.ingest.single_file import labels_of

FRAME, SERIES, STUDY = (generate_uid(entropy_srcs=[name]) for name in ("frame", "series", "study"))
TILT = 0.3
ORIENTATION = [1.0, 0.0, 0.0, 0.0, float(np.cos(TILT)), float(np.sin(TILT))]
NORMAL = np.cross(ORIENTATION[:3], ORIENTATION[3:])
ORIGIN = np.array([-20.0, 5.0, 100.0])


def slices(count: int = 6) -> list[pydicom.Dataset]:
    """An oblique CT of 15 x 11 pixels: an odd number, so that bits of frames do not begin on bytes."""
    found = []
    for k in range(count):
        one = pydicom.Dataset()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.SOPClassUID, one.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", generate_uid(entropy_srcs=[str(k)])
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = STUDY, SERIES, FRAME
        one.PatientName, one.PatientID, one.PatientBirthDate, one.PatientSex = "A^B", "1", "", ""
        one.StudyID, one.AccessionNumber, one.StudyDate, one.StudyTime, one.ReferringPhysicianName = "", "", "", "", ""
        one.Modality, one.SeriesNumber, one.InstanceNumber, one.SpecificCharacterSet = "CT", 1, k + 1, "ISO_IR 100"
        one.Rows, one.Columns, one.PixelSpacing, one.SliceThickness = 11, 15, [0.8, 0.7], 2.5
        one.ImageOrientationPatient = ORIENTATION
        one.ImagePositionPatient = [round(float(value), 6) for value in ORIGIN + 2.5 * k * NORMAL]
        one.SamplesPerPixel, one.PhotometricInterpretation, one.PixelRepresentation = 1, "MONOCHROME2", 0
        one.BitsAllocated, one.BitsStored, one.HighBit = 16, 16, 15
        one.PixelData = np.zeros((11, 15), np.uint16).tobytes()
        found.append(one)
    return found


def volume(count: int = 6, frame: str = FRAME) -> Volume:
    """The same CT as a volume."""
    matrix = np.eye(4)
    matrix[:3, 0] = 0.7 * np.array(ORIENTATION[:3])
    matrix[:3, 1] = 0.8 * np.array(ORIENTATION[3:])
    matrix[:3, 2], matrix[:3, 3] = 2.5 * NORMAL, ORIGIN
    grid = Grid.from_matrix((15, 11, count), matrix, frame)
    return Volume(grid, np.zeros(grid.shape, np.int16, order="F"), source=Source("dicom", "CT", series_uid=SERIES))


LABELS = np.zeros((6, 11, 15), np.uint8)  # k, j, i; empty in the first slice and in the fourth
LABELS[1:3, 2:8, 3:9] = 1
LABELS[4:, 5:10, 4:14] = 2
LABELS[2, 3:5, 4:6] = 2


DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"


def deflated(frame: NDArray[Any]) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(frame.tobytes()) + packer.flush()


ENCODERS: dict[str, Any] = {
    JPEG2000Lossless: lambda frame: imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True, level=0),
    JPEGLSLossless: imagecodecs.jpegls_encode,
    DEFLATED_FRAMES: deflated,
}


def compressed(path: Path, syntax: str) -> Path:
    """The 8-bit segmentation at `path`, its frames packed."""
    found = pydicom.dcmread(path)
    if syntax == RLELossless:
        found.compress(RLELossless, encoding_plugin="pydicom")
    elif syntax != ExplicitVRLittleEndian:
        frames = np.frombuffer(found.PixelData, np.uint8)[: found.NumberOfFrames * 165].reshape(-1, 11, 15)
        found.PixelData = encapsulate([bytes(ENCODERS[syntax](np.ascontiguousarray(frame))) for frame in frames])
        found.file_meta.TransferSyntaxUID = UID(JPEGLSLossless if syntax == DEFLATED_FRAMES else syntax)
    found.save_as(path)
    if syntax == DEFLATED_FRAMES:  # newer than pydicom: named behind its back
        path.write_bytes(path.read_bytes().replace(JPEGLSLossless.encode(), DEFLATED_FRAMES.encode() + b"\0"))
    return path


def written(path: Path, pixels: NDArray[Any], kind: str, syntax: str = ExplicitVRLittleEndian, **options: Any) -> Path:
    describe: Any = highdicom.seg.SegmentDescription
    described = [
        describe(number, label, codes.SCT.Organ, meaning, "MANUAL")
        for number, label, meaning in ((1, "my liver", codes.SCT.Liver), (2, "Spleen", codes.SCT.Spleen))
    ]
    make: Any = highdicom.seg.Segmentation
    made = make(
        source_images=slices(), pixel_array=pixels, segmentation_type=kind, segment_descriptions=described,
        series_instance_uid=generate_uid(), series_number=2, sop_instance_uid=generate_uid(), instance_number=1,
        manufacturer="m", manufacturer_model_name="m", software_versions="1", device_serial_number="1",
        **options,
    )  # fmt: skip
    made.save_as(path)
    return compressed(path, syntax)


def arrays(reading: Reading[LabelMap]) -> NDArray[Any]:
    return np.asarray(reading.value.labels).T


@pytest.mark.parametrize(
    ("kind", "syntax"),
    [
        ("BINARY", ExplicitVRLittleEndian),
        ("LABELMAP", ExplicitVRLittleEndian),
        ("LABELMAP", RLELossless),
        ("LABELMAP", JPEG2000Lossless),
        ("LABELMAP", JPEGLSLossless),
        ("LABELMAP", DEFLATED_FRAMES),
    ],
)
@pytest.mark.parametrize("with_volume", [True, False])
def test_what_highdicom_writes_is_read_in_place(tmp_path: Path, kind: str, syntax: str, with_volume: bool) -> None:
    path = written(tmp_path / "seg.dcm", LABELS, kind, syntax)
    reading = read_segmentation(path, volume() if with_volume else None, silent)
    if with_volume:
        np.testing.assert_array_equal(arrays(reading), LABELS)
        assert reading.value.grid.close(volume().grid)
    else:  # empty slices are not stored: the segmentation's own grid begins at the second
        first = np.asarray(reading.value.grid.patient_from_voxel.matrix[:3, 3])
        start = round(float((first - ORIGIN) @ NORMAL / 2.5))
        np.testing.assert_array_equal(arrays(reading), LABELS[start : start + reading.value.grid.shape[2]])
    assert reading.repairs == ()
    assert [(s.label, s.key, s.name) for s in reading.value.structures] == [
        (1, "liver", "my liver"),
        (2, "spleen", "Spleen"),
    ]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_fractional_segments_are_cut_at_one_half_and_that_is_said(tmp_path: Path, syntax: str) -> None:
    fractions = np.stack([(LABELS == 1) * 0.51, (LABELS == 2) * 0.9 + (LABELS == 1) * 0.49], axis=-1)
    path = written(tmp_path / "seg.dcm", fractions.astype(np.float32), "FRACTIONAL", syntax, max_fractional_value=200)
    reading = read_segmentation(path, volume(), silent)
    np.testing.assert_array_equal(arrays(reading), LABELS)
    assert any("cut at 0.5" in repair for repair in reading.repairs)


def test_overlapping_segments_keep_the_smaller_and_lose_nothing(tmp_path: Path) -> None:
    masks = np.stack([np.isin(LABELS, (1, 2)), LABELS == 2], axis=-1).astype(np.uint8)
    path = written(tmp_path / "seg.dcm", masks, "BINARY")
    reading = read_segmentation(path, volume(), silent)
    np.testing.assert_array_equal(arrays(reading), LABELS)
    shared = int(np.count_nonzero(LABELS == 2))
    assert f"'my liver' and 'Spleen' share {shared} voxels: given to 'Spleen', the smaller" in reading.repairs
    counts = [int(np.count_nonzero(np.asarray(one.labels))) for one in separate(path)]
    assert counts == [int(np.count_nonzero(LABELS)), shared]


def test_a_deflated_file_is_read(tmp_path: Path) -> None:
    found = pydicom.dcmread(written(tmp_path / "seg.dcm", LABELS, "BINARY"))
    found.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    found.save_as(tmp_path / "deflated.dcm")
    np.testing.assert_array_equal(arrays(read_segmentation(tmp_path / "deflated.dcm", volume(), silent)), LABELS)


def test_a_segmentation_larger_than_the_volume_is_cut_and_the_loss_counted(tmp_path: Path) -> None:
    reading = read_segmentation(written(tmp_path / "seg.dcm", LABELS, "BINARY"), volume(5), silent)
    np.testing.assert_array_equal(arrays(reading), LABELS[:5])
    assert any(repair.startswith("50 of ") and "outside" in repair for repair in reading.repairs)


def test_a_segment_without_a_voxel_is_said(tmp_path: Path) -> None:
    reading = read_segmentation(
        written(tmp_path / "s.dcm", np.minimum(LABELS, 1) * (LABELS == 1), "BINARY"), None, silent
    )
    assert [s.name for s in reading.value.structures] == ["my liver"]
    assert any("without a voxel" in repair and "Spleen" in repair for repair in reading.repairs)


def test_another_frame_of_reference_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="belongs to another scan"):
        read_segmentation(written(tmp_path / "seg.dcm", LABELS, "BINARY"), volume(frame="1.2.3"), silent)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Rows": 60000, "Columns": 60000}, "truncated"),
        ({"NumberOfFrames": 2**31 - 1}, "frames|truncated"),
        ({"BitsAllocated": 32}, "bits a sample"),
        ({"PixelData": b"\0\0"}, "truncated"),
        ({"PerFrameFunctionalGroupsSequence": []}, "described"),
        ({"SegmentSequence": []}, "no segment"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "not a segmentation"),
    ],
)
def test_damaged_segmentations_are_refused(tmp_path: Path, tags: dict[str, Any], reason: str) -> None:
    found = pydicom.dcmread(written(tmp_path / "seg.dcm", LABELS, "BINARY"))
    for name, value in tags.items():
        setattr(found, name, value)
    found.save_as(tmp_path / "broken.dcm")
    with pytest.raises(InputRefused, match=reason):
        read_segmentation(tmp_path / "broken.dcm", volume(), silent)


def test_colours_agree_with_highdicom() -> None:
    lab: Any = highdicom.color.CIELabColor
    for rgb in ((0, 0, 0), (255, 255, 255), (221, 130, 101), (12, 200, 90), (3, 7, 250)):
        assert np.abs(np.subtract(colour_of_cielab(lab.from_rgb(*rgb).value) or (999, 0, 0), rgb)).max() <= 1


# --- real ones -------------------------------------------------------------------------------------


@pytest.mark.data
def test_a_liver_segmentation_equals_the_nrrd_it_was_made_from(shared_data: Path) -> None:
    folder = shared_data / "dicom" / "ct_liver_seg_dcmqi"
    expected = labels_of(NrrdReader(), folder / "nrrd" / "liver_seg.nrrd").value
    found = read_segmentation(folder / "liver.dcm", None, silent).value
    np.testing.assert_array_equal(np.asarray(found.labels), np.asarray(expected.labels))
    np.testing.assert_allclose(found.grid.patient_from_voxel.matrix, expected.grid.patient_from_voxel.matrix, atol=1e-3)
    assert found.structures[0].key == "liver"


@pytest.mark.data
def test_overlapping_real_segments_equal_the_nrrds_they_were_made_from(shared_data: Path) -> None:
    folder = shared_data / "dicom" / "ct_liver_seg_dcmqi"
    sources = [labels_of(NrrdReader(), folder / "nrrd" / f"partial_overlaps-{n}.nrrd").value for n in (1, 2, 3)]
    maps = separate(folder / "partial_overlaps.dcm")
    assert [one.structures[0].label for one in maps] == [1, 2, 3, 4, 5]
    for one in maps:
        label = one.structures[0].label
        masks = [np.asarray(source.labels) == label for source in sources]
        assert any(np.array_equal(np.asarray(one.labels) > 0, mask) for mask in masks), label
    assert (
        sum("share" in repair for repair in read_segmentation(folder / "partial_overlaps.dcm", None, silent).repairs)
        == 3
    )


@pytest.mark.data
def test_a_pet_segmentation_agrees_with_highdicom(shared_data: Path) -> None:
    (path,) = (shared_data / "dicom" / "pet_seg_qinhn0024" / "SEG").iterdir()
    found = read_segmentation(path, None, silent).value
    assert found.grid.shape == (128, 128, 9)
    peer: Any = highdicom.seg.segread(path)
    numbers = [
        int(g.SegmentIdentificationSequence[0].ReferencedSegmentNumber) for g in peer.PerFrameFunctionalGroupsSequence
    ]
    heights = [float(g.PlanePositionSequence[0].ImagePositionPatient[2]) for g in peer.PerFrameFunctionalGroupsSequence]
    expected = np.zeros((9, 128, 128), np.uint8)
    for frame, number, height in zip(peer.pixel_array, numbers, heights, strict=True):
        expected[round((height - min(heights)) / 3.375)][frame > 0] = number
    np.testing.assert_array_equal(np.asarray(found.labels).T, expected)


@pytest.mark.data
def test_odd_sizes_and_compressed_bits_are_read(shared_data: Path) -> None:
    folder = shared_data / "dicom" / "pydicom_extra"
    odd = read_segmentation(folder / "liver_nonbyte_aligned.dcm", None, silent).value
    packed = read_segmentation(folder / "liver_j2k.dcm", None, silent).value
    assert np.count_nonzero(np.asarray(odd.labels)) == np.count_nonzero(np.asarray(packed.labels)) == 107098


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_a_segmentation_that_is_cut_short_is_named_when_listed(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / "seg.dcm", LABELS, kind)
    path.write_bytes(path.read_bytes()[:-20])
    inventory = take_inventory([path])
    assert [info.kind for info in inventory.series] == [SeriesKind.UNUSABLE]
    assert [problem.path for problem in inventory.problems] == [path]
    with pytest.raises(InputRefused, match="pixel data ends after"):
        read_labels(inventory.series[0])
