"""Sightline as a server: what is asked for is given or refused, to our clients, pyigtl and the reference library."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from engine.core.errors import EnvironmentLacks
from guidance.devices.openigtlink.asking import ask_once, command_once
from guidance.devices.openigtlink.link import Heard
from guidance.devices.openigtlink.messages import (
    Asked,
    CapabilityMessage,
    CommandMessage,
    ImageMessage,
    Message,
    QuaternionTrackingData,
    Query,
    Reply,
    SensorMessage,
    StatusCode,
    StatusMessage,
    StringMessage,
    TrackedTool,
    TrackingData,
    TransformMessage,
)
from guidance.devices.openigtlink.serving import CAPABILITIES, GIVEN, Places, Server
from guidance.devices.openigtlink.transport import FRESH_BYTES, MOST_WAITING_BYTES, Connection, connect
from tests.guidance.devices.openigtlink.everything import DATA, assert_same, pose

HOST = "127.0.0.1"
WITHIN_S = 20.0
NAMES = {"POLYDATA": "liver", "IMAGE": "CT"}


@dataclass
class Theatre:
    """What there is to offer: one thing of each kind, and a stylus that moves."""

    x_mm: float = 0.0
    time_s: float = 1_700_000_000.0
    heard: list[Heard] = field(default_factory=list)
    extra: dict[tuple[str, str], Message] = field(default_factory=dict)

    def status(self) -> StatusMessage:
        return StatusMessage(StatusCode.OK, 0, "", "guiding")

    def places(self, coordinates: str) -> Places | None:
        if coordinates not in ("", "Patient"):
            return None
        return Places((TrackedTool("Stylus", 2, pose(self.x_mm, 2, 3)),), self.time_s)

    def of(self, kind: str, name: str) -> Message | None:
        if (kind, name) in self.extra:
            return self.extra[kind, name]
        return DATA[kind] if name in ("", NAMES.get(kind)) else None

    def command(self, command: CommandMessage) -> str:
        return f"<Result of='{command.name}'/>"

    def told(self, heard: Heard, arrival_s: float) -> None:
        self.heard.append(heard)

    async def move(self, server: Server) -> None:
        """A hundred places a second."""
        while True:
            self.x_mm += 1.0
            self.time_s += 0.01
            server.changed()
            await asyncio.sleep(0.01)


def run(main: Awaitable[Any]) -> Any:
    return asyncio.run(asyncio.wait_for(main, WITHIN_S))


def served(main: Any, theatre: Theatre | None = None) -> Any:
    """Run `main(theatre, server, port)` against a server whose stylus moves."""

    async def all_of_it() -> Any:
        offers = theatre or Theatre()
        server = Server(offers)
        async with server.open(time.monotonic, HOST, 0) as port:
            moving = asyncio.create_task(offers.move(server))
            try:
                return await main(offers, server, port)
            finally:
                moving.cancel()

    return run(all_of_it())


async def heard_until(connection: Connection, wanted: Any) -> list[Heard]:
    """Everything up to what is wanted."""
    heard = []
    async for one, _ in connection.heard():
        heard.append(one)
        if wanted(one.message):
            return heard
    raise AssertionError("the server hung up")


@pytest.mark.parametrize("kind", GIVEN)
def test_what_there_is_is_given_under_its_name(kind: str) -> None:
    async def main(_: Theatre, __: Server, port: int) -> Message:
        return await ask_once(HOST, port, kind, time.monotonic, NAMES.get(kind, ""))

    assert_same(served(main), DATA[kind])


def test_how_it_is_and_what_it_can_is_told() -> None:
    async def main(_: Theatre, __: Server, port: int) -> None:
        assert await ask_once(HOST, port, "STATUS", time.monotonic) == Theatre().status()
        assert await ask_once(HOST, port, "CAPABILITY", time.monotonic) == CapabilityMessage(CAPABILITIES)
        assert {"STT_TDATA", "GET_POLYDATA", "COMMAND", "TDATA"} < set(CAPABILITIES)

    served(main)


def test_places_are_given_once_in_each_form() -> None:
    async def main(_: Theatre, __: Server, port: int) -> None:
        data = await ask_once(HOST, port, "TDATA", time.monotonic)
        assert isinstance(data, TrackingData)
        assert data.tools[0].name == "Stylus"
        assert isinstance(await ask_once(HOST, port, "QTDATA", time.monotonic), QuaternionTrackingData)
        transform = await ask_once(HOST, port, "TRANSFORM", time.monotonic, "Stylus")
        assert isinstance(transform, TransformMessage)
        assert transform.matrix[1, 3] == 2

    served(main)


@pytest.mark.parametrize(
    ("kind", "name"), [("POLYDATA", "nobody"), ("TRANSFORM", "nobody"), ("SENSOR", ""), ("VIDEO", ""), ("BIND", "")]
)
def test_what_there_is_not_is_refused_in_words(kind: str, name: str) -> None:
    async def main(_: Theatre, __: Server, port: int) -> None:
        with pytest.raises(EnvironmentLacks, match=f"has no {kind}"):
            await ask_once(HOST, port, kind, time.monotonic, name)

    served(main)


def test_what_the_protocol_has_no_room_for_is_refused_and_the_server_goes_on() -> None:
    odd = SensorMessage(np.zeros(256))

    async def main(_: Theatre, __: Server, port: int) -> None:
        with pytest.raises(EnvironmentLacks, match="has no POINT odd"):
            await ask_once(HOST, port, "POINT", time.monotonic, "odd")
        assert await ask_once(HOST, port, "STATUS", time.monotonic) == Theatre().status()

    served(main, Theatre(extra={("POINT", "odd"): odd}))


def test_a_server_that_does_not_answer_is_waited_for_only_so_long() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(silent, HOST, 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(EnvironmentLacks, match=r"has not answered a question for POINT within 0\.2 s"):
                await ask_once(HOST, port, "POINT", time.monotonic, within_s=0.2)

    run(main())


def test_a_command_is_answered_under_its_number() -> None:
    async def main(_: Theatre, __: Server, port: int) -> None:
        answer = await command_once(HOST, port, CommandMessage(41, "Start", "<x/>"), time.monotonic)
        assert answer == CommandMessage(41, "Start", "<Result of='Start'/>", is_answer=True)

    served(main)


@pytest.mark.parametrize("kind", ["TDATA", "QTDATA"])
def test_places_are_streamed_from_start_to_stop_with_the_time_they_were_measured(kind: str) -> None:
    async def main(theatre: Theatre, _: Server, port: int) -> None:
        client = await connect(HOST, port, time.monotonic)
        client.say(Query(Asked.START, kind, 0, "Patient"), "tracker")
        said = []
        async for one, _arrival in client.heard():
            said.append(one)
            if len(said) == 6:
                break
        assert said[0].message == Reply(kind, is_done=True)
        for one in said[1:]:
            assert isinstance(one.message, TrackingData | QuaternionTrackingData)
            assert one.time_s is not None
            x_mm = one.message.tools[0].matrix[0, 3]
            assert one.time_s - 1_700_000_000 == pytest.approx(x_mm / 100, abs=1e-4)
        client.say(Query(Asked.STOP, kind), "tracker")
        await heard_until(client, lambda message: message == Reply(kind, is_done=True))
        client.say(Query(Asked.ONCE, "STATUS"), "")
        await asyncio.sleep(0.1)
        after = await heard_until(client, lambda message: isinstance(message, StatusMessage))
        assert len(after) == 1
        client.say(Query(Asked.STOP, kind), "tracker")
        await heard_until(client, lambda message: message == Reply(kind, is_done=False))
        await client.close()

    served(main)


def test_nobody_is_streamed_to_more_often_than_was_asked() -> None:
    async def main(_: Theatre, __: Server, port: int) -> None:
        client = await connect(HOST, port, time.monotonic)
        client.say(Query(Asked.START, "TDATA", 100), "")
        times = []
        async for one, arrival_s in client.heard():
            if isinstance(one.message, TrackingData):
                times.append((one.time_s or 0.0, arrival_s))
            if len(times) == 4:
                break
        # The stylus moves by its own time: between two that are sent it has moved for the interval.
        assert min(np.diff([source_s for source_s, _ in times])) > 0.02
        await client.close()

    served(main)


@pytest.mark.parametrize(
    "query", [Query(Asked.START, "TDATA", 0, "Moon"), Query(Asked.START, "IMAGE"), Query(Asked.START, "VIDEO")]
)
def test_streams_that_there_are_not_are_refused(query: Query) -> None:
    async def main(_: Theatre, __: Server, port: int) -> None:
        client = await connect(HOST, port, time.monotonic)
        client.say(query, "")
        await heard_until(client, lambda message: message == Reply(query.type, is_done=False))
        await client.close()

    served(main)


def test_who_does_not_read_costs_a_bounded_amount_and_nobody_else_anything() -> None:
    large = ImageMessage(np.zeros((64, 256, 256), np.int16), np.eye(3, 4), (256, 256, 64))

    async def main(_: Theatre, server: Server, port: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, port, limit=1024)
        link = Connection(reader, writer, time.monotonic)
        link.say(Query(Asked.START, "TDATA", 0), "")
        for _n in range(20):
            link.say(Query(Asked.ONCE, "IMAGE"), "big")
        while server.dropped < 15:
            assert isinstance(await ask_once(HOST, port, "TDATA", time.monotonic), TrackingData)
        waiting = sum(guest.connection.writer.transport.get_write_buffer_size() for guest in server._guests)
        assert waiting < MOST_WAITING_BYTES + large.voxels.nbytes + FRESH_BYTES + 1000
        writer.transport.abort()

    served(main, Theatre(extra={("IMAGE", "big"): large}))


def test_a_thousand_transforms_a_second_from_one_leave_the_others_what_they_asked_for() -> None:
    async def main(theatre: Theatre, _: Server, port: int) -> None:
        flood, client = await connect(HOST, port, time.monotonic), await connect(HOST, port, time.monotonic)
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                for _ in range(10):
                    flood.say(TransformMessage(pose(sent, 0, 0)), "Flood", 1.0 + sent)
                    sent += 1
                await asyncio.sleep(0.01)

        sending = asyncio.create_task(send())
        client.say(Query(Asked.START, "TDATA", 0), "")
        streamed = 0
        async for one, _arrival in client.heard():
            streamed += isinstance(one.message, TrackingData)
            if sent >= 1000 and streamed >= 50:
                break
        sending.cancel()
        await flood.close()
        while len(theatre.heard) < sent:
            await asyncio.sleep(0.01)
        assert [one.time_s for one in theatre.heard] == [1.0 + n for n in range(sent)]
        await client.close()

    served(main)


pyigtl = pytest.importorskip("pyigtl")


MessageBase: Any = pyigtl.messages.MessageBase


class Get(MessageBase):  # type: ignore[misc]
    """A question, which pyigtl has none of."""

    def __init__(self, kind: str, device_name: str) -> None:
        super().__init__(timestamp=None, device_name=device_name)
        self._message_type = f"GET_{kind}"
        self._valid_message = True


def test_pyigtl_is_given_what_it_asks_for_and_may_send_what_it_likes() -> None:
    async def main(theatre: Theatre, _: Server, port: int) -> None:
        client = pyigtl.OpenIGTLinkClient(HOST, port)
        try:
            while not client.is_connected():
                await asyncio.sleep(0.01)
            client.send_message(Get("POINT", ""), wait=False)
            message = await asyncio.to_thread(client.wait_for_message, "Sightline", 10)
            assert message.names == ["nasion", "left ear"]
            np.testing.assert_allclose(message.positions, [(1.0, 2.0, -3.5), (-70.0, 12.0, 8.0)])
            client.send_message(Get("TRANSFORM", "Stylus"), wait=False)
            message = await asyncio.to_thread(client.wait_for_message, "Stylus", 10)
            np.testing.assert_allclose(message.matrix[1:3, 3], (2, 3))
            client.send_message(pyigtl.StringMessage("hello", device_name="pyigtl"), wait=False)
            while StringMessage("hello") not in [one.message for one in theatre.heard]:
                await asyncio.sleep(0.01)
        finally:
            await asyncio.to_thread(client.stop)

    served(main)
