"""Cases, those who read them, and what becomes of it: all on the store, from which it begins anew after any end.

Synchronous: the server calls it on threads. What a method says was kept is on the disk when it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from engine.app.training.assess import Assess, Assessed, Read, assessed
from engine.app.training.catalogue import Shelved
from engine.app.training.learned import Learning
from engine.app.training.messages import NextAsk, ReadingNow, Told
from engine.app.training.outside import Ours as Ours
from engine.app.training.reading_desk import ReadingDesk, Ready
from engine.app.training.refusal import NotYet
from engine.app.training.shelf import Shelf
from engine.app.training.sittings import Sittings
from engine.app.training.store import Store
from scenarios.case.case import Case
from scenarios.reading.event import AnyEvent
from scenarios.reading.viewing import Target
from scenarios.score.ground import Ground

#: Where nobody said what it is.
OURS = Ours()


class School:
    """Not a value: shelf, sittings, readings and what is learned of them, as one.

    `ground` tells what is in a case, `organ` what was to be searched, once its images are made.
    """

    def __init__(
        self,
        store: Store,
        ground: Callable[[Case], Ground | None],
        organ: Callable[[Case], Target | None],
        has_failed: Callable[[Case], bool],
        clock: Callable[[], float],
        rng: np.random.Generator,
        ours: Ours = OURS,
    ) -> None:
        self.store = store
        self._shelf = Shelf(store, clock)
        self._sittings = Sittings(store, self._shelf, has_failed, clock, rng, ours)
        self._desk = ReadingDesk(store, self._shelf, ground, clock)
        here = _assessing(ground, organ)
        self._learning = Learning(
            store, self._shelf, here, lambda items: self._sittings.banks.learn(items), clock, ours
        )

    def assess_by(self, assess: Assess) -> None:
        """Have readings be assessed elsewhere than on the thread that asks."""
        self._learning.assess = assess

    # --- cases ---------------------------------------------------------------------------------

    @property
    def cases(self) -> tuple[Shelved, ...]:
        """Newest versions of the cases that may be chosen."""
        return self._shelf.cases

    def shelved(self, case_id: str, version: str) -> Shelved:
        """A case of a reading."""
        return self._shelf.shelved(case_id, version)

    def shelve(self, cases: Iterable[Shelved]) -> None:
        """Publish what was not published before (`Shelf.shelve`)."""
        self._shelf.shelve(cases)
        self._sittings.renew()

    def publish(self, one: Shelved) -> None:
        """Publish a version (`Shelf.publish`)."""
        self._shelf.publish(one)
        self._sittings.renew()

    def try_out(self, one: Shelved) -> None:
        """A case that only its author reads (`Shelf.try_out`)."""
        self._shelf.try_out(one)
        self._desk.let_go_of(case=one.case.id)
        self._sittings.renew()

    def set_open(self, case_id: str, is_open: bool) -> None:
        """Whether a case may be chosen from now on (`Shelf.set_open`)."""
        self._shelf.set_open(case_id, is_open)
        self._sittings.renew()

    # --- readings ------------------------------------------------------------------------------

    def begin(self, trainee: str, ask: NextAsk, *, is_educator: bool) -> str:
        """The reading that comes next, by name (`Sittings.begin`)."""
        return self._sittings.begin(trainee, ask, is_educator=is_educator)

    def case_of(self, trainee: str, reading: str) -> Shelved:
        """The case of a reading (`ReadingDesk.about`)."""
        return self._desk.about(trainee, reading).shelved

    def reading(self, trainee: str, reading: str, ready: Ready) -> ReadingNow:
        """A reading as it stands, with every event (`ReadingDesk.reading`)."""
        return self._desk.reading(trainee, reading, ready)

    def stands(self, trainee: str, reading: str, ready: Ready) -> ReadingNow:
        """A reading as it stands, without its events (`ReadingDesk.stands`)."""
        return self._desk.stands(trainee, reading, ready)

    def keep(self, trainee: str, reading: str, events: Sequence[AnyEvent], ready: Ready) -> ReadingNow:
        """Keep events (`ReadingDesk.keep`)."""
        return self._desk.keep(trainee, reading, events, ready)

    def forget(self, trainee: str) -> None:
        """Somebody whose data were erased."""
        self._desk.let_go_of(trainee=trainee)

    # --- afterwards ----------------------------------------------------------------------------

    def unscored(self) -> list[tuple[str, str]]:
        """Readings that wait to be scored (`Learning.unscored`)."""
        return self._learning.unscored()

    def told(self, trainee: str, reading: str) -> Told | None:
        """Feedback that was made before (`Learning.told`)."""
        return self._learning.told(trainee, reading)

    def feedback(self, trainee: str, reading: str) -> Told:
        """Feedback on a reading (`Learning.feedback`)."""
        return self._learning.feedback(trainee, reading)


def _assessing(ground: Callable[[Case], Ground | None], organ: Callable[[Case], Target | None]) -> Assess:
    def here(read: Read) -> Assessed:
        known = ground(read.case)
        if known is None:
            raise NotYet("the images of this case are still being made: ask again in a second")
        return assessed(read, known, organ(read.case))

    return here
