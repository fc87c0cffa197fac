"""RT structure sets for tests, written by pydicom so that nothing of ours is on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from engine.core.grid import Grid
from engine.core.volume import Source, Volume

FRAME, SERIES = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"


def blank(
    shape: tuple[int, int, int] = (80, 70, 40),
    matrix: ArrayLike | None = None,
    frame: str = FRAME,
    series: str = SERIES,
) -> Volume:
    """An empty volume of 1 x 1 x 2 mm voxels that the structures belong to."""
    place = np.diag([1.0, 1.0, 2.0, 1.0]) if matrix is None else matrix
    grid = Grid.from_matrix(shape, place, frame)
    return Volume(grid, np.zeros(shape, np.int16, order="F"), source=Source("dicom", "CT", series_uid=series))


def circle(centre: ArrayLike, radius_mm: float, points: int = 120) -> NDArray[np.float64]:
    """A circle in the plane z = centre[2], (points, 3)."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(points)], axis=1)
    return np.asarray(centre) + radius_mm * ring


def rectangle(low: ArrayLike, high: ArrayLike, z: float) -> NDArray[np.float64]:
    (a, b), (c, d) = np.asarray(low), np.asarray(high)
    return np.array([[a, b, z], [c, b, z], [c, d, z], [a, d, z]], dtype=np.float64)


def sequence_item(**tags: object) -> Dataset:
    item = Dataset()
    for name, value in tags.items():
        setattr(item, name, value)
    return item


def structure_set(
    structures: Mapping[str, Sequence[NDArray[np.float64]]],
    kind: str = "CLOSED_PLANAR",
    frame: str = FRAME,
    series: str = SERIES,
) -> Dataset:
    """A structure set of closed contours in LPS millimetres."""
    found = Dataset()
    found.SOPClassUID, found.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", generate_uid(entropy_srcs=["rt"])
    found.StudyInstanceUID = found.SeriesInstanceUID = generate_uid(entropy_srcs=["study"])
    found.Modality, found.StructureSetLabel = "RTSTRUCT", "TEST"
    referenced = sequence_item(FrameOfReferenceUID=frame)
    if series:
        one = sequence_item(SeriesInstanceUID=series)
        referenced.RTReferencedStudySequence = [sequence_item(RTReferencedSeriesSequence=[one])]
    found.ReferencedFrameOfReferenceSequence = [referenced]
    found.StructureSetROISequence = [
        sequence_item(ROINumber=number, ROIName=name, ReferencedFrameOfReferenceUID=frame)
        for number, name in enumerate(structures, 1)
    ]
    found.ROIContourSequence = [
        sequence_item(
            ReferencedROINumber=number,
            ROIDisplayColor=[10 * number, 20, 30],
            ContourSequence=[
                sequence_item(
                    ContourGeometricType=kind,
                    NumberOfContourPoints=len(contour),
                    ContourData=[f"{value:.6g}" for value in contour.ravel()],
                )
                for contour in contours
            ],
        )
        for number, contours in enumerate(structures.values(), 1)
    ]
    return found


def saved(found: Dataset, path: Path) -> Path:
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    found.save_as(path, enforce_file_format=True)
    return path
