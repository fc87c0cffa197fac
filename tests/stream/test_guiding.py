"""A guidance session at the hub: who may ask what, who is told, and that it alone registers while it runs."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.unknown import Why
from engine.stream.guiding import Alert, Guidance, GuidedDevice
from engine.stream.messages import GuideRequest, ReplaceScene, SetAlerts, SetGuidance, TrackedThing
from engine.stream.reading import Reading
from engine.stream.roles import Role
from engine.stream.scene_log import resumed
from tests.stream.hubs import NotedHub, Visitor
from tests.stream.scenes import scene as a_scene

GUIDANCE = Guidance(
    revision=1,
    step="register",
    next="Touch the nose",
    plan="A plan",
    device=GuidedDevice(name="Tracker", state="live"),
    tools=(),
)
ALERT = Alert(
    id="Pointer/tumour",
    priority="high",
    text="Inside: Tumour",
    shape="octagon",
    colour="red",
    flashes_hz=2.0,
    pulses=10,
    between_s=2.5,
    sounds=True,
    may_be_quiet=True,
    since_s=1.0,
)
IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]


def guided_hub() -> tuple[NotedHub, list[GuideRequest]]:
    """A hub with a scan, whose guidance keeps what it is asked."""
    hub = NotedHub()
    hub.publish(ReplaceScene(scene=a_scene("bone")))
    hub.publish(SetGuidance(guidance=GUIDANCE))
    asked: list[GuideRequest] = []
    hub.guide = lambda request, _refuse: asked.append(request)
    return hub, asked


def request(ask: dict[str, Any], hub: NotedHub) -> dict[str, Any]:
    scene = hub.log.scene
    assert scene is not None
    return {"type": "guide", "request": "r", "scene": scene.id, "ask": ask, "by": "somebody else"}


@pytest.mark.parametrize(
    ("ask", "may"),
    [
        ({"kind": "collect", "landmark": "nose"}, {Role.SURGEON, Role.ASSISTANT}),
        ({"kind": "solve"}, {Role.SURGEON, Role.ASSISTANT}),
        ({"kind": "margin", "margin": "risk", "distance_mm": 5.0}, {Role.SURGEON}),
        ({"kind": "choose", "id": None}, {Role.SURGEON}),
        ({"kind": "quiet", "alert": None, "how": "silence"}, {Role.SURGEON, Role.ASSISTANT}),
    ],
)
def test_only_who_may_is_heard(ask: dict[str, Any], may: set[Role]) -> None:
    for role in Role:
        hub, asked = guided_hub()
        visitor = Visitor(hub, role, 1.0)
        visitor.say(request(ask, hub), 1.0)
        refused = [text for text in visitor.texts() if text["type"] == "refused"]
        assert bool(asked) == (role in may)
        assert bool(refused) == (role not in may)
        if asked:
            assert visitor.peer.who is not None
            assert asked[0].by == visitor.peer.who.id  # whatever the client says


def test_where_nobody_guides_whoever_asks_is_told() -> None:
    hub = NotedHub()
    hub.publish(ReplaceScene(scene=a_scene("bone")))
    visitor = Visitor(hub, Role.SURGEON, 1.0)
    visitor.say(request({"kind": "solve"}, hub), 1.0)
    assert "no guidance runs here" in visitor.texts()[-1]["summary"]


def test_while_guidance_runs_it_alone_registers() -> None:
    hub, _ = guided_hub()
    scene = hub.log.scene
    assert scene is not None
    visitor = Visitor(hub, Role.SURGEON, 1.0)
    asks = {"request": "r", "scene": scene.id}
    visitor.say({"type": "register", "patient_from_world": IDENTITY, "method": "by hand", **asks}, 1.0)
    visitor.say({"type": "verify", "epoch": 0, "error_mm": 0.1, **asks}, 1.0)
    refused = [text["summary"] for text in visitor.texts() if text["type"] == "refused"]
    assert len(refused) == 2
    assert all("guidance runs here" in summary for summary in refused)


def test_alerts_end_with_the_guidance_and_neither_outlives_its_server() -> None:
    hub, _ = guided_hub()
    hub.publish(SetAlerts(alerts=(ALERT,)))
    scene = hub.log.scene
    assert scene is not None
    assert scene.alerts == (ALERT,)
    assert resumed(scene).guidance is None
    assert resumed(scene).alerts == ()
    hub.publish(SetGuidance(guidance=None))
    scene = hub.log.scene
    assert scene is not None
    assert scene.alerts == ()


def test_readings_reach_everyone_and_end_with_the_tool() -> None:
    hub, _ = guided_hub()
    (entity,) = hub.track_here((TrackedThing(id="tool/Pointer", name="Pointer", thing="tool"),), "guidance").values()
    visitors = [Visitor(hub, role, 1.0) for role in (Role.SURGEON, Role.VIEWER)]
    for visitor in visitors:
        visitor.told(1.0)
    for time_s in (1.0, 1.01):
        assert hub.read(Reading(entity, time_s, Why.NO_TOOL, 1.0, None, 0.0, 1, 0))
    for visitor in visitors:
        (newest,) = (record for record in visitor.told(1.1) if isinstance(record, Reading))
        assert newest.time_s == 1.01
    hub.leave_here(["tool/Pointer"])
    assert hub.readings.latest(entity) is None
    assert hub.log.scene is not None
    assert all(node.id != "tool/Pointer" for node in hub.log.scene.nodes)


def test_a_client_that_sends_readings_is_not_believed() -> None:
    hub, _ = guided_hub()
    visitor = Visitor(hub, Role.DEVICE, 1.0)
    visitor.send(Reading(1, 1.0, Why.NO_TOOL, 1.0, None, 0.0, 1, 0), 1.0)
    assert visitor.peer.discarded == {"what only a hub sends": 1}
    assert not hub.readings.entities
