"""The one table of alerts: what was, what is measured, and what somebody asks, to what is said now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.core.errors import InvalidValue
from engine.core.unknown import Why
from guidance.alerts.level import LOOKS, PRIORITIES, UNKNOWN_PRIORITIES, Bands, Level, Look, Priority
from guidance.margins.margin import Distance, Margin

#: Sound may be stopped for this long at most, by priority. Never for what is not known in a risk area.
SILENCE_S: dict[Priority, float] = {Priority.HIGH: 15.0, Priority.MEDIUM: 60.0, Priority.LOW: 120.0}


class Ask(StrEnum):
    """What a person may ask."""

    SILENCE = "silence"
    ACKNOWLEDGE = "acknowledge"


@dataclass(frozen=True, slots=True)
class AlertState:
    """What is remembered of one structure between two looks.

    Attributes:
        level: in force; while nothing is known, the last that was known.
        why: why nothing is known, None while something is.
        since_s: when level or knowledge changed.
        better_since_s: since when the distance would allow a better level; None where it does not.
        silent_until_s: no sound before.
        acknowledged: somebody has seen it: it is shown steady, with no sound, until it gets worse or ends.
        now_s: of the last look.
    """

    level: Level = Level.CLEAR
    why: Why | None = None
    since_s: float = 0.0
    better_since_s: float | None = None
    silent_until_s: float = 0.0
    acknowledged: bool = False
    now_s: float = 0.0

    @property
    def priority(self) -> Priority:
        """How urgent it is."""
        return PRIORITIES[self.level][0] if self.why is None else UNKNOWN_PRIORITIES[self.level]

    @property
    def may_be_quiet(self) -> bool:
        """Whether anybody may ask for quiet: not while nothing is known where the tool was last near."""
        return self.why is None or self.level is Level.CLEAR


@dataclass(frozen=True, slots=True)
class Alert:
    """What is shown and heard of one structure.

    Attributes:
        headline: in words, without numbers: it changes when something has happened, not with every sample.
        text: the same, with a number where one is known.
        look: shape, colour, flashing and sound of its priority.
        sounds: whether it is heard now.
        since_s: since when.
    """

    structure: str
    priority: Priority
    headline: str
    text: str
    look: Look
    sounds: bool
    since_s: float


class NotAllowed(InvalidValue):
    """A wish that is not granted in this state; the message says why."""


def step(
    state: AlertState, structure: str, distance: Distance, bands: Bands, now_s: float
) -> tuple[AlertState, Alert | None]:
    """What is so now, and what is said of it; None where all is clear.

    Raises:
        InvalidValue: time that goes back.
    """
    if now_s < state.now_s:
        raise InvalidValue(f"time goes back by {1000 * (state.now_s - now_s):.0f} ms")
    if isinstance(distance, Margin):
        wanted = bands.level(distance.least_mm, distance.contact_soonest_s)
        after = _TRANSITIONS[state.why is None, _compared(wanted, state.level)](state, wanted, distance, bands, now_s)
    else:
        after = _lost(state, distance.why, now_s)
    # As `replace` does, a twentieth of the time: ninety times a second for every structure.
    after = AlertState(
        after.level, after.why, after.since_s, after.better_since_s, after.silent_until_s, after.acknowledged, now_s
    )
    return after, _alert(after, structure, distance, now_s)


def ask(state: AlertState, wish: Ask, now_s: float) -> AlertState:
    """Grant a wish.

    Raises:
        NotAllowed: nothing sounds, or it must not be silenced.
        InvalidValue: time that goes back.
    """
    if now_s < state.now_s:
        raise InvalidValue(f"time goes back by {1000 * (state.now_s - now_s):.0f} ms")
    if state.priority is Priority.NONE:
        raise NotAllowed("nothing sounds")
    if not state.may_be_quiet:
        raise NotAllowed("where the tool is, is not known, and it was near: this is not silenced")
    if wish is Ask.ACKNOWLEDGE:
        if state.priority is Priority.HIGH:
            raise NotAllowed("what is this urgent can be silenced for a while, not put aside")
        return replace(state, acknowledged=True, now_s=now_s)
    return replace(state, silent_until_s=now_s + SILENCE_S[state.priority], now_s=now_s)


# --- the table ----------------------------------------------------------------------------------


def _compared(wanted: Level, level: Level) -> str:
    return "worse" if wanted > level else "better" if wanted < level else "same"


def _worse(_state: AlertState, wanted: Level, _margin: Margin, _bands: Bands, now_s: float) -> AlertState:
    """At once; what was silenced or put aside was less than this."""
    return AlertState(wanted, None, now_s)


def _same(state: AlertState, _wanted: Level, _margin: Margin, _bands: Bands, _now_s: float) -> AlertState:
    return state if state.better_since_s is None else replace(state, better_since_s=None)


def _better(state: AlertState, _wanted: Level, margin: Margin, bands: Bands, now_s: float) -> AlertState:
    """Only a little farther out than where the level began, and only after a while."""
    clearly = bands.level(margin.least_mm - bands.leave_mm, margin.contact_soonest_s)
    if clearly >= state.level:
        return replace(state, better_since_s=None)
    since_s = now_s if state.better_since_s is None else state.better_since_s
    if now_s - since_s < bands.hold_s:
        return replace(state, better_since_s=since_s)
    return AlertState(clearly, None, now_s)


def _found(_state: AlertState, wanted: Level, _margin: Margin, _bands: Bands, now_s: float) -> AlertState:
    """Known again: what is measured counts, from now on."""
    return AlertState(wanted, None, now_s)


Transition = Callable[[AlertState, Level, Margin, Bands, float], AlertState]

#: (known before, what is measured against what was) → what follows. What cannot be known is `_lost`.
_TRANSITIONS: dict[tuple[bool, str], Transition] = {
    (True, "worse"): _worse,
    (True, "same"): _same,
    (True, "better"): _better,
    (False, "worse"): _found,
    (False, "same"): _found,
    (False, "better"): _found,
}


def _lost(state: AlertState, why: Why, now_s: float) -> AlertState:
    """Nothing is known: the last level stays, and is more urgent. Another reason is told, and starts nothing anew."""
    if state.why is None:
        return AlertState(state.level, why, now_s)
    return state if state.why is why else replace(state, why=why)


def _alert(state: AlertState, structure: str, distance: Distance, now_s: float) -> Alert | None:
    priority = state.priority
    if priority is Priority.NONE:
        return None
    quiet = state.may_be_quiet and (state.acknowledged or now_s < state.silent_until_s)
    look = replace(LOOKS[priority], flashes_hz=0.0) if state.acknowledged else LOOKS[priority]
    headline = _headline(state, structure, distance)
    return Alert(structure, priority, headline, _words(headline, distance), look, not quiet, state.since_s)


def _headline(state: AlertState, structure: str, distance: Distance) -> str:
    if not isinstance(distance, Margin):
        return f"Distance to {structure} unknown: {distance.why}"
    return f"{PRIORITIES[state.level][1]}: {structure}"


def _words(headline: str, distance: Distance) -> str:
    if not isinstance(distance, Margin):
        return headline
    return f"{headline} {distance.distance_mm:.1f} ± {distance.error_mm:.1f} mm, {distance.part}"
