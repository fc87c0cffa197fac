"""A case that contradicts itself is told where, and what to do."""

from __future__ import annotations

import pytest

from scenarios.case.case import flaws
from scenarios.case.read import CaseRefused, read_case
from scenarios.catalog.build import catalogue

GOOD = """\
id: two-studies
title: Follow-up of a nodule
licence: CC0-1.0
topic: chest
concept: lung-nodule
volumes:
  - {id: now, title: Now, source: {kind: phantom, body: thorax, seed: 3}}
  - {id: later, title: Later, role: follow-up, after: look, source: {kind: phantom, body: thorax, seed: 4}}
truth:
  findings:
    - {id: nodule, name: Nodule, volume: now, place: {kind: point, at_mm: [1, 2, 3], radius_mm: 4}}
    - {id: grown, name: Nodule, volume: later, place: {kind: point, at_mm: [1, 2, 3], radius_mm: 6}}
display:
  presets: [{name: Lung, low: -1350, high: 150}, {name: Bone, low: -500, high: 1300}]
  hanging: [{volume: now}, {volume: later}]
tasks:
  - {kind: mark, id: look, prompt: Mark it., volume: now, findings: [nodule]}
  - {kind: measure, id: size, prompt: Measure it., finding: grown, after: {task: look}}
  - kind: choice
    id: kind
    prompt: What is it?
    options: [{id: solid, text: Solid, is_right: true}, {id: cyst, text: Cyst}]
  - {kind: order, id: steps, prompt: Put in order., items: [{id: first, text: One}, {id: second, text: Two}]}
  - kind: report
    id: report
    prompt: Report it.
    fields:
      - {id: side, prompt: Side, options: [{id: left, text: Left, is_right: true}, {id: right, text: Right}]}
      - {id: edge, prompt: Edge, options: [{id: round, text: Round, is_right: true}, {id: spiky, text: Spiky}]}
  - kind: text
    id: words
    prompt: Describe it.
    checklist: [{id: size, text: Its size, any_of: [mm]}, {id: lobe, text: Its lobe, any_of: [lobe]}]
  - kind: manage
    id: next
    prompt: What next?
    options: [{id: wait, text: Wait, harm: 0}, {id: cut, text: Cut, harm: 4}]
  - {kind: guide, id: needle, prompt: Guide it., volume: now, target: nodule, avoid: {lung_left: 3}}
feedback:
  - {id: said, text: Look twice.}
  - {id: missed, when: missed, of: nodule, text: It was there.}
"""


def told(old: str, new: str) -> list[str]:
    assert GOOD.count(old) == 1
    with pytest.raises(CaseRefused) as caught:
        read_case(GOOD.replace(old, new))
    return [str(flaw) for flaw in caught.value.flaws]


def test_a_case_with_a_study_that_comes_later_is_sound() -> None:
    assert read_case(GOOD).task("size").after is not None


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ("{id: cyst, text", "{id: solid, text", "tasks[2].options: 'solid' is there twice"),
        ("{id: second, text", "{id: first, text", "tasks[3].items: 'first' is there twice"),
        ("{id: edge, prompt", "{id: side, prompt", "tasks[4].fields: 'side' is there twice"),
        ("{id: spiky, text", "{id: round, text", "tasks[4].fields[1].options: 'round' is there twice"),
        ("{id: lobe, text", "{id: size, text", "tasks[5].checklist: 'size' is there twice"),
        ("{id: cut, text", "{id: wait, text", "tasks[6].options: 'wait' is there twice"),
        ("{id: missed, when", "{id: said, when", "feedback: 'said' is there twice"),
        ("{name: Bone, low", "{name: Lung, low", "display.presets: 'Lung' is there twice"),
        ("findings: [nodule]", "findings: [nodule, nodule]", "tasks[0].findings: 'nodule' is there twice"),
    ],
)
def test_equal_names_among_what_is_chosen_by_name_are_told_where_they_stand(old: str, new: str, at: str) -> None:
    (line,) = told(old, new)
    assert at in line


@pytest.mark.parametrize("after", ["", ", after: {task: other}"], ids=["from the beginning", "after another task"])
def test_a_task_on_a_study_that_comes_later_waits_for_what_the_study_waits_for(after: str) -> None:
    other = "  - {kind: mark, id: other, prompt: Mark., volume: now}\n  - {kind: measure"
    text = GOOD.replace(", after: {task: look}", after).replace("  - {kind: measure", other)
    with pytest.raises(CaseRefused, match="its study 'later' is shown only after task 'look'"):
        read_case(text)


def test_a_task_may_wait_through_others_for_what_its_study_waits_for() -> None:
    between = "  - {kind: mark, id: again, prompt: Mark., volume: now, after: {task: look}}\n  - {kind: measure"
    read_case(
        GOOD.replace("  - {kind: measure", between).replace("grown, after: {task: look}", "grown, after: {task: again}")
    )


def test_a_study_cannot_wait_for_a_task_that_needs_it() -> None:
    (line,) = told("{kind: mark, id: look, prompt: Mark it., volume: now, findings: [nodule]}",
                   "{kind: mark, id: look, prompt: Mark it., volume: later}")  # fmt: skip
    assert "tasks[0].after: its study 'later' is shown only after task 'look'" in line


def test_a_mark_on_a_finding_of_another_study_is_told() -> None:
    (line,) = told("findings: [nodule]", "findings: [grown]")
    assert "tasks[0].findings[0]: 'grown' is in volume 'later', and the task is in 'now'" in line


@pytest.mark.parametrize(
    ("avoid", "said"),
    [
        ("{no-such-thing: 3}", "tasks[7].avoid.no-such-thing: there is no finding 'no-such-thing'"),
        ("{grown: 3}", "tasks[7].avoid.grown: 'grown' is in volume 'later'"),
        ("{nodule: 3}", "tasks[7].avoid.nodule: the tip cannot reach what it is to keep clear of"),
        ("{Lung left: 3}", "tasks[7].avoid.Lung left: write a finding's name as `lung-nodule-1`, or a structure's key"),
    ],
)
def test_what_a_path_is_to_keep_clear_of_is_a_structure_or_a_finding_of_its_study(avoid: str, said: str) -> None:
    (line,) = told("{lung_left: 3}", avoid)
    assert said in line


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("{kind: segment, id: more, prompt: Paint it., finding: nodule}", "'nodule' is a point without a border"),
        ("{kind: box, id: more, prompt: Box it., finding: nodule}", "'nodule' is a point without a border"),
        ("{kind: measure, id: m, prompt: HU., finding: nodule, quantity: mean_value}", "is a point, over"),
        ("{kind: guide, id: more, prompt: Judge., volume: now, target: nodule, recording: a}", "name what that"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_told(task: str, said: str) -> None:
    with pytest.raises(CaseRefused, match=said):
        read_case(GOOD.replace("feedback:\n", f"  - {task}\nfeedback:\n"))


def test_no_case_of_the_catalogue_contradicts_itself() -> None:
    for case in catalogue():
        assert list(flaws(case)) == []
