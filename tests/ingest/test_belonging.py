"""Which scan a segmentation is shown beside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from engine.core.errors import InputRefused
from engine.ingest.belonging import scan_of
from engine.ingest.study import SeriesInfo, SeriesKind

LARGE = SeriesInfo(
    "2.25.1", SeriesKind.VOLUME, "dicom", "CT", "thin", (), (512, 512, 300), (1, 1, 1), study_uid="2.25.9"
)
SMALL = replace(LARGE, uid="2.25.2", shape=(512, 512, 60))
OTHER = replace(LARGE, uid="2.25.3", shape=(256, 256, 400), study_uid="2.25.8")
SCOUT = replace(LARGE, uid="2.25.4", kind=SeriesKind.LOCALIZER)


def item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def saved(path: Path, sop_class: str, content: Dataset) -> Path:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID("2.25.77")
    made = FileDataset(str(path), content, file_meta=meta, preamble=bytes(128))
    made.SOPClassUID, made.SOPInstanceUID = UID(sop_class), UID("2.25.77")
    made.save_as(path, enforce_file_format=True)
    return path


def labels(*files: Path, kind: SeriesKind = SeriesKind.LABELS, shape: tuple[int, int, int] = (0, 0, 0)) -> SeriesInfo:
    return SeriesInfo("2.25.5", kind, "dicom" if files else "nifti", "SEG", "liver", files, shape, (1, 1, 1))


def test_a_segmentation_goes_with_the_series_that_it_names(tmp_path: Path) -> None:
    named = item(ReferencedSeriesSequence=[item(SeriesInstanceUID="2.25.2")])
    path = saved(tmp_path / "seg", "1.2.840.10008.5.1.4.1.1.66.4", named)
    assert scan_of(labels(path), [LARGE, SMALL, OTHER, SCOUT]) == SMALL


def test_a_structure_set_goes_with_the_series_that_it_names_even_where_that_was_divided(tmp_path: Path) -> None:
    study = item(RTReferencedSeriesSequence=[item(SeriesInstanceUID="2.25.2")])
    named = item(ReferencedFrameOfReferenceSequence=[item(RTReferencedStudySequence=[study])])
    path = saved(tmp_path / "rt", "1.2.840.10008.5.1.4.1.1.481.3", named)
    divided = replace(SMALL, uid="2.25.2#2")
    assert scan_of(labels(path, kind=SeriesKind.CONTOURS), [LARGE, divided, OTHER]) == divided


def test_a_label_map_goes_with_the_scan_of_its_size_and_else_of_its_study_and_else_with_the_largest() -> None:
    volumes = [LARGE, SMALL, OTHER]
    assert scan_of(labels(shape=SMALL.shape), volumes) == SMALL
    assert scan_of(replace(labels(), study_uid="2.25.8"), volumes) == OTHER
    assert scan_of(labels(), volumes) == LARGE


def test_a_damaged_object_is_no_hindrance_until_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "seg").write_bytes(bytes(200))
    assert scan_of(labels(tmp_path / "seg"), [SMALL, LARGE]) == LARGE


def test_a_segmentation_without_any_scan_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputRefused, match="open the scan first"):
        scan_of(labels(), [SCOUT])
