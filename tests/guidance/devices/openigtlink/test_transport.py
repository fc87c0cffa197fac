"""Real sockets: our two ends, and pyigtl at either."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import numpy as np
import pytest

from engine.core.errors import EnvironmentLacks
from guidance.devices.openigtlink.frame import NotOpenIGTLink
from guidance.devices.openigtlink.messages import StringMessage, TransformMessage
from guidance.devices.openigtlink.transport import MOST_WAITING_BYTES, Connection, connect, serving
from tests.guidance.devices.openigtlink.everything import EVERYTHING, assert_same, pose

pyigtl = pytest.importorskip("pyigtl")

HOST = "127.0.0.1"
WITHIN_S = 20.0


async def echo(connection: Connection) -> None:
    async for heard, _ in connection.heard():
        connection.say(heard.message, heard.device, heard.time_s, heard.metadata)


def run(main: Any) -> None:
    asyncio.run(asyncio.wait_for(main, WITHIN_S))


def test_everything_goes_there_and_back() -> None:
    async def main() -> None:
        async with serving(HOST, 0, time.monotonic, echo) as port:
            client = await connect(HOST, port, time.monotonic)
            wanted = {kind: one for kind, one in EVERYTHING.items() if kind != "GET_CAPABIL"}
            for message in wanted.values():
                client.say(message, "Device", 5.5)
            back = []
            async for heard, arrival_s in client.heard():
                assert arrival_s <= time.monotonic()
                back.append(heard.message)
                if len(back) == len(wanted):
                    break
            for message, expected in zip(back, wanted.values(), strict=True):
                assert_same(message, expected)
            await client.close()

    run(main())


def test_a_client_that_speaks_something_else_is_closed_and_no_other() -> None:
    async def main() -> None:
        async with serving(HOST, 0, time.monotonic, echo) as port:
            good = await connect(HOST, port, time.monotonic)
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"GET / HTTP/1.1\r\nHost: somewhere\r\nAccept: everything, please\r\n\r\n")
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
            good.say(StringMessage("still here"), "", None)
            async for heard, _ in good.heard():
                assert heard.message == StringMessage("still here")
                break
            await good.close()

    run(main())


def test_a_server_that_speaks_something_else_is_refused() -> None:
    async def http(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nServer: not what you think\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        server = await asyncio.start_server(http, HOST, 0)
        client = await connect(HOST, server.sockets[0].getsockname()[1], time.monotonic)
        with pytest.raises(NotOpenIGTLink):
            async for _ in client.heard():
                pass
        await client.close()
        server.close()
        await server.wait_closed()

    run(main())


def test_a_server_that_goes_away_ends_the_hearing() -> None:
    async def main() -> None:
        async with serving(HOST, 0, time.monotonic, echo) as port:
            client = await connect(HOST, port, time.monotonic)
            client.say(StringMessage("hello"), "", None)
            await anext(client.heard())
        assert [heard async for heard in client.heard()] == []
        await client.close()

    run(main())


def test_a_server_that_closes_while_somebody_is_connected_closes_without_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with serving(HOST, 0, time.monotonic, echo) as port:
            client = await connect(HOST, port, time.monotonic)
            client.say(StringMessage("hello"), "", None)
            await anext(client.heard())
        assert [heard async for heard in client.heard()] == []
        await client.close()

    run(main())
    assert caplog.records == []


def test_who_does_not_read_is_sent_no_old_places() -> None:
    async def main() -> None:
        held = asyncio.Event()

        async def talk(connection: Connection) -> None:
            large = StringMessage("x" * 60_000)
            for _ in range(2000):
                connection.say(large, "", None)
                assert connection.writer.transport.get_write_buffer_size() <= MOST_WAITING_BYTES + 70_000
            assert connection.dropped > 0
            held.set()

        async with serving(HOST, 0, time.monotonic, talk) as port:
            _, writer = await asyncio.open_connection(HOST, port, limit=1024)
            await held.wait()
            writer.transport.abort()

    run(main())


def test_nobody_there_is_said_with_what_to_do() -> None:
    async def main() -> None:
        with pytest.raises(EnvironmentLacks, match="--device"):
            await connect(HOST, 1, time.monotonic)

    run(main())


def test_a_client_of_pyigtl_hears_our_server() -> None:
    async def talk(connection: Connection) -> None:
        with contextlib.suppress(ConnectionError):
            while not connection.writer.is_closing():
                connection.say(TransformMessage(pose(1, 2, 3)), "Stylus", time.time())
                await asyncio.sleep(0.02)

    async def main() -> None:
        async with serving(HOST, 0, time.monotonic, talk) as port:
            client = pyigtl.OpenIGTLinkClient(HOST, port)
            message = await asyncio.to_thread(client.wait_for_message, "Stylus", 10)
            np.testing.assert_allclose(message.matrix, pose(1, 2, 3), atol=1e-5)
            await asyncio.to_thread(client.stop)

    run(main())


def test_our_client_hears_a_server_of_pyigtl() -> None:
    async def main() -> None:
        port = free_port()
        server = pyigtl.OpenIGTLinkServer(port=port, local_server=True)
        try:
            client = await connect(HOST, port, time.monotonic)
            while not server.is_connected():
                await asyncio.sleep(0.01)
            server.send_message(pyigtl.TransformMessage(pose(1, 2, 3), device_name="Stylus"), wait=False)
            heard, _ = await anext(client.heard())
            assert heard.device == "Stylus"
            assert_same(heard.message, TransformMessage(pose(1, 2, 3)))
            await client.close()
        finally:
            await asyncio.to_thread(server.stop)

    run(main())


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
