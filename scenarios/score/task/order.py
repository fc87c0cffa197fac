"""Items in order: how many pairs stand the right way round, less those that do not (Kendall 1938)."""

from __future__ import annotations

from itertools import combinations

from scenarios.case.task import OrderTask
from scenarios.reading.answer import OrderAnswer
from scenarios.reading.state import Work
from scenarios.score.ground import Ground
from scenarios.score.task_score import TaskScore, scored


def score(task: OrderTask, work: Work, ground: Ground) -> TaskScore:  # noqa: ARG001
    """1 for the right order, 0 for one that chance would give or worse."""
    assert isinstance(work.answer, OrderAnswer)
    at = {name: n for n, name in enumerate(work.answer.items)}
    text = {one.id: one.text for one in task.items}
    pairs = list(combinations(task.items, 2))
    turned = [(one, two) for one, two in pairs if at[one.id] > at[two.id]]
    why = [f"{two.text} was put before {one.text}." + (f" {one.why}" if one.why else "") for one, two in turned[:1]]
    return scored(
        task,
        1 - 2 * len(turned) / len(pairs),
        " → ".join(text[name] for name in work.answer.items),
        " → ".join(one.text for one in task.items),
        " ".join(why) or "The order is right.",
    )
