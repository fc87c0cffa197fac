"""Mixed folders are sorted into series; 4-D series into phases; nothing is lost without a reason."""

from __future__ import annotations

import datetime
import itertools
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from engine.core.errors import InputRefused
from engine.core.progress import silent
from engine.core.volume import Quantity
from engine.ingest.dicom.reader import DicomReader
from engine.ingest.orientation import Orientation
from engine.ingest.study import SeriesInfo, SeriesKind
from tests.ingest.dicom_writer import ENCODERS, SECONDARY, enhanced, image, item, save, save_compressed, save_series
from tests.ingest.reading import inventory_of, layers, read

RNG = np.random.default_rng(4)


def air(count: int, rows: int = 6, columns: int = 5) -> np.ndarray:
    return RNG.integers(-1000, 1000, (count, rows, columns)).astype(np.int16)


def slices(folder: Path, values: list[dict[str, Any]]) -> list[np.ndarray]:
    """One random slice for each set of tags; the pixels."""
    pixels = list(air(len(values)))
    for number, tags in enumerate(values):
        save(image(pixels[number], **tags), folder / f"{number:03d}.dcm")
    return pixels


# Which series there are -------------------------------------------------------------------------


def test_series_in_one_folder_are_told_apart_and_the_largest_is_the_default(tmp_path: Path) -> None:
    small, large = generate_uid(), generate_uid()
    save_series(tmp_path / "a", air(3), SeriesInstanceUID=small)
    save_series(tmp_path / "a" / "b", air(5), SeriesInstanceUID=large, SeriesDescription="Thorax")
    inventory = inventory_of(tmp_path)
    assert [(info.uid, info.shape) for info in inventory.series] == [(large, (5, 6, 5)), (small, (5, 6, 3))]
    assert inventory.choose().description == "Thorax"
    assert inventory.choose(small).uid == small


def test_localizers_and_secondary_captures_are_set_apart(tmp_path: Path) -> None:
    save_series(tmp_path / "ct", air(3))
    save(image(air(1, 50, 50)[0], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), tmp_path / "scout.dcm")
    save(image(air(1, 60, 60)[0], SOPClassUID=SECONDARY, SeriesInstanceUID=generate_uid()), tmp_path / "sc.dcm")
    inventory = inventory_of(tmp_path)
    assert {info.kind for info in inventory.series} == {SeriesKind.VOLUME, SeriesKind.LOCALIZER, SeriesKind.SECONDARY}
    assert inventory.choose().shape == (5, 6, 3)
    localizer = next(info for info in inventory.series if info.kind is SeriesKind.LOCALIZER)
    with pytest.raises(InputRefused, match="not a volume but a localizer"):
        DicomReader().read_volume(localizer, phase=0, progress=silent)


def test_several_sizes_and_orientations_under_one_uid_become_parts_of_it(tmp_path: Path) -> None:
    coronal = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0]
    pixels = air(6)
    save_series(tmp_path / "a", pixels)
    save_series(tmp_path / "b", air(4), orientation=coronal)
    save_series(tmp_path / "c", air(2, 8, 8), heights_mm=np.array([50.0, 51.0]))
    inventory = inventory_of(tmp_path)
    uid = inventory.choose().uid
    assert [info.uid for info in inventory.series] == [uid, f"{uid}#2", f"{uid}#3"]
    reading = read(tmp_path)
    np.testing.assert_array_equal(layers(reading), pixels)
    assert "holds 3 stacks that differ" in reading.repairs[0]
    assert "this is one of 6 of its 12 slices" in reading.repairs[0]


def test_a_frame_of_reference_for_every_file_divides_nothing_and_is_said(tmp_path: Path) -> None:
    slices(tmp_path, [{"ImagePositionPatient": [0, 0, k], "FrameOfReferenceUID": generate_uid()} for k in range(4)])
    reading = read(tmp_path)
    assert reading.value.grid.shape == (5, 6, 4)
    assert reading.value.grid.frame_of_reference_uid == ""
    assert any("frame of reference of its own" in repair for repair in reading.repairs)


def test_files_without_series_uid_and_modality_are_grouped_by_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_series(tmp_path / name, air(3), SeriesInstanceUID=None, Modality=None)
    first, second = inventory_of(tmp_path).series
    assert first.uid != second.uid
    assert first.uid.startswith("unnamed-")
    assert "tmp" not in first.uid
    assert first.modality == "CT"  # from its SOP class
    assert inventory_of(tmp_path).series[0].uid == first.uid


