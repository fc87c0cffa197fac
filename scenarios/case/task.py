"""What a trainee is asked, one class a kind of task.

What is right stands in it, and leaves the server only once it was answered.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from scenarios.case.part import InFolder, Line, Name, Part, Text, Thing

#: What a task tells of: abilities are told apart, because who sees a finding may still not know what it is.
Scale = Literal["detection", "characterisation", "diagnosis", "management"]


class After(Part):
    """When a task comes: once another was answered, in any way, rightly or wrongly."""

    task: Name
    went: Literal["anyhow", "right", "wrong"] = "anyhow"


class Hint(Part):
    """Help that may be taken.

    Attributes:
        text: what it says.
        cost: share of the task's points that taking it costs, told before it is taken.
    """

    text: Text
    cost: float = Field(default=0.25, ge=0, le=1)


class Task(Part):
    """What all kinds have in common.

    Attributes:
        id: by which answers name it.
        prompt: what the trainee reads.
        points: what it counts within the case.
        after: it comes only then; None: from the beginning.
        hints: in the order in which they may be taken.
        asks_confidence: how sure the answer is is asked with it.
    """

    id: Name
    prompt: Text
    points: float = Field(default=1.0, ge=0, le=100)
    after: After | None = None
    hints: tuple[Hint, ...] = Field(default=(), max_length=10)
    asks_confidence: bool = True


class MarkTask(Task):
    """Mark each finding at its place, each with how sure.

    Attributes:
        volume: in which.
        findings: which are to be marked; none named: all of the volume.
        beyond_mm, least_mm: when a mark is near enough (`scenarios.score.matching.Acceptance`).
    """

    kind: Literal["mark"] = "mark"
    scale: Scale = "detection"
    volume: Name
    findings: tuple[Name, ...] = ()
    beyond_mm: float = Field(default=5.0, ge=0, lt=200)
    least_mm: float = Field(default=10.0, ge=0, lt=200)


class SegmentTask(Task):
    """Paint a finding. `within_mm`: a border so near to the true one is right (surface Dice)."""

    kind: Literal["segment"] = "segment"
    scale: Scale = "characterisation"
    finding: Name
    within_mm: float = Field(default=2.0, gt=0, le=50)
    full: float = Field(default=0.9, gt=0, le=1, description="surface Dice that earns all points")


class BoxTask(Task):
    """Draw the box that just holds a finding. `full`: overlap (intersection over union) that earns all points."""

    kind: Literal["box"] = "box"
    scale: Scale = "characterisation"
    finding: Name
    full: float = Field(default=0.7, gt=0, le=1)


class MeasureTask(Task):
    """Measure a finding.

    Attributes:
        quantity: largest diameter in mm, volume in ml, or mean value in the unit of the volume.
        value: what is right; None: as the finding's place tells.
        full_within, none_from: relative errors (as |ln(measured / true)|; of a mean value: in its unit) up to which all
            points are given, and from which none.
    """

    kind: Literal["measure"] = "measure"
    scale: Scale = "characterisation"
    finding: Name
    quantity: Literal["diameter_mm", "volume_ml", "mean_value"] = "diameter_mm"
    value: float | None = None
    full_within: float | None = Field(default=None, gt=0)
    none_from: float | None = Field(default=None, gt=0)


class ClassifyTask(Task):
    """Say the category on a scheme, and the features that lead to it.

    Attributes:
        scheme: name and version, as `lung-rads@1.1`; its tables are the educator's.
        category: what is right.
        features: what is right of each feature; a category that the entered features do not imply is an error of the
            rule, one that they do is an error of the eye.
    """

    kind: Literal["classify"] = "classify"
    scale: Scale = "diagnosis"
    scheme: Annotated[str, Field(pattern=r"^[a-z0-9-]+@[A-Za-z0-9.-]+$")]
    category: Line
    features: dict[Name, float | str] = Field(default_factory=dict)


class Option(Part):
    """A possible answer. `why` is told to whoever chose it."""

    id: Name
    text: Line
    why: Text | None = None


class RightOption(Option):
    """One that is right or wrong."""

    is_right: bool = False


class ReportField(Part):
    """A line of a structured report."""

    id: Name
    prompt: Line
    options: tuple[RightOption, ...] = Field(min_length=2, max_length=50)
    weight: float = Field(default=1.0, gt=0, le=100)

    @model_validator(mode="after")
    def _has_an_answer(self) -> ReportField:
        return _one_right(self)


class ReportTask(Task):
    """Fill in a structured report."""

    kind: Literal["report"] = "report"
    scale: Scale = "characterisation"
    fields: tuple[ReportField, ...] = Field(min_length=1, max_length=50)


class ChoiceTask(Task):
    """Choose one, or all that are right. It can be guessed: prefer marking where that can ask the same."""

    kind: Literal["choice"] = "choice"
    scale: Scale = "diagnosis"
    several: bool = False
    options: tuple[RightOption, ...] = Field(min_length=2, max_length=30)

    @model_validator(mode="after")
    def _has_an_answer(self) -> ChoiceTask:
        if not self.several:
            return _one_right(self)
        if not any(option.is_right for option in self.options):
            raise ValueError("no option is right")
        return self


class OrderTask(Task):
    """Put items in order; they stand here in the right one."""

    kind: Literal["order"] = "order"
    scale: Scale = "management"
    items: tuple[Option, ...] = Field(min_length=2, max_length=20)


class CheckItem(Part):
    """What a free text should say. `any_of`: words or phrases of which one must be there; an educator may overrule."""

    id: Name
    text: Line
    any_of: tuple[Line, ...] = Field(min_length=1, max_length=30)
    weight: float = Field(default=1.0, gt=0, le=100)
    kind: Literal["observation", "interpretation"] = "observation"
    critical: bool = False


class TextTask(Task):
    """Describe in words, marked by a checklist: by its words at first, by a person where one looks."""

    kind: Literal["text"] = "text"
    scale: Scale = "characterisation"
    checklist: tuple[CheckItem, ...] = Field(min_length=1, max_length=50)


class ManageOption(Option):
    """What may be done next. `harm`: 0 for the best, more for what costs the patient more."""

    harm: float = Field(ge=0, le=100)


class ManageTask(Task):
    """Choose what to do. A choice is worth by its harm: a miss costs more than one step."""

    kind: Literal["manage"] = "manage"
    scale: Scale = "management"
    options: tuple[ManageOption, ...] = Field(min_length=2, max_length=30)

    @model_validator(mode="after")
    def _harms_differ(self) -> ManageTask:
        harms = [option.harm for option in self.options]
        if min(harms) != 0 or max(harms) == 0:
            raise ValueError("the best option has harm 0, and another has more")
        return self


class GuideTask(Task):
    """Judge or carry out a path of a tool: a recording of its tip against a target and what must be kept clear of.

    Attributes:
        volume: in which.
        recording: of a tracked tool, in the folder of the case, to be judged; None: the trainee guides his own.
        target: finding that the tip should reach.
        avoid: findings by name or structures by key, with the least distance that is wanted.
        within_mm: so near to the target's middle is reached.
    """

    kind: Literal["guide"] = "guide"
    scale: Scale = "management"
    volume: Name
    recording: InFolder | None = None
    target: Name
    avoid: dict[Thing, float] = Field(default_factory=dict)
    within_mm: float = Field(default=3.0, gt=0, le=50)


AnyTask = Annotated[
    MarkTask | SegmentTask | BoxTask | MeasureTask | ClassifyTask | ReportTask | ChoiceTask | OrderTask | TextTask
    | ManageTask | GuideTask,
    Field(discriminator="kind"),
]  # fmt: skip


Holder = TypeVar("Holder", ReportField, ChoiceTask)


def _one_right(holder: Holder) -> Holder:
    if sum(option.is_right for option in holder.options) != 1:
        raise ValueError("exactly one option is right")
    return holder
