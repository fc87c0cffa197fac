"""A case while it is written: everything that a case has, and nothing of it required yet.

A draft is flat, so that a page can fill it in any order; `engine.app.training.complete` makes a `Case` of it or says
what is missing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.stream.message import Message, Point
from scenarios.case.part import Name

#: As a person types it, blank while nothing is typed.
Words = Annotated[str, Field(max_length=20_000)]

TaskKind = Literal["mark", "choice", "measure", "segment", "box", "classify", "order", "text", "manage"]
FeedbackWhen = Literal["always", "found", "missed", "right", "wrong"]
QuantityName = Literal["diameter_mm", "volume_ml", "mean_value"]
RoleOfLesion = Literal["finding", "distractor"]


class DraftLesion(Message):
    """Something that was painted or pointed at.

    Attributes:
        role: to be found, or only looking like it.
        label: of its voxels in the draft's mask; nothing may be painted yet.
        at_mm, radius_mm: a place instead, where no border is drawn.
        why: what shows it and what makes it easy to miss; of a distractor: what it is instead.
        code: RadLex id with its meaning, "RID50149 pulmonary nodule"; blank where none.
    """

    id: Name
    name: Words = ""
    role: RoleOfLesion = "finding"
    is_key: bool = True
    weight: float = Field(default=1.0, gt=0, le=100)
    label: int = Field(ge=1, le=255)
    at_mm: Point | None = None
    radius_mm: float = Field(default=5.0, ge=0, le=200)
    why: Words = ""
    code: Words = ""


class DraftOption(Message):
    """A possible answer. `is_right` of a choice, `harm` of a management."""

    id: Name
    text: Words = ""
    is_right: bool = False
    harm: float = Field(default=0.0, ge=0, le=100)
    why: Words = ""


class DraftCheck(Message):
    """What a free text should say. `any_of`: words of which one must be there, with commas between."""

    id: Name
    text: Words = ""
    any_of: Words = ""
    is_critical: bool = False


class DraftHint(Message):
    """Help that may be taken, and the share of the points that it costs."""

    text: Words = ""
    cost: float = Field(default=0.25, ge=0, le=1)


class DraftTask(Message):
    """A task of any kind; what its kind does not use is kept, so that changing the kind and back loses nothing.

    Attributes:
        findings: which are to be marked; none named: all.
        finding: that is measured, painted or boxed.
        after, went: it comes once that task was answered, anyhow, rightly or wrongly.
    """

    id: Name
    kind: TaskKind
    prompt: Words = ""
    points: float = Field(default=1.0, ge=0, le=100)
    asks_confidence: bool = True
    hints: tuple[DraftHint, ...] = Field(default=(), max_length=10)
    after: Name | None = None
    went: Literal["anyhow", "right", "wrong"] = "anyhow"
    findings: tuple[Name, ...] = Field(default=(), max_length=200)
    finding: Name | None = None
    beyond_mm: float = Field(default=5.0, ge=0, lt=200)
    least_mm: float = Field(default=10.0, ge=0, lt=200)
    within_mm: float = Field(default=2.0, gt=0, le=50)
    quantity: QuantityName = "diameter_mm"
    value: float | None = None
    scheme: Words = ""
    category: Words = ""
    several: bool = False
    options: tuple[DraftOption, ...] = Field(default=(), max_length=30)
    checklist: tuple[DraftCheck, ...] = Field(default=(), max_length=50)


class DraftFeedback(Message):
    """A piece of feedback: always, or by what became of a finding or a task."""

    id: Name
    when: FeedbackWhen = "always"
    of: Name | None = None
    text: Words = ""


class DraftReference(Message):
    """Where to read on."""

    title: Words = ""
    doi: Words = ""


class Draft(Message):
    """A case that is being written.

    Attributes:
        case: its name among all cases; set when it is first published.
        version: that was published last; blank before.
        topic, concept: as typed; they become names. Blank concept: what the first key finding is called.
        window: preset with which the case opens; None: the usual one.
    """

    case: Name | None = None
    version: str = ""
    title: Words = ""
    history: Words = ""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")] = "en"
    authors: Words = ""
    licence: Words = "Not for redistribution"
    topic: Words = ""
    concept: Words = ""
    is_rare: bool = False
    difficulty: float = Field(default=0.0, ge=-5, le=5)
    window: str | None = None
    says: Words = ""
    lesions: tuple[DraftLesion, ...] = Field(default=(), max_length=200)
    tasks: tuple[DraftTask, ...] = Field(default=(), max_length=60)
    feedback: tuple[DraftFeedback, ...] = Field(default=(), max_length=100)
    references: tuple[DraftReference, ...] = Field(default=(), max_length=50)


def new_draft() -> Draft:
    """What an educator starts from: one task, to mark what is there."""
    return Draft(tasks=(DraftTask(id="task-1", kind="mark", prompt="Mark every abnormality that you see."),))
