"""Marks against lesions. Honest confidence earns most (Brier 1950): a mark that is sure with probability p earns
1 - (1 - p)² of its lesion, and costs p² where nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.case.task import MarkTask
from scenarios.reading.state import Work
from scenarios.score.ground import Ground
from scenarios.score.matching import Acceptance, Kind, Mark, Matched, match
from scenarios.score.task_score import TaskScore, scored

#: How much wider or narrower the rule is made to tell how much hangs on it.
SWEEP = (0.5, 0.75, 1.0, 1.5, 2.0)


def asked(task: MarkTask, ground: Ground) -> tuple[str, ...]:
    """Findings that are to be marked."""
    return task.findings or tuple(name for name, place in ground.findings.items() if place.volume == task.volume)


def matched(task: MarkTask, work: Work, ground: Ground, factor: float = 1.0) -> dict[str, tuple[Matched, str | None]]:
    """What became of each mark, and the finding on which it lies; one on what was not asked lies on that too."""
    wanted = asked(task, ground)
    others = tuple(name for name, place in ground.findings.items() if place.volume == task.volume)
    others = tuple(name for name in others if name not in wanted)
    rule = Acceptance(task.beyond_mm, task.least_mm).scaled(factor)
    marks = [Mark(mark.at_mm, mark.confidence) for mark in work.marks.values()]  # type: ignore[arg-type]
    first = match(marks, [ground.finding(name).lesion for name in wanted], rule)
    left = [n for n, one in enumerate(first) if one.kind is Kind.FALSE]
    second = match([marks[n] for n in left], [ground.finding(name).lesion for name in others], rule)
    became = [(one, None if one.lesion is None else wanted[one.lesion]) for one in first]
    for n, one in zip(left, second, strict=True):
        became[n] = (one, None if one.lesion is None else others[one.lesion])
    return dict(zip(work.marks, became, strict=True))


def share_of(
    task: MarkTask, work: Work, ground: Ground, weights: Sequence[float] | None = None, factor: float = 1.0
) -> float:
    """Share of the points under the rule, made wider or narrower by `factor`."""
    wanted = asked(task, ground)
    weight = dict(zip(wanted, weights or [1.0] * len(wanted), strict=True))
    earned = cost = 0.0
    for name, (one, finding) in matched(task, work, ground, factor).items():
        sure = work.marks[name].confidence if task.asks_confidence else 1.0
        if one.kind is Kind.FALSE:
            cost += sure**2
        elif one.kind is Kind.FOUND and finding in weight:
            earned += weight[finding] * (1 - (1 - sure) ** 2)
    if not wanted:
        return max(0.0, 1 - cost)
    return min(max(earned / sum(weight.values()) - cost / len(wanted), 0.0), 1.0)


def score(task: MarkTask, work: Work, ground: Ground, weights: Sequence[float] | None = None) -> TaskScore:
    """Of all marks of a task."""
    wanted, became = asked(task, ground), matched(task, work, ground)
    found = {finding for one, finding in became.values() if one.kind is Kind.FOUND and finding in wanted}
    false = sum(one.kind is Kind.FALSE for one, _ in became.values())
    twice = sum(one.kind is Kind.DUPLICATE for one, _ in became.values())
    share = share_of(task, work, ground, weights)
    swept = [share_of(task, work, ground, weights, factor) for factor in SWEEP]
    missed = [name for name in wanted if name not in found]
    why = [f"{len(found)} of {len(wanted)} found" if wanted else "There was nothing to find"]
    why.append(f"{false} mark{'' if false == 1 else 's'} where nothing is")
    if twice:
        why.append(f"{twice} on what another mark had found, which costs nothing")
    if task.asks_confidence and (found or false):
        why.append("how sure each mark was counts: sure and right earns most, sure and wrong costs most")
    if max(swept) - min(swept) > 0.005:
        why.append(
            f"a rule half or twice as wide ({task.beyond_mm:g} mm beyond the border, {task.least_mm:g} mm about the "
            f"middle) would give {min(swept):.0%} to {max(swept):.0%}"
        )
    right = f"{len(wanted)} finding{'' if len(wanted) == 1 else 's'}" if wanted else "nothing to mark"
    said = f"{len(work.marks)} mark{'' if len(work.marks) == 1 else 's'}" if work.marks else "no mark"
    return scored(task, share, said, right, "; ".join(why) + ".", omits=bool(missed))
