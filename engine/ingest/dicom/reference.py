"""The series that a segmentation object or structure set says it was drawn on."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from engine.ingest.dicom.object import data_set, items, reading


def referenced_series(path: Path) -> frozenset[str]:
    """Series Instance UIDs that the object refers to; empty where it names none.

    Raises:
        InputRefused: damaged.
    """
    with reading(path, "segmentation"):
        found = data_set(path)
        return frozenset(series_of_segmentation(found)) | series_of_structure_set(found)


def series_of_segmentation(found: Dataset) -> tuple[str, ...]:
    """Series that a segmentation was drawn on: Common Instance Reference (PS3.3 C.12.2)."""
    return tuple(_uids(items(found, "ReferencedSeriesSequence")))


def series_of_structure_set(found: Dataset) -> frozenset[str]:
    """Series that a structure set was drawn on: Referenced Frame of Reference (PS3.3 C.8.8.5)."""
    spaces = items(found, "ReferencedFrameOfReferenceSequence")
    studies = [study for space in spaces for study in items(space, "RTReferencedStudySequence")]
    return frozenset(uid for study in studies for uid in _uids(items(study, "RTReferencedSeriesSequence")))


def _uids(named: list[Dataset]) -> list[str]:
    return [uid for one in named if (uid := str(one.get("SeriesInstanceUID", "")))]
