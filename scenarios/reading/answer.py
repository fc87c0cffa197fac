"""An answer, one class a kind of task (marks are events of their own)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from scenarios.case.part import Line, Name, Part, Point, Thing

Share = Annotated[float, Field(ge=0, le=1)]


class SegmentAnswer(Part):
    """Voxels that were painted: runs along i of the volume, each its first voxel (counted i fastest) and how many."""

    kind: Literal["segment"] = "segment"
    runs: tuple[tuple[int, int], ...] = Field(max_length=500_000)


class BoxAnswer(Part):
    """A box in voxels of the volume, both ends within."""

    kind: Literal["box"] = "box"
    low: tuple[int, int, int]
    high: tuple[int, int, int]


class MeasureAnswer(Part):
    """What was measured, in the unit of the task; `ends_mm` where a ruler was laid."""

    kind: Literal["measure"] = "measure"
    value: float
    ends_mm: tuple[Point, Point] | None = None


class ClassifyAnswer(Part):
    """A category, and the features that were entered."""

    kind: Literal["classify"] = "classify"
    category: Line
    features: dict[Name, float | str] = Field(default_factory=dict)


class ReportAnswer(Part):
    """An option for each field that was filled in."""

    kind: Literal["report"] = "report"
    fields: dict[Name, Name]


class ChoiceAnswer(Part):
    """Options that were chosen."""

    kind: Literal["choice"] = "choice"
    chosen: tuple[Name, ...] = Field(max_length=30)


class OrderAnswer(Part):
    """Items in the order that was given."""

    kind: Literal["order"] = "order"
    items: tuple[Name, ...] = Field(max_length=20)


class TextAnswer(Part):
    """Words."""

    kind: Literal["text"] = "text"
    text: Annotated[str, Field(max_length=20_000)]


class ManageAnswer(Part):
    """What would be done."""

    kind: Literal["manage"] = "manage"
    chosen: Name


class GuideAnswer(Part):
    """The path of a tool's tip (s, then x, y, z in mm), or which structure the path that was shown came nearest to."""

    kind: Literal["guide"] = "guide"
    path: tuple[tuple[float, float, float, float], ...] = Field(default=(), max_length=100_000)
    nearest: Thing | None = None


Answer = Annotated[
    SegmentAnswer | BoxAnswer | MeasureAnswer | ClassifyAnswer | ReportAnswer | ChoiceAnswer | OrderAnswer | TextAnswer
    | ManageAnswer | GuideAnswer,
    Field(discriminator="kind"),
]  # fmt: skip
