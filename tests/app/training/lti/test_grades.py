"""Grades reach the platform, whatever happens on the way; and nothing of a person or a token is said aloud."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from engine.app.training import practice
from engine.app.training.lti import asking
from engine.app.training.lti.grade_queue import MOST_EARLY, Early, GradeQueue
from engine.app.training.record_store import Waiting
from engine.app.training.sending import Refused, Unreachable
from engine.app.training.store import Store
from engine.app.training.tables import GradeRow, Trainee
from tests.app.training.lti.conftest import Meet
from tests.app.training.lti.platform import CLIENT, TOKEN, FakePlatform, Link
from tests.app.training.server import Server
from tests.app.training.test_api import read_one

QUIZ = Link(custom={"case": "one"})


def until(is_so: Callable[[], bool]) -> None:
    """Wait; a test that waits in vain ends by its own time limit."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def given(platform: FakePlatform) -> list[tuple[str, str, float, str]]:
    return [
        (item, said["userId"], said["scoreGiven"] / said["scoreMaximum"], said["activityProgress"])
        for item, said in platform.scores
    ]


def shares(client: httpx.Client) -> list[float]:
    """Of every case that was read, in order."""
    return [row["share"] for row in client.get("/api/training/progress").json()["readings"]]


def about(share: float) -> Any:
    """Grades are told in hundredths of a percent."""
    return pytest.approx(share, abs=1e-4)


def earn(server: Server, share: float) -> None:
    """A grade, as a reading would leave it."""
    with server.store.transaction() as session:
        for row in session.scalars(select(GradeRow)):
            row.share, row.at_s, row.tries, row.sent_s, row.refused = share, time.time(), 0, None, None


def rows(server: Server) -> list[GradeRow]:
    with server.store.reading() as session:
        return list(session.scalars(select(GradeRow)))


@pytest.mark.slow
def test_a_case_that_is_read_is_graded_where_its_link_says(meet: Meet, platform: FakePlatform) -> None:
    one = meet()
    one.follow(QUIZ)
    read_one(one.client, case="one")
    until(lambda: bool(platform.scores))
    assert given(platform) == [("quiz", "user-1", about(shares(one.client)[0]), "Completed")]
    assert platform.scores[0][1]["gradingProgress"] == "FullyGraded"


@pytest.mark.slow
def test_the_first_reading_of_a_case_counts(meet: Meet, platform: FakePlatform, server: Server) -> None:
    """After it, what is there was shown."""
    one = meet()
    one.follow(QUIZ)
    for rightly in (False, True):
        read_one(one.client, rightly=rightly, case="one")
    until(lambda: bool(platform.scores) and rows(server)[0].sent_s is not None)
    first, second = shares(one.client)
    assert first < second
    assert given(platform) == [("quiz", "user-1", about(first), "Completed")]


@pytest.mark.slow
def test_a_case_that_was_read_before_is_graded_when_its_link_is_followed(meet: Meet, platform: FakePlatform) -> None:
    one = meet()
    one.follow(Link(item=None))
    read_one(one.client, case="one")
    one.follow(QUIZ)
    until(lambda: bool(platform.scores))
    assert given(platform) == [("quiz", "user-1", about(shares(one.client)[0]), "Completed")]


@pytest.mark.slow
def test_a_link_that_is_followed_again_goes_on_with_what_was_not_finished(meet: Meet) -> None:
    one = meet()
    one.follow(QUIZ)
    first = one.client.post("/api/training/readings", json={"case": "one"}).json()["id"]
    one.follow(QUIZ)
    assert one.client.post("/api/training/readings", json={"case": "one"}).json()["id"] == first


@pytest.mark.slow
def test_practice_is_graded_by_its_mean_so_far(meet: Meet, platform: FakePlatform, server: Server) -> None:
    one = meet()
    one.follow()
    for rightly in (True, False):
        read_one(one.client, rightly=rightly)
    mean = sum(shares(one.client)) / 2
    until(lambda: rows(server)[0].share == pytest.approx(mean) and rows(server)[0].sent_s is not None)
    item, subject, grade, activity = given(platform)[-1]
    assert (item, subject, grade, activity) == ("quiz", "user-1", about(mean), "Submitted")


