"""Where a reading stands: what follows from its events, and which event cannot come next.

A pure fold: the same case and the same events give the same state, however often an event was sent.
"""

# ruff: noqa: ARG001 (each step of the table takes the same)
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.core.errors import InvalidValue
from scenarios.case.case import Case
from scenarios.case.part import Point
from scenarios.case.task import AnyTask, MarkTask
from scenarios.reading.answer import Answer
from scenarios.reading.event import (
    Answered,
    AnyEvent,
    Began,
    Committed,
    Displayed,
    Hidden,
    Hinted,
    Looked,
    Marked,
    Paused,
    Resumed,
    Revealed,
    Unmarked,
)
from scenarios.reading.fits import misfit

#: Longer than this between two events nobody was there: no more is counted as reading.
IDLE_S = 60.0


class EventRefused(InvalidValue):
    """An event that cannot have happened. `next_event`: the number that is waited for."""

    def __init__(self, why: str, next_event: int) -> None:
        super().__init__(why)
        self.next_event = next_event


@dataclass(frozen=True, slots=True)
class MarkNow:
    """A mark as it stands: where, and how sure."""

    at_mm: Point
    confidence: float


@dataclass(frozen=True, slots=True)
class Work:
    """What was done on one task.

    Attributes:
        marks: by name, in the order in which they were first set.
        answer: the last one; None: none.
        confidence: stated with the answer.
        hints: how many were taken.
        is_committed: it is answered for good.
    """

    marks: Mapping[str, MarkNow] = field(default_factory=dict)
    answer: Answer | None = None
    confidence: float | None = None
    hints: int = 0
    is_committed: bool = False


