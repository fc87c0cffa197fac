"""Where a reading stands: laws of the fold, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.reading.answer import ChoiceAnswer
from scenarios.reading.event import Answered, AnyEvent, Began, Committed, Hinted, Marked, Paused, Resumed, Unmarked
from scenarios.reading.state import EventRefused, Reading, following, new_events, reading_of, start
from tests.scenarios.reading.cases import MARK, case_of, reading

CHOICE: dict[str, object] = {
    "kind": "choice", "id": "what", "prompt": "What is it?", "after": {"task": "find"}, "hints": [{"text": "Look."}],
    "options": [{"id": "x", "text": "X", "is_right": True}, {"id": "y", "text": "Y"}],
}  # fmt: skip
CASE = case_of(MARK, CHOICE)


@st.composite
def histories(draw: st.DrawFn) -> list[AnyEvent]:
    """Events that may follow each other: those that cannot are left out."""
    kept: list[AnyEvent] = [Began(n=0, t_s=0, where="flat")]
    state = reading_of(CASE, kept)
    for _ in range(draw(st.integers(0, 15))):
        n, t_s = state.next_event, state.t_s + draw(st.floats(0, 100))
        choices: list[AnyEvent] = [
            Marked(n=n, t_s=t_s, task="find", mark="m", at_mm=(0, 0, 0), confidence=draw(st.floats(0, 1))),
            Unmarked(n=n, t_s=t_s, task="find", mark="m"),
            Answered(n=n, t_s=t_s, task="what", answer=ChoiceAnswer(chosen=("x",))),
            Hinted(n=n, t_s=t_s, task="what"),
            Committed(n=n, t_s=t_s, task=draw(st.sampled_from(["find", "what"]))),
            Paused(n=n, t_s=t_s),
            Resumed(n=n, t_s=t_s),
        ]
        event = draw(st.sampled_from(choices))
        try:
            state = following(CASE, state, event)
        except EventRefused:
            continue
        kept.append(event)
    return kept


@given(histories(), st.data())
def test_events_that_are_sent_again_change_nothing(events: list[AnyEvent], data: st.DataObject) -> None:
    upto = data.draw(st.integers(0, len(events)))
    again = data.draw(st.integers(0, upto))
    assert reading_of(CASE, [*events[:upto], *events[again:]]) == reading_of(CASE, events)
    assert new_events(events[:upto], events[again:]) == tuple(events[upto:])


@given(histories(), st.data())
def test_a_reading_is_its_beginning_and_then_the_rest(events: list[AnyEvent], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(events)))
    state = reading_of(CASE, events[:at])
    for event in events[at:]:
        state = following(CASE, state, event)
    assert state == reading_of(CASE, events)


@given(histories())
def test_what_was_committed_stays_and_time_is_reading_breaks_or_absence(events: list[AnyEvent]) -> None:
    state, committed = start(CASE), set[str]()
    for event in events:
        state = following(CASE, state, event)
        assert committed <= set(state.committed)
        committed = set(state.committed)
    assert 0 <= state.active_s + state.break_s <= state.t_s + 1e-6


def refusal(*events: AnyEvent) -> str:
    state = reading_of(CASE, [Began(n=0, t_s=0, where="flat")])
    for event in events[:-1]:
        state = following(CASE, state, event)
    with pytest.raises(EventRefused) as refused:
        following(CASE, state, events[-1])
    assert refused.value.next_event == state.next_event
    return str(refused.value)


def test_what_cannot_have_happened_is_refused_with_a_reason() -> None:
    mark = Marked(n=1, t_s=1, task="find", mark="m", at_mm=(0, 0, 0), confidence=0.5)
    assert "event 1 is waited for" in refusal(mark.model_copy(update={"n": 2}))
    assert "no task 'nothing'" in refusal(mark.model_copy(update={"task": "nothing"}))
    assert "not asked yet" in refusal(Answered(n=1, t_s=1, task="what", answer=ChoiceAnswer(chosen=("x",))))
    done = Committed(n=1, t_s=1, task="find")
    assert "answered for good" in refusal(done, mark.model_copy(update={"n": 2}))
    assert "of 1 s, the one before of 2 s" in refusal(Paused(n=1, t_s=2), Resumed(n=2, t_s=1))
    assert "left: find" in refusal(reading()[-1].model_copy(update={"n": 1}))
    assert "no break" in refusal(Resumed(n=1, t_s=1))
    assert "no option 'z'" in refusal(done, Answered(n=2, t_s=2, task="what", answer=ChoiceAnswer(chosen=("z",))))
    assert "all were taken" in refusal(done, Hinted(n=2, t_s=2, task="what"), Hinted(n=3, t_s=3, task="what"))
    with pytest.raises(EventRefused, match="had not begun"):
        reading_of(CASE, [Paused(n=0, t_s=0)])
    with pytest.raises(EventRefused, match="events never change"):
        new_events([mark.model_copy(update={"n": 0})], [mark.model_copy(update={"n": 0, "confidence": 0.6})])


def test_a_task_comes_only_where_the_one_before_went_so() -> None:
    wrong = case_of(MARK, {**CHOICE, "after": {"task": "find", "went": "wrong"}})
    events: list[AnyEvent] = [Began(n=0, t_s=0, where="vr"), Committed(n=1, t_s=5, task="find")]
    assert reading_of(wrong, events, lambda task, work: False).open == ("what",)
    right: Reading = reading_of(wrong, events, lambda task, work: True)
    assert right.open == ()
    assert right.committed == ("find",)
