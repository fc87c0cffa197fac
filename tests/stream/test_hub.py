"""A session without sockets: who may move what, what registration does, and whose clock is believed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stream.audit_event import AuditEvent
from engine.stream.binary import Beat
from engine.stream.hub import HELLO_WITHIN_S, MOST_PEERS
from engine.stream.messages import PutNode, ReplaceScene, TrackedNode
from engine.stream.pairing import GRANT_S
from engine.stream.pose import Pose, PoseFrame
from engine.stream.roles import Action, Role, may
from tests.stream.hubs import NotedHub, Visitor
from tests.stream.scenes import scene, surface_node

STILL = (1.0, 0.0, 0.0, 0.0)
#: A quarter turn about the patient's axis, and a shift.
TURNED = [0.0, -1.0, 0.0, 10.0, 1.0, 0.0, 0.0, 20.0, 0.0, 0.0, 1.0, 30.0, 0.0, 0.0, 0.0, 1.0]


def opened() -> NotedHub:
    hub = NotedHub()
    hub.publish(ReplaceScene(scene=scene("a")))
    return hub


def track(name: str = "probe", thing: str = "tool") -> dict[str, Any]:
    return {"type": "track", "request": "r", "things": [{"id": name, "name": name.title(), "thing": thing}]}


def device(hub: NotedHub, now_s: float = 0.0, *, ahead_s: float = 0.0, name: str = "probe") -> tuple[Visitor, int]:
    """A tracker that has said what it tracks and has compared clocks; its entity."""
    visitor = Visitor(hub, Role.DEVICE, now_s, ahead_s=ahead_s)
    visitor.say(track(name), now_s)
    visitor.told(now_s)
    (entity,) = visitor.peer.entities
    return visitor, entity


def poses(visitor: Visitor, now_s: float) -> list[Pose]:
    return [record for record in visitor.told(now_s) if isinstance(record, Pose)]


def test_a_tracked_tool_is_seen_by_everyone_but_its_own_device() -> None:
    hub = opened()
    tracker, entity = device(hub)
    viewer = Visitor(hub, Role.VIEWER, 0.0)
    tracker.send(Pose(entity, 0.010, (1.0, 2.0, 3.0), STILL), 0.011)
    (pose,) = poses(viewer, 0.012)
    assert (pose.entity, pose.position_mm) == (entity, (1.0, 2.0, 3.0))
    assert poses(tracker, 0.012) == []
    assert any(node["id"] == "probe" for node in viewer.texts()[-1]["scene"]["nodes"])


@pytest.mark.parametrize("ahead_s", [-3600.0, -5.0, 0.0, 5.0, 1e6])
def test_source_times_come_out_on_the_hubs_clock_however_wrong_the_trackers_is(ahead_s: float) -> None:
    hub = opened()
    tracker, entity = device(hub, 100.0, ahead_s=ahead_s)
    viewer = Visitor(hub, Role.VIEWER, 100.0)
    tracker.send(Pose(entity, 100.020 + ahead_s, (0.0, 0.0, 0.0), STILL), 100.025)
    (pose,) = poses(viewer, 100.03)
    assert pose.time_s == pytest.approx(100.020, abs=1e-5)


@pytest.mark.parametrize("step_s", [-5.0, 5.0])
def test_a_clock_that_is_set_during_the_session_costs_poses_for_one_exchange_and_lies_in_none(step_s: float) -> None:
    hub = opened()
    tracker, entity = device(hub, 100.0)
    viewer = Visitor(hub, Role.VIEWER, 100.0)
    shown = []
    for n in range(200):
        now_s = 100.0 + n / 90
        if n == 90:
            tracker.ahead_s = step_s
        tracker.send(Pose(entity, now_s - 0.004 + tracker.ahead_s, (float(n), 0.0, 0.0), STILL), now_s)
        tracker.told(now_s)
        shown += [(now_s, pose) for pose in poses(viewer, now_s)]
    assert all(abs(now_s - 0.004 - pose.time_s) < 1e-3 for now_s, pose in shown)
    missed = 200 - len(shown)
    assert 1 <= missed <= 5
    assert sum(tracker.peer.discarded.values()) == missed


def test_a_pose_before_clocks_were_compared_is_not_shown() -> None:
    hub = opened()
    tracker = Visitor(hub, Role.DEVICE, 0.0)
    tracker.say(track(), 0.0)
    (entity,) = tracker.peer.entities
    tracker.send(Pose(entity, 0.0, (0.0, 0.0, 0.0), STILL), 0.0)
    assert hub.board.frame(entity) == b""
    assert list(tracker.peer.discarded) == ["a pose before the clocks were compared"]


def test_nobody_moves_what_another_tracks() -> None:
    hub = opened()
    _tracker, entity = device(hub)
    other, _own = device(hub, name="pointer")
    other.send(Pose(entity, 0.0, (9.0, 9.0, 9.0), STILL), 0.0)
    assert hub.board.frame(entity) == b""
    other.say(track("probe"), 0.0)
    assert other.texts()[-1]["summary"] == "'probe' is the name of something else"


def test_a_name_of_the_anatomy_cannot_be_taken_by_a_tool() -> None:
    hub = opened()
    tracker = Visitor(hub, Role.DEVICE, 0.0)
    tracker.say(track("a"), 0.0)
    assert tracker.texts()[-1]["type"] == "refused"
    assert hub.log.scene is not None
    assert hub.log.scene.nodes[0].kind == "surface"


def test_a_tool_whose_device_is_gone_is_lost_at_once_and_never_moves_again() -> None:
    hub = opened()
    tracker, entity = device(hub)
    viewer = Visitor(hub, Role.VIEWER, 0.0)
    tracker.send(Pose(entity, 0.010, (1.0, 2.0, 3.0), STILL), 0.011)
    poses(viewer, 0.012)
    hub.leave(tracker.peer)
    (lost,) = poses(viewer, 0.013)
    assert not lost.is_tracked
    assert lost.time_s == pytest.approx(0.010, abs=1e-6)


def test_a_device_that_comes_back_goes_on_under_the_same_number() -> None:
    hub = opened()
    tracker, entity = device(hub)
    hub.leave(tracker.peer)
    again = Visitor(hub, Role.DEVICE, 1.0, token=tracker.token)
    again.say(track(), 1.0)
    assert again.peer.entities == {entity}
    assert sum(isinstance(node, TrackedNode) for node in hub.log.scene.nodes) == 1  # type: ignore[union-attr]


def test_heads_of_those_who_leave_are_gone() -> None:
    hub = opened()
    trainee = Visitor(hub, Role.TRAINEE, 0.0)
    trainee.say(track("head", "head"), 0.0)
    hub.leave(trainee.peer)
    assert [node.id for node in hub.log.scene.nodes] == ["a"]  # type: ignore[union-attr]


def test_before_any_scan_is_open_nothing_is_tracked_and_the_device_is_told() -> None:
    hub = NotedHub()
    tracker = Visitor(hub, Role.DEVICE, 0.0)
    tracker.say(track(), 0.0)
    assert tracker.texts()[-1]["summary"] == "nothing is open yet: open a scan first"


def test_what_is_tracked_stays_when_another_scan_is_opened_and_its_registration_does_not() -> None:
    hub = opened()
    tracker, entity = device(hub)
    surgeon = Visitor(hub, Role.SURGEON, 0.0)
    register(surgeon)
    other = scene("b").model_copy(update={"id": "other", "frame_of_reference_uid": "9.9"})
    hub.publish(ReplaceScene(scene=other))
    now = hub.log.scene
    assert now is not None
    assert [node.id for node in now.nodes] == ["b", "probe"]
    assert now.registration is None
    assert now.registration_epoch == 2
    assert {node.frame_of_reference_uid for node in now.nodes} == {"9.9"}
    tracker.send(Pose(entity, 0.0, (0.0, 0.0, 0.0), STILL, registration_epoch=1), 0.0)
    assert tracker.peer.discarded == {"a pose under another registration": 1}


def register(visitor: Visitor, matrix: list[float] | None = None) -> None:
    visitor.say(
        {
            "type": "register",
            "request": "r",
            "scene": "scene",
            "patient_from_world": matrix or TURNED,
            "method": "points",
        },
        0.0,
    )


def test_a_registration_and_all_that_depends_on_it_land_in_one_op() -> None:
    hub = opened()
    device(hub)
    surgeon = Visitor(hub, Role.SURGEON, 0.0)
    surgeon.texts()
    register(surgeon)
    (op,) = surgeon.texts()
    assert op["op"]["registration"]["epoch"] == 1
    now = hub.log.scene
    assert now is not None
    assert now.registration is not None
    assert not now.registration.verified
    assert {node.registration_epoch for node in now.nodes} == {1}
    surgeon.say({"type": "verify", "request": "v", "scene": "scene", "epoch": 1, "error_mm": 1.2}, 0.0)
    assert hub.log.scene.registration.verified  # type: ignore[union-attr]
    assert [event for event, *_ in hub.noted].count(AuditEvent.REGISTRATION_CHANGED) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({0: 0.1}, "rigid"),
        ({0: -0.0, 1: 1.0}, "rigid"),  # a mirror: left and right swapped
        ({12: 1.0}, "last row"),
        ({0: 0.0, 1: 0.0, 2: 0.0}, "invertible"),
    ],
)
def test_a_registration_that_is_not_rigid_is_refused_in_words(change: dict[int, float], words: str) -> None:
    hub = opened()
    surgeon = Visitor(hub, Role.SURGEON, 0.0)
    register(surgeon, [change.get(n, value) for n, value in enumerate(TURNED)])
    assert words in surgeon.texts()[-1]["summary"]
    assert hub.log.scene.registration is None  # type: ignore[union-attr]


def test_a_registration_with_nan_is_no_message_at_all() -> None:
    hub = opened()
    surgeon = Visitor(hub, Role.SURGEON, 0.0)
    register(surgeon, [math.nan, *TURNED[1:]])
    assert surgeon.peer.closing is not None


def test_checking_a_registration_that_is_no_longer_in_force_is_refused() -> None:
    hub = opened()
    surgeon = Visitor(hub, Role.SURGEON, 0.0)
    register(surgeon)
    register(surgeon)
    surgeon.say({"type": "verify", "request": "v", "scene": "scene", "epoch": 1, "error_mm": 1.2}, 0.0)
    assert "not the one in force" in surgeon.texts()[-1]["summary"]
    assert not hub.log.scene.registration.verified  # type: ignore[union-attr]


REQUESTS: dict[str, tuple[Action, dict[str, Any]]] = {
    "stroke": (Action.EDIT, {"scene": "scene", "tool": "brush", "key": "a", "points_mm": [[0, 0, 0]], "radius_mm": 3}),
    "step": (Action.EDIT, {"scene": "scene", "direction": "undo"}),
    "prepare": (Action.EDIT, {"scene": "scene"}),
    "register": (Action.REGISTER, {"scene": "scene", "patient_from_world": TURNED, "method": "points"}),
    "verify": (Action.REGISTER, {"scene": "scene", "epoch": 0, "error_mm": 1}),
    "track": (Action.TRACK, {"things": [{"id": "t", "name": "T", "thing": "tool"}]}),
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("request_type", list(REQUESTS))
def test_every_request_of_every_role_passes_exactly_where_the_table_says(role: Role, request_type: str) -> None:
    action, fields = REQUESTS[request_type]
    hub = opened()
    visitor = Visitor(hub, role, 0.0)
    visitor.texts()
    visitor.say({"type": request_type, "request": "r", **fields}, 0.0)
    barred = [text for text in visitor.texts() if text["type"] == "refused" and " may not " in text["summary"]]
    assert bool(barred) != may(role, action)


def test_whoever_is_sent_out_is_told_and_gone_with_the_next_beat() -> None:
    hub = opened()
    visitor = Visitor(hub, Role.VIEWER, 0.0)
    assert visitor.peer.who is not None
    hub.access.desk.revoke(visitor.peer.who.id)
    hub.tick(0.1)
    assert visitor.texts()[-1]["code"] == "4403"
    assert not visitor.peer.is_live


def test_a_token_whose_day_is_over_ends_the_connection_it_opened() -> None:
    hub = opened()
    visitor = Visitor(hub, Role.VIEWER, 0.0)
    hub.tick(GRANT_S - 1)
    assert visitor.peer.is_live
    hub.tick(GRANT_S)
    assert not visitor.peer.is_live


def test_a_connection_that_never_says_hello_is_ended() -> None:
    hub = opened()
    peer = hub.join(None, lambda: None, lambda: (), 0.0)
    hub.tick(HELLO_WITHIN_S)
    assert peer.closing is None
    hub.tick(HELLO_WITHIN_S + 0.1)
    assert peer.closing is not None


def test_there_is_an_end_to_connections() -> None:
    hub = opened()
    for _ in range(MOST_PEERS):
        assert not hub.is_full
        hub.join(None, lambda: None, lambda: (), 0.0)
    assert hub.is_full


def test_nobody_comes_in_while_nothing_can_be_written_down() -> None:
    hub = opened()
    hub._is_noting = lambda: False
    assert Visitor(hub, Role.SURGEON, 0.0).peer.closing is not None


def test_comings_and_goings_are_written_down() -> None:
    hub = opened()
    visitor = Visitor(hub, Role.TRAINEE, 0.0)
    hub.leave(visitor.peer)
    assert [(event, who.split()[0]) for event, who, _ in hub.noted] == [
        (AuditEvent.CONNECTED, "trainee"),
        (AuditEvent.LEFT, "trainee"),
    ]


def test_a_beat_tells_the_hubs_time_and_the_last_op() -> None:
    hub = opened()
    visitor = Visitor(hub, Role.VIEWER, 0.0)
    visitor.told(0.0)
    hub.publish(PutNode(node=surface_node("b")))
    hub.tick(5.0)
    assert [record for record in visitor.told(5.0) if isinstance(record, Beat)] == [Beat(5.0, 2)]


def test_who_comes_later_is_told_that_the_session_is_recorded() -> None:
    hub = opened()
    hub.session(recording="on")
    assert Visitor(hub, Role.VIEWER, 0.0).texts()[0]["recording"] == "on"


@given(st.lists(st.tuples(st.floats(-1e5, 1e5), st.integers(0, 9), st.sampled_from(PoseFrame)), max_size=30))
def test_no_pose_from_any_device_ever_reaches_the_board_with_a_time_to_come(
    sent: list[tuple[float, int, PoseFrame]],
) -> None:
    hub = opened()
    tracker, entity = device(hub, 100.0)
    for time_s, number, frame in sent:
        tracker.send(Pose((entity + number) % 12, time_s, (0.0, 0.0, 0.0), STILL, frame), 100.0)
    age_s = hub.board.age_s(entity, 100.0)
    assert age_s is None or 0.0 <= age_s <= 1.0
    assert set(hub.board.entities) <= {entity}
