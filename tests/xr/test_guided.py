"""What a headset makes of a guidance session: what is believed, what is said, what is read back, what is touched."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.overlay import Overlay, Shown
from engine.core.unknown import Why
from engine.xr.alarm import PULSE_EVERY_S, is_felt, is_lit, pulses_between
from engine.xr.belief import of_anatomy, of_number, of_tool
from engine.xr.guided import Aim, Alarm, Distance, Guided, Landmark, PatientPlace, ToolReading, Way, most_urgent
from engine.xr.hand import JOINTS, Hand
from engine.xr.label import before_eyes
from engine.xr.overlay_log import OverlayLog
from engine.xr.readout import MOST_LINES, ReadoutView, number_text, readout
from engine.xr.rigid import rigid, rotation_about
from engine.xr.tool import DrawnTool, ToolSample
from engine.xr.touching import HOLD_S, LEAST_POINTS, STILL_M, Touching

GUIDED = Guided("Guide", frozenset({1}))
KNOWN = Overlay(Shown.VERIFIED, None)
HIGH = Alarm("a", "Inside Nerve", "octagon", "red", 2.0, 10, 2.5, sounds=True, since_s=0.0)
whys = st.sampled_from(list(Why))


def distance(name: str = "Nerve", mm: float = 4.2, error_mm: float = 0.8, level: int = 0, **more: object) -> Distance:
    fields = {"why": None, "level": level, "distance_mm": mm, "error_mm": error_mm} | more
    return Distance(name, name, (1, 2, 3), 10.0, 3.0, **fields)  # type: ignore[arg-type]


def reading(*distances: Distance, time_s: float = 10.0, **more: object) -> ToolReading:
    return ToolReading(1, "Probe", time_s, distances=distances, **more)  # type: ignore[arg-type]


def told(*readings: ToolReading, now_s: float = 10.01, guided: Guided = GUIDED) -> ReadoutView:
    return readout(guided, readings, KNOWN, now_s)


# What is believed


@pytest.mark.parametrize(
    ("age_s", "over", "beside"),
    [
        (0.0, Shown.VERIFIED, Shown.VERIFIED),
        (0.13, Shown.AGEING, Shown.VERIFIED),
        (0.16, Shown.HIDDEN, Shown.VERIFIED),
        (0.5, Shown.HIDDEN, Shown.AGEING),
        (inf, Shown.HIDDEN, Shown.STALE),
    ],
)
def test_anatomy_ages_by_itself_from_the_newest_reading_of_any_tool(age_s: float, over: Shown, beside: Shown) -> None:
    readings = () if age_s == inf else (reading(time_s=10.0 - age_s), reading(time_s=1.0))
    for shows_room, shown in ((True, over), (False, beside)):
        assert of_anatomy(GUIDED, readings, 10.0, 0.0, shows_room=shows_room).shown is shown


@given(whys.filter(lambda why: why is not Why.CHECK_DUE))
def test_nothing_is_drawn_over_a_patient_whose_reference_is_not_known(why: Why) -> None:
    lost = reading(reference_why=why)
    found = of_anatomy(GUIDED, (lost,), 10.0, 0.0, shows_room=True)
    assert (found.shown, found.why, found.look.opacity) == (Shown.HIDDEN, why, 0.0)


def test_before_there_is_a_registration_the_anatomy_is_a_model_and_as_old_as_the_servers_word() -> None:
    unregistered = replace(GUIDED, why=Why.NOT_REGISTERED)
    assert of_anatomy(unregistered, (), 10.0, 0.1, shows_room=True).shown is Shown.VERIFIED
    assert of_anatomy(unregistered, (), 10.0, 3.0, shows_room=True).shown is Shown.STALE


def test_a_place_that_was_not_checked_is_never_shown_as_verified_over_the_patient() -> None:
    for verified, shown in ((True, Shown.VERIFIED), (False, Shown.AGEING)):
        placed = replace(GUIDED, place=PatientPlace(np.eye(4), 1.8, verified))
        assert of_anatomy(placed, (reading(),), 10.0, 0.0, shows_room=True).shown is shown
        assert of_anatomy(placed, (reading(),), 10.0, 0.0, shows_room=False).shown is Shown.VERIFIED


def test_a_registration_that_must_be_checked_again_ages() -> None:
    due = replace(GUIDED, due_s=9.0)
    assert of_anatomy(due, (reading(),), 10.0, 0.0, shows_room=True) == Overlay(Shown.AGEING, Why.CHECK_DUE)


def drawn(age_s: float, speed_m_s: float = 0.0, *, is_tracked: bool = True) -> DrawnTool:
    sample = ToolSample(1, 10.0 - age_s, np.zeros(3), np.eye(3), is_tracked)
    return DrawnTool(sample, 1.0, 0.0, age_s, speed_m_s)


@pytest.mark.parametrize(
    ("tool", "said", "shown"),
    [
        (drawn(0.02), reading(), Shown.VERIFIED),
        (drawn(0.02, 0.2), reading(), Shown.AGEING),  # 4 mm
        (drawn(0.07), reading(), Shown.AGEING),
        (drawn(0.2), reading(), Shown.STALE),
        (drawn(1.1), reading(), Shown.HIDDEN),
        (drawn(0.02), reading(why=Why.NO_TOOL), Shown.STALE),
        (drawn(0.02), reading(reference_why=Why.NO_REFERENCE), Shown.STALE),
        (drawn(0.02, is_tracked=False), None, Shown.STALE),
    ],
)
def test_a_tool_is_shown_by_its_age_its_way_and_what_is_known_of_it(
    tool: DrawnTool, said: ToolReading | None, shown: Shown
) -> None:
    assert of_tool(tool, said, shows_room=False).shown is shown
    if shown is Shown.STALE and said is not None and tool.age_s < 0.1:
        assert of_tool(tool, said, shows_room=True).shown is Shown.HIDDEN


@given(
    st.floats(0, 5),
    st.none() | whys,
    st.none() | whys,
    st.none() | whys,
    st.none() | st.sampled_from([Why.NOT_REGISTERED, Why.NOT_VERIFIED, Why.OTHER_PATIENT_SPACE]),
)
def test_no_number_is_said_of_what_is_unknown_or_old(
    age_s: float, tool: Why | None, reference: Why | None, row: Why | None, registration: Why | None
) -> None:
    held = distance(why=row)
    said = reading(held, time_s=10.0 - age_s, why=tool, reference_why=reference)
    guided = replace(GUIDED, why=registration)
    found = of_number(guided, said, held, 10.0)
    is_known = not any((tool, reference, row, registration))
    assert found.look.has_number == (is_known and age_s <= 0.15)
    (line,) = readout(guided, (said,), KNOWN, 10.0).lines
    assert (line.number is None) != found.look.has_number
    assert line.number is not None or (line.words and line.bar is None)


# What is said


@given(st.floats(-99, 999), st.floats(0, 20))
def test_digits_keep_their_places_and_hold_what_was_measured(value: float, error: float) -> None:
    text = number_text(value, error)
    assert text is not None
    found = re.fullmatch(r"(.{5}) ±(.{3}) mm", text)
    assert found is not None
    said, borne = (float(part.replace(",", "")) for part in found.groups())
    assert borne >= error - 1e-4
    # Rounded to the place of the error's one digit.
    assert abs(said - value) <= borne / 2 + 1e-9


def test_a_number_that_has_no_room_is_none_and_never_cut() -> None:
    assert number_text(-12_345.6, 0.1) is None
    (line,) = told(reading(distance(mm=12_345.6, error_mm=0.1))).lines
    assert (line.number, line.words) == (None, "farther than is told here")


def test_the_most_urgent_come_first_and_no_more_than_the_budget() -> None:
    many = [distance(f"s{n}", 50.0 + n) for n in range(20)]
    urgent = distance("breach", 5.0, level=3), distance("near", 8.0, level=1), distance("lost", why=Why.NO_STRUCTURE)
    view = told(reading(*many, *urgent))
    assert [line.name for line in view.lines[:3]] == ["breach", "near", "lost"]
    assert (len(view.lines), view.more) == (MOST_LINES, 23 - MOST_LINES)
    assert [each.name for each in most_urgent([*many, *urgent], 2)] == ["breach", "near"]


def test_the_bar_says_the_same_as_the_number_with_its_error() -> None:
    (line,) = told(reading(distance(mm=10.0, error_mm=2.0))).lines
    assert line.bar is not None
    # 0 to 20 mm: twice what is near.
    assert (line.bar.least, line.bar.most, line.bar.near, line.bar.risk) == (0.4, 0.6, 0.5, 0.15)


def test_what_is_wrong_with_the_anatomy_is_said_before_what_to_do_next() -> None:
    lost = Overlay(Shown.HIDDEN, Why.NO_REFERENCE)
    view = readout(GUIDED, (reading(reference_why=Why.NO_REFERENCE),), lost, 10.0)
    assert (view.words, view.is_wrong) == ("Hidden: the reference on the patient is not tracked", True)
    assert told(reading()).words == "Guide"
    assert told(reading(why=Why.NO_TOOL)).title == "Probe: the tool is not tracked"


def test_the_bullseye_shows_tip_and_aim_and_nothing_of_a_tool_that_is_lost() -> None:
    guided = replace(GUIDED, way=Way("Biopsy", np.zeros(3), np.array([0, 0, 0.1])))
    aim = Aim((5.0, -2.5), (40.0, 30.0), 12.4, 25.0, 100.0)
    said = reading(tip_error_mm=0.7)
    eye = readout(guided, (said,), KNOWN, 10.0, [(said, aim, KNOWN)]).bullseye
    assert eye is not None
    assert (eye.tip, eye.aim, eye.depth) == ((0.5, -0.25), (0.8, 0.6), 0.75)  # 10 mm to the rim
    assert (eye.to_target.number, eye.angle.number) == (" 25.0 ±0.7 mm", "12°")
    for overlay in (Overlay(Shown.STALE, Why.NO_TOOL), Overlay(Shown.HIDDEN, Why.STALE)):
        eye = readout(guided, (said,), KNOWN, 10.0, [(said, aim, overlay)]).bullseye
        assert eye is not None
        assert (eye.tip, eye.to_target.number, eye.angle.number) == (None, None, None)
        assert eye.to_target.words == str(overlay.why)


def test_that_a_number_is_gone_is_another_state_and_another_digit_is_not() -> None:
    first, later, gone = (told(reading(distance(mm=mm, why=why))) for mm, why in ((4, None), (5, None), (4, Why.STALE)))
    assert first != later
    assert first.states == later.states
    assert first.still == later.still
    assert first.states != gone.states


# Alarms


@settings(max_examples=40)
@given(st.floats(0, 50), st.floats(0.001, 0.1))
def test_every_pulse_is_felt_once_however_frames_fall(start_s: float, step_s: float) -> None:
    times = start_s + step_s * np.arange(50)
    steps = sum(pulses_between(HIGH, a, b) for a, b in itertools.pairwise(times))
    assert steps == pulses_between(HIGH, times[0], times[-1])


def test_a_burst_has_its_pulses_and_then_a_pause() -> None:
    burst_s = 10 * PULSE_EVERY_S
    assert pulses_between(HIGH, -0.001, burst_s) == 10
    assert pulses_between(HIGH, burst_s, burst_s + 2.4) == 0
    assert pulses_between(HIGH, -0.001, 2 * (burst_s + 2.5) - 0.001) == 20
    assert not is_felt([replace(HIGH, sounds=False)], -1.0, 100.0)
    # A quiet alarm above does not silence the next.
    assert is_felt([replace(HIGH, sounds=False), HIGH], -1.0, 1.0)


def test_a_sign_flashes_half_of_the_time_and_a_steady_one_does_not() -> None:
    lit = [is_lit(HIGH, n / 1000) for n in range(2000)]
    assert np.mean(lit) == pytest.approx(0.5, abs=0.01)
    assert np.count_nonzero(np.diff(lit)) == 7  # 2 Hz for two seconds
    assert all(is_lit(replace(HIGH, flashes_hz=0.0), n / 10) for n in range(100))


@settings(max_examples=30)
@given(st.floats(-np.pi, np.pi), st.floats(-1.2, 1.2))
def test_a_sign_stands_before_the_eyes_wherever_they_look(yaw: float, pitch: float) -> None:
    turn = rotation_about((0, 1, 0), yaw) @ rotation_about((1, 0, 0), pitch)
    head = rigid(turn, (1.0, 1.6, 0.5))
    at = turn.T @ (before_eyes("x", head).world_from_label[:3, 3] - head[:3, 3])
    assert at == pytest.approx((0.0, 0.0914, -0.7444), abs=1e-3)


# How long it was on


def test_display_time_adds_up_by_what_was_shown_and_pauses_do_not_count() -> None:
    log = OverlayLog()
    for shown, is_on in ((Shown.VERIFIED, True), (Shown.AGEING, True), (Shown.HIDDEN, True), (Shown.VERIFIED, False)):
        for _ in range(90):
            log.add(1 / 90, shown, is_on=is_on)
    log.add(3600.0, Shown.STALE, is_on=True)
    assert log.report() == {"on": 3.0, "verified": 1.0, "ageing": 1.0, "stale": 1.0, "hidden": 1.0, "off": 1.0}


# Landmarks

LANDMARKS = tuple(Landmark(name, name, np.zeros(3)) for name in "abc")


def tip(at: tuple[float, float, float] = (0.1, 1.0, -0.3), *, select: bool = True, joints: bool = False) -> Hand:
    hold = rigid(np.eye(3), at)
    return Hand("right", hold, hold, np.array(at), np.zeros((JOINTS, 3)) if joints else None, select=select)


def touching() -> Touching:
    made = Touching()
    made.offer(LANDMARKS)
    made.begin()
    return made


def test_a_tip_that_rests_for_a_second_has_touched_with_all_its_places() -> None:
    made = touching()
    felt = [n for n in range(100) if made.step([tip()], n / 90)]
    assert felt == [90]
    (touched,) = made.told()
    assert touched.landmark == "a"
    assert len(touched.points_m) == 91
    np.testing.assert_array_equal(touched.points_m, np.tile((0.1, 1.0, -0.3), (91, 1)))
    assert (made.touched, made.wanted) == (("a",), LANDMARKS[1])


def test_one_press_touches_one_landmark_however_long_it_is_held() -> None:
    made = touching()
    assert sum(len(made.step([tip()], n / 90)) for n in range(500)) == 1
    made.step([tip(select=False)], 6.0)
    assert sum(len(made.step([tip()], 7.0 + n / 90)) for n in range(100)) == 1
    assert [each.landmark for each in made.told()] == ["a", "b"]


def test_a_tip_that_slides_begins_again_and_one_that_is_not_asked_touches_nothing() -> None:
    made = touching()
    for n in range(400):
        assert not made.step([tip((0.1 + 2.5 * STILL_M * n / 90, 1.0, -0.3))], n / 90)
        assert not made.step([tip(select=False)], n / 90)
    assert made.told() == ()


def test_slow_frames_do_not_make_a_touch_of_too_few_places() -> None:
    made = touching()
    count = next(n for n in range(40) if made.step([tip()], n * HOLD_S / 3))
    assert count + 1 >= LEAST_POINTS


def test_a_fingertip_touches_while_the_other_hand_pinches() -> None:
    made = touching()
    finger = tip(select=False, joints=True)
    other = replace(tip((0.5, 1.0, 0.0), joints=True), side="left")
    for n in range(100):
        made.step([finger, replace(other, select=False)], n / 90)
    assert made.told() == ()
    for n in range(100):
        made.step([finger, other], 2 + n / 90)
    (touched,) = made.told()
    assert touched.with_hand
    np.testing.assert_array_equal(touched.points_m[0], finger.tip_m)


def test_in_another_world_nothing_was_touched() -> None:
    made = touching()
    for n in range(100):
        made.step([tip()], n / 90)
    made.forget()
    assert (made.touched, made.told()) == ((), ())
