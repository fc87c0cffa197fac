"""A case as text that a person reads and `scenarios.case.read` reads back to the same value.

One case has one text: fields in the order of the model, kinds first, what is as usual left out, long texts as blocks,
small things on one line, and never an anchor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic import BaseModel

from engine.core.errors import InvalidValue
from scenarios.case.case import Case
from scenarios.case.read import MOST_CHARACTERS

#: Written even where they are as usual: a reader goes by them.
_ALWAYS = ("format", "kind", "id", "version")
#: A text longer than so many characters, or of several lines, is a block of its own.
_LINE = 88
#: A part that fits within so many characters stands on one line.
_SHORT = 96
_WIDTH = 110
_TAG = "tag:yaml.org,2002:"
#: One paragraph that can be folded and unfolded without a change: printable words with one blank between them.
_PARAGRAPH = re.compile(r"[!-~\u00a1-\ud7ff]+( [!-~\u00a1-\ud7ff]+)*")
#: Nothing but line feeds ends a line here, and everything prints.
_PRINTED = re.compile(r"[^\x00-\x09\x0b-\x1f\x7f-\xa0\u2028\u2029\ufeff]*")


def case_text(case: Case) -> str:
    """A case as YAML.

    Raises:
        InvalidValue: it is longer than any that is read.
    """
    text = written_yaml(case)
    if len(text) > MOST_CHARACTERS:
        raise InvalidValue(f"a case has at most {MOST_CHARACTERS:,} characters; this has {len(text):,}")
    return text


def written_yaml(model: BaseModel) -> str:
    """Any value of the kind that cases are made of, as YAML."""
    text: str = yaml.serialize(
        _node(fields_of(model)), Dumper=_Indented, allow_unicode=True, width=_WIDTH, explicit_start=False
    )
    return text


def fields_of(model: BaseModel) -> dict[str, Any]:
    """Its fields as plain data: those that always stand there first, others only where they are not as usual."""
    found: dict[str, Any] = {}
    fields = type(model).model_fields
    for name in sorted(fields, key=lambda name: _ALWAYS.index(name) if name in _ALWAYS else len(_ALWAYS)):
        value = getattr(model, name)
        usual = fields[name].get_default(call_default_factory=True)
        if name in _ALWAYS or fields[name].is_required() or value != usual:
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return fields_of(value)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


class _Indented(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML tells no types
    """Lists stand further in than the name that they belong to."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """As asked, but never without."""
        super().increase_indent(flow, False)


def _node(value: Any) -> yaml.Node:
    """Each node is new, so that none is written as an alias of another."""
    if isinstance(value, Mapping):
        pairs = [(_scalar(name), _node(one)) for name, one in value.items()]
        return yaml.MappingNode(f"{_TAG}map", pairs, flow_style=_is_small(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return yaml.SequenceNode(f"{_TAG}seq", [_node(one) for one in value], flow_style=_is_small(value))
    return _scalar(value)


def _scalar(value: str | float | bool | None) -> yaml.ScalarNode:
    if isinstance(value, str):
        return yaml.ScalarNode(f"{_TAG}str", value, style=_style(value))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 and str(value) != "-0.0":
        value = int(value)
    node = yaml.representer.SafeRepresenter().represent_data(value)
    assert isinstance(node, yaml.ScalarNode)
    return node


def _style(text: str) -> str | None:
    """Folded where it is one long paragraph, literal where it has lines, else whatever the text needs."""
    if not _PRINTED.fullmatch(text):
        return '"'
    if len(text) > _LINE and _PARAGRAPH.fullmatch(text):
        return ">"
    return "|" if "\n" in text else None


def _is_small(value: Mapping[str, Any] | Sequence[Any]) -> bool:
    """Whether it holds nothing but plain values, or lists of numbers, and fits on a line."""
    parts = list(value.values()) if isinstance(value, Mapping) else list(value)
    flat = [one for part in parts for one in (part if isinstance(part, list) else [part])]
    if any(isinstance(one, Mapping | list) or (isinstance(one, str) and _style(one)) for one in flat):
        return False
    return len(str(value)) <= _SHORT
