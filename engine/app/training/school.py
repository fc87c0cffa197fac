"""Cases, those who read them, and what becomes of it: all on the store, nothing of weight in memory.

Synchronous: the server calls it on threads. What a method says was kept is on the disk when it returns.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from engine.app.training import practice, scoring
from engine.app.training.catalogue import Shelved
from engine.app.training.messages import AbilityTold, Band, NextAsk, ReadingNow, Told
from engine.app.training.store import Store
from engine.app.training.tables import (
    AbilityRow,
    EventRow,
    Exposed,
    GradeRow,
    ItemRow,
    LaunchedFrom,
    PublishedCase,
    ReadingRow,
    Response,
    ReviewRow,
    Sitting,
    StatementRow,
)
from engine.core.errors import InvalidValue, SightlineError
from scenarios.case.case import Case
from scenarios.case.task import Scale
from scenarios.reading.event import AnyEvent, Revealed
from scenarios.reading.viewing import Target
from scenarios.score.ground import Ground
from scenarios.select.bank import Bank
from scenarios.select.choose import choose, ended
from scenarios.select.exposure import Exposure
from scenarios.skill.ability import Ability
from scenarios.skill.item import Item
from scenarios.xapi import cmi5
from scenarios.xapi.statement import Statement

#: A practice that nobody went on with for so long has ended; the next case begins another.
SITTING_S = 4 * 3600.0
#: Of one reading, no more events are kept: hours of looking.
MOST_EVENTS = 200_000
#: Readings whose decisive events are remembered; the others are read again.
REMEMBERED = 512
EVENT: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


class NoSuchReading(SightlineError):
    """There is none of that name, or it is somebody else's."""


class Gap(SightlineError):
    """Events that do not follow those that were kept; `next_event` would."""

    def __init__(self, next_event: int) -> None:
        super().__init__(f"events are numbered without a gap: event {next_event} comes next")
        self.next_event = next_event


class NotYet(SightlineError):
    """What was asked for comes later."""


@dataclass(frozen=True, slots=True)
class Ours:
    """What this installation is to the outside.

    Attributes:
        home: its address, by which its statements name trainees and cases.
        mastery: share of a case's points from which it is passed.
    """

    home: str = "https://sightline.invalid"
    mastery: float = 0.5


