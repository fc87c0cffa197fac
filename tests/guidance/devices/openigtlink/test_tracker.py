"""A tracker over a real socket, and every way in which its line breaks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from engine.core.transform import Transform
from engine.core.unknown import Why
from guidance.devices.device import Device, Said, open_device
from guidance.devices.openigtlink.messages import (
    Asked,
    CapabilityMessage,
    Message,
    Query,
    Reply,
    StatusCode,
    StatusMessage,
    TransformMessage,
)
from guidance.devices.openigtlink.serving import Server
from guidance.devices.openigtlink.transport import Connection, serving
from tests.guidance.devices.openigtlink.everything import pose
from tests.guidance.devices.openigtlink.test_serving import Theatre

HOST = "127.0.0.1"
WITHIN_S = 20.0


def run(main: Awaitable[Any]) -> Any:
    return asyncio.run(asyncio.wait_for(main, WITHIN_S))


@dataclass
class Peer:
    """A server that says one transform every few milliseconds, and keeps what it was asked."""

    says: Message | None = field(default_factory=lambda: TransformMessage(pose(1, 2, 3)))
    offers: tuple[str, ...] = ()
    asked: list[Message] = field(default_factory=list)
    connections: int = 0

    async def __call__(self, connection: Connection) -> None:
        self.connections += 1
        talking = asyncio.create_task(self._talk(connection))
        try:
            async for heard, _ in connection.heard():
                self.asked.append(heard.message)
                if heard.message == Query(Asked.ONCE, "CAPABILITY") and self.offers:
                    connection.say(CapabilityMessage(self.offers), "", None)
        finally:
            talking.cancel()

    async def _talk(self, connection: Connection) -> None:
        while True:
            if self.says is not None:
                connection.say(self.says, "Stylus", time.time())
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def opened(port: int, options: str = "") -> AsyncIterator[Device]:
    device = await open_device(f"igtl://{HOST}:{port}{options}", time.monotonic)
    try:
        yield device
    finally:
        await device.close()


async def first(device: Device, wanted: Any) -> Said:
    async for said in device.said():
        if wanted(said):
            return said
    raise AssertionError("the device ended")


def is_seen(said: Said) -> bool:
    return said.why is None and any(one.is_known for one in said.samples)


def is_lost(said: Said) -> bool:
    return said.why is Why.LINK_LOST


def test_places_of_a_server_are_heard_with_their_times_by_our_clock() -> None:
    async def main() -> None:
        async with serving(HOST, 0, time.monotonic, Peer()) as port, opened(port) as device:
            said = await first(device, is_seen)
            assert said.samples[0].thing == "Stylus"
            assert said.samples[0].time_s <= said.arrival_s <= time.monotonic()
            assert not device.is_simulated

    run(main())


def test_a_server_that_goes_away_is_said_at_once_and_one_that_comes_back_is_heard_again() -> None:
    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            serve = await stack.enter_async_context(contextlib.AsyncExitStack())
            port = await serve.enter_async_context(serving(HOST, 0, time.monotonic, Peer()))
            device = await stack.enter_async_context(opened(port))
            listened = device.said()
            while not is_seen(await anext(listened)):
                pass
            await serve.aclose()
            while not is_lost(said := await anext(listened)):
                pass
            assert said.samples == ()
            assert "closed" in said.words
            while "no OpenIGTLink server answers" not in (await anext(listened)).words:
                pass
            await stack.enter_async_context(serving(HOST, port, time.monotonic, Peer()))
            while not is_seen(await anext(listened)):
                pass

    run(main())


def test_a_line_that_falls_silent_is_lost_until_it_speaks_again() -> None:
    async def main() -> None:
        peer = Peer()
        async with serving(HOST, 0, time.monotonic, peer) as port, opened(port) as device:
            listened = device.said()
            while not is_seen(await anext(listened)):
                pass
            peer.says = None
            while not is_lost(said := await anext(listened)):
                pass
            assert "nothing came" in said.words
            peer.says = TransformMessage(pose(1, 2, 3))
            assert is_seen(await anext(listened))
            assert peer.connections == 1

    run(main())


@pytest.mark.parametrize("says", [TransformMessage(pose(1, 2, 3)), None], ids=["offered", "silent"])
def test_a_server_that_streams_on_demand_is_asked_once_with_an_interval(says: Message | None) -> None:
    """Where it offers to, or says no place by itself: the reference's own server waits without a word."""

    async def main() -> None:
        peer = Peer(says, ("STT_TDATA",) if says else ())
        wanted = Query(Asked.START, "TDATA", 20, "Patient")
        async with (
            serving(HOST, 0, time.monotonic, peer) as port,
            opened(port, "?interval_ms=20&coordinates=Patient") as device,
        ):
            listening = asyncio.create_task(first(device, lambda _: False))
            while wanted not in peer.asked:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.6)
            assert peer.asked.count(wanted) == 1
            await device.close()
            with pytest.raises(AssertionError, match="ended"):
                await listening
            while Query(Asked.STOP, "TDATA") not in peer.asked:
                await asyncio.sleep(0.01)

    run(main())


