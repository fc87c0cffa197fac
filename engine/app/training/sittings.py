"""Cases read in a row, for practice or as an exam: which one comes next, and why."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.app.training import practice
from engine.app.training.banks import Banks, all_items
from engine.app.training.catalogue import Shelved
from engine.app.training.grades import note_grades
from engine.app.training.learned import abilities_of, due_of
from engine.app.training.messages import NextAsk
from engine.app.training.outside import Ours, tell_began
from engine.app.training.refusal import NotYet
from engine.app.training.shelf import Shelf
from engine.app.training.store import Store
from engine.app.training.tables import Exposed, PublishedCase, ReadingRow, Sitting
from engine.core.errors import InvalidValue
from scenarios.case.case import Case
from scenarios.select.bank import Bank
from scenarios.select.choose import choose, ended
from scenarios.select.exposure import Exposure

#: A practice that nobody went on with for so long has ended; the next case begins another.
SITTING_S = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class _Next:
    """A case that comes, and why; whether it was chosen for an exam."""

    shelved: Shelved
    why: str
    is_exposed: bool = False


class _Over(NotYet):
    """An exam has ended; its sitting is to say so."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the exam is over: {why}")
        self.why = why


class Sittings:
    """Not a value. One case is chosen at a time: nobody begins two at once."""

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        has_failed: Callable[[Case], bool],
        clock: Callable[[], float],
        rng: np.random.Generator,
        ours: Ours,
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._has_failed = has_failed
        self._clock = clock
        self._rng = rng
        self._ours = ours
        self._choosing = threading.Lock()
        self.renew()

    def renew(self) -> None:
        """Other cases are on the shelf."""
        with self._store.reading() as session:
            items = all_items(session)
        self.banks = Banks((one.case for one in self._shelf.cases), items)

    def begin(self, trainee: str, ask: NextAsk, *, is_educator: bool) -> str:
        """The reading that was not finished, or a new one of the case that comes next; its name.

        An educator who asks for a certain case tries it: that begins anew.

        Raises:
            InvalidValue: no case is left, or none of that name.
            NotYet: the exam is over.
        """
        with self._choosing:
            with self._store.reading() as session:
                is_try = is_educator and ask.case is not None
                if not is_try and (unfinished := self._unfinished(session, trainee, ask)):
                    return unfinished
                sitting = self._sitting(session, trainee, ask.mode)
                try:
                    chosen = self._next(session, trainee, ask, sitting, is_educator)
                except _Over as over:
                    session.close()
                    self._end(sitting, over.why)
                    raise
                numbers = select(func.count()).where(ReadingRow.sitting == sitting.id)
                number = 1 + (session.scalar(numbers) or 0)
            return self._begin(trainee, sitting, number, chosen, is_try=is_try)

    def _unfinished(self, session: Session, trainee: str, ask: NextAsk) -> str | None:
        query = (
            select(ReadingRow.id, ReadingRow.case_id, ReadingRow.case_version)
            .join(Sitting, Sitting.id == ReadingRow.sitting)
            .where(ReadingRow.trainee == trainee, ReadingRow.revealed_s.is_(None), Sitting.mode == ask.mode)
            .order_by(ReadingRow.began_s.desc())
        )
        if ask.case is not None:
            query = query.where(ReadingRow.case_id == ask.case)
        for reading, case_id, version in session.execute(query):
            if not self._has_failed(self._shelf.shelved(case_id, version).case):
                return str(reading)
        return None

    def _begin(self, trainee: str, sitting: Sitting, number: int, chosen: _Next, *, is_try: bool) -> str:
        case = chosen.shelved.case
        row = ReadingRow(
            id=secrets.token_hex(12),
            trainee=trainee,
            sitting=sitting.id,
            number=number,
            case_id=case.id,
            case_version=case.version,
            why=chosen.why,
            is_try=is_try,
            began_s=self._clock(),
        )
        with self._store.transaction() as session:
            if number == 1:
                session.merge(sitting)
                session.flush()
            session.add(row)
            if chosen.is_exposed:
                session.merge(Exposed(sitting=sitting.id, case_id=case.id))
            if not is_try:
                tell_began(session, self._ours, row, case)
        return row.id

    def _sitting(self, session: Session, trainee: str, mode: str) -> Sitting:
        """The one that goes on, or a new one."""
        now_s = self._clock()
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

    def _end(self, sitting: Sitting, why: str) -> None:
        with self._store.transaction() as session:
            row = session.get(Sitting, sitting.id)
            if row is not None and row.ended_s is None:
                row.ended_s, row.ended = self._clock(), why
                note_grades(session, row.trainee, row.ended_s)

    # --- choice --------------------------------------------------------------------------------

    def _next(self, session: Session, trainee: str, ask: NextAsk, sitting: Sitting, is_educator: bool) -> _Next:
        if ask.case is not None:
            return _Next(self._shelf.named(ask.case, is_author=is_educator), "You asked for this case.")
        banks = self.banks.now()
        if not banks:
            raise InvalidValue("there is no case to read")
        abilities = practice.together(abilities_of(session, trainee, ask.mode, sitting.id), ask.mode)
        scale = practice.least_known(abilities, tuple(banks))
        bank, ability = banks[scale], abilities[scale]
        mine = select(ReadingRow.case_id, ReadingRow.sitting).where(ReadingRow.trainee == trainee)
        read = [(case, of) for case, of in session.execute(mine.order_by(ReadingRow.began_s)) if case in bank.place]
        rules = practice.RULES[ask.mode]
        is_exam = ask.mode == "exam"
        if is_exam:
            here = [bank.place[case] for case, of in read if of == sitting.id]
            over = ended(ability, here, rules) or ("every case is read" if len(here) >= len(bank) else None)
            if over is not None:
                raise _Over(over)
        cases = {one.case.id: one for one in self._shelf.cases}
        failed = [n for n, one in enumerate(bank.entries) if self._has_failed(cases[one.item.id].case)]
        shown = _shown([bank.place[case] for case, _ in read], failed, len(bank))
        due = [row.concept for row in due_of(session, trainee, self._clock())]
        worth = _exposure(session, bank).worth() if is_exam else None
        chosen = choose(bank, ability, shown, rules, self._rng, worth=worth, due=due)
        return _Next(cases[bank.entries[chosen.place].item.id], chosen.why, is_exam)


