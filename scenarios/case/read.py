"""A case file as text: read whole, and refused with every error at once, each with its place, line and what to do.

YAML is read as plain data and nothing else: no tags, no anchors (a few lines of them grow to gigabytes), no key twice
(the second would silently win).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from engine.core.errors import InvalidValue, several
from scenarios.case.case import Case, Where, flaws
from scenarios.case.source import BaseSource, Source
from scenarios.case.task import AnyTask
from scenarios.case.truth import Place

#: A case is a few pages.
MOST_CHARACTERS = 2**20
_DEEPEST = 30
#: Told at once; a file that is wrong throughout is wrong in one way.
_MOST_TOLD = 50


@dataclass(frozen=True, slots=True)
class CaseFlaw:
    """One thing that is wrong.

    Attributes:
        path: where in the case, as `tasks[2].options[0].id`; empty for the file as a whole.
        line: of the file, from 1.
        fix: what is wrong, and what to do about it.
    """

    path: str
    line: int
    fix: str

    def __str__(self) -> str:
        return f"line {self.line}{f', {self.path}' if self.path else ''}: {self.fix}"


class CaseRefused(InvalidValue):
    """A text that is no case, with everything that is wrong."""

    def __init__(self, flaws: Sequence[CaseFlaw]) -> None:
        self.flaws = tuple(flaws)
        super().__init__(several(map(str, self.flaws), _MOST_TOLD))


def read_case(text: str) -> Case:
    """The case of a file's text.

    Raises:
        CaseRefused: with every flaw, in the order of lines.
    """
    node = _composed(text)
    faults: list[CaseFlaw] = []
    data = _plain(node, (), faults, set())
    if faults:  # what stands twice or points elsewhere makes the rest uncertain
        raise CaseRefused(faults)
    try:
        case = Case.model_validate(data)
    except ValidationError as error:
        told = [_told(path, words, node) for path, words in _mistakes(error)]
        raise CaseRefused(_in_order(told)) from None
    wrong = [_told(path, words, node) for path, words in flaws(case)]
    if wrong:
        raise CaseRefused(_in_order(wrong))
    return case


def placed(text: str, path: Where, fix: str) -> CaseFlaw:
    """A flaw that was found elsewhere, with its line in a text that was read as a case."""
    return _told(path, fix, _composed(text))


def _in_order(told: Sequence[CaseFlaw]) -> list[CaseFlaw]:
    return sorted(dict.fromkeys(told), key=lambda flaw: flaw.line)


# --- text to plain data -----------------------------------------------------------------------------


def _composed(text: str) -> yaml.Node:
    if len(text) > MOST_CHARACTERS:
        raise CaseRefused(
            [CaseFlaw("", 1, f"a case has at most {MOST_CHARACTERS:,} characters; images stand beside it")]
        )
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise CaseRefused([CaseFlaw("", mark.line + 1 if mark else 1, _yaml_words(error))]) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise CaseRefused([CaseFlaw("", 1, f"this is no YAML: {str(error).splitlines()[0]}")]) from None
    except RecursionError:
        raise CaseRefused([CaseFlaw("", 1, "this is nested more deeply than any case")]) from None
    if not isinstance(node, yaml.MappingNode):
        raise CaseRefused(
            [CaseFlaw("", 1, "a case is a list of names with their values: begin with `format: sightline-case/1`")]
        )
    return node


def _yaml_words(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "cannot be read"
    if "\\t" in problem:
        return "a tab stands where lines are indented: use spaces"
    return f"this is no YAML ({problem}): look at indents, colons and quotes here and on the line before"


def _plain(node: yaml.Node, path: Where, faults: list[CaseFlaw], seen: set[int]) -> Any:
    """Mappings, lists and scalars; what may not be there is told in `faults`. `seen`: nodes that stood elsewhere."""
    if id(node) in seen:
        faults.append(
            CaseFlaw(written(path), _line(node), "what stands elsewhere is not repeated by `*`: write it out")
        )
        return None
    seen.add(id(node))
    if len(path) > _DEEPEST:
        faults.append(CaseFlaw(written(path), _line(node), "this is nested more deeply than any case"))
        return None
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            at = (*path, name)
            if not name or key.tag == f"{_TAG}merge":
                faults.append(CaseFlaw(written(path), _line(key), "a name is plain text here"))
            elif name in found:
                faults.append(CaseFlaw(written(at), _line(key), "this stands here twice: keep one"))
            else:
                found[name] = _plain(value, at, faults, seen)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value, (*path, n), faults, seen) for n, value in enumerate(node.value)]
    return _scalar(node, path, faults)


_TAG = "tag:yaml.org,2002:"
#: 2026-01-02 is a version or a name here, never a day.
_TEXTS = frozenset({f"{_TAG}str", f"{_TAG}timestamp"})
_OTHERS = frozenset(f"{_TAG}{kind}" for kind in ("int", "float", "bool", "null"))


def _scalar(node: yaml.Node, path: Where, faults: list[CaseFlaw]) -> Any:
    if node.tag in _TEXTS:
        return node.value
    if node.tag not in _OTHERS:
        faults.append(CaseFlaw(written(path), _line(node), f"{node.tag} is not read: write plain text or a number"))
        return None
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (ValueError, yaml.YAMLError):
        faults.append(CaseFlaw(written(path), _line(node), f"{node.value!r} is no number"))
        return None


# --- what is wrong, in words ------------------------------------------------------------------------


def written(path: Where) -> str:
    """A path as a person reads it: `tasks[2].options[0].id`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _told(path: Where, words: str, root: yaml.Node) -> CaseFlaw:
    """With the line of what is there, or of what it should be in."""
    node, line = root, _line(root)
    for part in path:
        found = _within(node, part)
        if found is None:
            break
        line, node = found
    return CaseFlaw(written(path), line, words)


