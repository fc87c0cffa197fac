"""A hub on a real socket and clients that never give up, all on one loop; time runs faster than outside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from engine.app.bench.stream_hub import Nothing
from engine.app.serve import Listening, listening_socket, server_config
from engine.core.errors import InvalidValue
from engine.stream.follower import Follower, MissedOps
from engine.stream.roles import Role
from engine.stream.server import create_app
from tests.stream.hubs import NotedHub

#: How much faster the clocks of hub and clients run, so that patience of 400 ms takes 20.
FASTER = 20.0
BEAT_EVERY_S = 0.002


def clock() -> float:
    """Seconds of hub and clients."""
    return asyncio.get_running_loop().time() * FASTER


@asynccontextmanager
async def serving(hub: NotedHub) -> AsyncIterator[str]:
    """The hub on a port of its own; yields the address of its socket."""
    sock = listening_socket(Listening("127.0.0.1", 0, tls=False))
    config = server_config(create_app(Nothing(), hub, None, clock=clock))
    config.log_level = "critical"
    server = uvicorn.Server(config)
    with contextlib.suppress(AttributeError):
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server._serve(sockets=[sock]))
    while not server.started:
        await asyncio.sleep(0.001)
    beating = asyncio.create_task(_beat(hub))
    try:
        yield f"ws://127.0.0.1:{sock.getsockname()[1]}/ws"
    finally:
        beating.cancel()
        server.should_exit = True
        await running
        sock.close()


async def _beat(hub: NotedHub) -> None:
    while True:
        hub.tick(clock())
        await asyncio.sleep(BEAT_EVERY_S)


class Client:
    """Follows a session over a line that may be bad; whenever it is left alone it connects again."""

    def __init__(self, address: str, token: str | None = None) -> None:
        self.address = address
        self.token = token
        self.knows = Follower()
        self.connections = 0
        #: Numbers of ops in the order in which they were taken, by epoch.
        self.taken: list[tuple[str | None, int]] = []

    async def follow(self) -> None:
        """For ever; cancel it."""
        while True:
            with contextlib.suppress(ConnectionClosed, InvalidHandshake, OSError, MissedOps, TimeoutError):
                await self._once()
            await asyncio.sleep(0.001)

    async def _once(self) -> None:
        async with connect(self.address, compression=None, max_size=None, proxy=None, close_timeout=0.01) as socket:
            self.connections += 1
            await socket.send(self.knows.hello(self.token, clock()))
            while True:
                async with asyncio.timeout(0.4 / FASTER):
                    frame = await socket.recv()
                if isinstance(frame, str):
                    before = self.knows.seq
                    self.knows.receive_text(frame, clock())
                    if self.knows.seq != before:
                        self.taken.append((self.knows.epoch, self.knows.seq or 0))
                else:
                    with contextlib.suppress(InvalidValue):
                        self.knows.receive_bytes(frame, clock())
                if said := self.knows.next_bytes(clock()):
                    await socket.send(said)


def token_for(hub: NotedHub, role: Role) -> str:
    """A token that lets in."""
    return hub.access.desk.admit(role, clock()).token
