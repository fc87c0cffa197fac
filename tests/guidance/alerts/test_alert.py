"""Alerts: at once when worse, slowly when better, never quiet where nothing is known and harm was near."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.core.unknown import Unknown, Why
from guidance.alerts.alert import _TRANSITIONS, SILENCE_S, Alert, AlertState, Ask, NotAllowed, ask, step
from guidance.alerts.level import LOOKS, Bands, Level, Priority
from guidance.margins.margin import Distance, Margin, Part

BANDS = Bands()
FRAME_S = 1 / 90


def margin(distance_mm: float, error_mm: float = 0.5, contact_s: float | None = None) -> Margin:
    place = np.zeros(3)
    return Margin(Part.TIP, distance_mm, error_mm, place, place, place, 0.0, 0.0, contact_s, contact_s)


LOST = Unknown(Why.NO_TOOL, 0.0)
#: What is measured in each level, an error of half a millimetre taken off.
IN = {Level.CLEAR: margin(9.0), Level.NEAR: margin(4.0), Level.RISK: margin(2.0), Level.BREACH: margin(0.2)}


def after(
    *distances: Distance, state: AlertState | None = None, each_s: float = FRAME_S
) -> tuple[AlertState, Alert | None]:
    """One look after another."""
    state, alert = state or AlertState(), None
    for distance in distances:
        state, alert = step(state, "aorta", distance, BANDS, state.now_s + each_s)
    return state, alert


@pytest.mark.parametrize(("begin", "then"), [(a, b) for a, b in product(Level, Level) if b > a])
def test_worse_is_said_at_once(begin: Level, then: Level) -> None:
    state, alert = after(IN[begin], IN[then])
    assert state.level is then
    assert alert is not None
    assert alert.sounds
    assert alert.since_s == state.now_s


@pytest.mark.parametrize(("begin", "then"), [(a, b) for a, b in product(Level, Level) if b < a])
def test_better_is_believed_only_after_a_while(begin: Level, then: Level) -> None:
    frames = int(BANDS.hold_s / FRAME_S)
    state, _ = after(IN[begin], *[IN[then]] * (frames - 2))
    assert state.level is begin
    state, _ = after(*[IN[then]] * 6, state=state)
    assert state.level is then


def test_the_error_is_taken_off_before_anything_is_judged() -> None:
    assert after(margin(6.0, 0.5))[0].level is Level.CLEAR
    assert after(margin(6.0, 1.5))[0].level is Level.NEAR
    assert after(margin(6.0, 6.5))[0].level is Level.BREACH


def test_a_contact_that_may_come_at_once_is_a_risk_wherever_the_tool_is() -> None:
    assert after(margin(40.0, 0.5, 0.2))[0].level is Level.RISK
    assert after(margin(40.0, 0.5, 2.0))[0].level is Level.CLEAR


@given(st.floats(0.0, 1.0), st.integers(2, 200))
def test_trembling_about_a_border_does_not_chatter(phase: float, frames: int) -> None:
    """Within the width that a level is left by, it is entered once."""
    trembling = [margin(2.5 + 0.4 * np.sin(6 * n + phase)) for n in range(frames)]
    state, changes = AlertState(), 0
    for distance in trembling:
        following, _ = step(state, "aorta", distance, BANDS, state.now_s + FRAME_S)
        changes += following.level is not state.level
        state = following
    assert changes <= 2


@given(st.lists(st.one_of(st.floats(-20, 60).map(margin), st.just(LOST)), min_size=1, max_size=60))
def test_nothing_known_that_is_worse_than_what_is_said(distances: Sequence[Distance]) -> None:
    """Whatever came before: the level in force is never better than what is measured now."""
    state, alert = after(*distances)
    last = distances[-1]
    if isinstance(last, Margin):
        assert state.level >= BANDS.level(last.least_mm, None)
        assert (alert is None) == (state.level is Level.CLEAR)
    else:
        assert alert is not None
        assert not any(character.isdigit() for character in alert.text)


@pytest.mark.parametrize(
    ("before", "priority"),
    [
        (Level.CLEAR, Priority.LOW),
        (Level.NEAR, Priority.MEDIUM),
        (Level.RISK, Priority.HIGH),
        (Level.BREACH, Priority.HIGH),
    ],
)
def test_not_knowing_is_more_urgent_than_what_was_known(before: Level, priority: Priority) -> None:
    state, alert = after(IN[before], LOST)
    assert alert is not None
    assert alert.priority is priority
    assert alert.text == "Distance to aorta unknown: the tool is not tracked"
    assert state.level is before


@pytest.mark.parametrize("before", [Level.NEAR, Level.RISK, Level.BREACH])
@pytest.mark.parametrize("wish", Ask)
def test_not_knowing_where_harm_was_near_is_never_quiet(before: Level, wish: Ask) -> None:
    silenced = ask(after(IN[before])[0], Ask.SILENCE, FRAME_S)
    state, alert = after(LOST, state=silenced)
    assert alert is not None
    assert alert.sounds
    with pytest.raises(NotAllowed, match="not silenced"):
        ask(state, wish, state.now_s)


def test_another_reason_for_not_knowing_is_told_and_is_no_new_alarm() -> None:
    state, _ = after(IN[Level.RISK], LOST)
    later, alert = after(Unknown(Why.LINK_LOST, 1.0), state=state)
    assert alert is not None
    assert "silent" in alert.text
    assert later.since_s == state.since_s


def test_what_is_known_again_counts_at_once() -> None:
    assert after(IN[Level.BREACH], LOST, IN[Level.CLEAR])[0].level is Level.CLEAR
    assert after(IN[Level.CLEAR], LOST, IN[Level.BREACH])[0].level is Level.BREACH


@pytest.mark.parametrize("level", [Level.NEAR, Level.RISK, Level.BREACH])
def test_silence_has_a_limit_and_the_sign_stays(level: Level) -> None:
    state = ask(after(IN[level])[0], Ask.SILENCE, FRAME_S)
    limit_s = SILENCE_S[state.priority]
    _, quiet = step(state, "aorta", IN[level], BANDS, FRAME_S + limit_s - 0.1)
    _, again = step(state, "aorta", IN[level], BANDS, FRAME_S + limit_s + 0.1)
    assert quiet is not None
    assert again is not None
    assert (quiet.sounds, again.sounds) == (False, True)
    assert quiet.look == LOOKS[quiet.priority]


def test_what_gets_worse_is_heard_whatever_was_silenced_or_put_aside() -> None:
    for wish in Ask:
        state = ask(after(IN[Level.RISK])[0], wish, FRAME_S)
        _, alert = after(IN[Level.BREACH], state=state)
        assert alert is not None
        assert alert.sounds
        assert alert.look.flashes_hz > 0


def test_what_was_put_aside_is_steady_and_quiet_until_it_ends() -> None:
    state = ask(after(IN[Level.NEAR])[0], Ask.ACKNOWLEDGE, FRAME_S)
    _, alert = after(*[IN[Level.NEAR]] * 500, state=state)
    assert alert is not None
    assert not alert.sounds
    assert alert.look.flashes_hz == 0


@pytest.mark.parametrize(
    ("state", "wish", "words"),
    [
        (AlertState(), Ask.SILENCE, "nothing sounds"),
        (AlertState(), Ask.ACKNOWLEDGE, "nothing sounds"),
        (AlertState(Level.BREACH), Ask.ACKNOWLEDGE, "not put aside"),
        (AlertState(Level.RISK, Why.STALE), Ask.SILENCE, "not silenced"),
        (AlertState(Level.NEAR, Why.STALE), Ask.ACKNOWLEDGE, "not silenced"),
    ],
)
def test_wishes_that_are_not_granted_say_why(state: AlertState, wish: Ask, words: str) -> None:
    with pytest.raises(NotAllowed, match=words):
        ask(state, wish, 1.0)


def test_time_that_goes_back_is_refused() -> None:
    state, _ = after(IN[Level.NEAR], each_s=10.0)
    with pytest.raises(InvalidValue, match="1000 ms"):
        step(state, "aorta", IN[Level.NEAR], BANDS, 9.0)
    with pytest.raises(InvalidValue, match="1000 ms"):
        ask(state, Ask.SILENCE, 9.0)


def test_the_table_has_a_line_for_everything() -> None:
    assert set(_TRANSITIONS) == set(product((True, False), ("worse", "same", "better")))


def test_every_priority_has_its_own_shape_and_sound() -> None:
    heard = [look for priority, look in LOOKS.items() if priority is not Priority.NONE]
    assert len({look.shape for look in heard}) == len(heard)
    assert len({look.pulses for look in heard}) == len(heard)


@pytest.mark.parametrize(
    "wrong", [{"near_mm": 1.0}, {"breach_mm": 3.0}, {"leave_mm": 0.0}, {"hold_s": -1.0}, {"risk_mm": float("nan")}]
)
def test_bands_that_are_none_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidValue):
        Bands(**wrong)
