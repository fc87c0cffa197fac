"""How trainees read and how questions were answered, from what the store holds (`educator_messages`)."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.app.training.educator_messages import (
    AbilityOfLearner,
    Cohort,
    Estimated,
    ItemStatistics,
    LearnerRow,
    WrongAnswer,
)
from engine.app.training.practice import SCALES
from engine.app.training.school import School
from engine.app.training.scoring import RIGHT
from engine.app.training.store import Store
from engine.app.training.tables import AbilityRow, ItemRow, ReadingRow, Response, ReviewRow, Trainee
from scenarios.case.case import Case
from scenarios.case.task import AnyTask, Scale
from scenarios.score.items import LEAST_ANSWERS, Z95, Interval, ItemAnswer, item_figures, wilson

#: When somebody may need help: after so many readings, a share below the cohort's, or far too sure.
LEAST_READINGS, BEHIND, OVERSURE, STALE_S = 3, 0.2, 0.25, 14 * 86400.0
MONTH_S = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class SchoolEducator:
    """Whatever a school knows of its trainees and questions."""

    school: School

    def cohort(self, now_s: float) -> Cohort:
        """All trainees; those who may need help first, then by name."""
        return _cohort(self.school.store, now_s)

    def items(self) -> tuple[ItemStatistics, ...]:
        """Every task of the cases that are open, by its answers."""
        return _items(self.school)


@dataclass(slots=True)
class _Learned:
    """What is kept of a trainee, in the order of time."""

    readings: list[ReadingRow] = field(default_factory=list)
    said_and_right: list[tuple[float, int]] = field(default_factory=list)
    abilities: dict[Scale, list[AbilityRow]] = field(default_factory=lambda: defaultdict(list))
    due: int = 0

    @property
    def share(self) -> float | None:
        """Mean share of points."""
        return float(np.mean([row.share or 0.0 for row in self.readings])) if self.readings else None

    @property
    def last_s(self) -> float | None:
        """When the last case was read."""
        return max((row.revealed_s or row.began_s for row in self.readings), default=None)


def _cohort(store: Store, now_s: float) -> Cohort:
    with store.reading() as session:
        trainees = list(session.scalars(select(Trainee).where(Trainee.is_educator.is_(False))))
        learned = _learned(session, now_s)
    shares = [share for one in learned.values() if (share := one.share) is not None]
    middle = float(np.median(shares)) if shares else None
    rows = [_row(one, learned.get(one.id, _Learned()), middle, now_s) for one in trainees]
    return Cohort(
        learners=tuple(sorted(rows, key=lambda row: (row.needs is None, row.name))),
        readings=sum(row.cases for row in rows),
        as_of_s=now_s,
    )


def _learned(session: Session, now_s: float) -> dict[str, _Learned]:
    found: dict[str, _Learned] = defaultdict(_Learned)
    reads = select(ReadingRow).where(ReadingRow.share.is_not(None), ReadingRow.is_try.is_(False))
    for reading in session.scalars(reads.order_by(ReadingRow.began_s)):
        found[reading.trainee].readings.append(reading)
    said = select(Response.trainee, Response.confidence, Response.score).where(Response.confidence.is_not(None))
    for trainee, confidence, score in session.execute(said):
        found[trainee].said_and_right.append((float(confidence or 0.0), score))
    for ability in session.scalars(select(AbilityRow).order_by(AbilityRow.at_s)):
        found[ability.trainee].abilities[ability.scale].append(ability)  # type: ignore[index]
    due = select(ReviewRow.trainee, func.count()).where(ReviewRow.due_s <= now_s).group_by(ReviewRow.trainee)
    for trainee, count in session.execute(due):
        found[trainee].due = int(count)
    return found


def _row(trainee: Trainee, learned: _Learned, middle: float | None, now_s: float) -> LearnerRow:
    asked = sum(row.asked for row in learned.readings)
    missed = sum(row.missed for row in learned.readings)
    return LearnerRow(
        id=trainee.id,
        name=trainee.name,
        cases=len(learned.readings),
        last_read_s=learned.last_s,
        missed=_told(wilson(missed, asked)) if asked else None,
        abilities=tuple(_ability(scale, rows, now_s) for scale in SCALES if (rows := learned.abilities.get(scale))),
        needs=_needs(learned, middle, now_s),
        history=_history(learned),
    )


def _ability(scale: Scale, rows: Sequence[AbilityRow], now_s: float) -> AbilityOfLearner:
    now = rows[-1]
    before = bisect_right(rows, now_s - MONTH_S, key=lambda row: row.at_s)
    return AbilityOfLearner(
        scale=scale,
        now=Estimated(mean=now.mean, low=now.low, high=now.high),
        earlier=rows[before - 1].mean if before else None,
    )


def _history(learned: _Learned) -> tuple[tuple[float, float], ...]:
    """The mean of all abilities that were asked yet, after each reading."""
    latest: dict[str, float] = {}
    told: dict[float, float] = {}
    for row in sorted((row for rows in learned.abilities.values() for row in rows), key=lambda row: row.at_s):
        latest[row.scale] = row.mean
        told[row.at_s] = float(np.mean(list(latest.values())))
    return tuple(told.items())


def _needs(learned: _Learned, middle: float | None, now_s: float) -> str | None:
    """Why somebody may need help: one sentence, only where the figures bear it."""
    reasons = []
    share, sure, last_s = learned.share, learned.said_and_right, learned.last_s
    if len(learned.readings) >= LEAST_READINGS and share is not None and middle is not None and share < middle - BEHIND:
        reasons.append(f"{100 * share:.0f} % right where half of the cohort has {100 * middle:.0f} % or more")
    over = float(np.mean([said - right for said, right in sure])) if sure else 0.0
    if len(sure) >= 2 * LEAST_READINGS and over > OVERSURE:
        reasons.append(f"{100 * over:.0f} points surer than right")
    if last_s is not None and now_s - last_s > STALE_S:
        days, due = f"has read nothing for {(now_s - last_s) / 86400:.0f} days", learned.due
        reasons.append(f"{days}, and {due} {'review is' if due == 1 else 'reviews are'} due" if due else days)
    if not reasons:
        return None
    text = "; ".join(reasons)
    return f"{text[0].upper()}{text[1:]}."


# --- questions ---------------------------------------------------------------------------------


def _items(school: School) -> tuple[ItemStatistics, ...]:
    with school.store.reading() as session:
        answers: dict[tuple[str, str], list[Response]] = defaultdict(list)
        for row in session.scalars(select(Response)):
            answers[row.case_id, row.task].append(row)
        believed = {(row.case_id, row.task): row for row in session.scalars(select(ItemRow))}
    total: dict[str, list[float]] = defaultdict(list)
    for rows in answers.values():
        for row in rows:
            total[row.trainee].append(row.share)
    sums = {trainee: (sum(shares), len(shares)) for trainee, shares in total.items()}
    return tuple(
        _item(one.case, task, told, believed.get((one.case.id, task.id)), sums)
        for one in school.cases
        for task in one.case.tasks
        if (told := answers.get((one.case.id, task.id)))
    )


def _item(
    case: Case,
    task: AnyTask,
    rows: Sequence[Response],
    believed: ItemRow | None,
    sums: dict[str, tuple[float, int]],
) -> ItemStatistics:
    figures = item_figures([_answer(row, *sums[row.trainee]) for row in rows])
    timed = [row.seconds for row in rows if row.seconds is not None]
    return ItemStatistics(
        case=case.id,
        title=case.title,
        version=case.version,
        task=task.id,
        prompt=task.prompt,
        scale=task.scale,
        count=figures.count,
        difficulty=_difficulty(believed) if believed and figures.count >= LEAST_ANSWERS else None,
        discrimination=_told(figures.discrimination),
        missed=_told(figures.missed),
        median_s=float(np.median(timed)) if timed else None,
        wrong=WrongAnswer(text=figures.wrong[0], share=figures.wrong[1]) if figures.wrong else None,
        says=figures.says,
    )


def _answer(row: Response, total: float, count: int) -> ItemAnswer:
    rest = min(1.0, max(0.0, (total - row.share) / (count - 1))) if count > 1 else None
    return ItemAnswer(row.share, rest, row.seconds or 0.0, row.said if row.share < RIGHT else None)


def _difficulty(believed: ItemRow) -> Estimated:
    """As the learner model believes it, which knows how able those were who answered."""
    middle = float(np.mean(json.loads(believed.steps)))
    half = Z95 * believed.step_sd
    return Estimated(mean=middle, low=middle - half, high=middle + half)


def _told(value: Interval | None) -> Estimated | None:
    return None if value is None else Estimated(mean=value.mean, low=value.low, high=value.high)
