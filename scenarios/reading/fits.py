"""Whether an answer is one that its task can have, right or wrong."""

# ruff: noqa: ARG001 (each check of the table takes the same)
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from scenarios.case.task import (
    AnyTask,
    ChoiceTask,
    GuideTask,
    ManageTask,
    OrderTask,
    ReportTask,
)
from scenarios.reading.answer import (
    Answer,
    BoxAnswer,
    ChoiceAnswer,
    GuideAnswer,
    ManageAnswer,
    OrderAnswer,
    ReportAnswer,
    SegmentAnswer,
)


def misfit(task: AnyTask, answer: Answer) -> str | None:
    """Why the answer cannot be one of this task; None where it can."""
    if task.kind == "mark":
        return f"task {task.id} is answered by marks"
    if answer.kind != task.kind:
        return f"task {task.id} is of kind {task.kind}, the answer of kind {answer.kind}"
    check = _CHECKS.get(task.kind)
    return None if check is None else check(task, answer)


def _unknown(names: Iterable[str], known: Iterable[str], what: str) -> str | None:
    there = list(known)
    for name in names:
        if name not in there:
            return f"there is no {what} {name!r}; there is {', '.join(there)}"
    return None


def _segment(task: AnyTask, answer: SegmentAnswer) -> str | None:
    bad = next((run for run in answer.runs if run[0] < 0 or run[1] < 1), None)
    return None if bad is None else f"a run has a first voxel from 0 and one voxel at least, got {bad}"


def _box(task: AnyTask, answer: BoxAnswer) -> str | None:
    if min(answer.low) >= 0 and all(low <= high for low, high in zip(answer.low, answer.high, strict=True)):
        return None
    return f"a box goes from low to high, from 0, got {answer.low} to {answer.high}"


def _report(task: ReportTask, answer: ReportAnswer) -> str | None:
    fields = {one.id: one for one in task.fields}
    why = _unknown(answer.fields, fields, "field")
    for name, chosen in answer.fields.items():
        why = why or _unknown([chosen], [one.id for one in fields[name].options], f"option of {name}")
    return why


def _choice(task: ChoiceTask, answer: ChoiceAnswer) -> str | None:
    if len(set(answer.chosen)) < len(answer.chosen):
        return "an option is chosen once"
    if not task.several and len(answer.chosen) > 1:
        return f"one option is chosen, got {len(answer.chosen)}"
    return _unknown(answer.chosen, [one.id for one in task.options], "option")


def _order(task: OrderTask, answer: OrderAnswer) -> str | None:
    wanted = [one.id for one in task.items]
    return None if sorted(answer.items) == sorted(wanted) else f"each of {', '.join(wanted)} is put in order once"


def _manage(task: ManageTask, answer: ManageAnswer) -> str | None:
    return _unknown([answer.chosen], [one.id for one in task.options], "option")


def _guide(task: GuideTask, answer: GuideAnswer) -> str | None:
    if task.recording is None:
        times = [point[0] for point in answer.path]
        if times != sorted(times):
            return "a path goes forward in time"
        return None if times else "a path was to be guided, and none was given"
    if answer.nearest is None:
        return "the structure that the path came nearest to was to be named"
    return _unknown([answer.nearest], list(task.avoid), "structure")


_CHECKS: dict[str, Callable[[Any, Any], str | None]] = {
    "segment": _segment,
    "box": _box,
    "report": _report,
    "choice": _choice,
    "order": _order,
    "manage": _manage,
    "guide": _guide,
}
