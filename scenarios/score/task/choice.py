"""Options that were chosen. Of several, a wrong one takes back what a right one gives: choosing all earns nothing."""

from __future__ import annotations

from scenarios.case.task import ChoiceTask
from scenarios.reading.answer import ChoiceAnswer
from scenarios.reading.state import Work
from scenarios.score.ground import Ground
from scenarios.score.task_score import TaskScore, scored


def score(task: ChoiceTask, work: Work, ground: Ground) -> TaskScore:  # noqa: ARG001
    """Right ones less wrong ones, of all that are right."""
    assert isinstance(work.answer, ChoiceAnswer)
    chosen = [one for one in task.options if one.id in work.answer.chosen]
    right = [one for one in task.options if one.is_right]
    wrong = [one for one in task.options if not one.is_right]
    hits = sum(one.is_right for one in chosen)
    share = hits / len(right) - ((len(chosen) - hits) / len(wrong) if wrong else 0.0)
    said = ", ".join(one.text for one in chosen) or "none"
    told = [one.why for one in chosen if one.why] or [one.why for one in right if one.why]
    outcome = "That is right." if share >= 1 else f"{hits} of {len(right)} right, {len(chosen) - hits} wrong."
    return scored(task, share, said, ", ".join(one.text for one in right), " ".join([outcome, *map(str, told)]))
