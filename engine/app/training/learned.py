"""What is believed of learners, and learned of their readings: once of each, and of one after another."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.app.training import practice, scoring
from engine.app.training.assess import Assess, Assessed, Read
from engine.app.training.banks import items_of
from engine.app.training.messages import AbilityTold, Band, Told
from engine.app.training.outside import Ours, tell_ended
from engine.app.training.reading_desk import all_bodies
from engine.app.training.refusal import NoSuchReading, NotYet
from engine.app.training.shelf import Shelf
from engine.app.training.store import Store
from engine.app.training.tables import AbilityRow, ItemRow, ReadingRow, Response, ReviewRow, Sitting
from scenarios.case.case import Case
from scenarios.case.task import Scale
from scenarios.skill.ability import Ability
from scenarios.skill.item import Item


class Learning:
    """Not a value. `assess` computes; `learn` is told what is believed of questions from then on."""

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        assess: Assess,
        learn: Callable[[Mapping[str, Item]], None],
        clock: Callable[[], float],
        ours: Ours,
    ) -> None:
        self._store = store
        self._shelf = shelf
        self.assess = assess
        self._learn = learn
        self._clock = clock
        self._ours = ours
        #: What is believed before a reading is what was learned of the one before it.
        self._turn = threading.Lock()

    def unscored(self) -> list[tuple[str, str]]:
        """Readings that were revealed before the server ended, and not scored: trainee and name."""
        query = select(ReadingRow.trainee, ReadingRow.id).where(
            ReadingRow.revealed_s.is_not(None), ReadingRow.told.is_(None)
        )
        with self._store.reading() as session:
            return [(trainee, reading) for trainee, reading in session.execute(query)]

    def feedback(self, trainee: str, reading: str) -> Told:
        """Feedback; the first time, what the reading tells of learner and questions is learned, once.

        Raises:
            NoSuchReading: there is none of that name, or it is somebody else's.
            NotYet: it is not revealed, or the images are not made yet.
        """
        told = self.told(trainee, reading)
        if told is not None:
            return told
        with self._store.reading() as session:
            row = _revealed(session, trainee, reading)
            case = self._shelf.shelved(row.case_id, row.case_version).case
            bodies = all_bodies(session, reading)
        made = self.assess(Read(case, bodies))
        with self._turn:
            return self.told(trainee, reading) or self._learned(trainee, reading, case, made)

    def told(self, trainee: str, reading: str) -> Told | None:
        """Feedback that was made before; None where it was not.

        Raises:
            NoSuchReading, NotYet: as `feedback`.
        """
        with self._store.reading() as session:
            row = _revealed(session, trainee, reading)
            return None if row.told is None else _as_told(session, row)

    def _learned(self, trainee: str, reading: str, case: Case, made: Assessed) -> Told:
        with self._store.reading() as session:
            mode = session.scalar(select(Sitting.mode).join(ReadingRow).where(ReadingRow.id == reading)) or "practice"
            sitting = session.scalar(select(ReadingRow.sitting).where(ReadingRow.id == reading)) or ""
            believed = abilities_of(session, trainee, mode, sitting), items_of(session, case)
        learned = practice.learned(case, made.scored.tasks, *believed, mode)
        told = _told(case, made.scored, learned)
        with self._store.transaction() as session:
            row = _revealed(session, trainee, reading, to_change=True)
            if row.told is not None:  # another server of the same store
                return _as_told(session, row)
            row.share, row.told = made.scored.share, told.model_dump_json()
            row.asked = sum(one.became != "not asked" for one in told.findings)
            row.missed = sum(one.became == "missed" for one in told.findings)
            if not row.is_try:
                at_s = self._clock()
                _keep_answers(session, row, case, made.scored)
                _keep_items(session, case, learned)
                _keep_abilities(session, row, learned, at_s)
                _keep_review(session, row, case, made.scored, at_s)
                session.flush()
                tell_ended(session, self._ours, row, case, made, learned, at_s)
            told = _as_told(session, row)
        if not row.is_try:
            self._learn(learned.items)
        return told


def _revealed(session: Session, trainee: str, reading: str, *, to_change: bool = False) -> ReadingRow:
    row = session.get(ReadingRow, reading, with_for_update=to_change or None)
    if row is None or row.trainee != trainee:
        raise NoSuchReading
    if row.revealed_s is None:
        raise NotYet("commit every task, then reveal: feedback comes after that")
    return row


def _keep_answers(session: Session, row: ReadingRow, case: Case, scored: scoring.Scored) -> None:
    session.add_all(
        Response(
            reading=row.id,
            task=one.task.id,
            trainee=row.trainee,
            case_id=case.id,
            scale=one.task.scale,
            share=one.share,
            score=int(one.share >= scoring.RIGHT),
            confidence=one.confidence,
            seconds=one.seconds,
            said=one.said,
        )
        for one in scored.tasks
    )


def _keep_items(session: Session, case: Case, learned: practice.Learned) -> None:
    known = {row.task: row for row in session.scalars(select(ItemRow).where(ItemRow.case_id == case.id))}
    for name, item in learned.items.items():
        task = name.split("/", 1)[1]
        row = known.get(task) or ItemRow(case_id=case.id, task=task, answers=0)
        row.steps, row.step_sd = json.dumps(item.steps), item.step_sd
        row.slope, row.slope_sd, row.guess = item.slope, item.slope_sd, item.guess
        row.answers += 1
        session.add(row)


def _keep_abilities(session: Session, row: ReadingRow, learned: practice.Learned, at_s: float) -> None:
    for scale, ability in learned.after.items():
        low, high = ability.interval()
        session.add(
            AbilityRow(
                trainee=row.trainee,
                scale=scale,
                reading=row.id,
                at_s=at_s,
                mean=ability.mean,
                low=low,
                high=high,
                error=ability.error,
                weights=practice.weights_json(learned.alone[scale]),
            )
        )


def _keep_review(session: Session, row: ReadingRow, case: Case, scored: scoring.Scored, at_s: float) -> None:
    """When another case of the concept is due."""
    review = session.get(ReviewRow, (row.trainee, case.concept))
    card, due_s = practice.reviewed(review.card if review else None, scored.share, at_s)
    review = review or ReviewRow(trainee=row.trainee, concept=case.concept)
    review.card, review.due_s = card, due_s
    session.add(review)


def _as_told(session: Session, row: ReadingRow) -> Told:
    return Told.model_validate_json(row.told or "").model_copy(update={"peers": _peers(session, row)})


def _peers(session: Session, row: ReadingRow) -> Band | None:
    """How others did on this case: each by their first reading of it."""
    query = (
        select(ReadingRow.trainee, ReadingRow.share)
        .where(
            ReadingRow.case_id == row.case_id,
            ReadingRow.trainee != row.trainee,
            ReadingRow.share.is_not(None),
            ReadingRow.is_try.is_(False),
        )
        .order_by(ReadingRow.began_s)
    )
    firsts: dict[str, float] = {}
    for trainee, share in session.execute(query):
        firsts.setdefault(trainee, float(share or 0.0))
    return scoring.band(list(firsts.values()))


def abilities_of(session: Session, trainee: str, mode: str, sitting: str) -> dict[Scale, Ability]:
    """What each scale's own answers tell: in an exam of that exam alone, in practice of all practice."""
    of_it = (
        select(AbilityRow.scale, AbilityRow.weights, AbilityRow.at_s)
        .join(ReadingRow, ReadingRow.id == AbilityRow.reading)
        .join(Sitting, Sitting.id == ReadingRow.sitting)
        .where(AbilityRow.trainee == trainee, Sitting.mode == mode)
    )
    mine = (of_it if mode == "practice" else of_it.where(Sitting.id == sitting)).subquery()
    newest = select(mine.c.scale, func.max(mine.c.at_s).label("at_s")).group_by(mine.c.scale).subquery()
    query = select(mine.c.scale, mine.c.weights).join(
        newest, (mine.c.scale == newest.c.scale) & (mine.c.at_s == newest.c.at_s)
    )
    found = {scale: practice.ability_of(weights) for scale, weights in session.execute(query)}
    return {scale: found.get(scale) or practice.beginning(mode) for scale in practice.SCALES}


def due_of(session: Session, trainee: str, now_s: float) -> list[ReviewRow]:
    """Reviews of a trainee that are due, the most urgent first."""
    query = select(ReviewRow).where(ReviewRow.trainee == trainee, ReviewRow.due_s <= now_s)
    return list(session.scalars(query.order_by(ReviewRow.due_s)))


def _told(case: Case, scored: scoring.Scored, learned: practice.Learned) -> Told:
    abilities = []
    for scale, ability in learned.after.items():
        low, high = ability.interval()
        before = learned.before[scale].mean
        abilities.append(AbilityTold(scale=scale, mean=ability.mean, low=low, high=high, before=before))
    return Told(
        says=case.truth.says,
        synthetic=case.is_synthetic,
        findings=scored.findings,
        marks=scored.marks,
        tasks=tuple(one.told for one in scored.tasks),
        layers=scored.layers,
        abilities=tuple(abilities),
        peers=None,
        coverage=scored.reading.coverage,
        coverage_by=scored.reading.coverage_by,
        minutes=scored.reading.minutes,
        references=scored.reading.references,
        next_step=scored.reading.next_step,
    )
