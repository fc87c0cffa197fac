"""A case, whole and consistent: whatever a part names is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal, Protocol, TypeVar

from pydantic import Field

from engine.core.errors import InvalidValue
from scenarios.case.display import Display
from scenarios.case.feedback import FeedbackLayer, Reference
from scenarios.case.part import Line, Name, Part, Text
from scenarios.case.scheme import SchemeTable, is_value, scheme_flaws
from scenarios.case.schemes import EMBEDDED
from scenarios.case.source import CaseVolume, LesionSource
from scenarios.case.task import (
    AnyTask,
    BoxTask,
    ChoiceTask,
    ClassifyTask,
    GuideTask,
    ManageTask,
    MarkTask,
    MeasureTask,
    OrderTask,
    ReportTask,
    SegmentTask,
    TextTask,
)
from scenarios.case.truth import Distractor, Finding, LesionPlace, PointPlace, Truth

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
        schemes: tables that its tasks classify by, beside those that come with Sightline.
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
    schemes: tuple[SchemeTable, ...] = Field(default=(), max_length=10)
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
        return _named(self.tasks, name, f"case {self.id} has no task")

    def scheme(self, name: str) -> SchemeTable | None:
        """The table of a scheme by name and version: the case's own, or one that comes with Sightline."""
        own = next((one for one in self.schemes if one.name == name), None)
        return EMBEDDED.get(name) if own is None else own

    def volume(self, name: str) -> CaseVolume:
        """By its name.

        Raises:
            InvalidValue: there is none.
        """
        return _named(self.volumes, name, f"case {self.id} has no volume")


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


Named = TypeVar("Named", bound=_HasId)


def _named(parts: Iterable[Named], name: str, lacks: str) -> Named:
    for one in parts:
        if one.id == name:
            return one
    raise InvalidValue(f"{lacks} {name!r}")


def _ids(parts: Iterable[_HasId]) -> list[str]:
    return [one.id for one in parts]


#: Where something stands in the file: names, and numbers within lists.
Where = tuple[str | int, ...]
#: Where something is wrong, and what to do about it.
Flaw = tuple[Where, str]


def flaws(case: Case) -> Iterator[Flaw]:
    """Every name that leads nowhere, twice the same name, and what contradicts itself; with where it stands."""
    yield from _twice(("volumes",), _ids(case.volumes))
    yield from _twice(("tasks",), _ids(case.tasks))
    yield from _twice(("truth",), [*_ids(case.truth.findings), *_ids(case.truth.distractors)])
    yield from _twice(("feedback",), _ids(case.feedback))
    yield from _twice(("display", "presets"), [one.name for one in case.display.presets])
    yield from _twice(("schemes",), [one.name for one in case.schemes])
    for n, scheme in enumerate(case.schemes):
        yield from ((("schemes", n, *at), fix) for at, fix in scheme_flaws(scheme))
    if (case.prevalence == "normal") != (not any(one.is_key for one in case.truth.findings)):
        yield ("prevalence",), "a normal case has no key finding and every other case has one: change one of the two"
    for n, volume in enumerate(case.volumes):
        yield from _known(("volumes", n, "after"), volume.after, _ids(case.tasks), "task")
    for n, finding in enumerate(case.truth.findings):
        yield from _place_flaws(case, ("truth", "findings", n), finding)
    for n, distractor in enumerate(case.truth.distractors):
        yield from _place_flaws(case, ("truth", "distractors", n), distractor)
    for n, pane in enumerate(case.display.hanging):
        at: Where = ("display", "hanging", n)
        yield from _known((*at, "volume"), pane.volume, _ids(case.volumes), "volume")
        yield from _known((*at, "preset"), pane.preset, [one.name for one in case.display.presets], "preset")
    for n, task in enumerate(case.tasks):
        yield from _task_flaws(case, n, task)
    for n, layer in enumerate(case.feedback):
        yield from _layer_flaws(case, ("feedback", n), layer)


def _place_flaws(case: Case, at: Where, thing: Finding | Distractor) -> Iterator[Flaw]:
    yield from _known((*at, "volume"), thing.volume, _ids(case.volumes), "volume")
    if isinstance(thing.place, LesionPlace):
        sources = (one.source for one in case.volumes if one.id == thing.volume)
        lesions = [name for source in sources if isinstance(source, LesionSource) for name in _ids(source.lesions)]
        yield from _known((*at, "place", "lesion"), thing.place.lesion, lesions, "lesion of its volume")


def _task_flaws(case: Case, n: int, task: AnyTask) -> Iterator[Flaw]:
    at: Where = ("tasks", n)
    findings = _ids(case.truth.findings)
    if task.after is not None:
        yield from _known((*at, "after", "task"), task.after.task, _ids(case.tasks[:n]), "task before it")
    if isinstance(task, MarkTask | GuideTask):
        yield from _known((*at, "volume"), task.volume, _ids(case.volumes), "volume")
    if isinstance(task, MarkTask):
        yield from _twice((*at, "findings"), list(task.findings), "name each finding once")
        for m, name in enumerate(task.findings):
            yield from _known((*at, "findings", m), name, findings, "finding")
            yield from _elsewhere(case, (*at, "findings", m), name, task.volume)
    if isinstance(task, SegmentTask | BoxTask | MeasureTask):
        yield from _known((*at, "finding"), task.finding, findings, "finding")
        yield from _border_flaws(case, at, task)
    if isinstance(task, GuideTask):
        yield from _known((*at, "target"), task.target, findings, "finding")
        yield from _elsewhere(case, (*at, "target"), task.target, task.volume)
        yield from _avoid_flaws(case, (*at, "avoid"), task)
    if isinstance(task, ClassifyTask):
        yield from _classify_flaws(case, at, task)
    for where, parts in _lists(task):
        yield from _twice((*at, *where), _ids(parts))
    yield from _study_flaws(case, at, task)


