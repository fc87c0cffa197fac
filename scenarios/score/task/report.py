"""A structured report, field by field."""

from __future__ import annotations

from scenarios.case.task import ReportTask
from scenarios.reading.answer import ReportAnswer
from scenarios.reading.state import Work
from scenarios.score.ground import Ground
from scenarios.score.task_score import TaskScore, scored


def score(task: ReportTask, work: Work, ground: Ground) -> TaskScore:  # noqa: ARG001
    """Fields count by their weights."""
    assert isinstance(work.answer, ReportAnswer)
    earned, said, right, why = 0.0, [], [], []
    for field in task.fields:
        options = {one.id: one for one in field.options}
        true = next(one for one in field.options if one.is_right)
        chosen = work.answer.fields.get(field.id)
        right.append(f"{field.prompt}: {true.text}")
        said.append(f"{field.prompt}: {options[chosen].text if chosen is not None else 'not filled in'}")
        if chosen == true.id:
            earned += field.weight
        else:
            reason = options[chosen].why if chosen is not None else None
            why.append(f"{field.prompt}: {reason or true.why or true.text}")
    share = earned / sum(field.weight for field in task.fields)
    return scored(task, share, "; ".join(said), "; ".join(right), "; ".join(why) or "Every field is right.")
