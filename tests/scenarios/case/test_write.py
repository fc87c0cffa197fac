"""A case becomes a text that a person can read, and the text the same case again."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from scenarios.case.case import Case
from scenarios.case.feedback import FeedbackLayer
from scenarios.case.read import read_case
from scenarios.case.write import case_text
from scenarios.catalog.build import catalogue
from tests.scenarios.case.strategies import TEXTS, cases
from tests.scenarios.case.test_read import GOOD


@given(case=cases())
@settings(max_examples=12)
def test_every_case_is_read_back_as_it_was_and_written_again_as_before(case: Case) -> None:
    text = case_text(case)
    assert read_case(text) == case
    assert case_text(read_case(text)) == text


@settings(max_examples=50)
@given(text=TEXTS | st.text(min_size=1, max_size=80, alphabet="ab \n\t-#:'\"\\|>é"))
def test_every_text_is_read_back_letter_by_letter(text: str) -> None:
    case = read_case(GOOD).model_copy(update={"history": text})
    assert read_case(case_text(case)).history == text


def test_every_case_of_the_catalogue_is_read_back_as_it_was() -> None:
    for case in catalogue():
        assert read_case(case_text(case)) == case


def test_what_is_as_usual_is_left_out_and_kinds_and_format_never() -> None:
    fields = yaml.safe_load(case_text(read_case(GOOD)))
    assert fields["format"] == "sightline-case/1"
    assert fields["volumes"][0]["source"]["kind"] == "lesions"
    assert fields["volumes"][0]["source"]["base"] == {"kind": "phantom", "body": "thorax", "seed": 3}
    assert fields["truth"]["findings"][0]["place"]["kind"] == "lesion"
    assert [task["kind"] for task in fields["tasks"]] == ["mark", "choice"]
    assert "language" not in fields
    assert "points" not in fields["tasks"][0]


def test_names_stand_in_the_order_of_the_model_whatever_was_typed() -> None:
    text = case_text(read_case(GOOD))
    at = [text.index(f"\n{name}:") for name in ("id", "version", "title", "licence", "volumes", "truth", "tasks")]
    assert text.startswith("format: sightline-case/1\n")
    assert at == sorted(at)


def test_what_is_said_twice_is_written_twice_and_never_as_an_alias() -> None:
    why = "The same words. " * 12
    layers = tuple(FeedbackLayer(id=f"layer-{n}", text=why.strip()) for n in range(2))
    text = case_text(read_case(GOOD).model_copy(update={"feedback": layers}))
    assert text.count("The same words. The same words.") >= 2
    assert "&id" not in text
    assert "*id" not in text


def test_long_texts_are_blocks_and_small_parts_stand_on_one_line() -> None:
    case = read_case(GOOD)
    case = case.model_copy(update={"history": "First line.\nSecond line.\n", "title": "Words " * 30 + "end"})
    text = case_text(case)
    assert "history: |\n  First line.\n  Second line.\n" in text
    assert "title: >-\n  Words" in text
    assert "place: {kind: lesion, lesion: nodule}" in text
    assert "- {id: solid, text: A solid nodule, is_right: true}" in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_case_that_is_longer_than_any_that_is_read_is_not_written() -> None:
    layers = tuple(FeedbackLayer(id=f"layer-{n}", text="word " * 3_999) for n in range(60))
    with pytest.raises(InvalidValue, match="at most 1,048,576 characters"):
        case_text(read_case(GOOD).model_copy(update={"feedback": layers}))
