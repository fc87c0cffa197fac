"""What the page on cases shows is read as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from scenarios.case.case import Case
from scenarios.case.read import read_case
from scenarios.case.schema import case_schema
from scenarios.case.write import case_text

PAGE = Path(__file__).resolve().parents[3] / "docs" / "cases.md"
EXAMPLE, SCHEMES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


def example() -> Case:
    return read_case(EXAMPLE)


def test_the_example_is_a_sound_case() -> None:
    assert example().id == "lung-nodule-1"


def test_the_example_is_valid_by_the_published_schema() -> None:
    Draft202012Validator(case_schema()).validate(yaml.safe_load(case_text(example())))


def test_the_example_is_written_as_sightline_writes_it() -> None:
    assert case_text(example()) == EXAMPLE


def test_the_table_of_the_page_is_whole() -> None:
    text = EXAMPLE.replace("tasks:\n", SCHEMES + "tasks:\n").replace("lung-rads-solid-baseline@1.1", "our-scheme@2")
    case = read_case(
        text.replace("category: 4A", "category: II").replace("{diameter-mm: 10}", "{size: 9, edge: smooth}")
    )
    assert case.scheme("our-scheme@2") is not None
