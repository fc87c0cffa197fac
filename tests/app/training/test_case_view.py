"""What a trainee may know of a case before it is answered."""

from __future__ import annotations

import numpy as np
import pytest

from engine.app.training.scoring import case_view, standing
from scenarios.case.read import read_case
from scenarios.reading.answer import GuideAnswer
from scenarios.reading.event import AnyEvent, Began, Committed
from scenarios.score.ground import Ground
from tests.scenarios.case.test_flaws import GOOD
from tests.scenarios.case.test_scheme import CASE as CLASSIFIED

CASE = read_case(GOOD)
BEGAN = Began(n=0, t_s=0.0, where="flat")


def test_a_pane_of_a_study_that_comes_later_is_not_told_before_it_is_there() -> None:
    events: list[AnyEvent] = [BEGAN]
    before = case_view(CASE, standing(CASE, events, None), {}, "seed")
    assert [pane.volume for pane in before.display.hanging] == ["now"]
    assert [one.id for one in before.volumes] == ["now"]
    assert "later" not in before.model_dump_json()
    events.append(Committed(n=1, t_s=4.0, task="look"))
    after = case_view(CASE, standing(CASE, events, None), {}, "seed")
    assert [pane.volume for pane in after.display.hanging] == ["now", "later"]


def test_the_structures_that_a_recorded_path_may_come_near_are_offered_by_name() -> None:
    text = GOOD.replace("avoid: {lung_left: 3}", "avoid: {lung_left: 3, bone: 1}, recording: path.csv")
    case = read_case(text)
    view = case_view(case, standing(case, [BEGAN], None), {}, "seed")
    (asked,) = [task for task in view.tasks if task.id == "needle"]
    assert [(one.id, one.text) for one in asked.options] == [("lung_left", "lung left"), ("bone", "bone")]


def test_a_long_path_is_shown_by_its_ends_and_places_between_and_a_short_one_whole() -> None:
    case = read_case(GOOD.replace("avoid: {lung_left: 3}", "avoid: {lung_left: 3}, recording: path.csv"))
    for count, shown in ((30_000, 500), (3, 3)):
        path = np.arange(4.0 * count).reshape(count, 4)
        view = case_view(case, standing(case, [BEGAN], None), {}, "seed", Ground(recordings={"needle": path}))
        (asked,) = [task for task in view.tasks if task.id == "needle"]
        assert len(asked.path) == shown
        assert [asked.path[0], asked.path[-1]] == [tuple(path[0]), tuple(path[-1])]
        assert (np.diff(np.array(asked.path), axis=0) > 0).all()


@pytest.mark.parametrize("nearest", ["lung_left", "pulmonary_arteries", "nodule-1", "bone"])
def test_an_answer_can_name_any_structure_or_finding(nearest: str) -> None:
    assert GuideAnswer(nearest=nearest).nearest == nearest


def test_a_classification_offers_the_categories_and_features_of_its_table_and_nothing_that_is_right() -> None:
    case = read_case(CLASSIFIED)
    view = case_view(case, standing(case, [BEGAN], None), {}, "seed")
    (asked,) = [task for task in view.tasks if task.kind == "classify"]
    assert [(one.id, one.text) for one in asked.options] == [
        ("I", "I: Leave"),
        ("II", "II: Watch"),
        ("III", "III: Act"),
    ]
    assert [(one.id, one.unit, len(one.options)) for one in asked.fields] == [("size", "mm", 0), ("edge", "", 2)]


def test_a_scheme_without_a_table_asks_for_its_features_alone() -> None:
    case = read_case(CLASSIFIED.replace("our-scheme@2", "elsewhere@1"))
    view = case_view(case, standing(case, [BEGAN], None), {}, "seed")
    (asked,) = [task for task in view.tasks if task.kind == "classify"]
    assert asked.options == ()
    assert [one.id for one in asked.fields] == ["size", "edge"]
