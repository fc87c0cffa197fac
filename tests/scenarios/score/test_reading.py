"""Scores of tasks: known answers for each kind, and what holds for any."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.app.training.overlap import surface_dice
from engine.core.errors import InvalidValue
from scenarios.reading.answer import Answer
from scenarios.reading.event import Answered
from scenarios.reading.state import MarkNow, Work, reading_of
from scenarios.score.ground import Ground
from scenarios.score.reading import score_reading, score_task
from scenarios.score.rubric import rubric
from scenarios.score.task.segment import voxels_of
from scenarios.score.task_score import TaskScore
from tests.scenarios.reading.cases import GROUND, MARK, A, B, ball, case_of, reading


class Sizes:
    """Up to 8 mm is 2, above it 3."""

    def implied(self, features: Mapping[str, float | str], /) -> str | None:
        size = features.get("size")
        return None if not isinstance(size, int | float) else "2" if size < 8 else "3"


FULL = Ground(
    GROUND.findings, GROUND.distractors, {"artery": ball((0.0, 0.0, 20.0), 3)},
    {"judge": np.array([[0, -20, 0, 20], [1, -8, 0, 20.0]])}, {"sizes@1": Sizes()}, surface_dice,
)  # fmt: skip


def scored(
    task: dict[str, object], answer: dict[str, object] | None, hints: int = 0, ground: Ground = FULL
) -> TaskScore:
    case = case_of({"id": "t", "prompt": "?", **task})
    given_answer: Answer | None = None
    if answer is not None:
        event = Answered.model_validate({"n": 0, "t_s": 0, "task": "t", "answer": {"kind": task["kind"], **answer}})
        given_answer = event.answer
    return score_task(case, case.tasks[0], Work(answer=given_answer, hints=hints), ground)


def marked(*marks: tuple[tuple[float, float, float], float]) -> TaskScore:
    case = case_of(MARK)
    work = Work(marks={f"m{n}": MarkNow(at, sure) for n, (at, sure) in enumerate(marks)})
    return score_task(case, case.tasks[0], work, FULL)


def test_marks_earn_by_how_sure_they_were_rightly() -> None:
    assert marked((A, 1.0), (B, 1.0)).share == 1
    assert marked((A, 1.0)).share == 0.5
    assert marked((A, 0.8), (B, 1.0)).share == pytest.approx((0.96 + 1) / 2)
    assert marked((A, 1.0), (B, 1.0), ((0, 25, -20), 0.5)).share == pytest.approx(1 - 0.25 / 2)
    assert marked((A, 1.0), (A, 1.0), (B, 1.0)).share == 1  # a duplicate costs nothing
    assert "would give" in marked((A, 1.0), ((B[0] + 11, B[1], B[2]), 1.0)).why


@given(st.floats(0, 1), st.floats(0, 1))
def test_nobody_earns_more_by_saying_another_confidence_than_his_own(true: float, said: float) -> None:
    """Of a place that is a lesion with probability `true`, beside one that was found for sure."""

    def expected(sure: float) -> float:
        hit = marked((A, 1.0), (B, sure)).share
        false = marked((A, 1.0), ((0, 25, -20), sure)).share
        return true * hit + (1 - true) * false

    assert expected(true) >= expected(said) - 1e-9


def test_a_painted_finding_is_right_at_itself_and_nothing_where_nothing_is_painted() -> None:
    task: dict[str, object] = {"kind": "segment", "finding": "a"}
    voxels = FULL.finding("a").voxels
    flat = (voxels[:, 0] + 60 * (voxels[:, 1] + 60 * voxels[:, 2])).tolist()
    assert scored(task, {"runs": [(n, 1) for n in flat]}).share == 1
    assert scored(task, {"runs": []}).share == 0
    aside = scored(task, {"runs": [(n + 3, 1) for n in flat]})
    assert 0 < aside.share < 1
    assert "within 2 mm" in aside.why
    with pytest.raises(InvalidValue, match="within its row"):
        scored(task, {"runs": [(58, 5)]})


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.integers(0, 5), st.integers(1, 10)), max_size=20))
def test_runs_are_the_voxels_that_they_count(runs: list[tuple[int, int, int, int]]) -> None:
    from scenarios.reading.answer import SegmentAnswer

    shape, mask = (10, 6, 6), np.zeros((10, 6, 6), np.bool_)
    told = []
    for i, j, k, count in runs:
        count = min(count, 10 - i)
        mask[i : i + count, j, k] = True
        told.append((i + 10 * (j + 6 * k), count))
    assert set(map(tuple, voxels_of(SegmentAnswer(runs=tuple(told)), shape))) == set(map(tuple, np.argwhere(mask)))


def test_boxes_and_measurements_against_the_mask() -> None:
    voxels = FULL.finding("a").voxels
    low, high = voxels.min(axis=0).tolist(), voxels.max(axis=0).tolist()
    box: dict[str, object] = {"kind": "box", "finding": "a", "full": 1.0}
    assert scored(box, {"low": low, "high": high}).share == 1
    half = scored(box, {"low": low, "high": [high[0], high[1], (low[2] + high[2]) // 2]})
    assert half.share == pytest.approx(0.5, abs=0.05)
    size: dict[str, object] = {"kind": "measure", "finding": "a"}
    assert FULL.finding("a").diameter_mm == pytest.approx(12, abs=1)
    assert scored(size, {"value": 12.0}).share == 1
    assert scored(size, {"value": 25.0}).share == 0
    volume = {**size, "quantity": "volume_ml"}
    assert FULL.finding("a").volume_ml == pytest.approx(0.905, rel=0.03)
    assert scored(volume, {"value": 0.9}).share == 1
    assert scored({**size, "quantity": "mean_value"}, {"value": 65.0}).share == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("category", "size", "share", "seeing", "judging", "word"),
    [
        ("3", 9.0, 1.0, 0.0, 0.0, "are right"),
        ("2", 5.0, 0.25, 0.75, 0.0, "seen wrongly, the rule was kept"),
        ("2", 9.0, 0.25, 0.0, 0.75, "the rule was not kept"),
        ("3", 5.0, 0.5, 0.25, 0.25, "though the features"),
    ],
)
def test_an_error_of_the_eye_is_told_from_one_of_the_rule(
    category: str, size: float, share: float, seeing: float, judging: float, word: str
) -> None:
    task: dict[str, object] = {"kind": "classify", "scheme": "sizes@1", "category": "3", "features": {"size": 9.0}}
    made = scored(task, {"category": category, "features": {"size": size}})
    assert (made.share, made.lost_seeing, made.lost_judging) == pytest.approx((share, seeing, judging))
    assert word in made.why


def options(*right: bool) -> list[dict[str, object]]:
    return [{"id": f"o{n}", "text": f"O{n}", "is_right": one, "why": f"Because {n}."} for n, one in enumerate(right)]


def test_chosen_options_fields_and_orders() -> None:
    one: dict[str, object] = {"kind": "choice", "options": options(True, False, False)}
    assert scored(one, {"chosen": ["o0"]}).share == 1
    assert "Because 1." in scored(one, {"chosen": ["o1"]}).why
    several = {**one, "several": True, "options": options(True, True, False, False)}
    assert scored(several, {"chosen": ["o0", "o1", "o2", "o3"]}).share == 0
    assert scored(several, {"chosen": ["o0"]}).share == 0.5
    report: dict[str, object] = {
        "kind": "report", "fields": [{"id": "f", "prompt": "F", "options": options(True, False), "weight": 3},
                                     {"id": "g", "prompt": "G", "options": options(True, False)}],
    }  # fmt: skip
    assert scored(report, {"fields": {"f": "o0"}}).share == 0.75
    order: dict[str, object] = {"kind": "order", "items": [{"id": n, "text": n.upper()} for n in "abc"]}
    assert [scored(order, {"items": list(said)}).share for said in ("abc", "acb", "cba")] == pytest.approx(
        [1, 1 / 3, 0]
    )
    assert "C was put before B" in scored(order, {"items": ["a", "c", "b"]}).why


def test_words_are_found_whole_and_not_where_they_are_denied_and_a_person_may_overrule() -> None:
    task: dict[str, object] = {"kind": "text", "checklist": [
        {"id": "ptx", "text": "pneumothorax", "any_of": ["pneumothorax", "air leak"], "weight": 3, "critical": True},
        {"id": "left", "text": "on the left", "any_of": ["left"], "kind": "interpretation"},
    ]}  # fmt: skip
    assert scored(task, {"text": "Left PNEUMOTHORAX."}).share == 1
    denied = scored(task, {"text": "No pneumothorax on the left."})
    assert denied.share == 0
    assert denied.is_critical
    assert scored(task, {"text": "No fracture. Air leak, leftward"}).share == 0.75
    overruled = Ground(overruled={"t": {"ptx": True}})
    assert "a person looked" in scored(task, {"text": "left"}, ground=overruled).why
    assert scored(task, {"text": "left"}, ground=overruled).share == 1


def test_what_would_be_done_is_worth_by_its_harm() -> None:
    task: dict[str, object] = {"kind": "manage", "options": [
        {"id": "a", "text": "Operate", "harm": 0}, {"id": "b", "text": "Wait", "harm": 5},
        {"id": "c", "text": "Send home", "harm": 20},
    ]}  # fmt: skip
    assert [scored(task, {"chosen": name}).share for name in "abc"] == [1, 0.75, 0]
    assert scored(task, {"chosen": "c"}).is_critical


def test_a_path_is_judged_by_its_target_and_by_what_it_keeps_clear_of() -> None:
    task: dict[str, object] = {"kind": "guide", "volume": "ct", "target": "a", "avoid": {"artery": 5.0}}
    straight = scored(task, {"path": [(0, -30, 0, 0), (1, *A)]})
    assert straight.share == 1
    through = scored(task, {"path": [(0, 0, 0, 28), (1, 0, 0, 10), (2, *A)]})
    assert through.share == pytest.approx(0.5, abs=0.06)
    assert through.is_critical
    assert scored(task, {"path": [(0, -30, 0, -29)]}).share == pytest.approx(0.5)
    judge: dict[str, object] = {**task, "id": "judge", "recording": "tool.csv", "avoid": {"artery": 5.0, "b": 5.0}}
    assert scored(judge, {"nearest": "artery"}).share == 1
    assert (
        "5.5 mm of artery" in scored(judge, {"nearest": "b"}).why or "of artery" in scored(judge, {"nearest": "b"}).why
    )


def test_hints_cost_what_they_said_and_nothing_below_nothing() -> None:
    one: dict[str, object] = {
        "kind": "choice", "options": options(True, False),
        "hints": [{"text": "x", "cost": 0.25}, {"text": "y", "cost": 0.9}],
    }  # fmt: skip
    made = scored(one, {"chosen": ["o0"]}, hints=1)
    assert (made.share, made.lost_hints) == (0.75, 0.25)
    assert "1 hint cost 25%" in made.why
    assert scored(one, {"chosen": ["o0"]}, hints=2).share == 0
    assert scored(one, {"chosen": ["o1"]}, hints=2).lost_hints == 0


def test_no_score_is_without_its_reason() -> None:
    with pytest.raises(InvalidValue, match="why"):
        TaskScore(1.0, "this", "this", "")
    nothing = scored(
        {"kind": "manage", "options": [{"id": "a", "text": "A", "harm": 0}, {"id": "b", "text": "B", "harm": 1}]}, None
    )
    assert (nothing.share, nothing.why) == (0, "Nothing was answered.")


@given(st.lists(st.tuples(st.sampled_from([A, B, (0.0, 25.0, -20.0)]), st.floats(0, 1)), max_size=4))
def test_ten_points_are_earned_or_lost(marks: list[tuple[tuple[float, float, float], float]]) -> None:
    case = case_of(MARK)
    events = reading(*marks)
    score = score_reading(case, reading_of(case, events), FULL)
    made = rubric(case, score)
    assert made.points + made.lost_seeing + made.lost_judging + made.lost_hints == pytest.approx(10)
    assert made.points <= 10 * score.share + 1e-9
    if not {A, B} <= {at for at, _ in marks}:
        assert made.band != "effective"
