"""How a reading stands, what may be seen of its case now, and what it is worth: the one place that asks `scenarios`.

Everything follows from the events. What does not count (a mark after its task was committed, a task that is not there)
is kept with the others and changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from engine.app.training.messages import Band, FindingTold, HintTold, MarkTold, TaskTold
from engine.app.training.places import Place
from scenarios.case.case import Case
from scenarios.case.part import Point
from scenarios.case.task import (
    AnyTask,
    ChoiceTask,
    ClassifyTask,
    ManageTask,
    MarkTask,
    MeasureTask,
    OrderTask,
    ReportTask,
)
from scenarios.reading.answer import Answer, ChoiceAnswer, ManageAnswer, OrderAnswer, ReportAnswer
from scenarios.reading.event import (
    Answered,
    AnyEvent,
    Committed,
    Displayed,
    Hidden,
    Hinted,
    Looked,
    Marked,
    Paused,
    Resumed,
    Revealed,
    Unmarked,
)
from scenarios.reading.view import CaseView, FieldView, OptionView, TaskView, VolumeView
from scenarios.score.matching import Acceptance, Kind, Lesion, Mark, Matched, match

#: What only says what was seen: how a reading stands does not hang on it.
VIEWING = (Displayed, Hidden, Looked)
#: A share of its points from which a task counts as right.
RIGHT = 0.5
#: What each false mark costs of a mark task's share.
FALSE_COST = 0.25


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer as it is now, how sure, and when it was given."""

    answer: Answer
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a reading stands.

    Attributes:
        marks: by task, then by mark.
        answers: by task.
        committed: tasks in the order in which they were, with the seconds that each took; breaks are left out.
        hints: how many were taken, by task.
    """

    marks: Mapping[str, Mapping[str, Marked]] = field(default_factory=dict)
    answers: Mapping[str, GivenAnswer] = field(default_factory=dict)
    committed: Mapping[str, float] = field(default_factory=dict)
    hints: Mapping[str, int] = field(default_factory=dict)
    is_revealed: bool = False
    seconds: float = 0.0


def standing(case: Case, events: Iterable[AnyEvent], places: Mapping[str, Place]) -> Standing:
    """How a reading stands after these events, in order; those that only tell of viewing may be left out."""
    now = Standing()
    tasks = {task.id: task for task in case.tasks}
    last_s, worked_s, begun_s, is_paused = 0.0, 0.0, 0.0, False
    for event in events:
        # A clock that went back, and a break, add nothing.
        worked_s += 0.0 if is_paused else max(event.t_s - last_s, 0.0)
        last_s = event.t_s
        if isinstance(event, Paused | Resumed):
            is_paused = isinstance(event, Paused)
        elif isinstance(event, Revealed):
            is_over = all(one.id in now.committed for one in asked(case, now, places))
            now = replace(now, is_revealed=now.is_revealed or is_over)
        elif isinstance(event, Marked | Unmarked | Answered | Hinted | Committed):
            if event.task not in tasks or event.task in now.committed or now.is_revealed:
                continue
            if isinstance(event, Committed):
                now = replace(now, committed={**now.committed, event.task: worked_s - begun_s})
                begun_s = worked_s
            else:
                now = _changed(now, event, tasks[event.task])
    return replace(now, seconds=worked_s)


def _changed(now: Standing, event: Marked | Unmarked | Answered | Hinted, task: AnyTask) -> Standing:
    if isinstance(event, Marked):
        return replace(now, marks={**now.marks, task.id: {**now.marks.get(task.id, {}), event.mark: event}})
    if isinstance(event, Unmarked):
        kept = {name: mark for name, mark in now.marks.get(task.id, {}).items() if name != event.mark}
        return replace(now, marks={**now.marks, task.id: kept})
    if isinstance(event, Answered):
        if event.answer.kind != task.kind:
            return now
        return replace(now, answers={**now.answers, task.id: GivenAnswer(event.answer, event.confidence)})
    taken = min(now.hints.get(task.id, 0) + 1, len(task.hints))
    return replace(now, hints={**now.hints, task.id: taken})


def asked(case: Case, now: Standing, places: Mapping[str, Place]) -> tuple[AnyTask, ...]:
    """Tasks that have come: those after none, and those whose earlier task went as they want."""
    return tuple(task for task in case.tasks if _has_come(case, task, now, places))


def _has_come(case: Case, task: AnyTask, now: Standing, places: Mapping[str, Place]) -> bool:
    if task.after is None:
        return True
    if task.after.task not in now.committed:
        return False
    if task.after.went == "anyhow":
        return True
    was_right = score_task(case, case.task(task.after.task), now, places).share >= RIGHT
    return was_right == (task.after.went == "right")


def case_view(case: Case, now: Standing, places: Mapping[str, Place], ready: Mapping[str, bool], seed: str) -> CaseView:
    """The case as it may be read now. `seed`: of the reading, by which what is to be ordered is shuffled."""
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
        display=case.display,
        tasks=tuple(_task_view(task, seed) for task in asked(case, now, places)),
    )


def _task_view(task: AnyTask, seed: str) -> TaskView:
    options: tuple[OptionView, ...] = ()
    fields: tuple[FieldView, ...] = ()
    if isinstance(task, ChoiceTask | ManageTask):
        options = tuple(OptionView(id=one.id, text=one.text) for one in task.options)
    elif isinstance(task, OrderTask):
        options = tuple(OptionView(id=one.id, text=one.text) for one in _shuffled(task, seed))
    elif isinstance(task, ReportTask):
        fields = tuple(
            FieldView(
                id=one.id, prompt=one.prompt, options=tuple(OptionView(id=o.id, text=o.text) for o in one.options)
            )
            for one in task.fields
        )
    return TaskView(
        id=task.id,
        kind=task.kind,
        scale=task.scale,
        prompt=task.prompt,
        points=task.points,
        asks_confidence=task.asks_confidence,
        volume=task.volume if isinstance(task, MarkTask) else None,
        options=options,
        fields=fields,
        several=isinstance(task, ChoiceTask) and task.several,
        quantity=task.quantity if isinstance(task, MeasureTask) else None,
        hints=tuple(hint.cost for hint in task.hints),
    )


def _shuffled(task: OrderTask, seed: str) -> list[OptionView]:
    def place(name: str) -> bytes:
        return hashlib.sha256(f"{seed}/{task.id}/{name}".encode()).digest()

    return sorted((OptionView(id=one.id, text=one.text) for one in task.items), key=lambda one: place(one.id))


def hints_told(case: Case, now: Standing) -> tuple[HintTold, ...]:
    """Words of the hints that were taken."""
    return tuple(
        HintTold(task=task.id, text=hint.text)
        for task in case.tasks
        for hint in task.hints[: now.hints.get(task.id, 0)]
    )


@dataclass(frozen=True, slots=True)
class TaskScore:
    """What a task is worth, 0 to 1, hints paid for; what was said, what is right, and why."""

    task: AnyTask
    share: float
    said: str
    right: str
    why: str
    confidence: float | None
    seconds: float | None

    @property
    def told(self) -> TaskTold:
        """As the trainee is told."""
        return TaskTold(
            id=self.task.id,
            prompt=self.task.prompt,
            scale=self.task.scale,
            share=self.share,
            points=self.task.points,
            said=self.said,
            right=self.right,
            why=self.why,
            confidence=self.confidence,
        )


def score_task(case: Case, task: AnyTask, now: Standing, places: Mapping[str, Place]) -> TaskScore:
    """Score one task of which all is known that will be."""
    given = now.answers.get(task.id)
    if isinstance(task, MarkTask):
        share, said, right, why, sure = _marks_worth(case, task, now, places)
    else:
        share, said, right, why = _answer_worth(task, given.answer if given else None)
        sure = given.confidence if given else None
    paid = sum(hint.cost for hint in task.hints[: now.hints.get(task.id, 0)])
    if paid and share:
        why = f"{why} Hints cost {100 * min(paid, 1.0):.0f} % of it."
    return TaskScore(task, share * max(1.0 - paid, 0.0), said, right, why, sure, now.committed.get(task.id))


Worth = tuple[float, str, str, str]


def _answer_worth(task: AnyTask, answer: Answer | None) -> Worth:
    if isinstance(task, ChoiceTask):
        return _choice_worth(task, answer if isinstance(answer, ChoiceAnswer) else None)
    if isinstance(task, ManageTask):
        return _manage_worth(task, answer if isinstance(answer, ManageAnswer) else None)
    if isinstance(task, OrderTask):
        wanted = [one.id for one in task.items]
        given = list(answer.items) if isinstance(answer, OrderAnswer) else []
        texts = {one.id: one.text for one in task.items}
        pairs = [(a, b) for n, a in enumerate(wanted) for b in wanted[n + 1 :]]
        places = {name: n for n, name in enumerate(given)}
        kept = sum(a in places and b in places and places[a] < places[b] for a, b in pairs)
        said, right = ("; ".join(texts.get(name, name) for name in names) for names in (given, wanted))
        return kept / len(pairs), said or "nothing", right, f"{kept} of {len(pairs)} pairs stand in the right order."
    if isinstance(task, ReportTask):
        return _report_worth(task, answer if isinstance(answer, ReportAnswer) else None)
    right = task.category if isinstance(task, ClassifyTask) else ""
    said = answer.category if answer is not None and answer.kind == "classify" else ""
    if isinstance(task, ClassifyTask):
        return float(said == right), said or "nothing", right, f"It is {right}."
    return 0.0, "", "", "This kind of task is not scored here."


def _choice_worth(task: ChoiceTask, answer: ChoiceAnswer | None) -> Worth:
    texts = {one.id: one.text for one in task.options}
    chosen = [name for name in (answer.chosen if answer else ()) if name in texts]
    right = {one.id for one in task.options if one.is_right}
    if task.several:
        hits = len(right & set(chosen)) - len(set(chosen) - right)
        share = max(hits, 0) / len(right)
    else:
        share = float(len(chosen) == 1 and set(chosen) == right)
    whys = [one.why for one in task.options if one.why and one.id in chosen]
    shown = "; ".join(texts[one.id] for one in task.options if one.is_right)
    said = "; ".join(texts[name] for name in chosen) or "nothing"
    return share, said, shown, " ".join(whys) or f"Right is: {shown}."


def _manage_worth(task: ManageTask, answer: ManageAnswer | None) -> Worth:
    by_name = {one.id: one for one in task.options}
    best = min(task.options, key=lambda one: one.harm)
    worst = max(one.harm for one in task.options)
    chosen = by_name.get(answer.chosen) if answer else None
    if chosen is None:
        return 0.0, "nothing", best.text, "Nothing was chosen."
    why = chosen.why or (f"Best is: {best.text}." if chosen.harm else "Nothing harms the patient less.")
    return 1.0 - chosen.harm / worst, chosen.text, best.text, why


def _report_worth(task: ReportTask, answer: ReportAnswer | None) -> Worth:
    given = answer.fields if answer else {}
    total = sum(one.weight for one in task.fields)
    right = {one.id: next(option for option in one.options if option.is_right) for one in task.fields}
    wrong = [one for one in task.fields if given.get(one.id) != right[one.id].id]
    texts = {(one.id, option.id): option.text for one in task.fields for option in one.options}
    said = "; ".join(texts.get((name, value), value) for name, value in given.items()) or "nothing"
    shown = "; ".join(f"{one.prompt}: {right[one.id].text}" for one in task.fields)
    why = f"Not right: {', '.join(one.prompt for one in wrong)}." if wrong else "Every line is right."
    return 1.0 - sum(one.weight for one in wrong) / total, said, shown, why


def _lesions(case: Case, task: MarkTask, places: Mapping[str, Place]) -> list[str]:
    names = task.findings or tuple(one.id for one in case.truth.findings if one.volume == task.volume)
    return [name for name in names if name in places]


def _matched(
    case: Case, task: MarkTask, now: Standing, places: Mapping[str, Place]
) -> tuple[list[Marked], list[str], tuple[Matched, ...]]:
    marks = list(now.marks.get(task.id, {}).values())
    lesions = _lesions(case, task, places)
    became = match(
        [Mark(np.array(mark.at_mm), mark.confidence) for mark in marks],
        [_lesion(places[name]) for name in lesions],
        Acceptance(task.beyond_mm, task.least_mm),
    )
    return marks, lesions, became


def _lesion(place: Place) -> Lesion:
    return Lesion(np.array(place.at_mm), place.radius_mm, np.array(place.border_mm).reshape(-1, 3))


def _marks_worth(
    case: Case, task: MarkTask, now: Standing, places: Mapping[str, Place]
) -> tuple[float, str, str, str, float | None]:
    marks, lesions, became = _matched(case, task, now, places)
    weights = {one.id: one.weight for one in case.truth.findings}
    found = {lesions[one.lesion] for one in became if one.kind is Kind.FOUND and one.lesion is not None}
    false = sum(one.kind is Kind.FALSE for one in became)
    total = sum(weights[name] for name in lesions)
    hit = sum(weights[name] for name in found) / total if lesions else 1.0
    share = max(hit - FALSE_COST * false, 0.0)
    said = f"{len(marks)} mark{'' if len(marks) == 1 else 's'}"
    right = f"{len(lesions)} finding{'' if len(lesions) == 1 else 's'}" if lesions else "nothing is there"
    why = f"{len(found)} of {len(lesions)} found" if lesions else "Nothing is there to be marked"
    why += f"; {false} mark{'' if false == 1 else 's'} on nothing." if false else "."
    return share, said, right, why, max((mark.confidence for mark in marks), default=None)


@dataclass(frozen=True, slots=True)
class Scored:
    """A reading, scored."""

    tasks: tuple[TaskScore, ...]
    findings: tuple[FindingTold, ...]
    marks: tuple[MarkTold, ...]
    layers: tuple[str, ...]
    next_step: str
    share: float
    coverage: float | None = None
    coverage_by: Literal["eyes", "head", "pointer"] | None = None


def score_reading(case: Case, events: Sequence[AnyEvent], places: Mapping[str, Place]) -> Scored:
    """Score a reading that was revealed. `events`: all of them, those of viewing too."""
    now = standing(case, events, places)
    tasks = tuple(score_task(case, task, now, places) for task in asked(case, now, places))
    marks = tuple(told for task in case.tasks if isinstance(task, MarkTask) for told in _told(case, task, now, places))
    by_finding = {mark.finding: mark.id for mark in marks if mark.became == "found"}
    was_asked = {name for task in case.tasks if isinstance(task, MarkTask) for name in _lesions(case, task, places)}
    findings = tuple(
        FindingTold(
            id=one.id,
            name=one.name,
            volume=one.volume,
            became="found" if one.id in by_finding else "missed" if one.id in was_asked else "not asked",
            at_mm=places[one.id].at_mm,
            radius_mm=places[one.id].radius_mm,
            slices=places[one.id].slices,
            why=one.why,
            mark=by_finding.get(one.id),
        )
        for one in case.truth.findings
        if one.id in places
    )
    points = sum(one.task.points for one in tasks)
    share = sum(one.share * one.task.points for one in tasks) / points if points else 1.0
    went = {one.task.id: one.share >= RIGHT for one in tasks}
    became = {one.id: one.became for one in findings}
    layers = tuple(
        layer.text
        for layer in case.feedback
        if layer.when == "always"
        or (layer.when in ("found", "missed") and became.get(layer.of or "") == layer.when)
        or (layer.of in went and went[layer.of] == (layer.when == "right") and layer.when in ("right", "wrong"))
    )
    return Scored(tasks, findings, marks, layers, _next_step(case, tasks, findings), share)


def _told(case: Case, task: MarkTask, now: Standing, places: Mapping[str, Place]) -> Iterable[MarkTold]:
    marks, lesions, became = _matched(case, task, now, places)
    words: dict[Kind, Literal["found", "duplicate", "false"]] = {
        Kind.FOUND: "found",
        Kind.DUPLICATE: "duplicate",
        Kind.FALSE: "false",
    }
    for mark, one in zip(marks, became, strict=True):
        is_false = one.kind is Kind.FALSE
        yield MarkTold(
            id=mark.mark,
            task=task.id,
            at_mm=mark.at_mm,
            confidence=mark.confidence,
            became=words[one.kind],
            finding=None if one.lesion is None else lesions[one.lesion],
            off_mm=None if is_false else one.off_mm,
            why=_what_lies(case, task.volume, mark.at_mm, places) if is_false else None,
        )


def _what_lies(case: Case, volume: str, at_mm: Point, places: Mapping[str, Place]) -> str | None:
    """Why a mark is false: which distractor it lies on."""
    for one in case.truth.distractors:
        place = places.get(one.id)
        if place is not None and one.volume == volume:
            off_mm = float(np.linalg.norm(np.subtract(at_mm, place.at_mm)))
            if off_mm <= max(place.radius_mm + 5.0, 10.0):
                return one.why
    return None


def _next_step(case: Case, tasks: Sequence[TaskScore], findings: Sequence[FindingTold]) -> str:
    missed = [one for one in findings if one.became == "missed"]
    if missed:
        return f"Look once more at {missed[0].name}: slice {missed[0].slices[0] + 1} shows it best."
    wrong = [one for one in tasks if one.share < RIGHT]
    if wrong:
        return f"Read again: {wrong[0].task.prompt}"
    return f"All of it was right: the next case of {case.topic} is harder."


def band(shares: Sequence[float], least: int = 5) -> Band | None:
    """The middle half of peers' shares; None where they are too few to be nobody in particular."""
    if len(shares) < least:
        return None
    low, high = np.quantile(shares, [0.25, 0.75])
    return Band(low=float(low), high=float(high), count=len(shares))