_TIMES = select(Exposed.case_id, func.count()).group_by(Exposed.case_id)
_PUBLISHED = select(PublishedCase.id, func.min(PublishedCase.published_s)).group_by(PublishedCase.id)
_SAT = select(Exposed.sitting).distinct().subquery()
_BEGAN = select(Sitting.began_s).select_from(_SAT).outerjoin(Sitting, Sitting.id == _SAT.c.sitting)


def _exposure(session: Session, bank: Bank) -> Exposure:
    """How often each case came in exams, of those that began since it was published or are of nobody any more."""
    times = {case: int(count) for case, count in session.execute(_TIMES)}
    published = {case: float(at_s) for case, at_s in session.execute(_PUBLISHED)}
    began = np.sort([at_s or np.inf for at_s in session.scalars(_BEGAN)])
    names = [entry.item.id for entry in bank.entries]
    since = len(began) - np.searchsorted(began, [published.get(name, 0.0) for name in names])
    return Exposure([times.get(name, 0) for name in names], since)


def _shown(read: Sequence[int], failed: Sequence[int], count: int) -> list[int]:
    """Cases that do not come: those read, or the half read last once none is left; and those that cannot be shown."""
    once = list(dict.fromkeys(reversed(read)))[::-1]
    if len({*once, *failed}) >= count:
        once = once[len(once) - count // 2 :] if count > 1 else []
    return [*{*once, *failed}]
