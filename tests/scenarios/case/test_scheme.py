"""A table of a scheme says which category features imply, for all that they may be, or is told what it lacks."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.case.case import flaws
from scenarios.case.read import CaseRefused, read_case
from scenarios.case.scheme import SchemeTable, scheme_flaws
from scenarios.case.schemes import EMBEDDED, LUNG_RADS_SOLID_BASELINE
from scenarios.case.write import case_text
from scenarios.score.ground import Scheme
from tests.scenarios.case.test_read import GOOD

TABLE = """\
schemes:
  - id: our-scheme
    version: "2"
    title: Ours
    source: The department's handbook
    features:
      - {id: size, prompt: Size, unit: mm, most: 50}
      - {id: edge, prompt: Edge, options: [{id: smooth, text: Smooth}, {id: spiky, text: Spiky}]}
    categories: [{name: I, text: Leave}, {name: II, text: Watch}, {name: III, text: Act}]
    rows:
      - {when: [{feature: size, below: 5}], category: I}
      - when: [{feature: size, below: 10}, {feature: edge, any_of: [smooth]}]
        category: II
      - {category: III}
"""
TASK = """\
  - kind: classify
    id: class
    prompt: Which category?
    scheme: our-scheme@2
    category: II
    features: {size: 7, edge: smooth}
"""
CASE = GOOD.replace("tasks:\n", TABLE + "tasks:\n") + TASK


@cache
def ours() -> SchemeTable:
    scheme = read_case(CASE).scheme("our-scheme@2")
    assert scheme is not None
    return scheme


@pytest.mark.parametrize(
    ("mm", "category"),
    [(0, "2"), (5.9, "2"), (6, "3"), (7.9, "3"), (8, "4A"), (14.9, "4A"), (15, "4B"), (100, "4B")],
)
def test_solid_nodules_at_baseline_have_the_categories_that_are_published(mm: float, category: str) -> None:
    assert LUNG_RADS_SOLID_BASELINE.implied({"diameter-mm": mm}) == category


def test_the_tables_that_come_along_are_whole() -> None:
    for name, scheme in EMBEDDED.items():
        assert scheme.name == name
        assert list(scheme_flaws(scheme)) == []


def test_the_first_row_that_fits_counts() -> None:
    assert ours().implied({"size": 4.0, "edge": "spiky"}) == "I"
    assert ours().implied({"size": 9.9, "edge": "smooth"}) == "II"
    assert ours().implied({"size": 9.9, "edge": "spiky"}) == "III"
    assert ours().implied({"size": 10.0, "edge": "smooth"}) == "III"


def test_features_that_do_not_suffice_imply_nothing() -> None:
    assert ours().implied({}) is None
    assert ours().implied({"edge": "smooth"}) is None
    assert ours().implied({"size": 7.0}) is None
    assert ours().implied({"size": 4.0}) == "I"  # whatever its edge
    assert ours().implied({"size": 12.0}) == "III"
    assert ours().implied({"size": 700.0, "edge": "smooth"}) is None  # no such size
    assert ours().implied({"size": "large", "edge": "smooth"}) is None


@given(size=st.floats(0, 50), edge=st.sampled_from(["smooth", "spiky"]))
def test_a_table_without_flaws_has_a_category_for_all_that_features_may_be(size: float, edge: str) -> None:
    scheme: Scheme = ours()
    assert scheme.implied({"size": size, "edge": edge}) in ("I", "II", "III")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("      - {category: III}\n", "", "schemes[0].rows: no row is for size 5.0, edge spiky"),
        ("{feature: size, below: 5}", "{feature: size, below: 99}", "schemes[0].rows[1]: nothing reaches this row"),
        ("{feature: size, below: 5}", "{feature: width, below: 5}", "there is no feature 'width'; there is size, edge"),
        ("any_of: [smooth]", "any_of: [round]", "edge has no option 'round'; it has smooth, spiky"),
        ("any_of: [smooth]", "below: 3", "edge is one of smooth, spiky: say which (any_of)"),
        ("{feature: size, below: 5}", "{feature: size}", "size is a number: say from where on (least)"),
        ("{feature: size, below: 5}", "{feature: size, least: 6, below: 5}", "more than 6 is wanted"),
        ("below: 5}], category: I}", "below: 5}], category: V}", "there is no category 'V'; there is I, II, III"),
        ("{name: II, text: Watch}", "{name: I}", "schemes[0].categories: 'I' is there twice"),
        ("most: 50", "most: 0", "schemes[0].features[0].most: more than 0 is wanted"),
        ("    category: II\n    features", "    category: IV\n    features", "there is no category 'IV'"),
        ("    category: II\n    features", "    category: III\n    features", "the features imply II by our-scheme@2"),
        ("edge: smooth}\n", "edge: round}\n", "tasks[2].features.edge: our-scheme@2 knows no edge 'round'"),
        ("{size: 7, edge", "{width: 7, edge", "there is no feature 'width'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_or_contradicts_it_is_told(old: str, new: str, said: str) -> None:
    assert CASE.count(old) == 1
    with pytest.raises(CaseRefused) as caught:
        read_case(CASE.replace(old, new))
    assert any(said in str(flaw) for flaw in caught.value.flaws), caught.value.flaws


def test_a_task_may_name_a_scheme_that_comes_along_or_one_that_is_not_here() -> None:
    text = CASE.replace("our-scheme@2", "lung-rads-solid-baseline@1.1").replace(
        "category: II\n    features", 'category: "3"\n    features'
    )
    case = read_case(text.replace("{size: 7, edge: smooth}", "{diameter-mm: 7}"))
    assert list(flaws(case)) == []
    elsewhere = read_case(CASE.replace("our-scheme@2", "elsewhere@1"))
    assert elsewhere.scheme("elsewhere@1") is None


def test_a_case_with_a_table_is_written_and_read_back_as_it_was() -> None:
    assert read_case(case_text(read_case(CASE))) == read_case(CASE)
