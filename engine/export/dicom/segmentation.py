"""Structures and margins as a DICOM segmentation (PS3.3 A.51 and C.8.20).

- Binary: each structure whole, overlaps kept. Label map (Supplement 243): one label a voxel, so a structure that
  includes others is written without them, and its description says so.
- Frames stand on the grid of the labels, empty ones are left out. Where that is the grid of the slices, each frame
  names its slice as one whose pixels are the same places; where slices were moved within their planes onto a
  right-angled grid (a tilted gantry), as one whose pixels are not; a plane between slices names none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from pydicom.dataset import Dataset

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.structure import Code
from engine.core.volume import LabelMap
from engine.export.dicom.labelled import Labelled, structures_of
from engine.export.dicom.meaning import (
    SCHEME,
    algorithm_type,
    category_of,
    cielab,
    coding_schemes,
    made_by,
    side_of,
    type_of,
)
from engine.export.dicom.part10 import (
    RESEARCH,
    Stamp,
    concept,
    decimals,
    item,
    new_object,
    refer_to_series,
    say_content,
    text,
)
from engine.export.dicom.source import Slice, Source

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"
_DERIVED_BY = Code("113076", "Segmentation", "DCM")
_SOURCE_IMAGE = Code("121322", "Source image for image processing operation", "DCM")
_BACKGROUND = Code("125040", "Background", "DCM")
#: A pixel of the labels is that of a slice where its centre is, to this.
_SAME_PLACE_MM = 0.02


class Kind(StrEnum):
    """How voxels are stored: a bit for each structure, or a number for all."""

    BINARY = "BINARY"
    LABELMAP = "LABELMAP"


def segmentation(label_maps: Sequence[LabelMap], source: Source, stamp: Stamp, kind: Kind = Kind.BINARY) -> Dataset:
    """Every structure of `label_maps` as a segment, numbered from 1 in their order.

    Raises:
        InvalidValue: nothing to write, or what a segmentation cannot hold.
        FrameMismatch: the labels do not lie in the frame of the series.
    """
    if kind is Kind.LABELMAP and len(label_maps) > 1:
        raise InvalidValue("a label map segmentation holds one label map: structures of several may overlap")
    every = structures_of(label_maps, source)
    grid = label_maps[0].grid
    sop_class = SEGMENTATION if kind is Kind.BINARY else LABEL_MAP_SEGMENTATION
    found = new_object(source, stamp, sop_class, "SEG", f"Segmentation. {RESEARCH}")
    say_content(found, source, stamp, "SEGMENTATION", RESEARCH)
    refer_to_series(found, source)
    found.FrameOfReferenceUID = source.frame_of_reference_uid
    found.PositionReferenceIndicator = source.position_reference
    frames = list(_frames(every, kind))
    found.SegmentSequence = [_segment(number, one, kind) for number, one in enumerate(every, 1)]
    if any(type_of(one.structure).scheme == SCHEME for one in every):
        found.CodingSchemeIdentificationSequence = coding_schemes()
    if kind is Kind.LABELMAP:
        found.SegmentSequence.insert(0, _background())
    _say_pixels(found, grid, source, kind, every, frames)
    _say_places(found, grid, source, kind, frames, stamp)
    found.PixelData = _bits(every, frames) if kind is Kind.BINARY else _numbers(every, frames)
    found["PixelData"].VR = "OB" if found.BitsAllocated <= 8 else "OW"
    return found


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame: its segment, 0 for all of a label map, and its slice of the grid."""

    segment: int
    level: int


def _frames(every: Sequence[Labelled], kind: Kind) -> Iterator[_Frame]:
    levels = range(len(every[0].labels))
    if kind is Kind.BINARY:
        for number, one in enumerate(every, 1):
            yield from (_Frame(number, level) for level in levels if one.mask(level).any())
    else:
        yield from (_Frame(0, level) for level in levels if every[0].labels[level].any())