class School:
    """Not a value. `ground` tells what is in a case, `organ` what was to be searched, once its images are made."""

    def __init__(
        self,
        store: Store,
        ground: Callable[[Case], Ground | None],
        organ: Callable[[Case], Target | None],
        has_failed: Callable[[Case], bool],
        clock: Callable[[], float],
        rng: np.random.Generator,
        ours: Ours = Ours(),
    ) -> None:
        self.store = store
        self._ground = ground
        self._organ = organ
        self._has_failed = has_failed
        self._clock = clock
        self._rng = rng
        self._ours = ours
        self._cases: dict[tuple[str, str], Shelved] = {}
        self._newest: dict[str, Shelved] = {}
        self._trials: dict[str, Shelved] = {}
        self._banks: dict[Scale, Bank] = {}
        self._learning = threading.Lock()
        self._choosing = threading.Lock()
        self._decisive: OrderedDict[str, tuple[int, tuple[AnyEvent, ...]]] = OrderedDict()
        self._remembering = threading.Lock()
        self._load()

    # --- cases ---------------------------------------------------------------------------------

    def _load(self) -> None:
        with self.store.reading() as session:
            rows = list(session.scalars(select(PublishedCase).order_by(PublishedCase.published_s)))
            for row in rows:
                shelved = Shelved(Case.model_validate_json(row.body), Path(row.folder) if row.folder else None)
                self._cases[row.id, row.version] = shelved
                self._newest.pop(row.id, None)
                if row.is_trial:
                    self._trials[row.id] = shelved
                elif row.is_open:
                    self._newest[row.id] = shelved
            self._rebuild(_items(session))

    def _rebuild(self, items: Mapping[str, Item]) -> None:
        self._banks = practice.banks((one.case for one in self._newest.values()), items)

    def shelve(self, cases: Iterable[Shelved]) -> None:
        """Publish what was not published before."""
        with self.store.transaction() as session:
            for n, one in enumerate(cases):
                row = session.get(PublishedCase, (one.case.id, one.case.version))
                folder = None if one.folder is None else str(one.folder.resolve())
                if row is None:
                    session.add(_published(one, folder, self._clock() + 1e-3 * n))
                elif row.sha256 != one.sha256:
                    raise InvalidValue(
                        f"{one.case.id} {one.case.version} was published and reads otherwise now: raise its version"
                    )
                else:
                    row.folder = folder  # the catalogue was moved
        self._load()

    def publish(self, one: Shelved) -> None:
        """Publish a version.

        Raises:
            InvalidValue: it was published before.
        """
        with self.store.reading() as session:
            if session.get(PublishedCase, (one.case.id, one.case.version)) is not None:
                raise InvalidValue(f"version {one.case.version} of {one.case.id} was published: raise the version")
        self.shelve([one])

    def try_out(self, one: Shelved) -> None:
        """A case that only its author reads, by its name; what was tried under that name before is gone."""
        folder = None if one.folder is None else str(one.folder.resolve())
        with self.store.transaction() as session:
            session.execute(delete(ReadingRow).where(ReadingRow.case_id == one.case.id))
            row = _published(one, folder, self._clock())
            row.is_open, row.is_trial = False, True
            session.merge(row)
        self._load()

    def set_open(self, case_id: str, is_open: bool) -> None:
        """Whether a case may be chosen from now on.

        Raises:
            InvalidValue: there is no such case.
        """
        with self.store.transaction() as session:
            rows = list(session.scalars(select(PublishedCase).where(PublishedCase.id == case_id)))
            if not rows:
                raise InvalidValue(f"there is no case {case_id!r}")
            for row in rows:
                row.is_open = is_open
        self._load()

    @property
    def cases(self) -> tuple[Shelved, ...]:
        """Newest versions of the cases that may be chosen."""
        return tuple(self._newest.values())

    def shelved(self, case_id: str, version: str) -> Shelved:
        """A case of a reading."""
        return self._cases[case_id, version]

    # --- readings ------------------------------------------------------------------------------

    def begin(self, trainee: str, ask: NextAsk, *, is_educator: bool) -> str:
        """The reading that was not finished, or a new one of the case that comes next; its name.

        Raises:
            InvalidValue: no case is left, or none of that name.
            NotYet: the exam is over.
        """
        with self._choosing:
            if ask.case is None and (unfinished := self._unfinished(trainee, ask.mode)):
                return unfinished
            return self._begin(trainee, ask, is_educator)

    def _unfinished(self, trainee: str, mode: str) -> str | None:
        query = (
            select(ReadingRow)
            .join(Sitting, Sitting.id == ReadingRow.sitting)
            .where(ReadingRow.trainee == trainee, ReadingRow.revealed_s.is_(None), Sitting.mode == mode)
            .order_by(ReadingRow.began_s.desc())
        )
        with self.store.reading() as session:
            for row in session.scalars(query):
                if not self._has_failed(self._cases[row.case_id, row.case_version].case):
                    return row.id
        return None

    def _begin(self, trainee: str, ask: NextAsk, is_educator: bool) -> str:
        now_s = self._clock()
        with self.store.reading() as session:
            sitting = self._sitting(session, trainee, ask.mode, now_s)
            if ask.case is not None:
                shelved = self._newest.get(ask.case) or (self._trials.get(ask.case) if is_educator else None)
                if shelved is None:
                    raise InvalidValue(f"there is no case {ask.case!r}")
                why = "You asked for this case."
            else:
                shelved, why = self._next(session, trainee, ask.mode, sitting)
            numbers = select(func.count()).where(ReadingRow.sitting == sitting.id)
            number = 1 + (session.scalar(numbers) or 0 if number_known(sitting, session) else 0)
        case = shelved.case
        row = ReadingRow(
            id=secrets.token_hex(12),
            trainee=trainee,
            sitting=sitting.id,
            number=number,
            case_id=case.id,
            case_version=case.version,
            why=why,
            is_try=is_educator and ask.case is not None,
            began_s=now_s,
        )
        with self.store.transaction() as session:
            session.merge(sitting)
            session.flush()
            session.add(row)
            if ask.case is None and ask.mode == "exam":
                session.merge(Exposed(sitting=sitting.id, case_id=case.id, was_shown=True))
            if not row.is_try:
                self._say(session, trainee, [cmi5.begun(self._as_told(row, case))], now_s)
        return row.id

    def _sitting(self, session: Session, trainee: str, mode: str, now_s: float) -> Sitting:
        """The one that goes on, or a new one."""
        query = (
            select(Sitting)
            .where(Sitting.trainee == trainee, Sitting.mode == mode, Sitting.ended_s.is_(None))
            .order_by(Sitting.began_s.desc())
        )
        last = session.scalars(query).first()
        if last is not None:
            latest = session.scalar(select(func.max(ReadingRow.began_s)).where(ReadingRow.sitting == last.id))
            if mode == "exam" or now_s - (latest or last.began_s) < SITTING_S:
                return last
        return Sitting(id=secrets.token_hex(8), trainee=trainee, mode=mode, began_s=now_s)

    def _next(self, session: Session, trainee: str, mode: str, sitting: Sitting) -> tuple[Shelved, str]:
        """The case that comes next, and why."""
        banks = {scale: bank for scale, bank in self._banks.items() if len(bank)}
        if not banks:
            raise InvalidValue("there is no case to read")
        abilities = practice.together(_abilities(session, trainee, mode, sitting.id), mode)
        scale = practice.least_known(abilities, tuple(banks))
        bank, ability = banks[scale], abilities[scale]
        mine = select(ReadingRow.case_id, ReadingRow.sitting).where(ReadingRow.trainee == trainee)
        read = list(session.execute(mine.order_by(ReadingRow.began_s)))
        rules = practice.RULES[mode]
        if mode == "exam":
            here = [bank.place[case] for case, of in read if of == sitting.id and case in bank.place]
            over = ended(ability, here, rules) or ("every case is read" if len(here) >= len(bank) else None)
            if over is not None:
                self._end(sitting, over)
                raise NotYet(f"the exam is over: {over}")
        failed = [n for n, one in enumerate(bank.entries) if self._has_failed(self._newest[one.item.id].case)]
        shown = _shown([bank.place[case] for case, _ in read if case in bank.place], failed, len(bank))
        worth = _exposure(session, bank).worth() if mode == "exam" else None
        due = [row.concept for row in _due(session, trainee, self._clock())]
        chosen = choose(bank, ability, shown, rules, self._rng, worth=worth, due=due)
        return self._newest[bank.entries[chosen.place].item.id], chosen.why

    def _end(self, sitting: Sitting, why: str) -> None:
        with self.store.transaction() as session:
            row = session.get(Sitting, sitting.id)
            if row is not None and row.ended_s is None:
                row.ended_s, row.ended = self._clock(), why

    def reading(self, trainee: str, reading: str, ready: Callable[[Case], Mapping[str, bool]]) -> ReadingNow:
        """A reading as it stands, with every event.

        Raises:
            NoSuchReading: there is none of that name, or it is somebody else's.
        """
        with self.store.reading() as session:
            row = _row(session, trainee, reading)
            mode = _mode(session, row)
            query = select(EventRow.body).where(EventRow.reading == reading).order_by(EventRow.n)
            bodies = list(session.scalars(query))
        events = tuple(EVENT.validate_json(body) for body in bodies)
        return self._now(row, mode, ready).model_copy(update={"events": events})

    def stands(self, trainee: str, reading: str, ready: Callable[[Case], Mapping[str, bool]]) -> ReadingNow:
        """As `reading`, without its events."""
        with self.store.reading() as session:
            row = _row(session, trainee, reading)
            mode = _mode(session, row)
        return self._now(row, mode, ready)

    def keep(
        self, trainee: str, reading: str, events: Sequence[AnyEvent], ready: Callable[[Case], Mapping[str, bool]]
    ) -> ReadingNow:
        """Keep events; those that were kept before are passed over.

        Raises:
            NoSuchReading: as `reading`.
            Gap: they do not follow what was kept; nothing of them is kept.
            InvalidValue: too many.
        """
        with self.store.transaction() as session:
            row = _row(session, trainee, reading, to_change=True)
            mode = _mode(session, row)
            new = [event for event in events if event.n >= row.next_event]
            if (new and new[0].n != row.next_event) or any(b.n != a.n + 1 for a, b in pairwise(events)):
                raise Gap(row.next_event)
            if new:
                if new[-1].n >= MOST_EVENTS:
                    raise InvalidValue(f"a reading has no more than {MOST_EVENTS} events")
                kept_s = self._clock()
                session.execute(
                    insert(EventRow),
                    [
                        {
                            "reading": reading,
                            "n": event.n,
                            "kind": event.kind,
                            "kept_s": kept_s,
                            "body": event.model_dump_json(exclude_defaults=False),
                        }
                        for event in new
                    ],
                )
                row.next_event = new[-1].n + 1
                if row.revealed_s is None and any(isinstance(event, Revealed) for event in new):
                    self._remember(session, row)
                    if self._standing(row).is_revealed:
                        row.revealed_s = kept_s
            self._remember(session, row)
        return self._now(row, mode, ready)

    def _remember(self, session: Session, row: ReadingRow) -> None:
        """Hold the decisive events of a reading up to what was kept."""
        with self._remembering:
            upto, held = self._decisive.get(row.id, (0, ()))
        if upto < row.next_event or row.id not in self._decisive:
            kinds = [kind.model_fields["kind"].default for kind in scoring.VIEWING]
            query = select(EventRow.body).where(
                EventRow.reading == row.id, EventRow.n >= upto, EventRow.kind.not_in(kinds)
            )
            more = tuple(EVENT.validate_json(body) for body in session.scalars(query.order_by(EventRow.n)))
            held = (*held, *more)
        with self._remembering:
            self._decisive[row.id] = (row.next_event, held)
            self._decisive.move_to_end(row.id)
            while len(self._decisive) > REMEMBERED:
                self._decisive.popitem(last=False)

    def _standing(self, row: ReadingRow) -> scoring.Standing:
        case = self._cases[row.case_id, row.case_version].case
        with self._remembering:
            held = self._decisive.get(row.id)
        if held is None or held[0] < row.next_event:
            with self.store.reading() as session:
                self._remember(session, row)
            held = self._decisive[row.id]
        return scoring.standing(case, held[1], self._ground(case))

    def _now(self, row: ReadingRow, mode: str, ready: Callable[[Case], Mapping[str, bool]]) -> ReadingNow:
        case = self._cases[row.case_id, row.case_version].case
        now = self._standing(row)
        return ReadingNow(
            id=row.id,
            why=row.why,
            number=row.number,
            planned=practice.RULES[mode].most if mode == "exam" else None,
            mode="exam" if mode == "exam" else "practice",
            case=scoring.case_view(case, now, ready(case), row.id),
            next_event=row.next_event,
            committed=tuple(now.committed),
            hints=scoring.hints_told(case, now),
            is_revealed=now.is_revealed,
        )

    def case_of(self, trainee: str, reading: str) -> Shelved:
        """The case of a reading.

        Raises:
            NoSuchReading: as `reading`.
        """
        with self.store.reading() as session:
            row = _row(session, trainee, reading)
        return self._cases[row.case_id, row.case_version]

    # --- afterwards ----------------------------------------------------------------------------

    def unscored(self) -> list[tuple[str, str]]:
        """Readings that were revealed before the server ended, and not scored: trainee and name."""
        query = select(ReadingRow.trainee, ReadingRow.id).where(
            ReadingRow.revealed_s.is_not(None), ReadingRow.told.is_(None)
        )
        with self.store.reading() as session:
            return [(trainee, reading) for trainee, reading in session.execute(query)]

    def feedback(self, trainee: str, reading: str) -> Told:
        """Feedback; the first time, what the reading tells of learner and questions is learned, once.

        Raises:
            NoSuchReading: as `reading`.
            NotYet: it is not revealed, or the images are not made yet.
        """
        with self.store.reading() as session:
            row = _row(session, trainee, reading)
        if row.told is None:
            if row.revealed_s is None:
                raise NotYet("commit every task, then reveal: feedback comes after that")
            row = self._finish(trainee, reading)
        told = Told.model_validate_json(row.told or "")
        return told.model_copy(update={"peers": self._peers(row)})

    def _finish(self, trainee: str, reading: str) -> ReadingRow:
        with self._learning:
            with self.store.reading() as session:
                row = _row(session, trainee, reading)
                if row.told is not None:
                    return row
                query = select(EventRow.body).where(EventRow.reading == reading).order_by(EventRow.n)
                events = [EVENT.validate_json(body) for body in session.scalars(query)]
                items, mode = _items(session), _mode(session, row)
                abilities = _abilities(session, trainee, mode, row.sitting)
                card = session.get(ReviewRow, (trainee, self._cases[row.case_id, row.case_version].case.concept))
            case = self._cases[row.case_id, row.case_version].case
            ground = self._ground(case)
            if ground is None:
                raise NotYet("the images of this case are still being made: ask again in a second")
            scored = scoring.score_reading(case, events, ground, self._organ(case))
            now = scoring.standing(case, events, ground)
            learned = practice.learned(case, scored.tasks, abilities, items, mode)
            told = _told(case, scored, learned)
            with self.store.transaction() as session:
                row = _row(session, trainee, reading, to_change=True)
                row.share, row.told = scored.share, told.model_dump_json()
                row.asked = sum(one.became != "not asked" for one in told.findings)
                row.missed = sum(one.became == "missed" for one in told.findings)
                if not row.is_try:
                    self._learn(session, row, case, scored, learned, now, card.card if card else None)
            if not row.is_try:
                self._rebuild(items | dict(learned.items))
            return row

    def _learn(
        self,
        session: Session,
        row: ReadingRow,
        case: Case,
        scored: scoring.Scored,
        learned: practice.Learned,
        now: scoring.Standing,
        card: str | None,
    ) -> None:
        at_s = self._clock()
        for one in scored.tasks:
            session.add(
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
            )
        for name, item in learned.items.items():
            task = name.split("/", 1)[1]
            known = session.get(ItemRow, (case.id, task))
            session.merge(
                ItemRow(
                    case_id=case.id,
                    task=task,
                    steps=json.dumps(item.steps),
                    step_sd=item.step_sd,
                    slope=item.slope,
                    slope_sd=item.slope_sd,
                    guess=item.guess,
                    answers=1 + (known.answers if known else 0),
                )
            )
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
        made, due_s = practice.reviewed(card, scored.share, at_s)
        session.merge(ReviewRow(trainee=row.trainee, concept=case.concept, due_s=due_s, card=made))
        session.flush()
        self._tell(session, row, case, scored, learned, now, at_s)

    def _tell(
        self,
        session: Session,
        row: ReadingRow,
        case: Case,
        scored: scoring.Scored,
        learned: practice.Learned,
        now: scoring.Standing,
        at_s: float,
    ) -> None:
        """What record stores and platforms are to be told: kept with the score, so that neither lacks the other."""
        earlier = select(func.count()).where(
            ReadingRow.trainee == row.trainee,
            ReadingRow.case_id == case.id,
            ReadingRow.id != row.id,
            ReadingRow.share >= self._ours.mastery,
        )
        about: dict[str, float | str] = {f"theta-{scale}": round(one.mean, 4) for scale, one in learned.after.items()}
        about |= {f"theta-se-{scale}": round(one.error, 4) for scale, one in learned.after.items()}
        answers = tuple(
            cmi5.Answered(
                one.task,
                one.share,
                now.work[one.task.id].answer,
                one.confidence,
                one.seconds,
            )
            for one in scored.tasks
        )
        told = self._as_told(
            row,
            case,
            seconds=now.seconds,
            share=scored.share,
            answers=answers,
            was_passed=bool(session.scalar(earlier)),
            about=about,
        )
        self._say(session, row.trainee, cmi5.ended(told), at_s)
        self._grade(session, row.trainee, at_s)

    def _as_told(self, row: ReadingRow, case: Case, **more: object) -> cmi5.Reading:
        ours = self._ours
        return cmi5.Reading(row.id, ours.home, row.trainee, case, row.began_s, mastery=ours.mastery, **more)  # type: ignore[arg-type]

    def _say(self, session: Session, trainee: str, statements: Iterable[Statement], at_s: float) -> None:
        for n, one in enumerate(statements):
            # In the order in which they were made, though many are made at once.
            session.add(StatementRow(id=str(one.id), trainee=trainee, body=one.as_json(), made_s=at_s + 1e-6 * n))

    def _grade(self, session: Session, trainee: str, at_s: float) -> None:
        """Mean share of all cases that were read, for each platform that the trainee came from."""
        mean = select(func.avg(ReadingRow.share)).where(ReadingRow.trainee == trainee, ReadingRow.is_try.is_(False))
        share = session.scalar(mean)
        for one in session.scalars(select(LaunchedFrom).where(LaunchedFrom.trainee == trainee)):
            if one.line_item is not None and share is not None:
                session.merge(
                    GradeRow(
                        issuer=one.issuer,
                        subject=one.subject,
                        trainee=trainee,
                        line_item=one.line_item,
                        share=float(share),
                        at_s=at_s,
                        sent_s=None,
                        refused=None,
                    )
                )

    def _peers(self, row: ReadingRow) -> Band | None:
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
        with self.store.reading() as session:
            for trainee, share in session.execute(query):
                firsts.setdefault(trainee, float(share or 0.0))
        return scoring.band(list(firsts.values()))


