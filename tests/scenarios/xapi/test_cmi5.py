"""Statements follow the rules of xAPI 1.0.3 and cmi5."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scenarios.case.case import Case
from scenarios.case.source import CaseVolume, PhantomSource
from scenarios.case.task import ChoiceTask, MarkTask, RightOption
from scenarios.case.truth import Finding, PointPlace, Truth
from scenarios.reading.answer import ChoiceAnswer
from scenarios.xapi.cmi5 import CMI5, MASTERY, MOVE_ON, SESSION, Answered, Reading, begun, ended
from scenarios.xapi.statement import Score, Statement

CASE = Case(
    id="one",
    title="One",
    licence="CC0-1.0",
    topic="chest",
    concept="nodule",
    volumes=(CaseVolume(id="ct", title="CT", source=PhantomSource(body="thorax", seed=1)),),
    truth=Truth(
        findings=(Finding(id="f", name="F", volume="ct", place=PointPlace(at_mm=(0.0, 0.0, 0.0), radius_mm=3.0)),)
    ),
    tasks=(
        MarkTask(id="mark", prompt="Mark it.", volume="ct"),
        ChoiceTask(
            id="what",
            prompt="What?",
            options=(RightOption(id="a", text="A", is_right=True), RightOption(id="b", text="B")),
        ),
    ),
)
READING = Reading(
    "r1",
    "https://example.org",
    "t1",
    CASE,
    1_700_000_000.25,
    seconds=61.5,
    share=0.75,
    answers=(Answered(CASE.tasks[0], 1.0), Answered(CASE.tasks[1], 0.0, ChoiceAnswer(chosen=("b",)), 0.9, 12.0)),
    about={"theta-detection": 0.25},
)


def told(reading: Reading = READING) -> list[dict[str, Any]]:
    return [json.loads(one.as_json()) for one in (begun(reading), *ended(reading))]


def verbs(statements: list[dict[str, Any]]) -> list[str]:
    return [one["verb"]["display"]["en"] for one in statements]


def categories(statement: dict[str, Any]) -> set[str]:
    return {one["id"] for one in statement["context"]["contextActivities"].get("category", [])}


def test_a_reading_is_told_in_the_order_of_cmi5() -> None:
    assert verbs(told()) == ["initialized", "answered", "answered", "completed", "passed", "terminated"]


@given(share=st.floats(0, 1), mastery=st.floats(0.01, 1), was_passed=st.booleans())
def test_scores_success_and_completion_stand_only_where_cmi5_lets_them(
    share: float, mastery: float, was_passed: bool
) -> None:
    for one in told(replace(READING, share=share, mastery=mastery, was_passed=was_passed)):
        verb, result = one["verb"]["display"]["en"], one.get("result", {})
        is_defined = CMI5 in categories(one)
        assert is_defined == (verb != "answered")
        assert ("score" in result) == (verb in ("passed", "failed"))
        assert ("completion" in result) == (verb == "completed")
        assert (MOVE_ON in categories(one)) == (verb in ("completed", "passed", "failed"))
        assert (MASTERY in one["context"]["extensions"]) == (verb in ("passed", "failed"))
        assert ("duration" in result) or verb in ("initialized", "answered")
        assert one["context"]["extensions"][SESSION] == "r1"
        if is_defined:
            assert ("success" in result) == (verb in ("passed", "failed"))
        if verb in ("passed", "failed"):
            assert result["success"] == (verb == "passed") == (share >= mastery)


def test_a_registration_is_passed_once() -> None:
    again = replace(READING, id="r2", was_passed=True)
    assert "passed" not in verbs(told(again))
    assert told(again)[0]["context"]["registration"] == told()[0]["context"]["registration"]


def test_a_statement_told_twice_is_one() -> None:
    assert told() == told()
    assert len({one["id"] for one in told()}) == 6
    assert not {one["id"] for one in told()} & {one["id"] for one in told(replace(READING, id="r2"))}


def test_times_are_utc_and_nobody_is_named() -> None:
    for one in told():
        assert one["timestamp"].endswith("Z")
        assert one["actor"] == {"objectType": "Agent", "account": {"homePage": "https://example.org", "name": "t1"}}
        assert not {"contextAgents", "contextGroups"} & set(one["context"])


def test_a_choice_is_told_as_the_standard_has_it() -> None:
    (what,) = [one for one in told() if one["object"]["id"].endswith("/what")]
    assert what["object"]["definition"]["interactionType"] == "choice"
    assert what["object"]["definition"]["correctResponsesPattern"] == ["a"]
    assert what["result"]["response"] == "b"
    assert what["result"]["success"] is False


def test_a_statement_reads_back_as_itself() -> None:
    for one in (begun(READING), *ended(READING)):
        assert Statement.model_validate_json(one.as_json()) == one


def test_a_raw_score_needs_its_ends() -> None:
    with pytest.raises(ValidationError, match="min and max"):
        Score(scaled=0.5, raw=5.0)
    Score(scaled=0.5, raw=5.0, min=0.0, max=10.0)


def test_a_reading_that_is_not_over_has_no_end() -> None:
    with pytest.raises(ValueError, match="over"):
        list(ended(replace(READING, share=None)))
