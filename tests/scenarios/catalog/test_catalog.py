"""The catalogue: enough cases of enough conditions, none giving itself away, each sound, one made whole."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from scenarios.case.case import flaws
from scenarios.case.source import LesionRecipe, LesionSource, PhantomSource
from scenarios.case.task import MarkTask
from scenarios.catalog.build import catalogue, source_of
from scenarios.catalog.rows import ROWS, Row
from scenarios.catalog.teaching import TEACHING
from scenarios.lesion.kinds import KINDS
from scenarios.lesion.prepare import prepare_phantom

CASES = tuple(catalogue())


def test_there_are_at_least_forty_cases_over_eight_conditions_with_normals_in_every_topic_that_is_searched() -> None:
    ill = [case for case in CASES if case.prevalence != "normal"]
    assert len(CASES) >= 40
    assert len({case.concept for case in ill}) >= 8
    assert {row.body for row in ROWS if not row.kind} == {row.body for row in ROWS}
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_case_is_consistent(case: object) -> None:
    assert list(flaws(case)) == []  # type: ignore[arg-type]


def test_neither_title_nor_history_nor_the_first_task_tells_normal_from_ill() -> None:
    words = {word for name in KINDS for word in name.split("-")} - {
        "brain",
        "lung",
        "liver",
        "solid",
        "part",
        "pulmonary",
    }
    for case in CASES:
        told = f"{case.title} {case.history} {case.volumes[0].title}".lower()
        assert not [word for word in words | {"normal"} if word in told], case.id
    by_study: dict[str, set[str]] = {}
    for case in CASES:
        assert isinstance(case.tasks[0], MarkTask)
        by_study.setdefault(case.volumes[0].title, set()).add(case.tasks[0].prompt)
    assert all(len(prompts) == 1 for prompts in by_study.values())


def test_every_question_comes_after_marking_and_every_kind_is_taught() -> None:
    assert set(TEACHING) == set(KINDS)
    for case in CASES:
        assert all(task.after is not None for task in case.tasks[1:])


def test_the_right_answer_stands_in_every_position_somewhere() -> None:
    at: Counter[int] = Counter()
    for case in CASES:
        for task in case.tasks:
            if task.kind == "choice":
                at[[option.is_right for option in task.options].index(True)] += 1
    assert set(at) >= {0, 1, 2}


def test_difficulties_are_varied() -> None:
    logits = [case.difficulty.logit for case in CASES if case.prevalence != "normal"]
    assert np.ptp(logits) > 1.5
    assert min(logits) < -0.5
    assert max(logits) > 0.5


def test_a_small_case_is_made_with_a_label_for_each_lesion() -> None:
    source = LesionSource(
        base=PhantomSource(body="abdomen", size="small", seed=1, healthy=True),
        lesions=tuple(
            one.model_copy(update={"size_mm": 24.0}) for one in _lesions("abdomen-04")[:2]
        ),
    )  # fmt: skip
    made = prepare_phantom(source)
    assert [one.key for one in made.lesions.structures] == ["lesion_1", "lesion_2"]
    labels = np.asarray(made.lesions.labels)
    samples = np.asarray(made.volume.samples)
    for n in (1, 2):
        assert (labels == n).sum() > 50
        assert samples[labels == n].mean() < 95.0
    assert all(structure.provenance.synthetic for structure in made.lesions.structures)


@pytest.mark.slow
@pytest.mark.parametrize("row", [row for row in ROWS if row.logit is not None], ids=lambda row: row.id)
def test_every_case_can_be_made_and_is_as_hard_as_the_catalogue_says(row: Row) -> None:
    source = source_of(row)
    assert isinstance(source, LesionSource)
    made = prepare_phantom(source)
    hardest = max(one.logit for one in made.difficulty.values())
    assert hardest == pytest.approx(row.logit, abs=0.06)


def _lesions(row_id: str) -> tuple[LesionRecipe, ...]:
    source = source_of(next(row for row in ROWS if row.id == row_id))
    assert isinstance(source, LesionSource)
    return source.lesions