def number_known(sitting: Sitting, session: Session) -> bool:
    """Whether a sitting is one that went before."""
    return session.get(Sitting, sitting.id) is not None


def _published(one: Shelved, folder: str | None, at_s: float) -> PublishedCase:
    case = one.case
    return PublishedCase(
        id=case.id,
        version=case.version,
        sha256=one.sha256,
        body=case.model_dump_json(),
        folder=folder,
        published_s=at_s,
        is_open=True,
    )


def _row(session: Session, trainee: str, reading: str, *, to_change: bool = False) -> ReadingRow:
    row = session.get(ReadingRow, reading, with_for_update=to_change or None)
    if row is None or row.trainee != trainee:
        raise NoSuchReading("there is no such reading of yours")
    return row


def _mode(session: Session, row: ReadingRow) -> str:
    sitting = session.get(Sitting, row.sitting)
    return sitting.mode if sitting is not None else "practice"


def _abilities(session: Session, trainee: str, mode: str, sitting: str) -> dict[Scale, Ability]:
    """What each scale's own answers tell: in an exam of that exam alone, in practice of all practice."""
    found: dict[Scale, Ability] = {}
    for scale in practice.SCALES:
        query = (
            select(AbilityRow.weights)
            .join(ReadingRow, ReadingRow.id == AbilityRow.reading)
            .join(Sitting, Sitting.id == ReadingRow.sitting)
            .where(AbilityRow.trainee == trainee, AbilityRow.scale == scale, Sitting.mode == mode)
            .order_by(AbilityRow.at_s.desc())
            .limit(1)
        )
        weights = session.scalars(query if mode == "practice" else query.where(Sitting.id == sitting)).first()
        found[scale] = practice.beginning(mode) if weights is None else practice.ability_of(weights)
    return found


