"""The law of what may be shown: the table that the browser is held to as well, and what holds beyond any table."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.core.overlay import LOOKS, Limits, Overlay, Shown, Standing, anatomy, tool
from engine.core.unknown import Why

LAWS = {"anatomy": anatomy, "tool": tool}
CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "overlay_cases.json").read_text("utf-8"))

ages = st.one_of(st.floats(0, 5), st.just(inf))
speeds = st.floats(0, 2000)
whys = st.sampled_from((None, *Why))
laws = st.sampled_from(sorted(LAWS))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['of']}: {case['says']}")
def test_each_case_of_the_shared_table(case: dict[str, Any]) -> None:
    age_s = inf if case["age_s"] is None else case["age_s"]
    why = None if case["why"] is None else Why(case["why"])
    shown = LAWS[case["of"]](Standing(age_s, case["speed_mm_s"], why, case["over_patient"]))
    because = None if case["because"] is None else Why(case["because"])
    assert shown == Overlay(Shown[case["shown"].upper()], because)


def test_the_table_names_every_state_and_nearly_every_reason_of_both_laws() -> None:
    assert {(case["of"], case["shown"]) for case in CASES} == {(law, s.name.lower()) for law in LAWS for s in Shown}
    assert {case["why"] for case in CASES} == {None, *(why.value for why in Why)}


@given(law=laws, age_s=ages, older_s=ages, speed=speeds, faster=speeds, why=whys, over=st.booleans())
def test_older_or_faster_is_never_shown_better(
    law: str, age_s: float, older_s: float, speed: float, faster: float, why: Why | None, over: bool
) -> None:
    before = LAWS[law](Standing(age_s, speed, why, over))
    after = LAWS[law](Standing(max(age_s, older_s), max(speed, faster), why, over))
    assert after.shown >= before.shown


@given(law=laws, age_s=ages, speed=speeds, why=st.sampled_from(Why), over=st.booleans())
def test_a_reason_never_makes_anything_better(law: str, age_s: float, speed: float, why: Why, over: bool) -> None:
    unknown, known = (LAWS[law](Standing(age_s, speed, reason, over)) for reason in (why, None))
    assert unknown.shown >= known.shown


@given(law=laws, age_s=ages, speed=speeds, why=whys)
def test_over_the_patient_nothing_is_shown_better_than_beside(
    law: str, age_s: float, speed: float, why: Why | None
) -> None:
    over, beside = (LAWS[law](Standing(age_s, speed, why, where)) for where in (True, False))
    assert over.shown >= beside.shown


@given(age_s=ages, speed=speeds, why=st.sampled_from(Why), over=st.booleans())
def test_from_a_tool_that_is_not_known_there_is_no_number(age_s: float, speed: float, why: Why, over: bool) -> None:
    assert not tool(Standing(age_s, speed, why, over)).look.has_number


@given(law=laws, age_s=ages, speed=speeds, why=whys, over=st.booleans())
def test_what_is_not_verified_has_a_reason(law: str, age_s: float, speed: float, why: Why | None, over: bool) -> None:
    shown = LAWS[law](Standing(age_s, speed, why, over))
    assert (shown.why is not None) or shown.shown is Shown.VERIFIED


def test_each_state_differs_from_the_next_by_word_pattern_and_opacity() -> None:
    looks = [LOOKS[shown] for shown in Shown]
    assert len({look.word for look in looks}) == len({look.pattern for look in looks}) == len(Shown)
    assert [look.opacity for look in looks] == sorted((look.opacity for look in looks), reverse=True)


@pytest.mark.parametrize("ages_s", [(0.0, 1.0, 2.0), (2.0, 1.0, 3.0), (1.0, 3.0, 2.0)])
def test_limits_that_are_not_in_order_are_refused(ages_s: tuple[float, float, float]) -> None:
    with pytest.raises(InvalidValue, match="ages before it is stale"):
        Limits(*ages_s)
