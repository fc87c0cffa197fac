"""How a reading stands, what may be seen of its case now, and what it is worth: the one place that asks `scenarios`.

Everything follows from the events. What cannot have happened (a mark after its task was committed, a task that is not
there) is kept with the others and changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from engine.app.training.messages import Band, FindingTold, HintTold, MarkTold, TaskTold
from engine.core.array import Float64
from scenarios.case.case import Case, volume_of
from scenarios.case.display import Display
from scenarios.case.scheme import SchemeTable
from scenarios.case.task import (
    AnyTask,
    ChoiceTask,
    ClassifyTask,
    GuideTask,
    ManageTask,
    MeasureTask,
    OrderTask,
    ReportTask,
)
from scenarios.reading.event import AnyEvent, Committed, Displayed, Hidden, Looked
from scenarios.reading.feedback import ReadingTold, told
from scenarios.reading.state import EventRefused, Reading, Went, Work, following, start
from scenarios.reading.view import CaseView, FieldView, OptionView, TaskView, VolumeView
from scenarios.reading.viewing import Target
from scenarios.score import reading as scores
from scenarios.score.ground import Ground

#: What only says what was seen: how a reading stands does not hang on it.
VIEWING = (Displayed, Hidden, Looked)
#: Of a recorded path so many places are shown; it is judged by all.
MOST_DRAWN = 500
#: A share of its points from which a task counts as right.
RIGHT = scores.WENT_RIGHT


@dataclass(frozen=True, slots=True)
class Standing:
    """How a reading stands.

    Attributes:
        committed: tasks in the order in which they were, with the seconds that each took.
        begun_s: of reading, when the last of them was.
    """

    reading: Reading
    committed: Mapping[str, float] = field(default_factory=dict)
    begun_s: float = 0.0

    @property
    def is_revealed(self) -> bool:
        """What is there was shown."""
        return self.reading.is_revealed

    @property
    def seconds(self) -> float:
        """That were spent on it, breaks and absences left out."""
        return self.reading.active_s

    @property
    def work(self) -> Mapping[str, Work]:
        """By task."""
        return self.reading.work


def _went(case: Case, ground: Ground | None) -> Went:
    """Until the images are made, nothing is taken to have gone right: what hangs on it is asked again then."""
    return (lambda _task, _work: False) if ground is None else scores.went(case, ground)


def standing(case: Case, events: Iterable[AnyEvent], ground: Ground | None) -> Standing:
    """How a reading stands after these events, in order; those that only tell of viewing may be left out."""
    return after(case, Standing(start(case)), events, ground)


def after(case: Case, before: Standing, events: Iterable[AnyEvent], ground: Ground | None) -> Standing:
    """How a reading stands after these events more."""
    now, went = before.reading, _went(case, ground)
    committed, begun_s = dict(before.committed), before.begun_s
    for event in events:
        # Numbers of those left out are missing, and a clock that went back adds nothing.
        here = event.model_copy(update={"n": now.next_event, "t_s": max(event.t_s, now.t_s)})
        try:
            now = following(case, now, here, went)
        except EventRefused:
            continue
        if isinstance(here, Committed):
            committed[here.task] = now.active_s - begun_s
            begun_s = now.active_s
    return Standing(now, committed, begun_s)


def hangs_on_success(case: Case) -> bool:
    """Whether a task comes only when another one went right, or wrong: then what is there must be known to go on."""
    return any(task.after is not None and task.after.went != "anyhow" for task in case.tasks)


def asked(case: Case, now: Standing) -> tuple[AnyTask, ...]:
    """Tasks that have come."""
    return tuple(task for task in case.tasks if task.id in now.work)


# --- what may be seen ------------------------------------------------------------------------------


def case_view(
    case: Case, now: Standing, ready: Mapping[str, bool], seed: str, ground: Ground | None = None
) -> CaseView:
    """The case as it may be read now.

    Args:
        seed: of the reading, by which what is to be ordered is shuffled.
        ground: what is there, for paths that were recorded; None while it is not made.
    """
    recordings = {} if ground is None else ground.recordings
    volumes = tuple(
        VolumeView(id=one.id, title=one.title, role=one.role, is_ready=ready.get(one.id, False))
        for one in case.volumes
        if one.after is None or one.after in now.committed
    )
    return CaseView(
        id=case.id,
        version=case.version,
        title=case.title,
        history=case.history,
        volumes=volumes,
        display=_display(case, {one.id for one in volumes}),
        tasks=tuple(_task_view(case, task, seed, recordings.get(task.id)) for task in asked(case, now)),
    )


def has_recordings(case: Case) -> bool:
    """Whether it shows recorded paths, which stand with what is there."""
    return any(isinstance(task, GuideTask) and task.recording is not None for task in case.tasks)


def _display(case: Case, shown: Collection[str]) -> Display:
    """How what is shown is hung: a pane of a study that comes later would tell of it."""
    hanging = tuple(pane for pane in case.display.hanging if pane.volume in shown)
    return case.display.model_copy(update={"hanging": hanging})


def _task_view(case: Case, task: AnyTask, seed: str, path: Float64 | None) -> TaskView:
    return TaskView(
        id=task.id,
        kind=task.kind,
        scale=task.scale,
        prompt=task.prompt,
        points=task.points,
        asks_confidence=task.asks_confidence,
        volume=volume_of(case, task),
        options=_options(case, task, seed),
        fields=_fields(case, task),
        several=isinstance(task, ChoiceTask) and task.several,
        quantity=task.quantity if isinstance(task, MeasureTask) else None,
        hints=tuple(hint.cost for hint in task.hints),
        path=() if path is None else _drawn(path),
    )


def _drawn(path: Float64) -> tuple[tuple[float, float, float, float], ...]:
    """As many of its places as are drawn, the first and the last among them: the case is told with every answer."""
    kept = np.linspace(0, len(path) - 1, min(len(path), MOST_DRAWN)).round().astype(int)
    return tuple((float(s), float(x), float(y), float(z)) for s, x, y, z in path[kept])


def _options(case: Case, task: AnyTask, seed: str) -> tuple[OptionView, ...]:
    if isinstance(task, ChoiceTask | ManageTask):
        return tuple(OptionView(id=one.id, text=one.text) for one in task.options)
    if isinstance(task, OrderTask):
        items = (OptionView(id=one.id, text=one.text) for one in task.items)
        return tuple(sorted(items, key=lambda one: hashlib.sha256(f"{seed}/{task.id}/{one.id}".encode()).digest()))
    if isinstance(task, ClassifyTask) and (scheme := case.scheme(task.scheme)) is not None:
        words = ((one.name, one.name if one.text is None else f"{one.name}: {one.text}") for one in scheme.categories)
        return tuple(OptionView(id=name, text=text[:300]) for name, text in words)
    if isinstance(task, GuideTask) and task.recording is not None:
        names = {one.id: one.name for one in case.truth.findings}
        return tuple(OptionView(id=key, text=names.get(key, key.replace("_", " "))) for key in task.avoid)
    return ()


def _fields(case: Case, task: AnyTask) -> tuple[FieldView, ...]:
    if isinstance(task, ReportTask):
        return tuple(
            FieldView(
                id=one.id, prompt=one.prompt, options=tuple(OptionView(id=o.id, text=o.text) for o in one.options)
            )
            for one in task.fields
        )
    if isinstance(task, ClassifyTask):
        return _features(case.scheme(task.scheme), task)
    return ()


def _features(scheme: SchemeTable | None, task: ClassifyTask) -> tuple[FieldView, ...]:
    """What is asked of a scheme's features: all of them where any is scored, for the rule needs all."""
    if scheme is None or not task.features:
        return tuple(FieldView(id=name, prompt=name.replace("-", " ").capitalize()) for name in task.features)
    return tuple(
        FieldView(
            id=one.id,
            prompt=one.prompt,
            unit=one.unit,
            options=tuple(OptionView(id=o.id, text=o.text) for o in one.options),
        )
        for one in scheme.features
    )