def test_a_server_that_speaks_without_being_asked_and_offers_nothing_is_left_alone() -> None:
    async def main() -> None:
        peer = Peer(offers=("TRANSFORM",))
        async with serving(HOST, 0, time.monotonic, peer) as port, opened(port) as device:
            start_s = time.monotonic()
            await first(device, lambda said: said.arrival_s > start_s + 0.8)
            assert peer.asked == [Query(Asked.ONCE, "CAPABILITY")]

    run(main())


def test_a_server_that_refuses_to_stream_is_told_in_words() -> None:
    async def main() -> None:
        async with (
            serving(HOST, 0, time.monotonic, Peer(Reply("TDATA", is_done=False))) as port,
            opened(port) as device,
        ):
            said = await first(device, lambda said: said.words)
            assert said.words == "the device does not stream on demand"

    run(main())


def test_what_the_device_says_of_itself_stays_until_it_says_otherwise() -> None:
    async def main() -> None:
        peer = Peer(StatusMessage(StatusCode.HARDWARE_FAILURE, 0, "", "the camera is too warm"))
        async with serving(HOST, 0, time.monotonic, peer) as port, opened(port) as device:
            listened = device.said()
            while (said := await anext(listened)).why is None:
                pass
            assert (said.why, said.words) == (Why.DEVICE, "the camera is too warm")
            peer.says = TransformMessage(pose(1, 2, 3))
            while not (said := await anext(listened)).samples:
                pass
            assert said.why is Why.DEVICE

    run(main())


def test_a_server_of_another_language_is_tried_less_and_less_often() -> None:
    async def main() -> None:
        connections = 0

        async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nServer: not what you think\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(http, HOST, 0)
        async with server, opened(server.sockets[0].getsockname()[1]) as device:
            start_s = time.monotonic()
            said = await first(device, lambda said: said.arrival_s > start_s + 0.5)
            assert said.why is Why.LINK_LOST
            assert "not OpenIGTLink" in said.words
            assert 2 <= connections <= 4

    run(main())


def test_a_server_of_pyigtl_is_a_device(unused_port: int) -> None:
    pyigtl = pytest.importorskip("pyigtl")

    async def main() -> None:
        server = pyigtl.OpenIGTLinkServer(port=unused_port, local_server=True)
        try:
            async with opened(unused_port) as device:
                while not server.is_connected():
                    await asyncio.sleep(0.01)
                message = pyigtl.TransformMessage(pose(1, 2, 3), device_name="Stylus", timestamp=time.time())
                server.send_message(message, wait=False)
                said = await first(device, is_seen)
                place = said.samples[0].world_from_thing
                assert isinstance(place, Transform)
                np.testing.assert_allclose(place.matrix, pose(1, 2, 3), atol=1e-5)
        finally:
            await asyncio.to_thread(server.stop)

    run(main())


def test_what_is_served_is_what_another_of_ours_hears() -> None:
    """From our server over a socket to our device: the same places under the same names."""

    async def main() -> None:
        theatre = Theatre()
        server = Server(theatre)
        async with server.open(time.monotonic, HOST, 0) as port, opened(port, "?interval_ms=0") as device:
            moving = asyncio.create_task(theatre.move(server))
            seen = 0
            async for said in device.said():
                for one in said.samples:
                    assert isinstance(one.world_from_thing, Transform)
                    np.testing.assert_allclose(one.world_from_thing.matrix[1:3, 3], (2, 3))
                    seen += 1
                if seen >= 10:
                    await device.close()
            moving.cancel()

    run(main())
