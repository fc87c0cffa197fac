"""The score of one task: never without what was said, what is right, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.core.errors import InvalidValue
from scenarios.case.task import AnyTask

#: What is lost on a task of such a scale was not seen; of another it was not understood (after WIDI's split).
OBSERVING = frozenset({"detection", "characterisation"})


@dataclass(frozen=True, slots=True)
class TaskScore:
    """A score. `share`, and the three that were lost, sum to 1.

    Attributes:
        share: of the task's points.
        said, right, why: in words.
        lost_seeing, lost_judging, lost_hints: what was not seen, not understood, and paid for hints.
        is_critical: the error could have harmed the patient most.
        omits: something that the case is about was left out.
    """

    share: float
    said: str
    right: str
    why: str
    lost_seeing: float = 0.0
    lost_judging: float = 0.0
    lost_hints: float = 0.0
    is_critical: bool = False
    omits: bool = False

    def __post_init__(self) -> None:
        if not (self.said and self.right and self.why):
            raise InvalidValue("a score says what was said, what is right, and why")
        parts = (self.share, self.lost_seeing, self.lost_judging, self.lost_hints)
        if min(parts) < -1e-9 or abs(sum(parts) - 1) > 1e-6:
            raise InvalidValue(f"what was earned and lost is 1 in all, got {parts}")


def scored(
    task: AnyTask, share: float, said: str, right: str, why: str, *, critical: bool = False, omits: bool = False
) -> TaskScore:
    """What was lost is one of seeing or of judging, as the task's scale says."""
    share = min(max(share, 0.0), 1.0)
    lost, seeing = 1 - share, task.scale in OBSERVING
    return TaskScore(share, said, right, why, lost if seeing else 0.0, 0.0 if seeing else lost, 0.0, critical, omits)


def less_hints(score: TaskScore, task: AnyTask, hints: int) -> TaskScore:
    """Less what the hints that were taken cost."""
    cost = min(sum(hint.cost for hint in task.hints[:hints]), score.share)
    if cost <= 0:
        return score
    why = f"{score.why} {hints} hint{'s' if hints > 1 else ''} cost {cost:.0%} of the points."
    return replace(score, share=score.share - cost, lost_hints=cost, why=why)
