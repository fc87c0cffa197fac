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
        return frozenset(
            str(one.get("SeriesInstanceUID", "")) for one in (*_of_segmentation(found), *_of_structure_set(found))
        )


def _of_segmentation(found: Dataset) -> list[Dataset]:
    """Common Instance Reference (PS3.3 C.12.2)."""
    return items(found, "ReferencedSeriesSequence")


def _of_structure_set(found: Dataset) -> list[Dataset]:
    """Referenced Frame of Reference (PS3.3 C.8.8.5)."""
    return [
        one
        for frame in items(found, "ReferencedFrameOfReferenceSequence")
        for study in items(frame, "RTReferencedStudySequence")
        for one in items(study, "RTReferencedSeriesSequence")
    ]
