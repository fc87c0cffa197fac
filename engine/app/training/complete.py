"""From a draft to a case, or to everything that is still missing, in plain words and with where to mend it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from engine.app.training.author_messages import FlawPlace, FlawTold
from engine.app.training.draft import Draft, DraftLesion, DraftTask
from scenarios.case.case import FORMAT, Case, flaws
from scenarios.case.display import Display
from scenarios.case.source import CaseVolume

TRUTH_FILE = "truth.nii.gz"
#: Every draft has one study; tasks and findings name it.
VOLUME = "current"

_CODE = re.compile(r"(?P<value>\S+)\s+(?P<meaning>.+)")
_SCHEME = re.compile(r"[a-z0-9-]+@[A-Za-z0-9.-]+")


def slug(words: str) -> str:
    """Words as a name: "Lung nodule, 8 mm" becomes lung-nodule-8-mm; blank where nothing is left."""
    return "-".join(re.findall(r"[a-z0-9]+", words.lower()))[:64].strip("-")


@dataclass(frozen=True, slots=True)
class Study:
    """What a draft's images tell a case.

    Attributes:
        volume: of the case.
        display: how it is hung.
        voxels: by lesion, how many are painted.
    """

    volume: CaseVolume
    display: Display
    voxels: Mapping[str, int]


def complete(draft: Draft, case: str, version: str, study: Study) -> Case:
    """The case that a draft without flaws is, published as `version` of `case`.

    Raises:
        ValidationError: the draft has flaws (`draft_flaws`).
    """
    return Case.model_validate(_body(draft, case, version, study))


def draft_flaws(draft: Draft, study: Study) -> tuple[FlawTold, ...]:
    """Everything that keeps a draft from being a case; none: it is one."""
    found = [*_case_flaws(draft), *_lesion_flaws(draft, study.voxels)]
    for task in draft.tasks:
        found += [
            FlawTold(place="task", id=task.id, field=field, says=says) for field, says in _task_flaws(task, draft)
        ]
    found += _feedback_flaws(draft)
    return tuple(found) or tuple(_others(draft, study))


def _others(draft: Draft, study: Study) -> Iterator[FlawTold]:
    """What the case's own rules find beyond what is asked above."""
    try:
        case = complete(draft, "a-case", "1.0.0", study)
    except ValidationError as error:
        for mistake in error.errors():
            yield _led(draft, mistake["loc"], str(mistake["msg"]).removeprefix("Value error, "))
        return
    for at, says in flaws(case):
        yield _led(draft, at, says)


def _led(draft: Draft, at: tuple[str | int, ...], says: str) -> FlawTold:
    """A flaw of the case, at the part of the draft that it came from."""
    findings = [one for one in draft.lesions if one.role == "finding"]
    distractors = [one for one in draft.lesions if one.role == "distractor"]
    parts: tuple[tuple[tuple[str, ...], FlawPlace, Any], ...] = (
        (("tasks",), "task", draft.tasks),
        (("truth", "findings"), "lesion", findings),
        (("truth", "distractors"), "lesion", distractors),
        (("feedback",), "feedback", draft.feedback),
    )
    for head, place, things in parts:
        size = len(head)
        if at[:size] == head and len(at) > size and isinstance(at[size], int):
            field = next((str(name) for name in at[size + 1 :] if name in type(things[0]).model_fields), "id")
            return FlawTold(place=place, id=things[at[size]].id, field=field, says=says)
    return FlawTold(place="case", id=None, field=str(at[0]) if at else "title", says=says)


def _case_flaws(draft: Draft) -> Iterator[FlawTold]:
    wanted = (
        ("title", draft.title, "Give the case a title that gives nothing away."),
        ("topic", slug(draft.topic), "Choose a topic of the curriculum."),
        ("licence", draft.licence, "Say under which licence the case may be used."),
    )
    for field, value, says in wanted:
        if not value.strip():
            yield FlawTold(place="case", id=None, field=field, says=says)
    if not draft.tasks:
        yield FlawTold(place="case", id=None, field="tasks", says="Ask at least one thing.")
    for n, reference in enumerate(draft.references):
        if not reference.title.strip():
            yield FlawTold(place="reference", id=str(n), field="title", says="A reference needs a title.")