def hints_told(case: Case, now: Standing) -> tuple[HintTold, ...]:
    """Words of the hints that were taken."""
    return tuple(
        HintTold(task=task.id, text=hint.text)
        for task in asked(case, now)
        for hint in task.hints[: now.work[task.id].hints]
    )


# --- what it is worth ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskScore:
    """What a task is worth, 0 to 1, hints paid for; as it is told, and how long it took."""

    task: AnyTask
    told: TaskTold
    seconds: float | None

    @property
    def share(self) -> float:
        """Of its points."""
        return self.told.share

    @property
    def said(self) -> str:
        """What was answered, in words."""
        return self.told.said

    @property
    def confidence(self) -> float | None:
        """As it was stated."""
        return self.told.confidence


@dataclass(frozen=True, slots=True)
class Scored:
    """A reading, scored. `share`: of all points that it counts."""

    tasks: tuple[TaskScore, ...]
    findings: tuple[FindingTold, ...]
    marks: tuple[MarkTold, ...]
    layers: tuple[str, ...]
    share: float
    reading: ReadingTold


def score_reading(
    case: Case, now: Standing, events: Sequence[AnyEvent], ground: Ground, organ: Target | None = None
) -> Scored:
    """Score a reading that was revealed. `events`: all of them, those of viewing too; `organ`: to be searched."""
    score = scores.score_reading(case, now.reading, ground)
    made = told(case, now.reading, events, score, ground, organ)
    texts = {layer.id: layer.text for layer in case.feedback}
    return Scored(
        tuple(
            TaskScore(case.task(one.id), TaskTold.model_validate(asdict(one)), now.committed.get(one.id))
            for one in made.tasks
        ),
        tuple(FindingTold.model_validate(asdict(one)) for one in made.findings),
        tuple(MarkTold.model_validate(asdict(one)) for one in made.marks),
        tuple(texts[name] for name in made.layers),
        score.share,
        made,
    )


def band(shares: Sequence[float], least: int = 5) -> Band | None:
    """The middle half of peers' shares; None where they are too few to be nobody in particular."""
    if len(shares) < least:
        return None
    low, high = np.quantile(shares, [0.25, 0.75])
    return Band(low=float(low), high=float(high), count=len(shares))