def _items(session: Session) -> dict[str, Item]:
    return {
        f"{row.case_id}/{row.task}": Item(
            f"{row.case_id}/{row.task}",
            tuple(json.loads(row.steps)),
            step_sd=row.step_sd,
            slope=row.slope,
            slope_sd=row.slope_sd,
            guess=row.guess,
        )
        for row in session.scalars(select(ItemRow))
    }


def _exposure(session: Session, bank: Bank) -> Exposure:
    """How often each case came in exams, of those that began since it was published or are of nobody any more."""
    times, published = dict(session.execute(_TIMES).all()), dict(session.execute(_PUBLISHED).all())
    began = np.sort([at or np.inf for at in session.scalars(_BEGAN)])
    names = [entry.item.id for entry in bank.entries]
    since = len(began) - np.searchsorted(began, [published.get(name, 0.0) for name in names])
    return Exposure([times.get(name, 0) for name in names], since)


_TIMES = select(Exposed.case_id, func.count()).where(Exposed.was_shown).group_by(Exposed.case_id)
_PUBLISHED = select(PublishedCase.id, func.min(PublishedCase.published_s)).group_by(PublishedCase.id)
_SAT = select(Exposed.sitting).where(Exposed.was_shown).distinct().subquery()
_BEGAN = select(Sitting.began_s).select_from(_SAT).outerjoin(Sitting, Sitting.id == _SAT.c.sitting)


def _due(session: Session, trainee: str, now_s: float) -> list[ReviewRow]:
    query = select(ReviewRow).where(ReviewRow.trainee == trainee, ReviewRow.due_s <= now_s)
    return list(session.scalars(query.order_by(ReviewRow.due_s)))


def _shown(read: Sequence[int], failed: Sequence[int], count: int) -> list[int]:
    """Cases that do not come: those read, or the half read last once none is left; and those that cannot be shown."""
    once = list(dict.fromkeys(reversed(read)))[::-1]
    if len({*once, *failed}) >= count:
        once = once[len(once) - count // 2 :] if count > 1 else []
    return [*{*once, *failed}]


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
