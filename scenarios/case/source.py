"""Where the images of a case come from: a file with its hash, a phantom from its seed, or either with lesions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from scenarios.case.part import InFolder, Line, Name, Part, Point, Sha256

BodyName = Literal["thorax", "thorax_angiogram", "abdomen", "head", "head_ct", "head_ct_plain"]
SizeName = Literal["small", "reading", "demo", "full"]


class FileSource(Part):
    """A scan in a file or folder.

    Attributes:
        path: within the folder of the case; None where the scan stays where it is and is found by its hash.
        scan: what it is called where it is not in the folder: its file or folder name, for a person who looks for it.
        sha256: of its samples and geometry, whatever the format they are stored in.
        series_uid: which series of several.
    """

    kind: Literal["file"] = "file"
    path: InFolder | None = None
    scan: Line | None = None
    sha256: Sha256
    series_uid: str | None = None

    @model_validator(mode="after")
    def _is_somewhere(self) -> FileSource:
        if (self.path is None) == (self.scan is None):
            raise ValueError("a scan is in the folder of the case (path) or elsewhere (scan): give one of the two")
        return self


class PhantomSource(Part):
    """A simulated body, made at first use: the same name, size and seed give the same bytes.

    Attributes:
        healthy: without the lesions that the phantom of this name and seed would have.
    """

    kind: Literal["phantom"] = "phantom"
    body: BodyName
    size: SizeName = "small"
    seed: int = Field(ge=0, lt=2**31)
    healthy: bool = False


class LesionRecipe(Part):
    """A lesion to be put into a volume.

    Attributes:
        id: by which a finding names it.
        kind: what it is.
        size_mm: its largest diameter.
        contrast: of the lesion from its surroundings in the unit of the volume; None: as usual for its kind.
        at_mm: where; None: where `seed` puts it among all places that such a lesion may have.
        seed: of its shape, texture and place.
        options: what else its kind can be told, by name.
    """

    id: Name
    kind: Name
    size_mm: float = Field(gt=0, le=200)
    contrast: float | None = None
    at_mm: Point | None = None
    seed: int = Field(ge=0, lt=2**31)
    options: dict[Name, float] = Field(default_factory=dict)


BaseSource = Annotated[FileSource | PhantomSource, Field(discriminator="kind")]


class LesionSource(Part):
    """A scan or a phantom with lesions put in: known exactly, and told to be synthetic after reveal."""

    kind: Literal["lesions"] = "lesions"
    base: BaseSource
    lesions: tuple[LesionRecipe, ...] = Field(min_length=1, max_length=64)

    @model_validator(mode="after")
    def _names_differ(self) -> LesionSource:
        names = [lesion.id for lesion in self.lesions]
        if len(set(names)) < len(names):
            raise ValueError("each lesion has a name of its own")
        return self


Source = Annotated[FileSource | PhantomSource | LesionSource, Field(discriminator="kind")]


class CaseVolume(Part):
    """A study of the case.

    Attributes:
        id: by which tasks and findings name it.
        title: what the trainee sees.
        role: the one to be read, an earlier one beside it, or one that comes later.
        after: it is shown only once this task has been answered.
        source: where it comes from.
    """

    id: Name
    title: Line
    role: Literal["current", "prior", "follow-up"] = "current"
    after: Name | None = None
    source: Source
