from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stream.access import Who
from engine.stream.messages import PROTOCOL, Job, JobUpdate, PutNode, ReplaceScene
from engine.stream.outbox import MAX_OPS
from engine.stream.peer import (
    BAD_MESSAGE,
    MAX_INCOMING_BYTES,
    NOT_ALLOWED,
    TOO_LARGE,
    TOO_MUCH,
    WRONG_PROTOCOL,
    Peer,
)
from engine.stream.pose import PoseBoard
from engine.stream.roles import Role
from engine.stream.scene_log import SceneLog
from tests.stream.scenes import scene, surface_node


def log_with_scene() -> SceneLog:
    log = SceneLog("epoch")
    log.append(ReplaceScene(scene=scene("a")))
    return log


def peer_of(log: SceneLog, *, token: str | None = None, jobs: tuple[Job, ...] = ()) -> Peer:
    def admit(given_token: str | None, _now_s: float) -> Who | None:
        return Who("someone", Role.SURGEON) if token is None or given_token == token else None

    return Peer(log, PoseBoard(), lambda: jobs, admit)


def hello(**changes: Any) -> str:
    return json.dumps({"type": "hello", "protocol": PROTOCOL, **changes})


def sent(peer: Peer) -> list[dict[str, Any]]:
    """What the peer is told, after whom it is taken for."""
    texts = []
    while (text := peer.next_message()) is not None:
        texts.append(json.loads(text))
    return [text for text in texts if text["type"] != "welcome"]


def test_a_new_client_gets_the_whole_scene() -> None:
    log = log_with_scene()
    peer = peer_of(log)
    peer.receive_text(hello(), 0.0)
    (snapshot,) = sent(peer)
    assert snapshot["type"] == "snapshot"
    assert snapshot["seq"] == log.seq
    assert [node["id"] for node in snapshot["scene"]["nodes"]] == ["a"]


def test_a_client_that_comes_back_gets_only_what_it_missed() -> None:
    log = log_with_scene()
    last = log.append(PutNode(node=surface_node("b")))
    peer = peer_of(log)
    peer.receive_text(hello(epoch="epoch", last_seq=1), 0.0)
    assert [message["seq"] for message in sent(peer)] == [last.seq]


def test_nothing_is_sent_before_hello() -> None:
    log = log_with_scene()
    peer = peer_of(log)
    peer.notify(log.append(PutNode(node=surface_node("b"))))
    assert sent(peer) == []


def test_a_live_client_gets_changes_in_order() -> None:
    log = log_with_scene()
    peer = peer_of(log)
    peer.receive_text(hello(), 0.0)
    sent(peer)
    for name in "bcd":
        peer.notify(log.append(PutNode(node=surface_node(name))))
    assert [message["seq"] for message in sent(peer)] == [2, 3, 4]


def test_a_client_too_slow_to_follow_is_resynchronised_with_the_newest_scene() -> None:
    log = log_with_scene()
    peer = peer_of(log)
    peer.receive_text(hello(), 0.0)
    sent(peer)
    for number in range(MAX_OPS + 10):
        peer.notify(log.append(PutNode(node=surface_node(f"n{number}"))))
    messages = sent(peer)
    assert messages[0]["type"] == "snapshot"
    assert messages[0]["seq"] == log.seq
    assert len(messages) == 1


def test_a_wrong_token_is_refused_and_told_what_to_do() -> None:
    peer = peer_of(log_with_scene(), token="right")
    peer.receive_text(hello(token="wrong"), 0.0)
    assert peer.closing == NOT_ALLOWED
    assert [message["type"] for message in sent(peer)] == ["error"]
    assert not peer.is_live


def test_another_protocol_is_refused() -> None:
    peer = peer_of(log_with_scene())
    peer.receive_text(hello(protocol="sightline.v0"), 0.0)
    assert peer.closing == WRONG_PROTOCOL


def test_running_jobs_are_told_to_a_client_that_comes_back() -> None:
    job = Job(id="j", state="running", stage="reading", fraction=0.5, eta_s=None, study="s", series=None)
    log = log_with_scene()
    peer = peer_of(log, jobs=(job,))
    peer.receive_text(hello(epoch="epoch", last_seq=log.seq), 0.0)
    assert sent(peer) == [json.loads(JobUpdate(job=job).model_dump_json())]


@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1")), st.sampled_from(["{}", "[]", "null"])))
def test_anything_that_is_no_hello_is_refused_without_echoing_it(text: str) -> None:
    peer = peer_of(log_with_scene())
    peer.receive_text(text, 0.0)
    assert peer.closing == BAD_MESSAGE
    (error,) = sent(peer)
    assert len(error["summary"]) < 200


@pytest.mark.parametrize("field", ["have", "last_seq", "extra"])
def test_the_refusal_names_the_bad_field(field: str) -> None:
    peer = peer_of(log_with_scene())
    peer.receive_text(hello(**{field: ["not a hash"]}), 0.0)
    (error,) = sent(peer)
    assert field in error["summary"]


def test_a_second_hello_is_refused() -> None:
    peer = peer_of(log_with_scene())
    peer.receive_text(hello(), 0.0)
    peer.receive_text(hello(), 0.0)
    assert peer.closing == BAD_MESSAGE


def test_nothing_is_taken_after_a_refusal() -> None:
    peer = peer_of(log_with_scene(), token="right")
    peer.receive_text(hello(token="wrong"), 0.0)
    peer.receive_text(hello(token="right"), 0.0)
    assert not peer.is_live
    assert len(sent(peer)) == 1


def test_a_message_larger_than_any_client_may_send_is_refused() -> None:
    peer = peer_of(log_with_scene())
    peer.receive_text("x" * (MAX_INCOMING_BYTES + 1), 0.0)
    assert peer.closing == TOO_LARGE


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50).map(sorted))
def test_a_hand_that_draws_sixty_strokes_a_second_is_never_too_much(starts_s: list[float]) -> None:
    peer = peer_of(log_with_scene())
    peer.receive_text(hello(), 0.0)
    step = json.dumps({"type": "step", "request": "r", "scene": "s", "direction": "undo"})
    for start_s in starts_s[:10]:
        for n in range(60):
            peer.receive_text(step, start_s + n / 60)
    assert peer.closing is None


def test_a_flood_of_bytes_is_refused_within_a_second() -> None:
    peer = peer_of(log_with_scene())
    peer.receive_text(hello(), 0.0)
    for n in range(1000):
        peer.receive_bytes(bytes(1024), n / 1000)
    assert peer.closing == TOO_MUCH
