"""A case as a trainee may know it before it is answered: nothing here gives away what is there."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from scenarios.case.display import Display
from scenarios.case.part import Line, Name, Part, Text
from scenarios.case.task import Scale

Kind = Literal[
    "mark", "segment", "box", "measure", "classify", "report", "choice", "order", "text", "manage", "guide"
]  # fmt: skip


class OptionView(Part):
    """An answer that may be chosen: of a classification by the name of its category."""

    id: Line
    text: Line


class FieldView(Part):
    """A line of a structured report, or a feature of a scheme: a choice, or a number where there are no options."""

    id: Name
    prompt: Line
    options: tuple[OptionView, ...] = ()
    unit: str = ""


class TaskView(Part):
    """A task as it is asked.

    Attributes:
        options: of a choice, an order (shuffled), a management or a scheme's categories.
        fields: of a report, or the features of a scheme.
        several: more than one option may be chosen.
        quantity: of a measurement.
        hints: what each costs, in order; their words come when they are taken.
    """

    id: Name
    kind: Kind
    scale: Scale
    prompt: Text
    points: float
    asks_confidence: bool
    volume: Name | None = None
    options: tuple[OptionView, ...] = ()
    fields: tuple[FieldView, ...] = ()
    several: bool = False
    quantity: Literal["diameter_mm", "volume_ml", "mean_value"] | None = None
    hints: tuple[float, ...] = ()
    path: tuple[tuple[float, float, float, float], ...] = Field(default=(), description="of a tool: s, x, y, z in mm")


class VolumeView(Part):
    """A study of the case. `is_ready`: its images can be fetched."""

    id: Name
    title: Line
    role: Literal["current", "prior", "follow-up"]
    is_ready: bool


class CaseView(Part):
    """A case as it may be read now: tasks and studies that come later are not in it yet."""

    id: Name
    version: str
    title: Line
    history: Text | None
    volumes: tuple[VolumeView, ...]
    display: Display
    tasks: tuple[TaskView, ...]