def _bits(every: Sequence[Labelled], frames: Sequence[_Frame]) -> bytes:
    """One bit a pixel, frames without a gap between them, the first pixel in the lowest bit (PS3.5 section 8.1.1)."""
    packed, rest = bytearray(), np.zeros(0, dtype=np.bool_)
    for frame in frames:
        bits = np.concatenate([rest, every[frame.segment - 1].mask(frame.level).ravel()])
        whole = bits.size // 8 * 8
        packed += np.packbits(bits[:whole], bitorder="little").tobytes()
        rest = bits[whole:]
    packed += np.packbits(rest, bitorder="little").tobytes()
    return bytes(packed) + b"\0" * (len(packed) % 2)


def _numbers(every: Sequence[Labelled], frames: Sequence[_Frame]) -> bytes:
    """The number of a segment a pixel."""
    number_of = np.zeros(0x10000, dtype="<u2" if len(every) > 0xFF else "u1")
    for number, one in enumerate(every, 1):
        number_of[one.structure.label] = number
    stored = b"".join(number_of[every[0].labels[frame.level]].tobytes() for frame in frames)
    return stored + b"\0" * (len(stored) % 2)


def _say_pixels(
    found: Dataset, grid: Grid, source: Source, kind: Kind, every: Sequence[Labelled], frames: Sequence[_Frame]
) -> None:
    """Image Pixel and Segmentation Image (PS3.3 C.7.6.3, C.8.20.2)."""
    found.ImageType = ["DERIVED", "PRIMARY"]
    found.SamplesPerPixel, found.PhotometricInterpretation, found.PixelRepresentation = 1, "MONOCHROME2", 0
    found.Columns, found.Rows, _ = grid.shape
    found.NumberOfFrames = len(frames)
    bits = 1 if kind is Kind.BINARY else 16 if len(every) > 0xFF else 8
    found.BitsAllocated, found.BitsStored, found.HighBit = bits, bits, bits - 1
    found.LossyImageCompression = "00"
    for keyword, value in source.compression.items():
        setattr(found, keyword, value)
    found.SegmentationType = str(kind)
    found.SegmentsOverlap = "YES" if kind is Kind.BINARY and _overlap(every) else "NO"
    if kind is Kind.LABELMAP:
        found.PixelPaddingValue = 0


def _overlap(every: Sequence[Labelled]) -> bool:
    """Whether a voxel can be in two segments: by what they include, or by standing in different label maps."""
    together = len({id(one.labels) for one in every}) == 1
    return not together or any(one.structure.includes for one in every)


def _segment(number: int, one: Labelled, kind: Kind) -> Dataset:
    structure = one.structure
    without = " Without what it includes." if kind is Kind.LABELMAP and structure.includes else ""
    made = item(
        SegmentNumber=number,
        SegmentLabel=text(structure.name, 64),
        SegmentDescription=text(f"{made_by(structure)}.{without} {RESEARCH}.", 1024),
        SegmentAlgorithmType=algorithm_type(structure),
        SegmentedPropertyCategoryCodeSequence=[concept(category_of(structure))],
        SegmentedPropertyTypeCodeSequence=[concept(type_of(structure))],
        RecommendedDisplayCIELabValue=cielab(structure.colour),
    )
    if made.SegmentAlgorithmType != "MANUAL":
        made.SegmentAlgorithmName = text(f"{structure.provenance.pipeline} {structure.provenance.version}", 64)
    if (side := side_of(structure)) is not None:
        made.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [concept(side)]
    return made


def _background() -> Dataset:
    """What the number 0 means, which a label map must say."""
    return item(
        SegmentNumber=0,
        SegmentLabel="Background",
        SegmentAlgorithmType="MANUAL",
        SegmentedPropertyCategoryCodeSequence=[concept(_BACKGROUND)],
        SegmentedPropertyTypeCodeSequence=[concept(_BACKGROUND)],
    )


