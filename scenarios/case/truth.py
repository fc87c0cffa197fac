"""What is there: findings with their places, and the organ that was to be searched."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from scenarios.case.part import CodedConcept, InFolder, Key, Line, Name, Part, Point, Text


class MaskPlace(Part):
    """Voxels of a label map in the folder of the case (NIfTI, NRRD or DICOM SEG, on the volume's grid)."""

    kind: Literal["mask"] = "mask"
    file: InFolder
    label: int = Field(ge=1, le=0xFFFF)


class PointPlace(Part):
    """A ball about a point, where nobody drew a border."""

    kind: Literal["point"] = "point"
    at_mm: Point
    radius_mm: float = Field(ge=0, le=200)


class LesionPlace(Part):
    """A lesion that the volume's recipe puts in: its mask is exact."""

    kind: Literal["lesion"] = "lesion"
    lesion: Name


class StructurePlace(Part):
    """A structure of the phantom, or of the segmentation pipeline that fits the volume."""

    kind: Literal["structure"] = "structure"
    key: Key


Place = Annotated[MaskPlace | PointPlace | LesionPlace | StructurePlace, Field(discriminator="kind")]


class Finding(Part):
    """Something that is there.

    Attributes:
        id: by which tasks name it.
        name: as it is told after reveal.
        volume: in which it is seen.
        place: where.
        codes: what it is, in RadLex or SNOMED CT.
        weight: what it counts beside the others of the case (wAFROC).
        is_key: it is what the case is about; others are incidental.
        why: what shows it, and what makes it easy to miss: told to whoever missed it.
    """

    id: Name
    name: Line
    volume: Name
    place: Place
    codes: tuple[CodedConcept, ...] = ()
    weight: float = Field(default=1.0, gt=0, le=100)
    is_key: bool = True
    why: Text | None = None


class Distractor(Part):
    """Something that looks like a finding and is none: a mark on it is explained, not only counted."""

    id: Name
    name: Line
    volume: Name
    place: Place
    why: Text


class Truth(Part):
    """All that is there; no findings: a normal case.

    Attributes:
        findings: what is to be found.
        distractors: what is not.
        organ: structures that were to be searched, of the pipeline's or the phantom's keys: coverage is told of them.
        says: the case in a few sentences, shown after reveal.
    """

    findings: tuple[Finding, ...] = Field(default=(), max_length=200)
    distractors: tuple[Distractor, ...] = Field(default=(), max_length=200)
    organ: tuple[Key, ...] = ()
    says: Text | None = None
