"""What is told once a case was read: what was there, what became of each mark, why, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scenarios.case.case import Case
from scenarios.case.feedback import Reference
from scenarios.case.part import Point
from scenarios.case.task import MarkTask, Scale
from scenarios.case.truth import Finding
from scenarios.reading.event import AnyEvent
from scenarios.reading.state import Reading
from scenarios.reading.viewing import By, Target, viewed
from scenarios.score import miss
from scenarios.score.ground import Ground, Place
from scenarios.score.matching import Acceptance, Kind, Mark, Matched, match
from scenarios.score.miss import Miss, Viewing
from scenarios.score.reading import WENT_RIGHT, ReadingScore
from scenarios.score.rubric import Rubric, rubric
from scenarios.score.task import mark as marking

#: Of a finding so many places are followed at most.
MOST_POINTS = 2000
#: So sure and wrong, or so unsure and right, is worth a word.
SURE, UNSURE = 0.8, 0.4
_BECAME: dict[Kind, Literal["found", "duplicate", "false"]] = {
    Kind.FOUND: "found", Kind.DUPLICATE: "duplicate", Kind.FALSE: "false",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ToldFinding:
    """Something that was there: what became of it, the slices that show it (best, first, last), and why a miss."""

    id: str
    name: str
    volume: str
    became: Literal["found", "missed", "not asked"]
    at_mm: Point
    radius_mm: float
    slices: tuple[int, int, int]
    why: str | None
    mark: str | None = None
    miss: Miss | None = None
    by: By | None = None
    seconds_viewed: float | None = None


@dataclass(frozen=True, slots=True)
class ToldMark:
    """What became of a mark; of a false one `why` says what lies there."""

    id: str
    task: str
    at_mm: Point
    confidence: float
    became: Literal["found", "duplicate", "false"]
    finding: str | None
    off_mm: float | None
    why: str | None


@dataclass(frozen=True, slots=True)
class ToldTask:
    """A task's score with its reason."""

    id: str
    prompt: str
    scale: Scale
    share: float
    points: float
    said: str
    right: str
    why: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class ReadingTold:
    """Feedback on a reading; abilities and peers, who are not of this reading, are told beside it."""

    says: str | None
    synthetic: bool
    findings: tuple[ToldFinding, ...]
    marks: tuple[ToldMark, ...]
    tasks: tuple[ToldTask, ...]
    layers: tuple[str, ...]
    rubric: Rubric
    coverage: float | None
    coverage_by: By | None
    minutes: float
    references: tuple[str, ...]
    next_step: str


def told(
    case: Case, reading: Reading, events: Sequence[AnyEvent], score: ReadingScore, ground: Ground,
    organ: Target | None = None,
) -> ReadingTold:  # fmt: skip
    """All that is told of a reading.

    Args:
        case, reading, events: what was read, and how.
        score: of the same reading.
        ground: what is there.
        organ: that was to be searched; None: none is known.
    """
    became = _matched(case, reading, ground)
    findings = tuple(_finding(case, one, reading, became, events, ground) for one in case.truth.findings)
    marks = tuple(
        _mark(case, case.task(task), name, reading, one, finding, ground)  # type: ignore[arg-type]
        for (task, name), (one, finding) in became.items()
    )
    tasks = tuple(
        ToldTask(
            name, case.task(name).prompt, case.task(name).scale, one.share, case.task(name).points, one.said, one.right,
            one.why, reading.work[name].confidence,
        )
        for name, one in score.tasks.items()
    )  # fmt: skip
    covered = None if organ is None else viewed(events, [organ])[0]
    return ReadingTold(
        case.truth.says, case.is_synthetic, findings, marks, tasks, _layers(case, findings, score), rubric(case, score),
        None if covered is None else covered.coverage, None if covered is None else covered.by, reading.active_s / 60,
        tuple(_reference(one) for one in case.references), next_step(findings, marks, tasks),
    )  # fmt: skip


_Became = dict[tuple[str, str], tuple[Matched, str | None]]


def _matched(case: Case, reading: Reading, ground: Ground) -> _Became:
    """By task and mark."""
    return {
        (task.id, name): found
        for task in case.tasks
        if isinstance(task, MarkTask) and task.id in reading.committed
        for name, found in marking.matched(task, reading.work[task.id], ground).items()
    }


# --- findings ------------------------------------------------------------------------------------


