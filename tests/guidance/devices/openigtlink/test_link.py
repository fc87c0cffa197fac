"""A connection without its socket, and what a tracker says over it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.transform import Transform
from engine.core.unknown import Why
from guidance.devices.openigtlink.codec import TYPES
from guidance.devices.openigtlink.frame import EXTENDED, PLAIN, Frame, pack
from guidance.devices.openigtlink.link import Heard, Link
from guidance.devices.openigtlink.messages import (
    Asked,
    CapabilityMessage,
    Message,
    PositionMessage,
    QuaternionTrackingData,
    Query,
    StatusCode,
    StatusMessage,
    StringMessage,
    TrackedTool,
    TrackingData,
    TransformMessage,
)
from guidance.devices.openigtlink.tracking import UNSAFE, Tracking
from guidance.track.sample import Sample
from tests.guidance.devices.openigtlink.everything import EVERYTHING, assert_same, pose


@pytest.mark.parametrize("kind", EVERYTHING)
def test_what_one_end_says_the_other_hears(kind: str) -> None:
    heard, _ = Link().hear(Link().say(EVERYTHING[kind], "Device", 12.5))
    assert_same(heard[0].message, EVERYTHING[kind])
    assert (heard[0].device, heard[0].time_s) == ("Device", 12.5)


def test_headers_of_version_two_go_only_to_who_used_one() -> None:
    server, old, new = Link(), Link(), Link(version=EXTENDED)
    server.hear(old.say(StringMessage("hello"), "", None))
    assert server.version == PLAIN
    assert server.say(StringMessage("hello"), "", None, {"key": "value"})[1] == PLAIN
    server.hear(new.say(StringMessage("hello"), "", None))
    heard, _ = new.hear(server.say(StringMessage("hello"), "", None, {"key": "value"}))
    assert heard[0].metadata == {"key": "value"}


def test_who_asks_for_capabilities_is_told_under_the_name_that_was_asked() -> None:
    asker, asked = Link(), Link()
    _, answer = asked.hear(asker.say(Query(Asked.ONCE, "CAPABILITY"), "Anyone", None))
    heard, _ = asker.hear(answer)
    assert heard[0].message == CapabilityMessage(tuple(TYPES))
    assert heard[0].device == "Anyone"


def test_types_that_are_not_known_and_contents_that_are_wrong_are_counted_and_passed_over() -> None:
    link = Link()
    heard, _ = link.hear(
        pack(Frame("VIDEO", "Scope", None, b"\x00" * 99))
        + pack(Frame("TRANSFORM", "Tool", None, b"\x00" * 47))
        + link.say(StringMessage("after"), "", None)
    )
    assert [one.message for one in heard] == [StringMessage("after")]
    assert link.unknown == {"VIDEO": 1}
    assert link.malformed == 1


def hear(
    tracking: Tracking, message: Message, device: str = "Tracker", time_s: float | None = 1.0
) -> dict[str, Sample]:
    return {one.thing: one for one in tracking.hear(Heard(message, device, time_s, {}), 2.0)}


def tools(*names: str) -> tuple[TrackedTool, ...]:
    return tuple(TrackedTool(name, 2, pose(1, 2, 3)) for name in names)


@pytest.mark.parametrize(
    "message",
    [
        TransformMessage(pose(1, 2, 3, about=(0, 0, 0.5))),
        PositionMessage(np.array([1.0, 2.0, 3.0]), np.array([0, 0, np.sin(0.25), np.cos(0.25)])),
        TrackingData((TrackedTool("Tracker", 2, pose(1, 2, 3, about=(0, 0, 0.5))),)),
        QuaternionTrackingData((TrackedTool("Tracker", 2, pose(1, 2, 3, about=(0, 0, 0.5))),)),
    ],
    ids=["TRANSFORM", "POSITION", "TDATA", "QTDATA"],
)
def test_a_place_is_the_same_whichever_way_it_is_said(message: Message) -> None:
    place = hear(Tracking(), message)["Tracker"].world_from_thing
    assert isinstance(place, Transform)
    np.testing.assert_allclose(place.matrix, pose(1, 2, 3, about=(0, 0, 0.5)), atol=1e-9)


def test_what_a_frame_of_the_tracker_leaves_out_is_not_seen() -> None:
    """TDATA has no flag for it: invisible tools are left out (protocol, trackingdata.md)."""
    tracking = Tracking()
    assert all(one.is_known for one in hear(tracking, TrackingData(tools("A", "B"))).values())
    second = hear(tracking, TrackingData(tools("B")))
    assert not second["A"].is_known
    assert second["B"].is_known
    assert hear(tracking, TrackingData(tools("C")), "Another tracker").keys() == {"C"}


@pytest.mark.parametrize("code", StatusCode)
def test_every_status_is_safe_or_says_why_not(code: StatusCode) -> None:
    tracking = Tracking()
    assert hear(tracking, StatusMessage(code, 0, "Name", "words")) == {}
    assert tracking.why == UNSAFE.get(code)
    assert tracking.words == "Name words"
    hear(tracking, StatusMessage(StatusCode.OK))
    assert tracking.why is None


@pytest.mark.parametrize(
    "code",
    [StatusCode.PANIC, StatusCode.TIME_OUT, StatusCode.NOT_READY, StatusCode.NOT_PRESENT, StatusCode.HARDWARE_FAILURE],
)
def test_a_device_in_trouble_is_not_believed(code: StatusCode) -> None:
    assert UNSAFE[code] in (Why.DEVICE, Why.LINK_LOST)


def test_times_are_the_devices_told_by_our_clock() -> None:
    tracking = Tracking()
    transform = TransformMessage(pose(1, 2, 3))
    for n in range(10):
        tracking.hear(Heard(transform, "T", 1000.0 + n / 10, {}), 50.0 + n / 10 + (0.03 if n == 9 else 0.0))
    (late,) = tracking.hear(Heard(transform, "T", 1000.9, {}), 50.93)
    assert late.time_s == pytest.approx(50.9)
    (untimed,) = tracking.hear(Heard(transform, "T", None, {}), 51.0)
    assert untimed.time_s == 51.0
