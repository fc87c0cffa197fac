"""The JSON Schema of a case file: what editors check and complete a case by, with the words of the models.

It says the shape: every field, its kind and bounds. What names lead to (`scenarios.case.case.flaws`) it cannot say.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from scenarios.case.case import Case

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = "urn:sightline:case:1"

_IS_RIGHT = {"properties": {"is_right": {"const": True}}, "required": ["is_right"]}
_ONE_RIGHT = {"contains": _IS_RIGHT, "minContains": 1, "maxContains": 1}


def _given(name: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"type": "string"}}}


#: What validators of the models refuse, by class.
_LAWS: dict[str, dict[str, Any]] = {
    "FileSource": {"oneOf": [_given("path"), _given("scan")]},
    "ReportField": {"properties": {"options": _ONE_RIGHT}},
    "ChoiceTask": {
        "if": {"properties": {"several": {"const": True}}, "required": ["several"]},
        "then": {"properties": {"options": {"contains": _IS_RIGHT}}},
        "else": {"properties": {"options": _ONE_RIGHT}},
    },
    "ManageTask": {
        "properties": {
            "options": {
                "allOf": [
                    {"contains": {"properties": {"harm": {"const": 0}}}},
                    {"contains": {"properties": {"harm": {"exclusiveMinimum": 0}}}},
                ]
            }
        }
    },
}


def case_schema() -> dict[str, Any]:
    """The schema, as plain data."""
    made = Case.model_json_schema()
    parts: dict[str, dict[str, Any]] = made.pop("$defs")
    for name in _told_apart(made, parts):
        parts[name]["required"] = ["kind", *(one for one in parts[name].get("required", []) if one != "kind")]
    for model in _models(Case):
        _describe(made if model is Case else parts[model.__name__], model)
    for name, law in _LAWS.items():
        parts[name]["allOf"] = [law]
    return {"$schema": DIALECT, "$id": ID, **made, "$defs": parts}


def case_schema_text() -> str:
    """The schema as the file that is published."""
    return json.dumps(case_schema(), indent=2, ensure_ascii=False) + "\n"


def _told_apart(*where: Any) -> set[str]:
    """Parts that their `kind` tells apart from others that may stand there; it must be there then."""
    found: set[str] = set()
    for one in where:
        if isinstance(one, dict):
            mapping = one.pop("discriminator", {}).get("mapping", {})  # of OpenAPI: JSON Schema has none
            found |= {str(ref).removeprefix("#/$defs/") for ref in mapping.values()}
            found |= _told_apart(*one.values())
        elif isinstance(one, list):
            found |= _told_apart(*one)
    return found


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Every model within one, each once."""
    seen: dict[type[BaseModel], None] = {}
    waiting: list[Any] = [model]
    while waiting:
        one = waiting.pop()
        if inspect.isclass(one) and issubclass(one, BaseModel):
            if one not in seen:
                seen[one] = None
                waiting += [field.annotation for field in one.model_fields.values()]
        else:
            waiting += getattr(one, "__args__", ())
    yield from seen


def _describe(part: dict[str, Any], model: type[BaseModel]) -> None:
    """The sentence of the class, and what it says of each field."""
    part["description"] = inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    words = {name: text for one in reversed(model.__mro__) for name, text in _attributes(one.__doc__ or "").items()}
    for name, field in part.get("properties", {}).items():
        field.pop("title", None)
        if name in words:
            field["description"] = words[name]


def _attributes(docstring: str) -> dict[str, str]:
    """What a docstring says of each attribute."""
    _, _, told = inspect.cleandoc(docstring).partition("\nAttributes:\n")
    found: dict[str, str] = {}
    for one in re.split(r"\n(?=    \S)", "\n" + told)[1:]:
        names, _, text = one.strip().partition(": ")
        for name in names.split(", "):
            found[name] = " ".join(text.split())
    return found
