"""Concepts come again before they are forgotten; the raw log is the truth."""

from __future__ import annotations

import fsrs
import pytest

from engine.core.errors import InvalidValue
from scenarios.skill.review import Reviewed, Reviews, rating

DAY_S = 86_400.0
START_S = 1_800_000_000.0


def seen(concept: str, share: float, day: float) -> Reviewed:
    return Reviewed(concept, f"case {day}", share, START_S + day * DAY_S)


def test_a_concept_that_was_missed_comes_sooner_than_one_that_was_known() -> None:
    reviews = Reviews.of((seen("missed", 0.2, 0), seen("known", 1.0, 0)))
    missed, known = reviews.due_s("missed"), reviews.due_s("known")
    assert missed is not None
    assert known is not None
    assert START_S < missed < known


def test_what_is_due_comes_with_the_most_forgotten_first_and_nothing_before_its_time() -> None:
    reviews = Reviews.of((seen("missed", 0.2, 0), seen("known", 1.0, 0)))
    assert reviews.due(START_S) == ()
    assert reviews.due(START_S + 400 * DAY_S) == ("missed", "known")
    assert reviews.recall("never seen", START_S) == 0.0


def test_the_same_log_leads_to_the_same_days() -> None:
    log = (seen("a", 0.8, 0), seen("a", 0.8, 3), seen("a", 0.3, 20))
    assert Reviews.of(log).due_s("a") == Reviews.of(log).due_s("a")
    assert Reviews.of(log).log == log
    assert [rating(share) for share in (0.49, 0.5, 0.7, 0.95)] == [
        fsrs.Rating.Again,
        fsrs.Rating.Hard,
        fsrs.Rating.Good,
        fsrs.Rating.Easy,
    ]
    assert set(Reviews.of(log[:1]).cards) == {"a"}


def test_reviews_out_of_order_are_refused() -> None:
    with pytest.raises(InvalidValue, match="order"):
        Reviews.of((seen("a", 1.0, 1), seen("a", 1.0, 0)))
