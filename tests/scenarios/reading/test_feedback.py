"""What is told once a case was read."""

from __future__ import annotations

from scenarios.reading.event import AnyEvent, Began, Committed, Displayed, Looked
from scenarios.reading.feedback import ReadingTold, told
from scenarios.reading.state import reading_of
from scenarios.score.miss import Miss
from scenarios.score.reading import score_reading
from tests.scenarios.reading.cases import GROUND, MARK, VESSEL, A, B, case_of, reading

CASE = case_of(
    MARK, feedback=[{"id": "missed-b", "when": "missed", "of": "b", "text": "Look at the apex."},
                    {"id": "found-b", "when": "found", "of": "b", "text": "Well seen."}]
)  # fmt: skip


def of(events: list[AnyEvent]) -> ReadingTold:
    state = reading_of(CASE, events)
    return told(CASE, state, events, score_reading(CASE, state, GROUND), GROUND)


def test_found_missed_and_false_are_told_with_their_reasons() -> None:
    feedback = of(reading((A, 0.9), ((0.0, -21.0, 0.0), 0.9), ((0.0, 25.0, -20.0), 0.1)))
    assert [one.became for one in feedback.findings] == ["found", "missed"]
    assert [one.became for one in feedback.marks] == ["found", "false", "false"]
    assert feedback.marks[1].why == "A vessel: It goes on for slices. You were sure of it."
    assert "the heart lies at this place" in str(feedback.marks[2].why)
    assert feedback.layers == ("missed-b",)
    first, last = feedback.findings[1].slices[1:]
    assert (first, last) == (31, 38)
    assert feedback.next_step == "Look at slices 32 to 39, where Nodule B lies."
    assert feedback.synthetic
    assert VESSEL[1] == -20


def test_a_miss_is_classed_by_how_long_its_place_was_viewed_before_the_commit() -> None:
    def looking(seconds: float, at: tuple[float, float, float]) -> list[AnyEvent]:
        shown = Displayed(
            n=1, t_s=0, pane=0, volume="ct", centre_mm=(0, 0, 5), right_mm=(30, 0, 0), down_mm=(0, 30, 0), low=0, high=1
        )
        gaze = Looked(n=2, t_s=0, by="head", at_mm=at, distance_m=1, mm_per_m=100)
        away = Looked(n=3, t_s=seconds, by="head")
        return [Began(n=0, t_s=0, where="vr"), shown, gaze, away, Committed(n=4, t_s=30, task="find")]

    kinds = {
        (seconds, at): of(looking(seconds, at)).findings[1].miss for seconds in (0.5, 5.0) for at in ((-25, -25, 5), B)
    }
    assert kinds == {
        (0.5, (-25, -25, 5)): Miss.SEARCH, (5.0, (-25, -25, 5)): Miss.SEARCH,
        (0.5, B): Miss.RECOGNITION, (5.0, B): Miss.DECISION,
    }  # fmt: skip
    assert "at another threshold" in str(of(looking(0.5, B)).findings[1].why)


def test_when_all_is_right_the_next_case_comes() -> None:
    feedback = of(reading((A, 1.0), (B, 1.0)))
    assert feedback.rubric.points == 10
    assert feedback.next_step == "Everything was right: go on to the next case."