def test_one_bad_file_does_not_lose_the_series(tmp_path: Path) -> None:
    pixels = air(5)
    paths = save_series(tmp_path, pixels)
    paths[4].write_bytes(paths[4].read_bytes()[:300])
    reading = read(tmp_path)
    np.testing.assert_array_equal(layers(reading), pixels[:4])
    assert "004.dcm" in str(inventory_of(tmp_path).problems[0])


def test_an_index_of_files_is_set_aside(tmp_path: Path) -> None:
    save_series(tmp_path, air(2))
    save(image(air(1)[0], SOPClassUID="1.2.840.10008.1.3.10"), tmp_path / "DICOMDIR")
    (problem,) = inventory_of(tmp_path).problems
    assert str(problem) == "DICOMDIR: an index of other files (DICOMDIR)"


def test_a_series_described_without_its_headers_is_read_again(tmp_path: Path) -> None:
    pixels = air(3)
    save_series(tmp_path, pixels)
    info = inventory_of(tmp_path).choose()
    plain = SeriesInfo(info.uid, info.kind, "dicom", "CT", "", info.files, info.shape, info.spacing_mm)
    reading = DicomReader().read_volume(plain, phase=0, progress=silent)
    np.testing.assert_array_equal(layers(reading), pixels)


def test_a_series_travels_to_another_process_with_its_headers(tmp_path: Path) -> None:
    pixels = air(3)
    save_series(tmp_path, pixels)
    info: SeriesInfo = pickle.loads(pickle.dumps(inventory_of(tmp_path).choose()))
    np.testing.assert_array_equal(layers(DicomReader().read_volume(info, phase=0, progress=silent)), pixels)


def test_the_volume_says_where_it_came_from(tmp_path: Path) -> None:
    save_series(tmp_path, air(3), SeriesDescription="Schädel", SpecificCharacterSet="ISO_IR 192")
    value = read(tmp_path).value
    info = inventory_of(tmp_path).choose()
    assert (value.source.format, value.source.modality, value.source.description) == ("dicom", "CT", "Schädel")
    assert (value.source.series_uid, value.source.study_uid) == (info.uid, info.study_uid)
    assert value.quantity is Quantity.HOUNSFIELD


# What tells series apart ------------------------------------------------------------------------


def test_a_listed_series_says_what_tells_it_from_others(tmp_path: Path) -> None:
    tags: dict[str, Any] = {
        "ProtocolName": "Knie^Routine",
        "SeriesNumber": 7,
        "SeriesDate": "20240305",
        "StudyDate": "20240304",
    }
    save_series(tmp_path, air(3), heights_mm=np.array([0.0, 4.0, 8.0]), SliceThickness=3.5, **tags)
    info = inventory_of(tmp_path).choose()
    assert (info.description, info.series_number, info.date) == ("Knie^Routine", 7, datetime.date(2024, 3, 5))
    assert (info.orientation, info.thickness_mm, info.spacing_mm[2]) == (Orientation.AXIAL, 3.5, 4.0)
    assert (info.modality, info.shape, info.phase_names) == ("CT", (5, 6, 3), ())


def test_what_is_not_stated_is_none(tmp_path: Path) -> None:
    save(image(air(1)[0], SliceThickness=None, ImageOrientationPatient=None), tmp_path / "a.dcm")
    (info,) = inventory_of(tmp_path).series
    assert (info.series_number, info.date, info.orientation, info.thickness_mm) == (None, None, None, None)


@pytest.mark.parametrize(
    ("series_date", "study_date", "expected"),
    [
        ("", "20240304", datetime.date(2024, 3, 4)),
        ("00000000", "2024.03.04", datetime.date(2024, 3, 4)),  # dots: ACR-NEMA
        ("yesterday", "2024-W01", None),
    ],
)
def test_the_date_is_that_of_the_series_else_of_the_study(
    tmp_path: Path, series_date: str, study_date: str, expected: datetime.date | None
) -> None:
    dataset = image(air(1)[0])
    with config.disable_value_validation():
        dataset.SeriesDate, dataset.StudyDate = series_date, study_date
        save(dataset, tmp_path / "a.dcm")
    assert inventory_of(tmp_path).choose().date == expected


