"""Readings as they stand, held in memory event by event: what comes is folded in, and on the disk before it counts.

A reading that is not held is read from the store, and is the same: everything follows from its events.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from engine.app.training import practice, scoring
from engine.app.training.assess import events_of
from engine.app.training.catalogue import Shelved
from engine.app.training.messages import ReadingNow
from engine.app.training.refusal import Gap, NoSuchReading
from engine.app.training.shelf import Shelf
from engine.app.training.store import Store
from engine.app.training.tables import EventRow, ReadingRow, Sitting
from engine.core.errors import EnvironmentLacks, InvalidValue
from scenarios.case.case import Case
from scenarios.reading.event import AnyEvent
from scenarios.score.ground import Ground

#: Of one reading, no more events are kept: hours of looking.
MOST_EVENTS = 200_000
#: Readings that are held; the others are read again.
HELD = 1024
#: Which of a case's volumes can be fetched.
Ready = Callable[[Case], Mapping[str, bool]]

_VIEWING = tuple(kind.model_fields["kind"].default for kind in scoring.VIEWING)


@dataclass(frozen=True, slots=True)
class About:
    """What of a reading never changes."""

    id: str
    trainee: str
    mode: str
    number: int
    why: str
    shelved: Shelved

    @property
    def case(self) -> Case:
        """That is read."""
        return self.shelved.case


@dataclass(slots=True)
class _Held:
    """Not a value: a reading as far as it was kept. Whoever changes it has its turn.

    Attributes:
        is_ended: the store has it as revealed.
        is_blind: what is there was not known when it was folded, and something hangs on it.
    """

    about: About
    standing: scoring.Standing
    next_event: int
    is_ended: bool
    is_blind: bool
    turn: threading.RLock = field(default_factory=threading.RLock)


class _Elsewhere(Exception):
    """The store has more of a reading than is held: another server of it, or an answer of the store that was lost."""


class ReadingDesk:
    """Not a value. `ground` tells what is in a case once its images are made."""

    def __init__(
        self, store: Store, shelf: Shelf, ground: Callable[[Case], Ground | None], clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._ground = ground
        self._clock = clock
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._holding = threading.Lock()

    # --- what is asked --------------------------------------------------------------------------

    def about(self, trainee: str, reading: str) -> About:
        """What a reading is of.

        Raises:
            NoSuchReading: there is none of that name, or it is somebody else's.
        """
        return self._of(trainee, reading).about

    def stands(self, trainee: str, reading: str, ready: Ready) -> ReadingNow:
        """A reading as it stands, without its events.

        Raises:
            NoSuchReading: as `about`.
        """
        held = self._of(trainee, reading)
        with held.turn:
            return self._now(held, ready)

    def reading(self, trainee: str, reading: str, ready: Ready) -> ReadingNow:
        """A reading as it stands, with every event.

        Raises:
            NoSuchReading: as `about`.
        """
        held = self._of(trainee, reading)
        with held.turn:
            now = self._now(held, ready)
        if not now.next_event:
            return now
        with self._store.reading() as session:
            bodies = all_bodies(session, reading, now.next_event)
        return now.model_copy(update={"events": events_of(bodies)})

    def keep(self, trainee: str, reading: str, events: Sequence[AnyEvent], ready: Ready) -> ReadingNow:
        """Keep events; those that were kept before are passed over.

        Raises:
            NoSuchReading: as `about`.
            Gap: they do not follow what was kept; nothing of them is kept.
            InvalidValue: too many.
            EnvironmentLacks: the store takes nothing now; nothing of them is kept.
        """
        for _ in range(2):
            held = self._of(trainee, reading)
            with held.turn:
                new = _following(events, held.next_event)
                try:
                    if new:
                        self._keep(held, new)
                except _Elsewhere:
                    self.let_go(reading)
                    continue
                return self._now(held, ready)
        raise EnvironmentLacks("another server keeps this reading too", "Let one server alone use a store.")

    def let_go(self, reading: str) -> None:
        """Hold it no more: it is read again when it is asked for."""
        with self._holding:
            self._held.pop(reading, None)

    def let_go_of(self, *, trainee: str | None = None, case: str | None = None) -> None:
        """Hold none of a trainee's readings, or of a case's."""
        with self._holding:
            for one in [one.about for one in self._held.values()]:
                if one.trainee == trainee or one.case.id == case:
                    del self._held[one.id]

    # --- how it is held ------------------------------------------------------------------------

    def _of(self, trainee: str, reading: str) -> _Held:
        with self._holding:
            held = self._held.get(reading)
            if held is not None:
                self._held.move_to_end(reading)
        if held is None:
            held = self._read(reading)
        if held.about.trainee != trainee:
            raise NoSuchReading
        return held

    def _read(self, reading: str) -> _Held:
        """From the store; whoever reads it at the same time holds the same."""
        with self._store.reading() as session:
            row = session.get(ReadingRow, reading)
            if row is None:
                raise NoSuchReading
            sitting = session.get(Sitting, row.sitting)
            bodies = [] if not row.next_event else decisive_bodies(session, reading)
        shelved = self._shelf.shelved(row.case_id, row.case_version)
        mode = sitting.mode if sitting is not None else "practice"
        about = About(row.id, row.trainee, mode, row.number, row.why, shelved)
        standing, is_blind = self._folded(shelved.case, events_of(bodies))
        with self._holding:
            held = self._held.setdefault(
                reading, _Held(about, standing, row.next_event, row.revealed_s is not None, is_blind)
            )
            while len(self._held) > HELD:
                self._held.popitem(last=False)
        return held

    def _folded(self, case: Case, events: Iterable[AnyEvent]) -> tuple[scoring.Standing, bool]:
        ground = self._known(case)
        return scoring.standing(case, events, ground), ground is None and scoring.hangs_on_success(case)

    def _known(self, case: Case) -> Ground | None:
        """What is there, where it is asked for while a case is read."""
        return self._ground(case) if scoring.hangs_on_success(case) else None

    def _keep(self, held: _Held, new: Sequence[AnyEvent]) -> None:
        if new[-1].n >= MOST_EVENTS:
            raise InvalidValue(f"a reading has no more than {MOST_EVENTS} events")
        case, kept_s = held.about.case, self._clock()
        decisive = [event for event in new if not isinstance(event, scoring.VIEWING)]
        standing = scoring.after(case, held.standing, decisive, self._known(case)) if decisive else held.standing
        is_end = standing.is_revealed and not held.is_ended
        with self._store.transaction() as session:
            _append(session, held, new, kept_s, is_end=is_end)
        held.standing, held.next_event, held.is_ended = standing, new[-1].n + 1, held.is_ended or is_end

    def _now(self, held: _Held, ready: Ready) -> ReadingNow:
        about, case = held.about, held.about.case
        if held.is_blind and self._ground(case) is not None:
            with self._store.reading() as session:
                bodies = decisive_bodies(session, about.id)
            held.standing, held.is_blind = self._folded(case, events_of(bodies))
        now = held.standing
        paths = self._ground(case) if scoring.has_recordings(case) else None
        return ReadingNow(
            id=about.id,
            why=about.why,
            number=about.number,
            planned=practice.RULES[about.mode].most if about.mode == "exam" else None,
            mode="exam" if about.mode == "exam" else "practice",
            case=scoring.case_view(case, now, ready(case), about.id, paths),
            next_event=held.next_event,
            committed=tuple(now.committed),
            hints=scoring.hints_told(case, now),
            is_revealed=now.is_revealed,
        )


def _following(events: Sequence[AnyEvent], next_event: int) -> list[AnyEvent]:
    """Those that were not kept before.

    Raises:
        Gap: they do not follow.
    """
    new = [event for event in events if event.n >= next_event]
    if (new and new[0].n != next_event) or any(b.n != a.n + 1 for a, b in pairwise(events)):
        raise Gap(next_event)
    return new


def _append(session: Session, held: _Held, new: Sequence[AnyEvent], kept_s: float, *, is_end: bool) -> None:
    """To the events of a reading, which must be as many as are held: else somebody else kept some."""
    values: dict[str, object] = {"next_event": new[-1].n + 1} | ({"revealed_s": kept_s} if is_end else {})
    mine = update(ReadingRow).where(ReadingRow.id == held.about.id, ReadingRow.next_event == held.next_event)
    connection = session.connection()
    if connection.execute(mine.values(values)).rowcount != 1:
        raise _Elsewhere
    connection.execute(
        insert(EventRow),
        [
            {
                "reading": held.about.id,
                "n": event.n,
                "kind": event.kind,
                "kept_s": kept_s,
                "body": event.model_dump_json(),
            }
            for event in new
        ],
    )


def all_bodies(session: Session, reading: str, upto: int | None = None) -> list[str]:
    """Every event of a reading, or those before the event `upto`."""
    query = select(EventRow.body).where(EventRow.reading == reading)
    if upto is not None:
        query = query.where(EventRow.n < upto)
    return list(session.scalars(query.order_by(EventRow.n)))


def decisive_bodies(session: Session, reading: str) -> list[str]:
    """Events on which hangs how a reading stands: those that only tell of viewing are left out."""
    query = select(EventRow.body).where(EventRow.reading == reading, EventRow.kind.not_in(_VIEWING))
    return list(session.scalars(query.order_by(EventRow.n)))
