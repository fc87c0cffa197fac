"""The score of a reading: each task by its kind, and all together by their points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scenarios.case.case import Case
from scenarios.case.task import AnyTask, MarkTask
from scenarios.reading.state import Reading, Went, Work
from scenarios.score.ground import Ground
from scenarios.score.task import box, choice, classify, guide, manage, mark, measure, order, report, segment, text
from scenarios.score.task_score import TaskScore, less_hints, scored

#: With so much of its points a task went right: where others come after it for that reason.
WENT_RIGHT = 0.5

_SCORERS: dict[str, Callable[[Any, Work, Ground], TaskScore]] = {
    "segment": segment.score,
    "box": box.score,
    "measure": measure.score,
    "classify": classify.score,
    "report": report.score,
    "choice": choice.score,
    "order": order.score,
    "text": text.score,
    "manage": manage.score,
    "guide": guide.score,
}


@dataclass(frozen=True, slots=True)
class ReadingScore:
    """Scores of all committed tasks, in the order of the case. `share`: of the points that they count."""

    tasks: Mapping[str, TaskScore]
    share: float


def score_task(case: Case, task: AnyTask, work: Work, ground: Ground) -> TaskScore:
    """Of one task, less its hints.

    Raises:
        InvalidValue: what it is scored against is not there.
    """
    if isinstance(task, MarkTask):
        weight = {one.id: one.weight for one in case.truth.findings}
        made = mark.score(task, work, ground, [weight.get(name, 1.0) for name in mark.asked(task, ground)])
    elif work.answer is None:
        made = scored(task, 0.0, "nothing", "an answer", "Nothing was answered.", omits=True)
    else:
        made = _SCORERS[task.kind](task, work, ground)
    return less_hints(made, task, work.hints)


def went(case: Case, ground: Ground) -> Went:
    """Whether a task went right, for tasks that come after it."""
    return lambda task, work: score_task(case, task, work, ground).share >= WENT_RIGHT


def score_reading(case: Case, reading: Reading, ground: Ground) -> ReadingScore:
    """Of all tasks that were committed."""
    made = {name: score_task(case, case.task(name), reading.work[name], ground) for name in reading.committed}
    points = sum(case.task(name).points for name in made)
    earned = sum(case.task(name).points * score.share for name, score in made.items())
    return ReadingScore(made, earned / points if points else 0.0)