def _classify_flaws(case: Case, at: Where, task: ClassifyTask) -> Iterator[Flaw]:
    """What is right must be so by the table, where the table is known."""
    scheme = case.scheme(task.scheme)
    if scheme is None or any(scheme_flaws(scheme)):
        return
    yield from _known((*at, "category"), task.category, [one.name for one in scheme.categories], "category")
    features = {one.id: one for one in scheme.features}
    for name, value in task.features.items():
        yield from _known((*at, "features", name), name, features, "feature")
        if name in features and not is_value(features[name], value):
            yield (*at, "features", name), f"{task.scheme} knows no {name} {value!r}"
    implied = scheme.implied(task.features) if task.features else None
    if implied is not None and implied != task.category:
        yield (*at, "category"), f"the features imply {implied} by {task.scheme}: change the category or a feature"


def _border_flaws(case: Case, at: Where, task: SegmentTask | BoxTask | MeasureTask) -> Iterator[Flaw]:
    """Nobody can paint, or average over, what is known as a point."""
    places = {one.id: one.place for one in case.truth.findings}
    if not isinstance(places.get(task.finding), PointPlace):
        return
    if not isinstance(task, MeasureTask):
        yield (
            (*at, "finding"),
            f"{task.finding!r} is a point without a border: give it a mask, or ask for something else",
        )
    elif task.quantity == "mean_value" and task.value is None:
        yield (
            (*at, "value"),
            f"{task.finding!r} is a point, over which nothing is averaged: write the value that is right",
        )


def _avoid_flaws(case: Case, at: Where, task: GuideTask) -> Iterator[Flaw]:
    """What is to be kept clear of is a structure, whose key only its images can tell, or a finding of the volume."""
    findings = _ids(case.truth.findings)
    if task.recording is not None and not task.avoid:
        yield at, "a recorded path is judged by what it comes nearest to: name what that could be (avoid)"
    for name in task.avoid:
        if "-" in name:
            yield from _known((*at, name), name, findings, "finding")
        yield from _elsewhere(case, (*at, name), name, task.volume)
        if name == task.target:
            yield (*at, name), "the tip cannot reach what it is to keep clear of: take one of the two away"


def _elsewhere(case: Case, at: Where, finding: str, volume: str) -> Iterator[Flaw]:
    place = next((one.volume for one in case.truth.findings if one.id == finding), volume)
    if place != volume:
        yield at, f"{finding!r} is in volume {place!r}, and the task is in {volume!r}: name one in the same volume"


def _lists(task: AnyTask) -> Iterator[tuple[Where, Sequence[_HasId]]]:
    """What of a task is chosen by its name, and where it stands."""
    if isinstance(task, ChoiceTask | ManageTask):
        yield ("options",), task.options
    if isinstance(task, OrderTask):
        yield ("items",), task.items
    if isinstance(task, TextTask):
        yield ("checklist",), task.checklist
    if isinstance(task, ReportTask):
        yield ("fields",), task.fields
        for n, one in enumerate(task.fields):
            yield ("fields", n, "options"), one.options


def _study_flaws(case: Case, at: Where, task: AnyTask) -> Iterator[Flaw]:
    """A task that is asked while its study is still hidden can be answered by nobody."""
    volume = next((one for one in case.volumes if one.id == volume_of(case, task)), None)
    if volume is not None and volume.after is not None and volume.after not in _before(case, task):
        words = (
            f"its study {volume.id!r} is shown only after task {volume.after!r}: let the task come after that one too"
        )
        yield (*at, "after"), words


def volume_of(case: Case, task: AnyTask) -> str | None:
    """In which volume something is to be done; None where a task is about no place."""
    if isinstance(task, MarkTask | GuideTask):
        return task.volume
    if isinstance(task, SegmentTask | BoxTask | MeasureTask):
        return next((one.volume for one in case.truth.findings if one.id == task.finding), None)
    return None


def _before(case: Case, task: AnyTask) -> set[str]:
    """Every task that was answered whenever this one is asked."""
    found: set[str] = set()
    tasks = {one.id: one for one in case.tasks}
    while task.after is not None and task.after.task in tasks and task.after.task not in found:
        found.add(task.after.task)
        task = tasks[task.after.task]
    return found


def _layer_flaws(case: Case, at: Where, layer: FeedbackLayer) -> Iterator[Flaw]:
    findings = _ids(case.truth.findings)
    if (layer.when == "always") != (layer.of is None):
        yield (*at, "of"), "what a layer hangs on is named (of), but for one that is always shown"
    elif layer.when in ("found", "missed"):
        yield from _known((*at, "of"), layer.of, findings, "finding")
    else:
        yield from _known((*at, "of"), layer.of, _ids(case.tasks), "task")
    for m, name in enumerate(layer.shows):
        yield from _known((*at, "shows", m), name, [*findings, *_ids(case.truth.distractors)], "finding or distractor")


def _known(at: Where, name: str | None, names: Iterable[str], what: str) -> Iterator[Flaw]:
    there = sorted(set(names))
    if name is not None and name not in there:
        yield at, f"there is no {what} {name!r}; there is {', '.join(there) or 'none'}"


def _twice(at: Where, names: list[str], fix: str = "give each a name of its own") -> Iterator[Flaw]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield at, f"{name!r} is there twice: {fix}"