def _lesion_flaws(draft: Draft, voxels: Mapping[str, int]) -> Iterator[FlawTold]:
    for lesion in draft.lesions:
        if not lesion.name.strip():
            yield FlawTold(place="lesion", id=lesion.id, field="name", says="Say what this is.")
        if lesion.at_mm is None and voxels.get(lesion.id, 0) == 0:
            says = "Nothing is painted yet: click it with Grow, or paint it."
            yield FlawTold(place="lesion", id=lesion.id, field="place", says=says)
        if lesion.role == "distractor" and not lesion.why.strip():
            says = "Say what this is instead: whoever marks it is told."
            yield FlawTold(place="lesion", id=lesion.id, field="why", says=says)
        if lesion.code.strip() and not _CODE.fullmatch(lesion.code.strip()):
            says = "A code is its id and its meaning, as RID50149 pulmonary nodule."
            yield FlawTold(place="lesion", id=lesion.id, field="code", says=says)


#: What is wrong with a task, as the field of its form and words.
_Wrong = tuple[str, str]


def _task_flaws(task: DraftTask, draft: Draft) -> Iterator[_Wrong]:
    if not task.prompt.strip():
        yield "prompt", "Write what the trainee is asked."
    if any(not hint.text.strip() for hint in task.hints):
        yield "hints", "A hint is empty: write it, or take it away."
    yield from _OF_KIND[task.kind](task, draft)


def _marking(task: DraftTask, draft: Draft) -> Iterator[_Wrong]:
    findings = {one.id for one in draft.lesions if one.role == "finding"}
    if set(task.findings) - findings:
        yield "findings", "A finding that was to be marked is gone: choose again."


def _about_a_finding(task: DraftTask, draft: Draft) -> Iterator[_Wrong]:
    lesion = next((one for one in draft.lesions if one.id == task.finding and one.role == "finding"), None)
    if lesion is None:
        yield "finding", "Choose the finding that this is about."
    elif lesion.at_mm is not None and (task.kind != "measure" or task.value is None):
        yield "finding", "This needs a painted finding: that one is only a point."


def _choosing(task: DraftTask, _draft: Draft) -> Iterator[_Wrong]:
    yield from _options(task, "answers")
    right = sum(option.is_right for option in task.options)
    if right == 0:
        yield "options", "Tick the right answer."
    elif right > 1 and not task.several:
        yield "options", "Several answers are ticked: leave one, or let several be chosen."


def _ordering(task: DraftTask, _draft: Draft) -> Iterator[_Wrong]:
    yield from _options(task, "items")


def _managing(task: DraftTask, _draft: Draft) -> Iterator[_Wrong]:
    yield from _options(task, "choices")
    harms = [option.harm for option in task.options]
    if harms and (min(harms) != 0 or max(harms) == 0):
        yield "options", "Give the best choice harm 0, and what costs the patient more a higher harm."


def _options(task: DraftTask, what: str) -> Iterator[_Wrong]:
    if len(task.options) < 2:
        yield "options", f"Offer at least two {what}."
    if any(not option.text.strip() for option in task.options):
        yield "options", f"One of the {what} is empty: write it, or take it away."


def _writing(task: DraftTask, _draft: Draft) -> Iterator[_Wrong]:
    if not task.checklist:
        yield "checklist", "Say what the text should contain."
    for check in task.checklist:
        if not check.text.strip() or not _phrases(check.any_of):
            yield "checklist", "Each point says what should be there, and words by which it is known."
            return


def _classifying(task: DraftTask, _draft: Draft) -> Iterator[_Wrong]:
    if not _SCHEME.fullmatch(task.scheme.strip()):
        yield "scheme", "Name the scheme with its version, as lung-rads@1.1."
    if not task.category.strip():
        yield "category", "Say which category is right."


_OF_KIND: dict[str, Callable[[DraftTask, Draft], Iterator[_Wrong]]] = {
    "mark": _marking,
    "choice": _choosing,
    "measure": _about_a_finding,
    "segment": _about_a_finding,
    "box": _about_a_finding,
    "classify": _classifying,
    "order": _ordering,
    "text": _writing,
    "manage": _managing,
}


def _feedback_flaws(draft: Draft) -> Iterator[FlawTold]:
    named: dict[str, set[str]] = {
        "finding": {one.id for one in draft.lesions if one.role == "finding"},
        "task": {one.id for one in draft.tasks},
    }
    for layer in draft.feedback:
        if not layer.text.strip():
            yield FlawTold(place="feedback", id=layer.id, field="text", says="Write what is said.")
        what = {"found": "finding", "missed": "finding", "right": "task", "wrong": "task"}.get(layer.when)
        if what is not None and layer.of not in named[what]:
            yield FlawTold(place="feedback", id=layer.id, field="of", says=f"Choose the {what} that this hangs on.")


