"""What a trainee may know of a case before it is answered."""

from __future__ import annotations

import pytest

from engine.app.training.scoring import case_view, standing
from scenarios.case.read import read_case
from scenarios.reading.answer import GuideAnswer
from scenarios.reading.event import AnyEvent, Began, Committed
from tests.scenarios.case.test_flaws import GOOD

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


@pytest.mark.parametrize("nearest", ["lung_left", "pulmonary_arteries", "nodule-1", "bone"])
def test_an_answer_can_name_any_structure_or_finding(nearest: str) -> None:
    assert GuideAnswer(nearest=nearest).nearest == nearest