PLANES = {
    "axial": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    "coronal": [1.0, 0.0, 0.0, 0.0, 0.0, -1.0],
    "sagittal": [0.0, 1.0, 0.0, 0.0, 0.0, -1.0],
    "oblique": [0.70711, 0.70711, 0.0, 0.0, 0.0, -1.0],
}


@pytest.mark.parametrize("name", PLANES)
def test_the_orientation_is_that_of_its_slices(tmp_path: Path, name: str) -> None:
    save_series(tmp_path, air(3), orientation=PLANES[name])
    assert inventory_of(tmp_path).choose().orientation == name


def test_each_phase_goes_by_the_value_that_tells_it_apart_but_never_by_a_time_of_day(tmp_path: Path) -> None:
    for folder, tag, values in (("b", "DiffusionBValue", [0.0, 800.0]), ("t", "ContentTime", ["101500", "101700"])):
        tags = [{"ImagePositionPatient": [0, 0, k], tag: value} for k in range(3) for value in values]
        slices(tmp_path / folder, tags)
    assert inventory_of(tmp_path / "b").choose().phase_names == ("b-value 0", "b-value 800")
    times = inventory_of(tmp_path / "t").choose()
    assert (times.phases, times.phase_names) == (2, ())


# Doubles and phases -----------------------------------------------------------------------------


def test_identical_slices_at_one_position_are_dropped_and_said(tmp_path: Path) -> None:
    pixels = air(4)
    save_series(tmp_path, pixels)
    (tmp_path / "copy.dcm").write_bytes((tmp_path / "002.dcm").read_bytes())
    reading = read(tmp_path)
    np.testing.assert_array_equal(layers(reading), pixels)
    assert "1 duplicate slice dropped (same pixels)" in reading.repairs


def test_different_slices_at_one_position_are_refused_by_file_with_what_to_do(tmp_path: Path) -> None:
    numbers = (1, 2, 3, 4)  # taken twice on the spot: either may be the good one
    tags = [
        {"ImagePositionPatient": [0, 0, z], "InstanceNumber": n} for z, n in zip((0, 1, 1, 2), numbers, strict=True)
    ]
    slices(tmp_path, tags)
    with pytest.raises(InputRefused, match="nothing in their headers tells which belong together") as refusal:
        read(tmp_path)
    assert "leave one for each position in the folder, or export the series again" in refusal.value.summary
    assert [str(problem) for problem in refusal.value.problems] == [
        "001.dcm: one of 2 different slices at (0.00, 0.00, 1.00) mm: instance 2",
        "002.dcm: one of 2 different slices at (0.00, 0.00, 1.00) mm: instance 3",
    ]


@pytest.mark.parametrize("mark", ["AcquisitionNumber", "InstanceNumber"])
def test_a_stray_slice_of_another_acquisition_or_numbering_is_set_aside_and_said(tmp_path: Path, mark: str) -> None:
    heights = [4, 0, 1, 2, 3, 4, 5, 6]  # the stray comes first, as files happen to lie
    values = [9, 1, 1, 1, 1, 1, 1, 1] if mark == "AcquisitionNumber" else [31, 8, 7, 6, 5, 4, 3, 2]
    tags = [{"ImagePositionPatient": [0, 0, z], mark: value} for z, value in zip(heights, values, strict=True)]
    pixels = slices(tmp_path, tags)
    told_by = "acquisition" if mark == "AcquisitionNumber" else "the run of instance numbers"
    reading = read(tmp_path)
    np.testing.assert_array_equal(layers(reading), pixels[1:])
    assert [str(problem) for problem in reading.problems] == [
        f"000.dcm: lies where a slice of a complete set does; told apart by {told_by}"
    ]
    assert inventory_of(tmp_path).problems == reading.problems
    assert (
        f"1 slice lies where another does and was set aside: told apart by {told_by}, "
        "only the others cover every position" in reading.repairs
    )


