"""Structures and margins as closed planar contours: an RT structure set (PS3.3 A.19, C.8.8.5, C.8.8.6, C.8.8.8).

Contours lie on the slices of the labels, half way between pixels inside and outside, with holes as keyholes (see
`outline`). A plane that is that of a slice names it; a plane between slices, where labels were made on slices
interpolated between those scanned, names none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.structure import Rgb
from engine.core.volume import LabelMap
from engine.export.dicom.labelled import Labelled, structures_of
from engine.export.dicom.meaning import algorithm_type, interpreted_type, made_by, type_of
from engine.export.dicom.outline import outlines
from engine.export.dicom.part10 import RESEARCH, Stamp, concept, date_of, item, new_object, referenced, text, time_of
from engine.export.dicom.source import Source

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
#: Retired, and what every reader of structure sets looks for all the same (PS3.3 C.8.8.5).
_STUDY = "1.2.840.10008.3.1.2.3.1"
_POINT_COLOUR: Rgb = (240, 228, 66)
#: Explicit syntaxes give a decimal string no more than 65,534 bytes, some 2,400 points; one contour of a body has more.
SYNTAX = ImplicitVRLittleEndian
_KIND, _COUNT, _DATA = Tag("ContourGeometricType"), Tag("NumberOfContourPoints"), Tag("ContourData")


@dataclass(frozen=True, slots=True, eq=False)
class Marker:
    """A point that is written as a structure of its own.

    Attributes:
        place_mm: (3,) in the patient frame.
    """

    name: str
    place_mm: Float64

    def __post_init__(self) -> None:
        object.__setattr__(self, "place_mm", owned(self.place_mm, np.float64))
        if self.place_mm.shape != (3,) or not np.isfinite(self.place_mm).all():
            raise InvalidValue(f"the place of marker {self.name!r} is three finite numbers")


def structure_set(
    label_maps: Sequence[LabelMap], source: Source, stamp: Stamp, markers: Sequence[Marker] = ()
) -> Dataset:
    """Every structure of `label_maps` in their order, then every marker, numbered from 1.

    The object must be saved as `SYNTAX` says.

    Raises:
        InvalidValue: nothing to write.
        FrameMismatch: the labels do not lie in the frame of the series.
    """
    every = structures_of(label_maps, source)
    grid, now = label_maps[0].grid, stamp.local(source)
    found = new_object(source, stamp, STRUCTURE_SET, "RTSTRUCT", f"Structures. {RESEARCH}")
    found.OperatorsName = ""
    found.FrameOfReferenceUID = source.frame_of_reference_uid
    found.PositionReferenceIndicator = source.position_reference
    found.StructureSetLabel = "SIGHTLINE"
    found.StructureSetDescription = f"{RESEARCH}. Contours on the slices of the labels; holes by keyhole."
    found.StructureSetDate, found.StructureSetTime = date_of(now), time_of(now)
    found.ReferencedFrameOfReferenceSequence = [_space(source)]
    found.StructureSetROISequence = [_roi(number, one, source) for number, one in enumerate(every, 1)] + [
        _marker_roi(number, one, source) for number, one in enumerate(markers, len(every) + 1)
    ]
    found.ROIContourSequence = [
        item(
            ReferencedROINumber=number,
            ROIDisplayColor=list(one.structure.colour),
            ContourSequence=list(_contours(one, grid, source)),
        )
        for number, one in enumerate(every, 1)
    ] + [_marker_contour(number, one, source) for number, one in enumerate(markers, len(every) + 1)]
    found.RTROIObservationsSequence = [_observation(number, one) for number, one in enumerate(every, 1)] + [
        item(ObservationNumber=number, ReferencedROINumber=number, RTROIInterpretedType="MARKER", ROIInterpreter="")
        for number in range(len(every) + 1, len(every) + len(markers) + 1)
    ]
    found.ApprovalStatus = "UNAPPROVED"
    return found


def _space(source: Source) -> Dataset:
    """Referenced Frame of Reference, down to every slice."""
    images = [
        image if not frames else _with_frames(image, frames)
        for image, frames in zip(referenced(source.instances.items()), _frames(source), strict=True)
    ]
    series = item(SeriesInstanceUID=source.series_uid, ContourImageSequence=images)
    study = item(
        ReferencedSOPClassUID=_STUDY,
        ReferencedSOPInstanceUID=source.study.StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    return item(FrameOfReferenceUID=source.frame_of_reference_uid, RTReferencedStudySequence=[study])


def _frames(source: Source) -> list[list[int]]:
    """For each instance the numbers of its frames, none for an image of one plane."""
    numbers: dict[str, list[int]] = {}
    for one in source.slices:
        numbers.setdefault(one.sop_instance_uid, []).extend([one.frame] if one.frame else [])
    return list(numbers.values())


def _with_frames(image: Dataset, frames: list[int]) -> Dataset:
    image.ReferencedFrameNumber = frames
    return image


def _roi(number: int, one: Labelled, source: Source) -> Dataset:
    return item(
        ROINumber=number,
        ReferencedFrameOfReferenceUID=source.frame_of_reference_uid,
        ROIName=text(one.structure.name, 64),
        ROIDescription=text(made_by(one.structure), 1024),
        ROIGenerationAlgorithm=algorithm_type(one.structure),
    )


def _marker_roi(number: int, marker: Marker, source: Source) -> Dataset:
    return item(
        ROINumber=number,
        ReferencedFrameOfReferenceUID=source.frame_of_reference_uid,
        ROIName=text(marker.name, 64),
        ROIGenerationAlgorithm="MANUAL",
    )


def _observation(number: int, one: Labelled) -> Dataset:
    made = item(
        ObservationNumber=number,
        ReferencedROINumber=number,
        ROIObservationLabel=text(one.structure.key, 16),
        RTROIInterpretedType=interpreted_type(one.structure),
        ROIInterpreter="",
    )
    if one.structure.code is not None:
        made.RTROIIdentificationCodeSequence = [concept(type_of(one.structure))]
    return made


def _contours(one: Labelled, grid: Grid, source: Source) -> Iterator[Dataset]:
    axes = grid.directions
    normal = np.cross(axes[:, 0], axes[:, 1])
    for level in range(grid.shape[2]):
        drawn = outlines(one.mask(level))
        plane = _plane(grid.patient_from_voxel.apply((0, 0, level)), normal, source) if drawn else None
        for contour in drawn:
            points = grid.patient_from_voxel.apply(np.column_stack([contour, np.full(len(contour), level)]))
            yield _contour("CLOSED_PLANAR", points, plane)


def _marker_contour(number: int, marker: Marker, source: Source) -> Dataset:
    plane = _plane(marker.place_mm, source.normal, source)
    point = _contour("POINT", marker.place_mm[None], plane)
    return item(ReferencedROINumber=number, ROIDisplayColor=list(_POINT_COLOUR), ContourSequence=[point])


def _contour(kind: str, points_mm: Float64, plane: Dataset | None) -> Dataset:
    """One contour, as the bytes that are written: a body with its organs has 100,000, with millions of numbers, and for
    each pydicom would look at every one of them."""
    numbers = (np.round(points_mm, 3) + 0.0).ravel().tolist()
    made = Dataset()
    for tag, vr, value in (
        (_KIND, "CS", kind),
        (_COUNT, "IS", str(len(points_mm))),
        (_DATA, "DS", "\\".join(["%.3f"] * len(numbers)) % tuple(numbers)),
    ):
        data = value.encode() + b" " * (len(value) % 2)
        made[tag] = RawDataElement(tag, vr, len(data), data, 0, True, True, True)
    made.set_original_encoding(True, True, "iso8859")
    if plane is not None:
        made.ContourImageSequence = [plane]
    return made


def _plane(point_mm: Float64, normal: Float64, source: Source) -> Dataset | None:
    """The slice in whose plane a contour lies."""
    one = source.slice_at(point_mm, normal)
    if one is None:
        return None
    (image,) = referenced([(one.sop_instance_uid, one.sop_class_uid)])
    return _with_frames(image, [one.frame]) if one.frame else image
