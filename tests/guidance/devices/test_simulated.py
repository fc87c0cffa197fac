"""A simulated tracker: each fault, and what is made of it on the other side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import InputRefused, InvalidValue
from engine.core.frame import WORLD
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.devices.simulated import Arrival, Fault, FaultKind, Scenario, played, read_scenario
from guidance.track.sample import thing_frame
from guidance.track.track import Track

UNTIL_S = 3.0
QUIET = Scenario(hz=60, jitter_mm=0.05)


def truth(time_s: float) -> Mapping[str, Transform]:
    """A stylus that goes to and fro beside a clamp that rests."""
    return {
        "Stylus": Transform.rigid(
            WORLD, thing_frame("Stylus"), np.eye(3), (300.0 + 40 * np.sin(2 * time_s), 10.0, -900.0)
        ),
        "Clamp": Transform.rigid(WORLD, thing_frame("Clamp"), np.eye(3), (280.0, 0.0, -950.0)),
    }


def faulty(kind: FaultKind, amount: float = 1.0, thing: str = "Stylus") -> tuple[Arrival, ...]:
    return played(replace(QUIET, faults=(Fault(kind, 1.0, 2.0, thing, amount),)), truth, UNTIL_S)


def states(arrivals: tuple[Arrival, ...], thing: str = "Stylus") -> dict[float, Why | None]:
    """What is believed of it, every five milliseconds."""
    track, said, waiting = Track(thing), {}, list(arrivals)
    for now_s in np.arange(0.0, UNTIL_S, 0.005):
        while waiting and waiting[0].at_s <= now_s:
            one = waiting.pop(0).sample
            if one.thing == thing:
                track = track.hear(one)
        trusted = track.trusted(float(now_s))
        said[float(now_s)] = trusted.why if isinstance(trusted, Unknown) else None
    return said


def during(said: dict[float, Why | None], start_s: float, end_s: float) -> set[Why | None]:
    return {why for time_s, why in said.items() if start_s <= time_s < end_s}


def test_without_faults_it_is_believed_from_the_third_sample_on() -> None:
    assert during(states(played(QUIET, truth, UNTIL_S)), 0.05, UNTIL_S) == {None}


def test_the_same_scenario_is_the_same_again() -> None:
    one, other = (faulty(FaultKind.DROPOUT, 0.5) for _ in range(2))
    assert len(one) == len(other)
    assert all(a.at_s == b.at_s and a.sample.time_s == b.sample.time_s for a, b in zip(one, other, strict=True))
    different = played(replace(QUIET, seed=1), truth, UNTIL_S)
    places = [a.sample.world_from_thing for a in (one[0], different[0])]
    assert isinstance(places[0], Transform)
    assert isinstance(places[1], Transform)
    assert not np.array_equal(places[0].matrix, places[1].matrix)


@pytest.mark.parametrize(
    ("kind", "amount", "within_s", "why"),
    [
        (FaultKind.OCCLUDED, 1.0, 0.03, Why.NO_TOOL),
        (FaultKind.DROPOUT, 1.0, 0.18, Why.STALE),
        (FaultKind.SILENT, 1.0, 0.18, Why.STALE),
        (FaultKind.NOT_A_NUMBER, 1.0, 0.03, Why.INVALID),
        (FaultKind.NOT_RIGID, 1.2, 0.03, Why.INVALID),
        (FaultKind.JUMP, 200.0, 0.05, Why.INVALID),
        (FaultKind.CLOCK_STEP, 5.0, 0.03, Why.CLOCK),
        (FaultKind.CLOCK_STEP, -5.0, 0.18, Why.STALE),
        (FaultKind.CLOCK_RATE, 0.2, 0.30, Why.CLOCK),
        (FaultKind.LATE, 0.4, 0.18, Why.STALE),
    ],
)
def test_a_fault_is_seen_in_time_and_for_what_it_is(kind: FaultKind, amount: float, within_s: float, why: Why) -> None:
    said = states(faulty(kind, amount))
    assert during(said, 0.05, 1.0) == {None}
    assert during(said, 1.0 + within_s, 1.9) == {why}


@pytest.mark.parametrize("kind", [FaultKind.OCCLUDED, FaultKind.SILENT, FaultKind.NOT_A_NUMBER, FaultKind.NOT_RIGID])
def test_once_it_is_over_the_thing_is_believed_again(kind: FaultKind) -> None:
    assert during(states(faulty(kind, 1.2)), 2.1, UNTIL_S) == {None}


def test_sides_swapped_are_a_jump_and_then_only_a_check_point_tells() -> None:
    """No sample alone shows it: `guidance.register.verification` does."""
    said = states(faulty(FaultKind.MIRRORED))
    assert during(said, 1.02, 1.04) == {Why.INVALID}
    assert during(said, 1.2, 1.9) == {None}


def test_a_fault_of_one_thing_is_none_of_another() -> None:
    assert during(states(faulty(FaultKind.OCCLUDED), "Clamp"), 0.05, UNTIL_S) == {None}
    assert during(states(faulty(FaultKind.SILENT, thing="")), 1.2, 1.9) == {Why.STALE}


@pytest.mark.parametrize(
    ("kind", "amount", "expected_mm"),
    [(FaultKind.SHIFT, 5.0, 5.0), (FaultKind.DRIFT, 4.0, 2.0), (FaultKind.FROZEN, 1.0, 0.0)],
)
def test_what_moves_a_thing_moves_it_so_far(kind: FaultKind, amount: float, expected_mm: float) -> None:
    moved = [
        a.sample
        for a in faulty(kind, amount, "Clamp")
        if a.sample.thing == "Clamp" and abs(a.sample.time_s - 1.5) < 1e-6
    ]
    assert isinstance(moved[0].world_from_thing, Transform)
    assert moved[0].world_from_thing.matrix[0, 3] - 280.0 == pytest.approx(expected_mm, abs=0.3)


SCENARIO = """
hz = 90
jitter_mm = 0.2
[[faults]]
kind = "clock step"
start_s = 2
end_s = 4
amount = -5.0
[[faults]]
kind = "occluded"
thing = "Clamp"
start_s = 5.0
end_s = 6.0
"""


def test_a_scenario_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SCENARIO)
    read = read_scenario(tmp_path / "s.toml")
    assert (read.hz, read.jitter_mm, read.latency_s) == (90, 0.2, Scenario().latency_s)
    assert read.faults[0] == Fault(FaultKind.CLOCK_STEP, 2, 4, amount=-5.0)
    assert read.faults[1].thing == "Clamp"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("hz = ", "Invalid value"),
        ("herz = 60", "herz is not known"),
        ("hz = 0", "up to 1000"),
        (SCENARIO.replace("occluded", "eaten"), "eaten"),
        (SCENARIO.replace("end_s = 6.0", "end_s = 5.0"), "ends after it begins"),
        (SCENARIO.replace('thing = "Clamp"', 'tool = "Clamp"'), "tool is not known"),
        ("hz = 'fast'", "not supported"),
    ],
)
def test_a_scenario_that_cannot_be_played_says_why(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "s.toml").write_text(content)
    with pytest.raises(InputRefused, match=words):
        read_scenario(tmp_path / "s.toml")


def test_a_fault_that_ends_before_it_begins_is_none() -> None:
    with pytest.raises(InvalidValue, match="ends after it begins"):
        Fault(FaultKind.DRIFT, 2.0, 1.0)
