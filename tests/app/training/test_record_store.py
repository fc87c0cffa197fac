"""Statements reach a record store, whatever happens on the way; and a real one (Ralph) takes them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine.app.training.record_store import RecordStore, StatementQueue, Waiting, sender
from engine.app.training.sending import Refused, Unreachable
from engine.app.training.store import Store
from engine.app.training.tables import StatementRow, Trainee
from engine.core.errors import InvalidValue
from scenarios.xapi.cmi5 import Answered, Reading, begun, ended
from tests.app.training.cases import CASES
from tests.app.training.ralph import RALPH, ralph, statements


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[StatementQueue]:
    store = Store.in_folder(tmp_path)
    reading = Reading(
        "r1",
        "https://example.org",
        "t1",
        CASES[0],
        1_700_000_000.0,
        seconds=61.5,
        share=0.75,
        answers=tuple(Answered(task, 0.75, confidence=0.8, seconds=9.0) for task in CASES[0].tasks),
        about={"theta-detection": 0.3},
    )
    with store.transaction() as session:
        session.add(Trainee(id="t1", name="T", since_s=0.0))
        session.flush()
        for n, one in enumerate([begun(reading), *ended(reading)]):
            session.add(StatementRow(id=str(one.id), trainee="t1", body=one.as_json(), made_s=float(n)))
    yield StatementQueue(store, time.time)
    store.close()


class Fake:
    """A record store that fails as it is told."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.has: dict[str, str] = {}

    def __call__(self, bodies: Sequence[str]) -> None:
        error = self.errors.pop(0) if self.errors else None
        if isinstance(error, Unreachable):
            raise error
        for body in bodies:  # an answer that gets lost on its way comes after they are stored
            self.has[json.loads(body)["id"]] = body
        if error is not None:
            raise error


def test_nothing_is_lost_while_the_store_does_not_answer(queue: StatementQueue) -> None:
    fake = Fake(Unreachable("away"), Unreachable("still away"))
    for _ in range(2):
        with pytest.raises(Unreachable):
            queue.send_some(fake)
        assert queue.waiting() == Waiting(6, 0)
    assert queue.send_some(fake) == 6
    assert queue.waiting() == Waiting(0, 0)
    assert len(fake.has) == 6


def test_a_statement_that_the_store_has_already_is_there(queue: StatementQueue) -> None:
    fake = Fake(*[Refused("409 it is there")] * 7)
    assert queue.send_some(fake) == 6
    assert queue.waiting() == Waiting(0, 0)


def test_one_that_is_refused_holds_up_no_other_and_is_kept(queue: StatementQueue) -> None:
    fake = Fake(Refused("400 list"), None, Refused("400 this one"))
    assert queue.send_some(fake) == 5
    assert queue.waiting() == Waiting(0, 1)


@pytest.mark.parametrize("address", ["nowhere", "ftp://host/xAPI", "http://far.example.org/xAPI"])
def test_a_password_goes_nowhere_in_the_clear(address: str) -> None:
    with pytest.raises(InvalidValue):
        RecordStore(address, "user", "secret")


@pytest.mark.skipif(not RALPH.exists(), reason="no Ralph: make peers")
def test_a_real_record_store_takes_every_statement_once(queue: StatementQueue, tmp_path: Path) -> None:
    (tmp_path / "ralph").mkdir()
    with ralph(tmp_path / "ralph") as store:
        assert queue.send_some(sender(store)) == 6
        assert queue.waiting() == Waiting(0, 0)
        there = statements(store)
    assert len(there) == 6
    verbs = {one["verb"]["id"].rsplit("/", 1)[1] for one in there}
    assert verbs == {"initialized", "answered", "completed", "passed", "terminated"}
