"""A case file is read whole, or refused with everything that is wrong, where it stands, and what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.case.case import Case
from scenarios.case.read import MOST_CHARACTERS, CaseRefused, read_case

GOOD = """\
format: sightline-case/1
id: lung-nodule-1
version: 1.0.0
title: Cough for six weeks
licence: CC0-1.0
topic: chest
concept: lung-nodule
volumes:
  - id: ct
    title: Chest CT
    source: {kind: lesions, base: {kind: phantom, body: thorax, seed: 3}, lesions: [
      {id: nodule, kind: solid-nodule, size_mm: 8, seed: 4}]}
truth:
  findings:
    - id: nodule
      name: Solid nodule
      volume: ct
      place: {kind: lesion, lesion: nodule}
tasks:
  - kind: mark
    id: find
    prompt: Mark every nodule.
    volume: ct
  - kind: choice
    id: next
    prompt: What is it?
    after: {task: find}
    options:
      - {id: solid, text: A solid nodule, is_right: true}
      - {id: vessel, text: A vessel}
"""


def refused(text: str) -> list[str]:
    with pytest.raises(CaseRefused) as caught:
        read_case(text)
    return [str(flaw) for flaw in caught.value.flaws]


def changed(old: str, new: str) -> list[str]:
    assert GOOD.count(old) == 1
    return refused(GOOD.replace(old, new))


def test_a_case_is_read() -> None:
    case = read_case(GOOD)
    assert case.task("next").kind == "choice"
    assert case.is_synthetic


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_lines() -> None:
    text = (
        GOOD.replace("id: lung-nodule-1", "id: Lung 1")
        .replace("body: thorax", "body: torso")
        .replace("kind: mark", "kind: marks")
    )
    assert refused(text) == [
        "line 2, id: write a name of small letters, digits and single hyphens, as `lung-nodule-1`; it is 'Lung 1'",
        "line 11, volumes[0].source.base.body: write 'thorax', 'thorax_angiogram', 'abdomen', 'head', 'head_ct' or "
        "'head_ct_plain'",
        "line 20, tasks[0]: there is no kind 'marks': write one of 'mark', 'segment', 'box', 'measure', 'classify', "
        "'report', 'choice', 'order', 'text', 'manage', 'guide'",
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  - kind: mark\n    id: find", "  - id: find", "line 20, tasks[0]: its kind is missing: add `kind:`"),
        ("licence: CC0-1.0\n", "", "line 1, licence: this is missing: add it"),
        ("topic: chest", "topic: chest\ncolour: red", "line 7, colour: a case has nothing of this name here"),
        ("size_mm: 8", "size_mm: -8", "line 12, volumes[0].source.lesions[0].size_mm: write more than 0"),
        ("text: A vessel", "text: 3", "line 30, tasks[1].options[1].text: write text; where it looks like a number"),
        (", is_right: true", "", "line 24, tasks[1]: exactly one option is right"),
        ("lesion: nodule}", "lesion: mass}", "line 18, truth.findings[0].place.lesion: there is no lesion of its volume 'mass'"),  # noqa: E501
        ("after: {task: find}", "after: {task: next}", "line 27, tasks[1].after.task: there is no task before it 'next'"),  # noqa: E501
        ("    id: next", "    id: find", "line 19, tasks: 'find' is there twice: give each a name of its own"),
        ("    volume: ct\n  - kind", "    volume: mr\n  - kind", "line 23, tasks[0].volume: there is no volume 'mr'; there is ct"),  # noqa: E501
        ("concept:", "prevalence: normal\nconcept:", "line 7, prevalence: a normal case has no key finding"),
        ("title: Cough", "title: Fever\ntitle: Cough", "line 5, title: this stands here twice: keep one"),
        ("title: Cough for six weeks", "title: *a", "found undefined alias"),
        ("title: Cough for six weeks", "title: !!python/object:os.system x", "is not read: write plain text or a number"),  # noqa: E501
        ("title: Cough for six weeks", "title: !!python/object:str x", "is not read: write plain text or a number"),
        ("  - kind: mark", "\t- kind: mark", "use spaces"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_place_and_what_to_do(old: str, new: str, told: str) -> None:
    assert any(told in one for one in changed(old, new)), changed(old, new)


def test_what_grows_from_a_few_lines_to_gigabytes_is_refused() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(12)
    )
    assert refused(bomb)
    assert refused("a: " + "[" * 2000)
    assert refused("#" * (MOST_CHARACTERS + 1))
    assert refused("")


def read_or_refused(text: str) -> bool:
    try:
        return isinstance(read_case(text), Case)
    except CaseRefused as error:
        return len(error.flaws) > 0 and all(flaw.line >= 1 for flaw in error.flaws)


@given(text=st.text(max_size=200) | st.text(alphabet="abc:-[]{}&*!|>'\"#\n \t0", max_size=200))
def test_whatever_the_text_it_is_read_or_refused_with_a_line(text: str) -> None:
    assert read_or_refused(text)


@given(cut=st.integers(0, len(GOOD)), drop=st.integers(1, 40))
def test_a_damaged_case_is_read_or_refused_and_never_anything_else(cut: int, drop: int) -> None:
    assert read_or_refused(GOOD[:cut] + GOOD[cut + drop :])
