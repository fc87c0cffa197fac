"""A reading held in memory is the reading in the store, whatever comes in between."""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from engine.app.training.assess import AssessTask, Read, assessed
from engine.app.training.assessor import Assessor, new_worker
from engine.app.training.catalogue import Shelved
from engine.app.training.messages import NextAsk, Told
from engine.app.training.own_data import erase
from engine.app.training.people import People
from engine.app.training.refusal import Gap, NoSuchReading, NotYet
from engine.app.training.school import School
from engine.app.training.store import Store
from engine.app.training.tables import AbilityRow, EventRow
from engine.app.training.volumes import CaseVolumes
from engine.core.errors import EnvironmentLacks
from engine.core.progress import silent
from scenarios.case.case import Case
from scenarios.case.task import After
from tests.app.training.cases import CASES, SHELF, ground, read
from tests.app.training.server import AtOnce, Never

NOW_S = 1_700_000_000.0
#: Its second task comes only once the first went right.
ON_SUCCESS = CASES[0].model_copy(
    update={
        "id": "branching",
        "tasks": (CASES[0].tasks[0], CASES[0].tasks[1].model_copy(update={"after": After(task="mark", went="right")})),
    }
)


def ready(one: Case) -> dict[str, bool]:
    return {volume.id: True for volume in one.volumes}


def opened(store: Store, known: bool = True) -> School:
    return School(
        store, ground if known else lambda _: None, lambda _: None, lambda _: False, lambda: NOW_S,
        np.random.default_rng(3),
    )  # fmt: skip


def begun(school: School, case: str = "one") -> tuple[str, str]:
    """Somebody new, and their reading of a case."""
    me = People(school.store).known(None, is_educator=False, now_s=NOW_S).trainee
    return me, school.begin(me, NextAsk(case=case), is_educator=False)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    store = Store.in_folder(tmp_path_factory.mktemp("desk"))
    made = opened(store)
    made.shelve([*SHELF, Shelved(ON_SUCCESS, None)])
    yield made
    store.close()


SENT = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6), st.booleans()), max_size=8)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=SENT, rightly=st.booleans(), case=st.sampled_from(["one", "branching"]))
def test_however_events_come_it_stands_as_a_new_start_finds_it(
    school: School, sent: list[tuple[int, int, bool]], rightly: bool, case: str
) -> None:
    """Pieces from anywhere, sent twice or too early, with the memory lost in between."""
    me, reading = begun(school, case)
    events = read(CASES[0], rightly=rightly)
    for first, count, is_lost in [*sent, (0, len(events), False)]:
        with contextlib.suppress(Gap):
            school.keep(me, reading, events[first : first + count], ready)
        if is_lost:
            school.forget(me)
        assert school.stands(me, reading, ready) == opened(school.store).stands(me, reading, ready)
    assert school.reading(me, reading, ready).events == events
    assert school.stands(me, reading, ready).is_revealed


def test_what_another_server_kept_is_not_kept_again_and_nothing_is_lost(store: Store) -> None:
    one = opened(store)
    one.shelve(SHELF)
    other = opened(store)
    me, reading = begun(one)
    events = read(CASES[0])
    one.keep(me, reading, events[:2], ready)
    other.keep(me, reading, events[:4], ready)
    assert one.keep(me, reading, events[2:5], ready).next_event == 5
    assert other.keep(me, reading, events[4:], ready).is_revealed
    assert one.keep(me, reading, events, ready).next_event == len(events)
    assert opened(store).reading(me, reading, ready).events == events


def test_what_the_store_did_not_take_does_not_count(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    me, reading = begun(school)
    events = read(CASES[0])
    school.keep(me, reading, events[:1], ready)
    before = school.stands(me, reading, ready)

    @contextlib.contextmanager
    def full() -> Iterator[None]:
        raise EnvironmentLacks("the disk is full", "Free some space.")
        yield

    with monkeypatch.context() as fault:
        fault.setattr(school.store, "transaction", full)
        with pytest.raises(EnvironmentLacks):
            school.keep(me, reading, events[1:], ready)
    assert school.stands(me, reading, ready) == before
    assert school.keep(me, reading, events[1:], ready).is_revealed


def test_a_task_that_hangs_on_success_comes_once_the_images_are_made(school: School) -> None:
    me, reading = begun(school, "branching")
    blind = opened(school.store, known=False)
    assert len(blind.keep(me, reading, read(CASES[0])[:3], ready).case.tasks) == 1
    blind._desk._ground = ground  # the images are made now
    assert [task.id for task in blind.stands(me, reading, ready).case.tasks] == ["mark", "what"]


def test_what_was_erased_is_not_held(school: School) -> None:
    me, reading = begun(school)
    school.keep(me, reading, read(CASES[0])[:2], ready)
    erase(school.store, me, People(school.store).learner(me, "trainee").name)
    school.forget(me)
    with pytest.raises(NoSuchReading):
        school.keep(me, reading, read(CASES[0])[2:3], ready)
    with school.store.reading() as session:
        assert session.scalar(select(func.count()).where(EventRow.reading == reading)) == 0


def test_many_who_ask_for_feedback_at_once_are_told_the_same_and_it_is_learned_once(school: School) -> None:
    me, reading = begun(school)
    school.keep(me, reading, read(CASES[0]), ready)
    told: list[Told] = []
    asking = [threading.Thread(target=lambda: told.append(school.feedback(me, reading))) for _ in range(8)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert len(told) == 8
    assert all(one == told[0] for one in told)
    with school.store.reading() as session:
        assert session.scalar(select(func.count()).where(AbilityRow.reading == reading)) == 2


def task(images: Path) -> AssessTask:
    """A reading of a case whose images are made."""
    volumes = CaseVolumes(images, AtOnce())
    volumes.begin(CASES[0], None)
    files = volumes.ground_files(CASES[0])
    assert files is not None
    bodies = tuple(event.model_dump_json() for event in read(CASES[0]))
    return AssessTask(Read(CASES[0], bodies), files)


def test_a_reading_is_worth_the_same_in_a_worker(images: Path) -> None:
    made = task(images)
    there = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(made))(silent)))
    volumes = CaseVolumes(images, Never())
    known = volumes.ground(CASES[0])
    assert known is not None
    here = assessed(made.read, known, volumes.organ(CASES[0]))
    assert there == here
    assert there.scored.findings[0].became == "found"


def test_without_images_a_reading_waits(tmp_path: Path) -> None:
    with pytest.raises(NotYet, match="still being made"):
        Assessor(CaseVolumes(tmp_path, Never()), Never())(Read(CASES[0], ()))


def test_two_organs_in_one_volume_are_two_grounds(tmp_path: Path) -> None:
    volumes = CaseVolumes(tmp_path, Never())
    truth = CASES[0].truth.model_copy(update={"organ": ("lung_left",)})
    other = CASES[0].model_copy(update={"id": "other", "truth": truth})
    assert volumes._of(CASES[0], "ct") != volumes._of(other, "ct")
    assert volumes._of(CASES[0], "ct") == volumes._of(CASES[0].model_copy(update={"id": "same"}), "ct")


@pytest.mark.slow
def test_the_process_that_assesses_says_the_same(images: Path) -> None:
    made = task(images)
    with contextlib.closing(new_worker()) as worker:
        assert worker.submit(made).future.result(60) == made(silent)
