"""A grade as the platform reads it."""

from __future__ import annotations

import datetime
import json
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.lti.score import score, scores_of


def test_a_score_is_the_one_of_the_standard() -> None:
    """AGS 2.0, section 3.4.1: names, and the form of its time."""
    assert json.loads(score("5323497", 0.83, "Completed", 1492368876.736)) == {
        "timestamp": "2017-04-16T18:54:36.736+00:00",
        "scoreGiven": 83.0,
        "scoreMaximum": 100,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "userId": "5323497",
    }


@given(st.floats(0, 1), st.floats(0, 4e9))
def test_a_score_keeps_share_and_moment(share: float, at_s: float) -> None:
    said = json.loads(score("s", share, "Submitted", at_s))
    assert said["scoreGiven"] / said["scoreMaximum"] == pytest.approx(share, abs=5.1e-5)
    assert 0 <= said["scoreGiven"] <= said["scoreMaximum"]
    assert datetime.datetime.fromisoformat(said["timestamp"]).timestamp() == pytest.approx(at_s, abs=2e-3)


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_what_is_no_share_is_no_score(share: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        score("s", share, "Completed", 0.0)


@pytest.mark.parametrize(
    ("line_item", "scores"),
    [
        ("https://lms.example.org/1/lineitem", "https://lms.example.org/1/lineitem/scores"),
        ("https://lms.example.org/1/lineitem/", "https://lms.example.org/1/lineitem/scores"),
        ("https://lms.example.org/1/lineitem?type_id=2", "https://lms.example.org/1/lineitem/scores?type_id=2"),
    ],
)
def test_scores_are_posted_below_their_line_item(line_item: str, scores: str) -> None:
    assert scores_of(line_item) == scores


@given(st.text("abc/%20", max_size=20), st.text("a=&1", max_size=10))
def test_what_a_line_item_asks_for_stays(path: str, query: str) -> None:
    before = urlsplit(f"https://lms.example.org/{path}?{query}")
    after = urlsplit(scores_of(before.geturl()))
    assert (after.netloc, after.query) == (before.netloc, before.query)
    assert after.path == before.path.rstrip("/") + "/scores"
