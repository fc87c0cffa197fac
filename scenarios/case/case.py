"""A case, whole and consistent: whatever a part names is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from engine.core.errors import InvalidValue
from scenarios.case.display import Display
from scenarios.case.feedback import FeedbackLayer, Reference
from scenarios.case.part import Line, Name, Part, Text
from scenarios.case.source import CaseVolume, LesionSource
from scenarios.case.task import AnyTask, BoxTask, GuideTask, MarkTask, MeasureTask, SegmentTask
from scenarios.case.truth import Distractor, Finding, LesionPlace, Truth

FORMAT: Literal["sightline-case/1"] = "sightline-case/1"


class Difficulty(Part):
    """What is believed of how hard the case is before anybody answered, in standard deviations of learners.

    Attributes:
        logit: 0: half of average learners get it right.
        sd: how unsure that is; a guess is no less than 0.5.
        says: where it comes from.
    """

    logit: float = Field(default=0.0, ge=-5, le=5)
    sd: float = Field(default=0.6, ge=0.1, le=3)
    says: Line = "a guess"


class Case(Part):
    """A case.

    Attributes:
        format: of this file.
        id: of the case, among all.
        version: of what is written here (semantic versioning); readings keep the one that they were of.
        title: what the trainee sees: it gives nothing away.
        history: what is known of the patient, and what was asked.
        topic: of the curriculum, for example "chest".
        concept: what is to be recognised, for example "lung-nodule": a review shows another case of it.
        prevalence: normal, common, or rare and to be seen all the same.
    """

    format: Literal["sightline-case/1"] = FORMAT
    id: Name
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] = "0.1.0"
    title: Line
    history: Text | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")] = "en"
    authors: tuple[Line, ...] = ()
    licence: Line
    topic: Name
    concept: Name
    prevalence: Literal["normal", "common", "rare"] = "common"
    difficulty: Difficulty = Difficulty()
    volumes: tuple[CaseVolume, ...] = Field(min_length=1, max_length=8)
    truth: Truth = Truth()
    display: Display = Display()
    tasks: tuple[AnyTask, ...] = Field(min_length=1, max_length=60)
    feedback: tuple[FeedbackLayer, ...] = Field(default=(), max_length=100)
    references: tuple[Reference, ...] = Field(default=(), max_length=50)

    @property
    def is_synthetic(self) -> bool:
        """Whether any of its images is simulated, wholly or in part: told after reveal, and to educators always."""
        return any(volume.source.kind != "file" for volume in self.volumes)

    def task(self, name: str) -> AnyTask:
        """By its name.

        Raises:
            InvalidValue: there is none.
        """
        for one in self.tasks:
            if one.id == name:
                return one
        raise InvalidValue(f"case {self.id} has no task {name!r}")

    def volume(self, name: str) -> CaseVolume:
        """By its name.

        Raises:
            InvalidValue: there is none.
        """
        for one in self.volumes:
            if one.id == name:
                return one
        raise InvalidValue(f"case {self.id} has no volume {name!r}")


#: Where in the file something is wrong, and what to do about it.
Flaw = tuple[tuple[str | int, ...], str]


def flaws(case: Case) -> Iterator[Flaw]:
    """Every name that leads nowhere, twice the same name, and what contradicts itself; with where it stands."""
    volumes, tasks = {one.id for one in case.volumes}, {one.id for one in case.tasks}
    findings = {one.id: one for one in case.truth.findings}
    lesions = {
        one.id: {lesion.id for lesion in one.source.lesions} if isinstance(one.source, LesionSource) else set()
        for one in case.volumes
    }
    yield from _twice("volumes", [one.id for one in case.volumes])
    yield from _twice("tasks", [one.id for one in case.tasks])
    yield from _twice("truth", [*findings, *(one.id for one in case.truth.distractors)])
    if (case.prevalence == "normal") != (not any(one.is_key for one in case.truth.findings)):
        yield ("prevalence",), "a normal case has no key finding and every other case has one: change one of the two"
    for n, volume in enumerate(case.volumes):
        yield from _known(("volumes", n, "after"), volume.after, tasks, "task")
    placed: tuple[tuple[str, tuple[Finding | Distractor, ...]], ...] = (
        ("findings", case.truth.findings),
        ("distractors", case.truth.distractors),
    )
    for what, things in placed:
        for n, thing in enumerate(things):
            yield from _known(("truth", what, n, "volume"), thing.volume, volumes, "volume")
            if isinstance(thing.place, LesionPlace):
                there = lesions.get(thing.volume, set())
                yield from _known(
                    ("truth", what, n, "place", "lesion"), thing.place.lesion, there, "lesion of its volume"
                )
    presets = {one.name for one in case.display.presets}
    for n, pane in enumerate(case.display.hanging):
        yield from _known(("display", "hanging", n, "volume"), pane.volume, volumes, "volume")
        yield from _known(("display", "hanging", n, "preset"), pane.preset, presets, "preset")
    for n, task in enumerate(case.tasks):
        at: tuple[str | int, ...] = ("tasks", n)
        if task.after is not None:
            earlier = {one.id for one in case.tasks[:n]}
            yield from _known((*at, "after", "task"), task.after.task, earlier, "task before it")
        if isinstance(task, MarkTask | GuideTask):
            yield from _known((*at, "volume"), task.volume, volumes, "volume")
        if isinstance(task, MarkTask):
            for m, name in enumerate(task.findings):
                yield from _known((*at, "findings", m), name, findings, "finding")
        if isinstance(task, SegmentTask | BoxTask | MeasureTask):
            yield from _known((*at, "finding"), task.finding, findings, "finding")
        if isinstance(task, GuideTask):
            yield from _known((*at, "target"), task.target, findings, "finding")
    shown = {*findings, *(one.id for one in case.truth.distractors)}
    for n, layer in enumerate(case.feedback):
        if (layer.when == "always") != (layer.of is None):
            yield ("feedback", n, "of"), "what a layer hangs on is named (of), but for one that is always shown"
        elif layer.of is not None:
            wanted = set(findings) if layer.when in ("found", "missed") else tasks
            yield from _known(("feedback", n, "of"), layer.of, wanted, "finding" if wanted is not tasks else "task")
        for m, name in enumerate(layer.shows):
            yield from _known(("feedback", n, "shows", m), name, shown, "finding or distractor")


def _known(at: tuple[str | int, ...], name: str | None, names: object, what: str) -> Iterator[Flaw]:
    there = sorted(names)  # type: ignore[call-overload]
    if name is not None and name not in there:
        yield at, f"there is no {what} {name!r}; there is {', '.join(there) or 'none'}"


def _twice(where: str, names: list[str]) -> Iterator[Flaw]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield (where,), f"{name!r} is there twice: give each a name of its own"
