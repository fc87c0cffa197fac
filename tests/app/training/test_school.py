"""What is kept of a reading, what is learned of it, and which case comes next."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sqlalchemy import select

from engine.app.training.messages import NextAsk
from engine.app.training.people import People
from engine.app.training.refusal import Gap, NoSuchReading, NotYet
from engine.app.training.school import School
from engine.app.training.store import Store
from engine.app.training.tables import AbilityRow, ItemRow, Response, ReviewRow, StatementRow
from engine.core.errors import InvalidValue
from scenarios.case.case import Case
from scenarios.reading.event import AnyEvent, Began, Committed, Hinted, Marked, Revealed
from tests.app.training.cases import AT_MM, CASES, SHELF, VESSEL_MM, case, ground, read

NOW_S = 1_700_000_000.0
#: What a mark that is right and 0.9 sure earns (Brier).
SURE = 1 - (1 - 0.9) ** 2


def ready(one: Case) -> dict[str, bool]:
    return {volume.id: True for volume in one.volumes}


class Classroom:
    """A school with a clock that is set, and one trainee."""

    def __init__(self, store: Store) -> None:
        self.now_s = NOW_S
        self.store = store
        self.school = self.opened()
        self.school.shelve(SHELF)
        self.trainee = self.comes()

    def opened(self) -> School:
        return School(
            self.store, ground, lambda one: None, lambda one: False, lambda: self.now_s, np.random.default_rng(3)
        )

    def comes(self) -> str:
        return People(self.store).known(None, is_educator=False, now_s=self.now_s).trainee

    def begin(self, **ask: object) -> str:
        return self.school.begin(self.trainee, NextAsk.model_validate(ask), is_educator=False)

    def reads(self, reading: str, *, rightly: bool = True) -> None:
        one = self.school.case_of(self.trainee, reading).case
        self.school.keep(self.trainee, reading, read(one, rightly=rightly), ready)
        self.school.feedback(self.trainee, reading)
        self.now_s += 60.0

    def events(self, reading: str) -> tuple[AnyEvent, ...]:
        return self.school.reading(self.trainee, reading, ready).events


@pytest.fixture
def room(store: Store) -> Classroom:
    return Classroom(store)


def test_events_come_back_as_they_were_kept(room: Classroom) -> None:
    reading = room.begin(case="one")
    events = read(CASES[0])
    room.school.keep(room.trainee, reading, events, ready)
    assert room.events(reading) == events


def test_events_that_are_sent_twice_are_kept_once(room: Classroom) -> None:
    reading = room.begin(case="one")
    events = read(CASES[0])
    room.school.keep(room.trainee, reading, events[:2], ready)
    changed = (Began(n=0, t_s=99.0, where="vr"), *events[1:4])
    now = room.school.keep(room.trainee, reading, changed, ready)
    assert now.next_event == 4
    assert room.events(reading) == events[:4]


@pytest.mark.parametrize("sent", [slice(1, 3), slice(0, 5, 2)], ids=["a later beginning", "holes"])
def test_a_gap_is_refused_with_what_comes_next_and_nothing_is_kept(room: Classroom, sent: slice) -> None:
    reading = room.begin(case="one")
    with pytest.raises(Gap) as refused:
        room.school.keep(room.trainee, reading, read(CASES[0])[sent], ready)
    assert refused.value.next_event == 0
    assert room.events(reading) == ()


def test_a_reading_goes_on_where_it_was_after_a_new_start(room: Classroom) -> None:
    reading = room.begin()
    one = room.school.case_of(room.trainee, reading).case
    room.school.keep(room.trainee, reading, read(one)[:3], ready)
    room.school = room.opened()
    assert room.begin() == reading
    now = room.school.reading(room.trainee, reading, ready)
    assert now.events == read(one)[:3]
    assert now.committed == tuple(event.task for event in now.events if isinstance(event, Committed))


def test_nobody_sees_anothers_reading(room: Classroom) -> None:
    reading = room.begin()
    other = room.comes()
    for ask in (
        lambda: room.school.reading(other, reading, ready),
        lambda: room.school.keep(other, reading, read(CASES[0]), ready),
        lambda: room.school.feedback(other, reading),
    ):
        with pytest.raises(NoSuchReading):
            ask()


def test_what_is_right_does_not_leave_before_reveal(room: Classroom) -> None:
    reading = room.begin(case="one")
    now = room.school.keep(room.trainee, reading, read(CASES[0])[:3], ready)
    sent = now.model_dump_json()
    assert "It is solid" not in sent
    assert "is_right" not in sent
    assert "40.0" not in sent.split('"case"')[1]
    with pytest.raises(NotYet):
        room.school.feedback(room.trainee, reading)


def test_reveal_before_every_task_is_committed_reveals_nothing(room: Classroom) -> None:
    reading = room.begin(case="one")
    events = (Began(n=0, t_s=0.0, where="flat"), Committed(n=1, t_s=1.0, task="mark"), Revealed(n=2, t_s=2.0))
    assert not room.school.keep(room.trainee, reading, events, ready).is_revealed


def test_a_mark_after_its_task_was_committed_changes_nothing(room: Classroom) -> None:
    reading = room.begin(case="one")
    late = (
        Began(n=0, t_s=0.0, where="flat"),
        Committed(n=1, t_s=1.0, task="mark"),
        Marked(n=2, t_s=2.0, task="mark", mark="m", at_mm=AT_MM, confidence=1.0),
    )
    rest = tuple(event.model_copy(update={"n": event.n + 0}) for event in read(CASES[0])[3:])
    room.school.keep(room.trainee, reading, (*late, *rest), ready)
    (finding,) = room.school.feedback(room.trainee, reading).findings
    assert finding.became == "missed"


def test_feedback_says_what_was_found_and_what_lies_under_a_false_mark(room: Classroom) -> None:
    reading = room.begin(case="one")
    began, *rest = read(CASES[0], rightly=False)
    false_mark = Marked(n=1, t_s=1.0, task="mark", mark="m", at_mm=VESSEL_MM, confidence=0.9)
    later = [event.model_copy(update={"n": event.n + 1}) for event in rest]
    room.school.keep(room.trainee, reading, (began, false_mark, *later), ready)
    told = room.school.feedback(room.trainee, reading)
    assert [one.became for one in told.findings] == ["missed"]
    (false,) = told.marks
    assert false.became == "false"
    assert false.why is not None
    assert false.why.startswith("Vessel: A vessel seen end on")
    assert told.synthetic
    other = room.begin(case="one")
    room.reads(other)
    told = room.school.feedback(room.trainee, other)
    assert [one.became for one in told.findings] == ["found"]
    assert [one.share for one in told.tasks] == pytest.approx([SURE, 1.0])


def test_a_hint_is_told_once_taken_and_paid_for(room: Classroom) -> None:
    reading = room.begin(case="one")
    events = read(CASES[0])
    hinted = (events[0], Hinted(n=1, t_s=1.0, task="mark"))
    now = room.school.keep(room.trainee, reading, hinted, ready)
    assert [hint.text for hint in now.hints] == ["Look left."]
    rest = tuple(event.model_copy(update={"n": event.n + 1}) for event in events[1:])
    room.school.keep(room.trainee, reading, rest, ready)
    assert room.school.feedback(room.trainee, reading).tasks[0].share == pytest.approx(SURE - 0.25)


def test_a_reading_is_learned_from_once(room: Classroom) -> None:
    reading = room.begin(case="one")
    room.reads(reading)
    before = room.school.feedback(room.trainee, reading)
    room.school = room.opened()
    assert room.school.feedback(room.trainee, reading) == before
    with room.store.reading() as session:
        assert len(list(session.scalars(select(AbilityRow)))) == 2
        assert len(list(session.scalars(select(Response)))) == 2
        assert [row.answers for row in session.scalars(select(ItemRow))] == [1, 1]
        assert len(list(session.scalars(select(ReviewRow)))) == 1


def test_right_answers_raise_an_ability_and_wrong_ones_lower_it(room: Classroom) -> None:
    one, two = room.begin(case="one"), None
    room.reads(one)
    up = room.school.feedback(room.trainee, one).abilities
    assert all(ability.before is not None and ability.mean > ability.before for ability in up)
    two = room.begin(case="two")
    room.reads(two, rightly=False)
    down = room.school.feedback(room.trainee, two).abilities
    assert all(ability.before is not None and ability.mean < ability.before for ability in down)


def test_no_case_comes_twice_while_others_are_left_and_each_says_why(room: Classroom) -> None:
    seen = []
    for _ in CASES:
        reading = room.begin()
        now = room.school.reading(room.trainee, reading, ready)
        seen.append(now.case.id)
        assert now.why
        assert now.number == len(seen)
        room.reads(reading)
    assert sorted(seen) == ["one", "three", "two"]
    assert room.begin()


def test_a_concept_that_is_due_comes_as_another_case_of_it(room: Classroom) -> None:
    first = room.begin(case="one")
    room.reads(first, rightly=False)
    room.now_s += 3 * 86400.0
    now = room.school.reading(room.trainee, room.begin(), ready)
    assert now.case.id == "two"
    assert "due for review" in now.why


def test_an_exam_ends_and_says_so(room: Classroom) -> None:
    for _ in CASES:
        room.reads(room.begin(mode="exam"))
    with pytest.raises(NotYet, match="the exam is over: every case is read"):
        room.begin(mode="exam")


def test_an_exam_knows_nothing_of_practice_and_practice_nothing_of_an_exam(room: Classroom) -> None:
    def found(reading: str) -> tuple[float, float]:
        one = room.school.feedback(room.trainee, reading).abilities[0]
        assert one.before is not None
        return one.before, one.mean

    first, exam = room.begin(case="one"), room.begin(case="two", mode="exam")
    for reading in (first, exam):
        room.reads(reading)
    again = room.begin(case="one")
    room.reads(again)
    assert found(first)[0] == pytest.approx(0.0, abs=1e-9)
    assert found(exam)[0] == pytest.approx(0.0, abs=1e-9)
    assert found(again)[0] == pytest.approx(found(first)[1], abs=1e-4)
    assert found(again)[0] != pytest.approx(found(exam)[1], abs=1e-2)


def test_an_educators_try_counts_for_nothing(room: Classroom) -> None:
    reading = room.school.begin(room.trainee, NextAsk(case="one"), is_educator=True)
    room.reads(reading)
    with room.store.reading() as session:
        assert list(session.scalars(select(AbilityRow))) == []
        assert list(session.scalars(select(StatementRow))) == []


def test_peers_are_a_band_of_five_or_nothing(room: Classroom) -> None:
    me = room.trainee
    reading = room.begin(case="one")
    room.reads(reading)
    for n in range(5):
        assert room.school.feedback(me, reading).peers is None
        room.trainee = room.comes()
        room.reads(room.begin(case="one"), rightly=n % 2 == 0)
    band = room.school.feedback(me, reading).peers
    assert band is not None
    assert band.count == 5
    assert 0.0 <= band.low < band.high <= 1.0


def test_a_published_version_never_changes(room: Classroom) -> None:
    with pytest.raises(InvalidValue, match="raise the version"):
        room.school.publish(SHELF[0])
    changed = SHELF[0].case.model_copy(update={"title": "Another"})
    with pytest.raises(InvalidValue, match="raise its version"):
        room.school.shelve([type(SHELF[0])(changed, None)])


def test_a_reading_keeps_the_version_that_it_was_of(room: Classroom) -> None:
    reading = room.begin(case="one")
    newer = case("one").model_copy(update={"version": "2.0.0", "title": "Newer"})
    room.school.publish(type(SHELF[0])(newer, None))
    assert room.school.reading(room.trainee, reading, ready).case.version == "1.0.0"
    room.trainee = room.comes()
    assert room.school.reading(room.trainee, room.begin(case="one"), ready).case.version == "2.0.0"


def test_a_case_that_was_closed_is_not_chosen(room: Classroom) -> None:
    for name in ("one", "two"):
        room.school.set_open(name, False)
    assert room.school.reading(room.trainee, room.begin(), ready).case.id == "three"


def test_statements_wait_in_order(room: Classroom) -> None:
    room.reads(room.begin(case="one"))
    with room.store.reading() as session:
        rows = list(session.scalars(select(StatementRow).order_by(StatementRow.made_s)))
    verbs = [json.loads(row.body)["verb"]["display"]["en"] for row in rows]
    assert verbs == ["initialized", "answered", "answered", "completed", "passed", "terminated"]
