"""Clients of a guidance session for measuring: they follow, ask, and note when what came.

`python -m engine.app.bench.guided_client PORT COUNT`: so many headsets in one process; at the end of its input, when
each was told of which alerts, as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from engine.stream.follower import Follower
from engine.stream.guiding import Guidance, GuideAsk
from engine.stream.messages import PROTOCOL, GuideRequest, RefusedMessage
from engine.stream.reading import Reading


def _connected(port: int) -> connect:
    return connect(f"ws://127.0.0.1:{port}/ws", subprotocols=[Subprotocol(PROTOCOL)], compression=None, max_size=2**28)


@dataclass
class GuidedClient:
    """One connection. Not a value: it follows.

    Attributes:
        refused: what it was refused.
    """

    follower: Follower = field(default_factory=Follower)
    refused: list[str] = field(default_factory=list)
    on_reading: Callable[[Reading, float], None] = lambda _reading, _now_s: None
    _socket: ClientConnection | None = None
    _asked: int = 0

    async def follow(self, port: int) -> None:
        """Until it is cancelled, or the server is gone."""
        async with _connected(port) as socket:
            self._socket = socket
            await socket.send(self.follower.hello(None, time.monotonic()))
            async for frame in socket:
                now_s = time.monotonic()
                if isinstance(frame, bytes):
                    before = dict(self.follower.readings)
                    self.follower.receive_bytes(frame, now_s)
                    for entity, reading in self.follower.readings.items():
                        if before.get(entity) is not reading:
                            self.on_reading(reading, now_s)
                else:
                    said = self.follower.receive_text(frame, now_s)
                    if isinstance(said, RefusedMessage):
                        self.refused.append(said.summary)
                if answer := self.follower.next_bytes(now_s):
                    await socket.send(answer)

    async def ask(self, ask: GuideAsk) -> None:
        """Ask something of the session."""
        assert self._socket is not None
        assert self.follower.scene is not None
        self._asked += 1
        request = GuideRequest(request=f"ask {self._asked}", scene=self.follower.scene.id, ask=ask)
        await self._socket.send(request.model_dump_json())

    @property
    def guidance(self) -> Guidance | None:
        """How the session stands; None while none runs."""
        return None if self.follower.scene is None else self.follower.scene.guidance

    async def until(self, is_so: Callable[[], bool], at_most_s: float = 120.0) -> None:
        """Wait until something is so.

        Raises:
            TimeoutError: it never was.
        """
        async with asyncio.timeout(at_most_s):
            while not is_so():
                await asyncio.sleep(0.02)


@dataclass
class Headset:
    """One of many in a process: notes when each text came, and reads them afterwards.

    Headsets have a processor each; eight that read what they are told on this one would measure each other.
    """

    came: list[tuple[float, str]] = field(default_factory=list)

    async def follow(self, port: int) -> None:
        """Until it is cancelled, or the server is gone."""
        async with _connected(port) as socket:
            await socket.send(Follower().hello(None, time.monotonic()))
            async for frame in socket:
                if isinstance(frame, str):
                    self.came.append((time.monotonic(), frame))

    def alerts(self) -> list[tuple[float, list[str]]]:
        """When each list of alerts came, and the levels in it."""
        ops = ((at_s, json.loads(text).get("op") or {}) for at_s, text in self.came)
        return [(at_s, [one["priority"] for one in op["alerts"]]) for at_s, op in ops if op.get("kind") == "set_alerts"]


async def _many(port: int, count: int) -> None:
    headsets = [Headset() for _ in range(count)]
    following = [asyncio.create_task(headset.follow(port)) for headset in headsets]
    gc.collect()
    gc.freeze()
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await ended.wait()
    for task in following:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    sys.stdout.write(json.dumps([headset.alerts() for headset in headsets]))


if __name__ == "__main__":
    asyncio.run(_many(int(sys.argv[1]), int(sys.argv[2])))
