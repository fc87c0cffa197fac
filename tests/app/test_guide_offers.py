"""What other programs are told of a session: places that Sightline stands by, and no others."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from engine.app.guide_offers import GuideOffers
from engine.core.errors import EnvironmentLacks
from guidance.devices.openigtlink.asking import ask_once, command_once
from guidance.devices.openigtlink.messages import (
    CommandMessage,
    PointMessage,
    StatusCode,
    StatusMessage,
    TrackingData,
    TrajectoryMessage,
)
from guidance.devices.openigtlink.serving import Server
from guidance.devices.simulated import FaultKind
from guidance.session.session import Session
from guidance.track.placing import Placed
from guidance.trajectory.trajectory import Trajectory
from tests.guidance.session.theatre import CALIBRATED, PLAN, TOOL, Theatre, hand

HOST = "127.0.0.1"
WAY = Trajectory("a", "Frontal", np.array([10.0, -80.0, 40.0]), np.array([0.0, 0.0, 5.0]), 1.5)


@pytest.fixture(scope="module")
def theatre() -> Theatre:
    """Registered and not checked."""
    made = Theatre(hand=hand(5), session=Session(CALIBRATED, PLAN.frame))
    made.play(0.3)
    made.register()
    return made


@pytest.fixture
def offers(theatre: Theatre) -> GuideOffers:
    made = GuideOffers({TOOL: "Pointer"}, PLAN.landmarks, lambda: (WAY,))
    made.take(theatre.play(0.3))
    return made


def test_a_tool_is_left_out_until_the_registration_is_checked_and_while_it_is_not_seen(
    theatre: Theatre, offers: GuideOffers
) -> None:
    places = offers.places("")
    assert places is not None
    assert places.tools == ()
    assert offers.status() == StatusMessage(
        StatusCode.NOT_READY, 0, "NOT_VERIFIED", "the registration was not checked on the patient"
    )
    theatre.verify()
    look = theatre.play(0.3)
    offers.take(look)
    assert offers.status().code == StatusCode.OK
    told = {name: offers.places(name) for name in ("RAS", "LPS")}
    place = look.tools[0].place
    assert isinstance(place, Placed)
    tip_mm = place.place.patient_from_tool.matrix[:3, 3]
    for name, sign in (("RAS", [-1, -1, 1]), ("LPS", [1, 1, 1])):
        there = told[name]
        assert there is not None
        np.testing.assert_allclose(there.tools[0].matrix[:3, 3], tip_mm * sign)
        assert there.time_s == place.place.measured_s
    theatre.inject(FaultKind.OCCLUDED, 0.4, TOOL)
    offers.take(theatre.play(0.3))
    now = offers.places("RAS")
    assert now is not None
    assert now.tools == ()
    assert offers.status().name == "NO_TOOL"
    assert offers.places("Tracker") is None
    theatre.play(0.5)


def test_a_program_beside_it_gets_tools_landmarks_and_ways_and_gives_no_orders(
    theatre: Theatre, offers: GuideOffers
) -> None:
    if not theatre.session.verifications:
        theatre.verify()
    offers.take(theatre.play(0.3))

    async def asked() -> None:
        async with Server(offers).open(time.monotonic, HOST, 0) as port:
            places = await ask_once(HOST, port, "TDATA", time.monotonic)
            assert isinstance(places, TrackingData)
            assert [tool.name for tool in places.tools] == ["Pointer"]
            points = await ask_once(HOST, port, "POINT", time.monotonic)
            assert isinstance(points, PointMessage)
            assert [one.name for one in points.points] == [one.name for one in PLAN.landmarks]
            ways = await ask_once(HOST, port, "TRAJ", time.monotonic, "Frontal")
            assert isinstance(ways, TrajectoryMessage)
            assert ways.trajectories[0].entry_mm == (-10.0, 80.0, 40.0)  # RAS
            with pytest.raises(EnvironmentLacks, match="no IMAGE"):
                await ask_once(HOST, port, "IMAGE", time.monotonic)
            answer = await command_once(HOST, port, CommandMessage(1, "Register", ""), time.monotonic)
            assert answer.text == "Register: Sightline takes no commands here"

    asyncio.run(asked())