@pytest.mark.slow
def test_an_exam_is_graded_once_it_is_over(meet: Meet, platform: FakePlatform, server: Server) -> None:
    one = meet()
    one.follow(Link(custom={"mode": "exam"}))
    count = 0
    while True:
        asked = one.client.post("/api/training/readings", json={"mode": "exam"})
        if asked.status_code == 409:
            break
        assert rows(server)[0].share is None
        read_one(one.client, rightly=count > 0, mode="exam")
        count += 1
    assert "exam is over" in asked.json()["error"]["summary"]
    until(lambda: bool(platform.scores))
    ((item, subject, grade, activity),) = given(platform)
    assert (item, subject, activity) == ("quiz", "user-1", "Completed")
    assert grade == about(sum(shares(one.client)) / count)


@pytest.mark.slow
def test_an_exam_with_all_its_cases_is_over(meet: Meet, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nobody asked for one more."""
    monkeypatch.setattr(practice, "RULES", {**practice.RULES, "exam": replace(practice.RULES["exam"], least=1, most=1)})
    one = meet()
    one.follow(Link(custom={"mode": "exam"}))
    read_one(one.client, mode="exam")
    until(lambda: rows(server)[0].share is not None)


@pytest.mark.slow
def test_an_exam_of_before_the_link_is_none_of_its(meet: Meet, server: Server) -> None:
    one = meet()
    one.follow(Link(item=None))
    while one.client.post("/api/training/readings", json={"mode": "exam"}).status_code != 409:
        read_one(one.client, mode="exam")
    one.follow(Link(custom={"mode": "exam"}))
    read_one(one.client)
    assert rows(server)[0].share is None


@pytest.mark.slow
def test_each_link_has_a_grade_of_its_own(meet: Meet, platform: FakePlatform) -> None:
    one = meet()
    one.follow(Link(custom={"case": "one"}, item="first"))
    one.follow(Link(custom={"case": "two"}, item="second"))
    read_one(one.client, case="one")
    read_one(one.client, rightly=False, case="two")
    until(lambda: len(platform.scores) == 2)
    assert sorted(given(platform)) == [
        ("first", "user-1", about(shares(one.client)[0]), "Completed"),
        ("second", "user-1", about(shares(one.client)[1]), "Completed"),
    ]


def test_a_headset_that_joins_by_short_code_reads_for_the_same_grade(
    meet: Meet, server: Server, platform: FakePlatform
) -> None:
    one = meet()
    one.follow(QUIZ)
    code = one.client.post("/api/training/me/device").json()["code"]
    assert len(code) == 6
    headset = server.browser(None)
    assert headset.post("/api/join", json={"code": code}).status_code == 204
    read_one(headset, case="one")
    until(lambda: bool(platform.scores))
    assert given(platform) == [("quiz", "user-1", about(shares(one.client)[0]), "Completed")]


@pytest.mark.slow
def test_one_that_is_launched_without_a_line_item_is_graded_nowhere(meet: Meet, server: Server) -> None:
    one = meet()
    one.follow(Link(custom={"case": "one"}, item=None))
    read_one(one.client, case="one")
    assert rows(server) == []


# --- faults ------------------------------------------------------------------------------------


def test_a_platform_that_is_away_gets_the_newest_grade_once_it_is_back(
    meet: Meet, platform: FakePlatform, server: Server
) -> None:
    meet().follow()
    platform.stop()
    earn(server, 0.25)
    until(lambda: rows(server)[0].tries > 1)
    earn(server, 0.75)
    until(lambda: rows(server)[0].tries > 1 and "takes nothing now" in server.said.getvalue())
    platform.start()
    until(lambda: rows(server)[0].sent_s is not None and "answers again" in server.said.getvalue())
    assert given(platform) == [("quiz", "user-1", 0.75, "Submitted")]
    assert server.said.getvalue().count("takes nothing now") == 1


def test_a_server_that_ends_meanwhile_loses_nothing(meet: Meet, platform: FakePlatform, server: Server) -> None:
    meet().follow(QUIZ)
    platform.answers = [503] * 100_000
    earn(server, 1.0)
    until(lambda: rows(server)[0].tries > 0)
    server.stop()
    assert platform.scores == []
    platform.answers = []
    server.start()
    until(lambda: bool(platform.scores))
    assert given(platform) == [("quiz", "user-1", 1.0, "Completed")]


@pytest.mark.slow
@pytest.mark.parametrize("status", [302, 429, 500, 503])
def test_what_may_pass_is_tried_again(meet: Meet, platform: FakePlatform, server: Server, status: int) -> None:
    meet().follow(QUIZ)
    platform.answers = [status, status]
    earn(server, 1.0)
    until(lambda: bool(platform.scores))
    assert given(platform) == [("quiz", "user-1", 1.0, "Completed")]


@pytest.mark.slow
def test_a_token_that_the_platform_no_longer_knows_is_asked_for_anew(
    meet: Meet, platform: FakePlatform, server: Server
) -> None:
    meet().follow(QUIZ)
    earn(server, 0.5)
    until(lambda: len(platform.scores) == 1)
    assert platform.tokens == 1
    platform.token = "another"
    meet().follow(Link(subject="user-2"))
    earn(server, 1.0)
    until(lambda: any(subject == "user-2" for _, subject, _, _ in given(platform)))
    assert platform.tokens == 2


@pytest.mark.slow
def test_a_moment_that_the_platform_calls_too_early_becomes_a_later_one(
    meet: Meet, platform: FakePlatform, server: Server
) -> None:
    meet().follow(QUIZ)
    platform.answers = [409]
    began_s = time.time()
    earn(server, 1.0)
    until(lambda: bool(platform.scores))
    assert len(platform.scores) == 1
    assert time.time() >= _at(platform.scores[0][1]) > began_s


def _at(said: dict[str, Any]) -> float:
    return datetime.datetime.fromisoformat(said["timestamp"]).timestamp()


@pytest.mark.slow
def test_one_that_is_refused_holds_up_no_other_and_is_tried_again_when_the_server_starts(
    meet: Meet, platform: FakePlatform, server: Server
) -> None:
    meet().follow(QUIZ)
    meet().follow(Link(subject="user-2"))
    platform.answers = [403]
    earn(server, 1.0)
    until(lambda: any(row.refused for row in rows(server)) and len(platform.scores) == 1)
    (refused,) = [row.refused for row in rows(server) if row.refused]
    assert refused == "403 no, …, says the platform"
    server.stop()
    server.start()
    until(lambda: len(platform.scores) == 2)
    assert {subject for _, subject, _, _ in given(platform)} == {"user-1", "user-2"}


def test_no_token_and_no_name_is_said_aloud(
    meet: Meet, platform: FakePlatform, server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    meet().follow(QUIZ)
    platform.answers = [500, 429, 302]
    earn(server, 1.0)
    until(lambda: bool(platform.scores))
    platform.stop()
    said = server.said.getvalue() + "".join(capfd.readouterr())
    assert "https://lms.example.org takes nothing now (localhost" in said
    for secret in (TOKEN, "Ada", "user-1", "eyJ"):
        assert secret not in said


# --- the queue alone ---------------------------------------------------------------------------


class Fake:
    """A platform's scores that fail as they are told."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.got: list[dict[str, Any]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self, line_item: str, message: bytes) -> None:
        error = self.errors.pop(0) if self.errors else None
        self.got.append(json.loads(message))
        self.meanwhile()
        if error is not None:
            raise error


@pytest.fixture
def now_s() -> list[float]:
    """A clock's hand."""
    return [1000.5]


@pytest.fixture
def queue(store: Store, now_s: list[float]) -> GradeQueue:
    platform = FakePlatform().platform()
    with store.transaction() as session:
        session.add(Trainee(id="t", name="T", since_s=0.0))
        session.flush()
        for n, client in enumerate((CLIENT, CLIENT, "other")):
            session.add(
                GradeRow(
                    issuer=platform.issuer, subject=f"s{n}", line_item="https://lms.example.org/1", trainee="t",
                    client_id=client, mode="practice", since_s=0.0, share=0.5, at_s=100.0 + n, tries=0,
                )
            )  # fmt: skip
    return GradeQueue(store, platform, lambda: now_s[0])


def change(store: Store, share: float, at_s: float) -> None:
    with store.transaction() as session:
        for row in session.scalars(select(GradeRow)):
            row.share, row.at_s = share, at_s


def test_grades_go_oldest_first_and_only_to_whom_they_are_for(queue: GradeQueue) -> None:
    fake = Fake()
    assert queue.send_some(fake) == 2
    assert [said["userId"] for said in fake.got] == ["s0", "s1"]
    assert queue.send_some(fake) == 0
    assert queue.waiting() == Waiting(0, 0)


def test_one_that_does_not_come_through_gives_way_to_the_others(queue: GradeQueue) -> None:
    fake = Fake(Unreachable("500"), None, Unreachable("500"))
    for _ in range(2):
        with pytest.raises(Unreachable):
            queue.send_some(fake)
    assert [said["userId"] for said in fake.got] == ["s0", "s1", "s0"]
    assert queue.waiting() == Waiting(1, 0)


def test_a_grade_that_comes_while_one_is_sent_is_sent_too(queue: GradeQueue, store: Store) -> None:
    fake = Fake()
    fake.meanwhile = lambda: change(store, 0.75, 200.0)
    queue.send_some(fake)
    fake.meanwhile = lambda: None
    assert queue.waiting().waiting > 0
    queue.send_some(fake)
    assert fake.got[-1]["scoreGiven"] == 75.0
    assert queue.waiting() == Waiting(0, 0)


def test_a_moment_that_was_too_early_is_followed_by_the_next_second_then_by_later_ones(
    queue: GradeQueue, now_s: list[float]
) -> None:
    fake = Fake(*[Early()] * 6)
    for at_s in (1000.5, 1000.9, 1001.0, 1002.9, 1003.0):
        now_s[0] = at_s
        queue.send_some(fake)
    assert [_at(said) for said in fake.got[::2]] == [100.0, 1001.0, 1003.0]
    assert queue.waiting() == Waiting(2, 0)


def test_a_platform_that_has_a_later_grade_for_good_is_believed_in_the_end(
    queue: GradeQueue, now_s: list[float]
) -> None:
    fake = Fake(*[Early()] * 100)
    while queue.waiting().waiting:
        queue.send_some(fake)
        now_s[0] += 1000.0
    assert len(fake.got) == 2 * MOST_EARLY
    assert queue.waiting() == Waiting(0, 2)


def test_what_was_refused_waits_again_after_a_start(queue: GradeQueue) -> None:
    queue.send_some(Fake(Refused("403"), Refused("404")))
    assert queue.waiting() == Waiting(0, 2)
    queue.try_again()
    assert queue.waiting() == Waiting(2, 0)


def test_answers_are_bounded_and_redirects_not_followed(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = asking.asker()
    assert ask(asking.Question(f"{platform.address}/none")).status == 404
    platform.answers = [302]
    posted = asking.Question(f"{platform.address}/items/x/scores", b"{}", {"authorization": f"Bearer {TOKEN}"})
    assert ask(posted).status == 302
    assert TOKEN not in repr(posted)
    monkeypatch.setattr(asking, "MOST_BYTES", 10)
    with pytest.raises(Unreachable, match="does not end its answer"):
        ask(asking.Question(f"{platform.address}/jwks"))