def _finding(
    case: Case, one: Finding, reading: Reading, became: _Became, events: Sequence[AnyEvent], ground: Ground
) -> ToldFinding:
    place = ground.finding(one.id)
    asking = [
        task.id
        for task in case.tasks
        if isinstance(task, MarkTask) and task.id in reading.committed and one.id in marking.asked(task, ground)
    ]
    by_mark = next((name for (_, name), (at, of) in became.items() if of == one.id and at.kind is Kind.FOUND), None)
    at: Point = (float(place.centre_mm[0]), float(place.centre_mm[1]), float(place.centre_mm[2]))
    what = (one.id, one.name, one.volume)
    if by_mark is not None:
        return ToldFinding(*what, "found", at, place.radius_mm, place.slices, one.why, by_mark)
    if not asking:
        return ToldFinding(*what, "not asked", at, place.radius_mm, place.slices, one.why)
    seen = viewed(events, [_target(one.volume, place)], asking[-1])[0]
    if seen.by is None:
        return ToldFinding(*what, "missed", at, place.radius_mm, place.slices, one.why)
    viewing = Viewing(seen.any_seconds, seen.by == "eyes")
    kind = miss.miss_of(viewing)
    firm = (
        "" if miss.is_firm(viewing) else f" (viewed {seen.any_seconds:.1f} s: at another threshold it counts otherwise)"
    )
    why = " ".join(part for part in (f"{miss.WORDS[kind].capitalize()}{firm}.", one.why) if part)
    return ToldFinding(
        *what, "missed", at, place.radius_mm, place.slices, why, None, kind, seen.by, seen.any_seconds
    )  # fmt: skip


def _target(volume: str, place: Place) -> Target:
    points = place.points_mm
    every = -(-len(points) // MOST_POINTS)
    return Target(volume, points[::every], float(place.grid.spacing_mm.max()))


# --- marks ---------------------------------------------------------------------------------------


def _mark(
    case: Case, task: MarkTask, name: str, reading: Reading, one: Matched, finding: str | None, ground: Ground
) -> ToldMark:
    mark = reading.work[task.id].marks[name]
    why: str | None
    if one.kind is Kind.FALSE:
        why = _explained(case, task, mark.at_mm, mark.confidence, ground)
    elif finding not in marking.asked(task, ground):
        why = "It is there, and was not asked for: it costs nothing."
    elif one.kind is Kind.DUPLICATE:
        why = "Another mark had found the same: it costs nothing."
    elif mark.confidence < UNSURE:
        why = "You were right, and less sure than you could be."
    else:
        why = None
    off = float(one.off_mm) if np.isfinite(one.off_mm) else None
    return ToldMark(name, task.id, mark.at_mm, mark.confidence, _BECAME[one.kind], finding, off, why)


def _explained(case: Case, task: MarkTask, at_mm: Point, confidence: float, ground: Ground) -> str:
    """What lies where nothing was to be marked."""
    sure = " You were sure of it." if confidence >= SURE else ""
    near = [one for one in case.truth.distractors if one.volume == task.volume and one.id in ground.distractors]
    rule = Acceptance(task.beyond_mm, task.least_mm)
    lesions = [ground.distractors[one.id].lesion for one in near]
    hit = match([Mark(np.array(at_mm), confidence)], lesions, rule)[0].lesion
    if hit is not None:
        return f"{near[hit].name}: {near[hit].why}{sure}"
    structure = ground.structure_at(task.volume, at_mm)
    return f"Nothing to find is here; {structure or 'no structure that is known'} lies at this place.{sure}"


# --- layers and what comes next ------------------------------------------------------------------


def _layers(case: Case, findings: Iterable[ToldFinding], score: ReadingScore) -> tuple[str, ...]:
    """Names of the pieces of feedback that apply."""
    became: Mapping[str, str] = {
        **{one.id: one.became for one in findings},
        **{name: "right" if one.share >= WENT_RIGHT else "wrong" for name, one in score.tasks.items()},
    }
    of_finding = {one.id: one.became for one in findings}
    of_task = {name: became[name] for name in score.tasks}
    return tuple(
        layer.id
        for layer in case.feedback
        if layer.when == "always"
        or (of_finding if layer.when in ("found", "missed") else of_task).get(layer.of or "") == layer.when
    )


def _reference(one: Reference) -> str:
    where = f"doi:{one.doi}" if one.doi is not None else one.url
    return one.title if where is None else f"{one.title} ({where})"


_NEXT: dict[Miss, str] = {
    Miss.SEARCH: "go through the whole organ slice by slice before you commit: {name} was never in view",
    Miss.RECOGNITION: "stay longer where something may be: {name} was in view, and passed over",
    Miss.DECISION: "look again at slices {first} to {last}: {name} was in view for long and not marked",
}


def next_step(findings: Sequence[ToldFinding], marks: Sequence[ToldMark], tasks: Sequence[ToldTask]) -> str:
    """One sentence: the most that can be gained."""
    for one in findings:
        if one.became == "missed":
            words = _NEXT[one.miss] if one.miss is not None else "look at slices {first} to {last}, where {name} lies"
            step = words.format(name=one.name, first=one.slices[1] + 1, last=one.slices[2] + 1)
            return f"{step[0].upper()}{step[1:]}."
    false = [one for one in marks if one.became == "false"]
    if false:
        worst = max(false, key=lambda one: one.confidence)
        return f"Compare your mark of {worst.confidence:.0%} confidence with what lies there: nothing to find does."
    weakest = min(tasks, key=lambda one: one.share, default=None)
    if weakest is not None and weakest.share < 1:
        prompt = weakest.prompt.splitlines()[0]
        return f"Read once more why, at “{prompt if len(prompt) <= 80 else prompt[:79] + '…'}”: {weakest.share:.0%}."
    return "Everything was right: go on to the next case."
