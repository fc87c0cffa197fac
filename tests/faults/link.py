"""A bad line between a client and a hub: real sockets, messages late, lost, swapped, held up, and cut off.

TCP itself neither loses nor swaps; what stands between (a proxy of a hospital, a headset that sleeps, a reconnecting
radio) can. Each fault strikes one message of one direction; after the last the line is good.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls the message that comes after `good` good ones."""

    kind: Literal["delay", "drop", "swap", "stall", "cut"]
    good: int
    seconds: float = 0.0


class Line:
    """One direction, and the faults that are left for it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = deque(faults)
        self._passed = 0

    def next_fault(self) -> Fault | None:
        """What befalls the message that is about to pass."""
        if self._faults and self._passed >= self._faults[0].good:
            self._passed = 0
            return self._faults.popleft()
        self._passed += 1
        return None


class CutOff(Exception):
    """The line is cut."""


class Link:
    """A proxy on a port of its own, in front of a hub."""

    def __init__(self, target: str, down: Iterable[Fault] = (), up: Iterable[Fault] = ()) -> None:
        self._target = target
        self._down, self._up = Line(down), Line(up)
        self._server: Server | None = None
        self.address = ""

    async def __aenter__(self) -> Link:
        self._server = await serve(self._relay, "127.0.0.1", 0, compression=None, max_size=None)
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.address = f"ws://127.0.0.1:{port}/ws"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close(close_connections=True)
        await self._server.wait_closed()

    async def _relay(self, client: ServerConnection) -> None:
        async with connect(self._target, compression=None, max_size=None, proxy=None) as hub:
            ways = [
                asyncio.create_task(_pass_on(hub, client, self._down)),
                asyncio.create_task(_pass_on(client, hub, self._up)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionClosed, CutOff):
                    await way
            for end in (client, hub):
                end.transport.abort()


async def _pass_on(
    source: ClientConnection | ServerConnection, target: ClientConnection | ServerConnection, line: Line
) -> None:
    async for message in _messages(source, line):
        await target.send(message)


async def _messages(source: ClientConnection | ServerConnection, line: Line) -> AsyncIterator[str | bytes]:
    while True:
        message = await source.recv()
        fault = line.next_fault()
        if fault is None:
            yield message
            continue
        match fault.kind:
            case "delay" | "stall":
                await asyncio.sleep(fault.seconds)
                yield message
            case "swap":
                later = await source.recv()
                yield later
                yield message
            case "cut":
                raise CutOff
            case "drop":
                pass
