"""The published schema is current, is a schema, takes every case, and refuses every shape that reading refuses."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import ValidationError

from scenarios.case.case import Case
from scenarios.case.read import read_case
from scenarios.case.schema import case_schema, case_schema_text
from scenarios.case.write import case_text
from scenarios.catalog.build import catalogue
from tests.scenarios.case.strategies import cases
from tests.scenarios.case.test_flaws import GOOD

PUBLISHED = Path(__file__).resolve().parents[3] / "docs" / "case.schema.json"
VALIDATOR = Draft202012Validator(case_schema())
#: The fast one: it reads the same.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
WHOLE: dict[str, Any] = yaml.safe_load(GOOD)
#: What no validator of a shape can know: names that are alike in a list, and numbers that no JSON holds.
_BEYOND = ("each lesion has a name of its own",)


def test_the_published_schema_is_that_of_the_models() -> None:
    assert PUBLISHED.read_text() == case_schema_text(), "run: sightline case schema > docs/case.schema.json"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(case_schema())


def test_every_case_of_the_catalogue_is_valid_by_it() -> None:
    for case in catalogue():
        VALIDATOR.validate(yaml.load(case_text(case), LOADER))


@given(case=cases())
@settings(max_examples=8)
def test_every_case_that_is_read_is_valid_by_it_as_it_is_written(case: Case) -> None:
    VALIDATOR.validate(yaml.load(case_text(case), LOADER))


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Of everything in plain data."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in parts:
        yield from places(one, (*path, name))


PLACES = tuple(places(WHOLE))[1:]
ODD: tuple[Any, ...] = (None, "", "x y", "Ü", -1, 0, 1e9, 1.5, True, [], {}, [{}], {"kind": "none"}, "mark", "y" * 301)


def refused(data: Any) -> bool:
    """Whether its shape is refused."""
    try:
        Case.model_validate(data)
    except ValidationError as error:
        return any(not one["msg"].endswith(_BEYOND) for one in error.errors())
    return False


@given(path=st.sampled_from(PLACES), how=st.sampled_from([*ODD, "without", "unknown", "twice"]))
@settings(max_examples=80)
def test_whatever_shape_reading_refuses_the_schema_refuses(path: tuple[str | int, ...], how: Any) -> None:
    data = copy.deepcopy(WHOLE)
    holder: Any = data
    for step in path[:-1]:
        holder = holder[step]
    if how == "without":
        del holder[path[-1]]
    elif how == "unknown" and isinstance(holder, dict):
        holder["unknown"] = 1
    elif how == "twice" and isinstance(holder, list):
        holder.append(holder[-1])
    else:
        holder[path[-1]] = how
    if refused(data):
        assert not VALIDATOR.is_valid(data)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tasks/2/options/1/is_right", True),
        ("tasks/2/options/0/is_right", False),
        ("tasks/4/fields/0/options/1/is_right", True),
        ("tasks/6/options/0/harm", 1),
        ("tasks/6/options/1/harm", 0),
        ("volumes/0/source", {"kind": "file", "sha256": "0" * 64}),
        ("volumes/0/source", {"kind": "file", "sha256": "0" * 64, "path": "a", "scan": "b"}),
        ("volumes/0/source", {"body": "thorax", "seed": 3}),
    ],
)
def test_what_validators_of_the_models_refuse_the_schema_refuses(path: str, value: Any) -> None:
    data = copy.deepcopy(WHOLE)
    holder: Any = data
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("/"))
    for step in steps:
        holder = holder[step]
    holder[last] = value
    assert VALIDATOR.is_valid(WHOLE)
    assert refused(data)
    assert not VALIDATOR.is_valid(data)


def test_fields_are_told_in_the_words_of_the_models() -> None:
    schema = case_schema()
    assert schema["properties"]["title"]["description"] == "what the trainee sees: it gives nothing away."
    task = schema["$defs"]["MarkTask"]["properties"]
    assert task["prompt"]["description"] == "what the trainee reads."  # of the base of all tasks
    assert task["beyond_mm"]["description"].startswith("when a mark is near enough")


def test_what_the_schema_takes_is_what_reading_takes_of_the_whole_example() -> None:
    VALIDATOR.validate(yaml.safe_load(case_text(read_case(GOOD))))
