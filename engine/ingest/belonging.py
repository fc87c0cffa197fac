"""Which of several scans a segmentation was drawn on, from headers alone."""

from __future__ import annotations

from collections.abc import Iterable

from engine.core.errors import InputRefused
from engine.ingest.study import SeriesInfo, SeriesKind


def scan_of(labels: SeriesInfo, series: Iterable[SeriesInfo]) -> SeriesInfo:
    """The volume among `series` that `labels` most likely belongs to.

    The one that it names, then one with as many voxels along each axis, then one of its study, then the
    largest. Whether it truly belongs there is checked when both are read.

    Raises:
        InputRefused: there is no volume.
    """
    volumes = [info for info in series if info.kind is SeriesKind.VOLUME and info.uid != labels.uid]
    if not volumes:
        raise InputRefused("the scan that this segmentation was drawn on is not here: open the scan first, then this")
    named = _named_series(labels)

    def rank(info: SeriesInfo) -> tuple[bool, bool, bool, int]:
        is_of_study = bool(labels.study_uid) and info.study_uid == labels.study_uid
        return info.uid.split("#")[0] in named, info.shape == labels.shape, is_of_study, info.voxel_count

    return max(volumes, key=rank)


def _named_series(labels: SeriesInfo) -> frozenset[str]:
    """The series that a DICOM object says it was drawn on; none for other formats."""
    if labels.format != "dicom" or labels.kind is SeriesKind.VOLUME:
        return frozenset()
    from engine.ingest.dicom.reference import referenced_series  # pydicom is loaded only where it is needed

    try:
        return referenced_series(labels.files[0])
    except InputRefused:  # damaged: reading it will say so
        return frozenset()