UNCLEAR = {
    "no run": [(0, 5), (1, 2), (2, 9), (3, 4), (2, 3)],
    "two runs": [(0, 1), (1, 2), (2, 3), (0, 3), (2, 1)],
    "twice on the spot": [(0, 1), (1, 2), (2, 3), (2, 4)],
    "one number": [(0, 1), (1, 2), (1, 2), (2, 3)],
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_numbering_that_is_not_clear_cut_chooses_nothing(tmp_path: Path, case: str) -> None:
    slices(tmp_path, [{"ImagePositionPatient": [0, 0, z], "InstanceNumber": number} for z, number in UNCLEAR[case]])
    with pytest.raises(InputRefused, match="nothing in their headers tells which belong together"):
        read(tmp_path)


MARKS: dict[str, tuple[str, list[Any]]] = {
    "temporal position": ("TemporalPositionIdentifier", [1, 2, 3]),
    "trigger time": ("TriggerTime", [0.0, 250.0, 500.0]),
    "echo": ("EchoNumbers", [1, 2, 3]),
    "echo time": ("EchoTime", [4.6, 2.3, 6.9]),
    "inversion time": ("InversionTime", [100, 200, 300]),
    "b-value": ("DiffusionBValue", [0.0, 500.0, 1000.0]),
    "acquisition": ("AcquisitionNumber", [1, 2, 3]),
    "image type": ("ImageType", [["O", "P", "M"], ["O", "P", "P"], ["O", "P", "R"]]),
    "content time": ("ContentTime", ["101500", "101700", "101600"]),
}


@pytest.mark.parametrize("mark", MARKS)
def test_phases_are_told_apart_by_what_headers_say(tmp_path: Path, mark: str) -> None:
    keyword, values = MARKS[mark]
    tags = [{"ImagePositionPatient": [0, 0, k], keyword: value} for k in range(4) for value in values]
    pixels = np.array(slices(tmp_path, tags)).reshape(4, 3, 6, 5)
    (info,) = inventory_of(tmp_path).series
    assert (info.phases, info.shape) == (3, (5, 6, 4))
    for phase, index in enumerate(sorted(range(3), key=lambda at: values[at])):
        reading = read(tmp_path, phase=phase)
        np.testing.assert_array_equal(layers(reading), pixels[:, index])
        assert f"phase {phase} of 3 (0 to 2), told apart by {mark}" in reading.repairs


def test_diffusion_directions_at_one_b_value_are_phases(tmp_path: Path) -> None:
    directions = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    weights = [(0.0, [0.0, 0.0, 0.0]), (800.0, directions[0]), (800.0, directions[1])]
    tags = [
        {"ImagePositionPatient": [0, 0, k], "DiffusionBValue": b, "DiffusionGradientOrientation": g}
        for k in range(3)
        for b, g in weights
    ]
    slices(tmp_path, tags)
    assert inventory_of(tmp_path).series[0].phases == 3


def test_two_dimensions_at_once_make_their_product_of_phases(tmp_path: Path) -> None:
    tags = [
        {"ImagePositionPatient": [0, 0, k], "EchoNumbers": echo, "TemporalPositionIdentifier": time}
        for k in range(3)
        for echo in (1, 2)
        for time in (1, 2)
    ]
    slices(tmp_path, tags)
    reading = read(tmp_path)
    assert "phase 0 of 4 (0 to 3), told apart by temporal position and echo" in reading.repairs


def test_trigger_times_that_differ_by_slice_count_by_their_order(tmp_path: Path) -> None:
    tags = [{"ImagePositionPatient": [0, 0, k], "TriggerTime": 10.0 * k + 100 * p} for k in range(3) for p in (1, 0)]
    pixels = np.array(slices(tmp_path, tags)).reshape(3, 2, 6, 5)
    reading = read(tmp_path, phase=1)
    np.testing.assert_array_equal(layers(reading), pixels[:, 0])
    assert "told apart by order of trigger time" in " ".join(reading.repairs)


@pytest.mark.parametrize("time_major", [True, False])
def test_numbering_phase_by_phase_or_slice_by_slice_is_understood(tmp_path: Path, time_major: bool) -> None:
    tags = []
    for k in range(3):
        for p in range(2):
            number = p * 3 + k + 1 if time_major else k * 2 + p + 1
            tags.append({"ImagePositionPatient": [0, 0, k], "InstanceNumber": number})
    pixels = np.array(slices(tmp_path, tags)).reshape(3, 2, 6, 5)
    np.testing.assert_array_equal(layers(read(tmp_path, phase=1)), pixels[:, 1])


def test_numbering_without_a_pattern_is_not_trusted(tmp_path: Path) -> None:
    numbers = [1, 5, 2, 3, 4, 6]
    tags = [{"ImagePositionPatient": [0, 0, n // 2], "InstanceNumber": numbers[n]} for n in range(6)]
    slices(tmp_path, tags)
    with pytest.raises(InputRefused, match="nothing in their headers tells which belong together"):
        read(tmp_path)


def test_a_phase_that_was_broken_off_is_set_aside(tmp_path: Path) -> None:
    tags = [{"ImagePositionPatient": [0, 0, k], "TemporalPositionIdentifier": p} for p in (1, 2) for k in range(4)]
    pixels = slices(tmp_path, tags[:6])
    reading = read(tmp_path)
    np.testing.assert_array_equal(layers(reading), pixels[:4])
    assert [problem.path.name for problem in reading.problems] == ["004.dcm", "005.dcm"]


@pytest.mark.parametrize("phase", [-1, 1, 7])
def test_a_phase_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path, phase: int) -> None:
    save_series(tmp_path, air(3))
    with pytest.raises(InputRefused, match=rf"phase {phase} does not exist; the series has 1 phase \(0\)"):
        read(tmp_path, phase=phase)


def test_two_scans_between_each_other_are_not_mixed(tmp_path: Path) -> None:
    pixels = air(10)
    for scan, (start, shift) in enumerate(((0, 0.0), (5, 0.7))):
        for k in range(5):
            tags = {"ImagePositionPatient": [0, 0, 2.0 * k + shift], "AcquisitionNumber": scan + 1}
            save(image(pixels[start + k], **tags), tmp_path / f"{scan}{k}.dcm")
    first, second = inventory_of(tmp_path).series
    assert (first.shape, second.uid) == ((5, 6, 5), f"{first.uid}#2")
    np.testing.assert_array_equal(layers(read(tmp_path)), pixels[:5])
    np.testing.assert_array_equal(layers(read(tmp_path, uid=second.uid)), pixels[5:])


def test_acquisitions_one_after_the_other_are_one_stack(tmp_path: Path) -> None:
    tags = [{"ImagePositionPatient": [0, 0, 2.0 * k], "AcquisitionNumber": k // 4} for k in range(12)]
    pixels = slices(tmp_path, tags)
    np.testing.assert_array_equal(layers(read(tmp_path)), pixels)


# Enhanced multi-frame ---------------------------------------------------------------------------


def test_functional_groups_place_and_scale_every_frame(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 1000, (4, 6, 5)).astype(np.uint16)
    order = [2, 0, 3, 1]
    path = save(enhanced(pixels, [[1.0, 2.0, 3.0 * z] for z in order]), tmp_path / "a.dcm")
    reading = read(path)
    np.testing.assert_array_equal(layers(reading)[order], pixels * 2.0 - 5)
    np.testing.assert_allclose(reading.value.grid.spacing_mm, [1, 2, 3])
    np.testing.assert_allclose(reading.value.grid.patient_from_voxel.apply([0, 0, 0]), [1, 2, 0])


# RLE frames are one fragment each (PS3.5 annex A.4.2).
@pytest.mark.parametrize(
    ("syntax", "fragments"), [*itertools.product(list(ENCODERS)[:-2], (1, 3)), ("1.2.840.10008.1.2.5", 1)]
)
def test_compressed_frames_are_found_with_and_without_an_offset_table(
    tmp_path: Path, syntax: str, fragments: int
) -> None:
    pixels = RNG.integers(0, 1000, (4, 16, 16)).astype(np.uint16)
    groups = enhanced(pixels, [[0.0, 0.0, 3.0 * z] for z in range(4)])
    tags = {name: groups[name].value for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")}
    plain = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "PixelSpacing": None}
    save_compressed(pixels, tmp_path / "a.dcm", syntax, fragments, SOPClassUID=groups.SOPClassUID, **tags, **plain)
    np.testing.assert_array_equal(layers(read(tmp_path)), pixels * 2.0 - 5)


def test_enhanced_phases_are_told_apart_by_functional_groups(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 1000, (6, 6, 5)).astype(np.uint16)
    frame_tags = []
    for frame in range(6):
        tags = Dataset()
        tags.FrameContentSequence = [item(TemporalPositionIndex=frame % 2 + 1, DimensionIndexValues=[1, frame])]
        frame_tags.append(tags)
    path = save(enhanced(pixels, [[0, 0, 3.0 * (f // 2)] for f in range(6)], frame_tags), tmp_path / "a.dcm")
    reading = read(path, phase=1)
    np.testing.assert_array_equal(layers(reading), pixels[1::2] * 2.0 - 5)
    assert "phase 1 of 2 (0 to 1), told apart by temporal position" in reading.repairs


def test_a_dimension_index_tells_phases_apart_where_nothing_else_does(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 1000, (6, 6, 5)).astype(np.uint16)
    frame_tags = []
    for frame in range(6):
        tags = Dataset()
        tags.FrameContentSequence = [item(DimensionIndexValues=[1, frame // 2 + 1, frame % 2 + 1])]
        frame_tags.append(tags)
    path = save(enhanced(pixels, [[0, 0, 3.0 * (f // 2)] for f in range(6)], frame_tags), tmp_path / "a.dcm")
    np.testing.assert_array_equal(layers(read(path, phase=0)), pixels[::2] * 2.0 - 5)


def test_frames_that_a_truncated_file_lost_are_reasons(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 1000, (6, 16, 16)).astype(np.uint16)
    path = save(enhanced(pixels, [[0, 0, 3.0 * f] for f in range(6)]), tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-700])
    reading = read(path)
    assert reading.value.grid.shape == (16, 16, 4)
    np.testing.assert_array_equal(layers(reading), pixels[:4] * 2.0 - 5)
    assert [str(problem) for problem in reading.problems] == ["a.dcm: pixel data ends after 4 of 6 frames"]
    inventory = inventory_of(path)
    assert inventory.problems == reading.problems
    assert inventory.choose().shape == (16, 16, 4)


def test_frames_without_a_functional_group_are_set_aside_by_name(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 900, (6, 4, 5)).astype(np.uint16)
    dataset = enhanced(pixels, [[0, 0, 3.0 * f] for f in range(6)])
    dataset.PerFrameFunctionalGroupsSequence = list(dataset.PerFrameFunctionalGroupsSequence)[:4]
    reading = read(save(dataset, tmp_path / "a.dcm"))
    assert reading.value.grid.shape[2] == 4
    assert [str(problem) for problem in reading.problems] == [
        "a.dcm: states no usable image position (2 of its 6 frames)"
    ]
    assert inventory_of(tmp_path).problems == reading.problems


def test_multi_frame_files_that_cannot_be_used_are_listed_with_as_many_slices_as_they_have(tmp_path: Path) -> None:
    for name in ("a", "b"):
        dataset = enhanced(np.zeros((6, 4, 5), np.uint16), [[0, 0, 3.0 * f] for f in range(6)])
        del dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
        save(dataset, tmp_path / f"{name}.dcm")
    (info,) = inventory_of(tmp_path).series
    assert (info.kind, info.shape, len(info.files)) == (SeriesKind.UNUSABLE, (5, 4, 12), 2)
    assert len(inventory_of(tmp_path).problems) == 2


def test_a_multi_frame_file_in_several_stacks_is_set_aside_once(tmp_path: Path) -> None:
    positions = [[0, 0, 3.0 * f] for f in range(4)] + [[0, 3.0 * f, 0] for f in range(4)]
    frame_tags = [Dataset() for _ in range(8)]
    for tags in frame_tags[4:]:
        tags.PlaneOrientationSequence = [item(ImageOrientationPatient=[1.0, 0.0, 0.0, 0.0, 0.0, -1.0])]
    path = save(enhanced(np.zeros((8, 16, 16), np.uint16), positions, frame_tags), tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-700])
    inventory = inventory_of(path)
    assert [info.shape[2] for info in inventory.series] == [4, 2]
    assert [str(problem) for problem in inventory.problems] == ["a.dcm: pixel data ends after 6 of 8 frames"]


def test_phases_of_a_multi_frame_file_are_told_by_their_temporal_position_alone(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 900, (6, 4, 5)).astype(np.uint16)
    frame_tags = [item(FrameContentSequence=[item(TemporalPositionIndex=1 + f % 2)]) for f in range(6)]
    path = save(enhanced(pixels, [[0, 0, 3.0 * (f // 2)] for f in range(6)], frame_tags), tmp_path / "a.dcm")
    assert inventory_of(path).choose().phases == 2
    np.testing.assert_array_equal(layers(read(path, phase=1)), pixels[1::2] * 2.0 - 5)