def _body(draft: Draft, case: str, version: str, study: Study) -> dict[str, Any]:
    findings = [one for one in draft.lesions if one.role == "finding"]
    key = [one for one in findings if one.is_key]
    concept = slug(draft.concept) or (slug(key[0].name) if key else "normal-study")
    return _without_blanks(
        {
            "format": FORMAT,
            "id": case,
            "version": version,
            "title": draft.title.strip(),
            "history": draft.history.strip(),
            "language": draft.language,
            "authors": [one.strip() for one in draft.authors.split(",") if one.strip()],
            "licence": draft.licence.strip(),
            "topic": slug(draft.topic),
            "concept": concept,
            "prevalence": "normal" if not key else "rare" if draft.is_rare else "common",
            "difficulty": {"logit": draft.difficulty, "says": "the author's guess"},
            "volumes": [study.volume.model_dump()],
            "truth": {
                "findings": [_finding(one, study.voxels) for one in findings],
                "distractors": [_distractor(one, study.voxels) for one in draft.lesions if one.role == "distractor"],
                "says": draft.says.strip(),
            },
            "display": study.display.model_dump(),
            "tasks": [_task(one) for one in draft.tasks],
            "feedback": [_without_blanks(one.model_dump()) for one in draft.feedback],
            "references": [_without_blanks(one.model_dump()) for one in draft.references],
        }
    )


def _without_blanks(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_blanks(value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if value is not None and value != ""
    }


def _place(lesion: DraftLesion, voxels: Mapping[str, int]) -> dict[str, Any]:
    if voxels.get(lesion.id, 0) > 0 or lesion.at_mm is None:
        return {"kind": "mask", "file": TRUTH_FILE, "label": lesion.label}
    return {"kind": "point", "at_mm": lesion.at_mm, "radius_mm": lesion.radius_mm}


def _distractor(lesion: DraftLesion, voxels: Mapping[str, int]) -> dict[str, Any]:
    name, why = lesion.name.strip(), lesion.why.strip()
    return {"id": lesion.id, "name": name, "volume": VOLUME, "place": _place(lesion, voxels), "why": why}


def _finding(lesion: DraftLesion, voxels: Mapping[str, int]) -> dict[str, Any]:
    code = _CODE.fullmatch(lesion.code.strip())
    codes = [{"value": code["value"], "meaning": code["meaning"]}] if code else []
    more = {"weight": lesion.weight, "is_key": lesion.is_key, "codes": codes}
    return _without_blanks(_distractor(lesion, voxels) | more)


def _option(option: Any, *more: str) -> dict[str, Any]:
    fields = {"id": option.id, "text": option.text.strip(), "why": option.why.strip()}
    return _without_blanks(fields | {name: getattr(option, name) for name in more})


def _phrases(any_of: str) -> list[str]:
    return [one.strip() for one in any_of.split(",") if one.strip()]


#: What each kind of task has of its own.
_FIELDS: dict[str, Callable[[DraftTask], dict[str, Any]]] = {
    "mark": lambda t: {
        "volume": VOLUME, "findings": t.findings, "beyond_mm": t.beyond_mm, "least_mm": t.least_mm,
    },
    "segment": lambda t: {"finding": t.finding, "within_mm": t.within_mm},
    "box": lambda t: {"finding": t.finding},
    "measure": lambda t: {"finding": t.finding, "quantity": t.quantity, "value": t.value},
    "classify": lambda t: {"scheme": t.scheme.strip(), "category": t.category.strip()},
    "choice": lambda t: {"several": t.several, "options": [_option(o, "is_right") for o in t.options]},
    "order": lambda t: {"items": [_option(o) for o in t.options]},
    "manage": lambda t: {"options": [_option(o, "harm") for o in t.options]},
    "text": lambda t: {
        "checklist": [
            {"id": c.id, "text": c.text.strip(), "any_of": _phrases(c.any_of), "critical": c.is_critical}
            for c in t.checklist
        ],
    },
}  # fmt: skip


def _task(task: DraftTask) -> dict[str, Any]:
    return _without_blanks(
        {
            "id": task.id,
            "kind": task.kind,
            "prompt": task.prompt.strip(),
            "points": task.points,
            "asks_confidence": task.asks_confidence,
            "hints": [hint.model_dump() for hint in task.hints],
            "after": {"task": task.after, "went": task.went} if task.after else None,
            **_FIELDS[task.kind](task),
        }
    )