#: Whether a committed task went right: asked only where another one comes after it for that reason.
Went = Callable[[AnyTask, Work], bool]


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading as it stands.

    Attributes:
        next_event: number that the next event has.
        work: of every task that is or was open, in the order of the case.
        is_revealed: what is there was shown.
        is_paused: in a break.
        where: flat page or headset; None before it began.
        has_gaze: the device tells where the eyes point.
        t_s: of the last event.
        active_s: read so long, until what is there was shown, without breaks and absences.
        breaks, break_s: how many, and how long together.
    """

    next_event: int = 0
    work: Mapping[str, Work] = field(default_factory=dict)
    is_revealed: bool = False
    is_paused: bool = False
    where: Literal["flat", "vr"] | None = None
    has_gaze: bool = False
    t_s: float = 0.0
    active_s: float = 0.0
    breaks: int = 0
    break_s: float = 0.0

    @property
    def committed(self) -> tuple[str, ...]:
        """Tasks that are answered for good."""
        return tuple(name for name, work in self.work.items() if work.is_committed)

    @property
    def open(self) -> tuple[str, ...]:
        """Tasks that can be answered now."""
        return tuple(name for name, work in self.work.items() if not work.is_committed)


def never(task: AnyTask, work: Work) -> bool:
    """For cases in which nothing hangs on what went right."""
    raise InvalidValue(f"a task comes after {task.id} by how it went: who scores it must be given")


def start(case: Case) -> Reading:
    """Before anything happened."""
    return Reading(work={task.id: Work() for task in case.tasks if task.after is None})


def reading_of(case: Case, events: Iterable[AnyEvent], went: Went = never) -> Reading:
    """After all these events; those that were sent again are passed over.

    Raises:
        EventRefused: one of them cannot have happened.
    """
    state = start(case)
    for event in events:
        state = following(case, state, event, went)
    return state


def following(case: Case, state: Reading, event: AnyEvent, went: Went = never) -> Reading:
    """After one more event; the same state where it was counted before.

    Raises:
        EventRefused: it cannot have happened, and why.
    """
    if event.n < state.next_event:
        return state
    if event.n > state.next_event:
        raise EventRefused(f"event {event.n} came, and event {state.next_event} is waited for", state.next_event)
    if event.t_s < state.t_s:
        raise EventRefused(
            f"event {event.n} is of {event.t_s:g} s, the one before of {state.t_s:g} s", state.next_event
        )
    try:
        state = _STEPS[type(event)](case, _later(state, event), event, went)
    except InvalidValue as error:
        raise EventRefused(f"event {event.n} ({event.kind}): {error}", state.next_event) from error
    return replace(state, next_event=event.n + 1, t_s=event.t_s)


def new_events(kept: Sequence[AnyEvent], sent: Iterable[AnyEvent]) -> tuple[AnyEvent, ...]:
    """Of events that were sent those that were not kept before.

    Raises:
        EventRefused: a gap, or an event that was kept says something else now.
    """
    new: list[AnyEvent] = []
    for event in sent:
        wanted = len(kept) + len(new)
        if event.n > wanted:
            raise EventRefused(f"event {event.n} came, and event {wanted} is waited for", wanted)
        if event.n == wanted:
            new.append(event)
        elif event != (kept[event.n] if event.n < len(kept) else new[event.n - len(kept)]):
            raise EventRefused(f"event {event.n} was kept, and says something else now: events never change", wanted)
    return tuple(new)


# --- time ----------------------------------------------------------------------------------------


def _later(state: Reading, event: AnyEvent) -> Reading:
    gone_s = event.t_s - state.t_s
    if state.is_paused:
        return replace(state, break_s=state.break_s + gone_s)
    if state.where is None or state.is_revealed or isinstance(event, Began):
        return state
    return replace(state, active_s=state.active_s + min(gone_s, IDLE_S))


# --- steps ---------------------------------------------------------------------------------------


def _began(case: Case, state: Reading, event: Began, went: Went) -> Reading:
    return replace(state, where=event.where, has_gaze=state.has_gaze or event.has_gaze, is_paused=False)


def _seen(case: Case, state: Reading, event: Displayed | Hidden | Looked, went: Went) -> Reading:
    _must_have_begun(state)
    if isinstance(event, Displayed):
        volume = case.volume(event.volume)
        if volume.after is not None and not state.work.get(volume.after, Work()).is_committed:
            raise InvalidValue(f"volume {volume.id} is shown only once {volume.after} was answered")
    return state


def _marked(case: Case, state: Reading, event: Marked, went: Went) -> Reading:
    work = _open(case, state, event.task)
    if not isinstance(case.task(event.task), MarkTask):
        raise InvalidValue(f"nothing is marked for task {event.task}: it is of kind {case.task(event.task).kind}")
    return _with(state, event.task, replace(work, marks={**work.marks, event.mark: _mark(event)}))


def _mark(event: Marked) -> MarkNow:
    return MarkNow(event.at_mm, event.confidence)


def _unmarked(case: Case, state: Reading, event: Unmarked, went: Went) -> Reading:
    work = _open(case, state, event.task)
    if event.mark not in work.marks:
        raise InvalidValue(f"task {event.task} has no mark {event.mark!r} to take away")
    left = {name: mark for name, mark in work.marks.items() if name != event.mark}
    return _with(state, event.task, replace(work, marks=left))


def _answered(case: Case, state: Reading, event: Answered, went: Went) -> Reading:
    work = _open(case, state, event.task)
    if (why := misfit(case.task(event.task), event.answer)) is not None:
        raise InvalidValue(why)
    return _with(state, event.task, replace(work, answer=event.answer, confidence=event.confidence))


def _hinted(case: Case, state: Reading, event: Hinted, went: Went) -> Reading:
    work, there = _open(case, state, event.task), len(case.task(event.task).hints)
    if work.hints >= there:
        raise InvalidValue(f"task {event.task} has {there} hints, and all were taken")
    return _with(state, event.task, replace(work, hints=work.hints + 1))


def _committed(case: Case, state: Reading, event: Committed, went: Went) -> Reading:
    work = replace(_open(case, state, event.task), is_committed=True)
    done = {**state.work, event.task: work}
    for task in case.tasks:
        if task.after is not None and task.after.task == event.task and _comes(case, task, work, went):
            done[task.id] = Work()
    return replace(state, work={task.id: done[task.id] for task in case.tasks if task.id in done})


def _comes(case: Case, task: AnyTask, before: Work, went: Went) -> bool:
    assert task.after is not None
    return task.after.went == "anyhow" or went(case.task(task.after.task), before) == (task.after.went == "right")


def _revealed(case: Case, state: Reading, event: Revealed, went: Went) -> Reading:
    _must_have_begun(state)
    if state.open:
        raise InvalidValue(f"what is there is shown once every task is committed; left: {', '.join(state.open)}")
    return replace(state, is_revealed=True)


def _paused(case: Case, state: Reading, event: Paused, went: Went) -> Reading:
    _must_have_begun(state)
    if state.is_paused:
        raise InvalidValue("a break had begun before")
    return replace(state, is_paused=True, breaks=state.breaks + 1)


def _resumed(case: Case, state: Reading, event: Resumed, went: Went) -> Reading:
    if not state.is_paused:
        raise InvalidValue("no break had begun")
    return replace(state, is_paused=False)


_STEPS: dict[type, Callable[..., Reading]] = {
    Began: _began,
    Displayed: _seen,
    Hidden: _seen,
    Looked: _seen,
    Marked: _marked,
    Unmarked: _unmarked,
    Answered: _answered,
    Hinted: _hinted,
    Committed: _committed,
    Revealed: _revealed,
    Paused: _paused,
    Resumed: _resumed,
}


def _must_have_begun(state: Reading) -> None:
    if state.where is None:
        raise InvalidValue("the reading had not begun")


def _open(case: Case, state: Reading, name: str) -> Work:
    """The work on a task that may change."""
    _must_have_begun(state)
    case.task(name)
    if name not in state.work:
        raise InvalidValue(f"task {name} is not asked yet")
    if state.work[name].is_committed:
        raise InvalidValue(f"task {name} was committed: it is answered for good")
    if state.is_paused:
        raise InvalidValue("nothing is answered in a break")
    return state.work[name]


def _with(state: Reading, name: str, work: Work) -> Reading:
    return replace(state, work={**state.work, name: work})