def _say_places(found: Dataset, grid: Grid, source: Source, kind: Kind, frames: Sequence[_Frame], stamp: Stamp) -> None:
    """Multi-frame Functional Groups and Dimensions (PS3.3 C.7.6.16, C.7.6.17)."""
    axes = grid.directions
    normal = np.cross(axes[:, 0], axes[:, 1])
    apart = abs(float(normal @ grid.patient_from_voxel.matrix[:3, 2]))
    measures = item(
        PixelSpacing=decimals(grid.spacing_mm[1::-1]),
        SliceThickness=decimals([apart])[0],
        SpacingBetweenSlices=decimals([apart])[0],
    )
    directions = item(ImageOrientationPatient=decimals([*axes[:, 0], *axes[:, 1]]))
    found.SharedFunctionalGroupsSequence = [
        item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[directions])
    ]
    organisation = stamp.new_uid()
    found.DimensionOrganizationSequence = [item(DimensionOrganizationUID=organisation)]
    pointers = [(0x0062000B, 0x0062000A, "Segment"), (0x00200032, 0x00209113, "Place")]
    found.DimensionIndexSequence = [
        item(
            DimensionOrganizationUID=organisation,
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=group,
            DimensionDescriptionLabel=label,
        )
        for pointer, group, label in pointers[kind is Kind.LABELMAP :]
    ]
    places = _Places(grid, source, normal)
    order = {level: n for n, level in enumerate(sorted({frame.level for frame in frames}), 1)}
    found.PerFrameFunctionalGroupsSequence = [_groups(frame, order[frame.level], places, kind) for frame in frames]


class _Places:
    """Where each slice of the grid lies, and which slice of the series it is."""

    def __init__(self, grid: Grid, source: Source, normal: Float64) -> None:
        self._grid, self._source, self._normal = grid, source, normal
        self._groups: dict[int, Dataset] = {}
        self._is_same_size = (grid.shape[1], grid.shape[0]) == (source.rows, source.columns)

    def position_mm(self, level: int) -> Float64:
        """(3,) centre of its first pixel."""
        return self._grid.patient_from_voxel.apply((0, 0, level))

    def groups(self, level: int) -> Dataset:
        """Where a frame lies and what it was made on; shared by all frames of a slice, for there may be thousands."""
        if level not in self._groups:
            self._groups[level] = item(
                PlanePositionSequence=[item(ImagePositionPatient=decimals(self.position_mm(level)))],
                DerivationImageSequence=self._derivation(level),
            )
        return self._groups[level]

    def _derivation(self, level: int) -> list[Dataset]:
        """Derivation Image (PS3.3 C.7.6.16.2.6); empty for a plane that is no slice."""
        one = self._source.slice_at(self.position_mm(level), self._normal)
        if one is None:
            return []
        image = item(
            ReferencedSOPClassUID=one.sop_class_uid,
            ReferencedSOPInstanceUID=one.sop_instance_uid,
            PurposeOfReferenceCodeSequence=[concept(_SOURCE_IMAGE)],
            SpatialLocationsPreserved="YES" if self._is_same_pixels(one, level) else "NO",
        )
        if one.frame:
            image.ReferencedFrameNumber = one.frame
        return [item(SourceImageSequence=[image], DerivationCodeSequence=[concept(_DERIVED_BY)])]

    def _is_same_pixels(self, one: Slice, level: int) -> bool:
        """Whether first, last and corner pixels of the plane are where those of the slice are."""
        if not self._is_same_size:
            return False
        corners = np.array([(0, 0), (self._source.columns - 1, 0), (0, self._source.rows - 1)])
        along = self._source.orientation.reshape(2, 3) * self._source.spacing_mm[:, None]
        theirs = one.position_mm + corners @ along
        ours = self._grid.patient_from_voxel.apply(np.column_stack([corners, np.full(3, level)]))
        return bool(np.abs(ours - theirs).max() <= _SAME_PLACE_MM)


def _groups(frame: _Frame, order: int, places: _Places, kind: Kind) -> Dataset:
    own = Dataset()
    own.update(places.groups(frame.level))
    index = [frame.segment, order] if kind is Kind.BINARY else [order]
    own.FrameContentSequence = [item(DimensionIndexValues=index)]
    if kind is Kind.BINARY:
        own.SegmentIdentificationSequence = [item(ReferencedSegmentNumber=frame.segment)]
    return own