def _within(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((_line(key), value) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return _line(node.value[part]), node.value[part]
    return None


def _kinds(union: Any) -> tuple[str, ...]:
    """Of a union of models that their `kind` tells apart."""
    return tuple(one.model_fields["kind"].default for one in get_args(get_args(union)[0]))


#: Parts that may be one of several kinds.
_KINDS: dict[str | int, tuple[str, ...]] = {
    "source": _kinds(Source), "base": _kinds(BaseSource), "place": _kinds(Place), "tasks": _kinds(AnyTask),
}  # fmt: skip


def _mistakes(error: ValidationError) -> Iterator[tuple[Where, str]]:
    found = [(_real(one["loc"]), one) for one in error.errors(include_url=False)]
    for path, one in found:
        # A list whose parts are wrong counts as short of them: the parts are told.
        if one["type"] == "too_short" and any(other != path and other[: len(path)] == path for other, _ in found):
            continue
        context = dict(one.get("ctx", {}))
        if one["type"] == "union_tag_not_found":
            context["expected_tags"] = ", ".join(_kinds_at(path))
        yield path, _words(one["type"], context, one["msg"], one.get("input"))


def _kinds_at(path: Where) -> tuple[str, ...]:
    """The kinds that what stands there may be; none where it is of one kind alone."""
    named = path[-2] if len(path) > 1 and isinstance(path[-1], int) else path[-1] if path else ""
    return _KINDS.get(named, ())


def _real(loc: Where) -> Where:
    """Without the names of kinds, and of types, that pydantic puts in where a part may be one of several."""
    path: Where = ()
    of: Where | None = None  # whose kind was left out: a field may be called like a kind
    for part in loc:
        if path != of and part in _kinds_at(path):
            of = path
        elif part not in ("[key]", "float", "str"):
            path = (*path, part)
    return path


#: What to do, by what pydantic found; `{}` are values of its context.
_FIXES: dict[str, str] = {
    "missing": "this is missing: add it",
    "extra_forbidden": "a case has nothing of this name here: correct it or take it away",
    "union_tag_not_found": "its kind is missing: add `kind:` with one of {expected_tags}",
    "union_tag_invalid": "there is no kind {tag!r}: write one of {expected_tags}",
    "literal_error": "write {expected}",
    "string_type": "write text; where it looks like a number or a yes, put it in quotes",
    "string_pattern_mismatch": "this must look like {pattern}",
    "string_too_short": "write something here",
    "string_too_long": "write at most {max_length} characters",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write {ge} or more",
    "less_than": "write less than {lt}",
    "less_than_equal": "write {le} or less",
    "finite_number": "write a number that is finite",
    "tuple_type": "write a list: lines that begin with a dash",
    "dict_type": "write names with their values",
    "model_type": "write names with their values",
    "model_attributes_type": "write names with their values",
    "too_short": "write at least {min_length}",
    "too_long": "write at most {max_length}",
}
#: Patterns in words.
_PATTERNS: dict[str, str] = {
    r"^[a-z0-9]+(-[a-z0-9]+)*$": "write a name of small letters, digits and single hyphens, as `lung-nodule-1`",
    r"^[0-9a-z]+(_[0-9a-z]+)*$": "write a structure's key of small letters, digits and underscores, as `lung_left`",
    r"^[a-z0-9]+([-_][a-z0-9]+)*$": "write a finding's name as `lung-nodule-1`, or a structure's key as `lung_left`",
    r"^[0-9a-f]{64}$": "write the SHA-256 as 64 digits 0-9, a-f",
    r"^\d+\.\d+\.\d+$": "write a version of three numbers, as 1.0.0",
    r"^10\.\d{4,9}/\S+$": "write the DOI alone, as 10.1148/radiol.2021",
    r"^https?://\S+$": "write an address that begins with https://",
}


def _words(kind: str, context: Mapping[str, Any], message: str, given: object) -> str:
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind == "string_pattern_mismatch" and context.get("pattern") in _PATTERNS:
        return f"{_PATTERNS[context['pattern']]}; it is {given!r}"
    fix = _FIXES.get(kind)
    if fix is None:
        return message
    try:
        return fix.format(**context)
    except (KeyError, IndexError):
        return message
