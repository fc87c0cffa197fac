"""A real guidance session with everything that can go wrong between a tracker and two pages: the command, its
processes, OpenIGTLink, the sockets, Chromium. Only the hand and the camera are a script."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from engine.app.bench.alerts import register, touch
from engine.app.bench.guided_client import GuidedClient
from engine.app.bench.guided_room import HZ, REFERENCE, TOOL, Hand, balls_mm, guiding, make_plan
from guidance.devices.openigtlink.frame import Frame, pack
from guidance.devices.openigtlink.messages import StatusCode, StatusMessage, ToolKind, TrackedTool, TrackingData
from guidance.devices.openigtlink.transport import Connection, serving


@dataclass
class Line:
    """How the tracker speaks now. Not a value: faults change it.

    Attributes:
        silent: nothing is sent.
        spoilt: what is done to a thing's matrix.
        late_s: how long what was measured waits before it is sent.
        clock_s: how far the tracker's clock is ahead.
        dropped: share of frames that never come.
        wrong_checksum: every message has one.
        is_down: nobody is let in.
    """

    silent: bool = False
    spoilt: dict[str, Callable[[np.ndarray, int], np.ndarray]] = field(default_factory=dict)
    late_s: float = 0.0
    clock_s: float = 0.0
    dropped: float = 0.0
    wrong_checksum: bool = False
    is_down: bool = False
    connections: list[Connection] = field(default_factory=list)

    def cut(self) -> None:
        """Pull the cable."""
        for connection in self.connections:
            connection.writer.close()

    def status(self, code: StatusCode) -> None:
        """The tracker reports how it is."""
        for connection in self.connections:
            connection.say(StatusMessage(code, 0, code.name, "said by a test"), "Tracker")

    def strange(self) -> None:
        """Types that nobody knows."""
        for connection in self.connections:
            for _ in range(200):
                connection.writer.write(pack(Frame("MYSTERY", "Tracker", None, bytes(64))))


@dataclass
class Room:
    """The session, from the tracker to the clients of it. Coroutines run on a loop of their own."""

    hand: Hand
    line: Line
    client: GuidedClient
    port: int
    recording: Path
    server: int
    _loop: asyncio.AbstractEventLoop

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def run(self, work: Awaitable[Any], at_most_s: float = 120.0) -> Any:
        """Do something on the loop, and wait for it."""

        async def whole() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(whole(), self._loop).result(at_most_s)

    def register(self) -> None:
        """Touch what is to be touched, until it guides."""
        self.run(register(self.client, self.hand))

    def check(self) -> None:
        """Touch the check points again."""
        guidance = self.client.guidance
        assert guidance is not None
        for one in guidance.landmarks:
            if one.use == "check":
                self.run(touch(self.client, self.hand, one.id))

    def rest(self, away_mm: float = 12.0) -> None:
        """Bring the tip near the target."""

        async def go() -> None:
            goal = balls_mm()[0] + away_mm * np.array([0.0, -1.0, 0.3]) / np.linalg.norm([0.0, -1.0, 0.3])
            steps = max(1, int(np.ceil(float(np.linalg.norm(goal - self.hand.tip_mm)) / 6.0)))
            start = self.hand.tip_mm
            for n in range(1, steps + 1):
                self.hand.tip_mm = start + (goal - start) * n / steps
                await asyncio.sleep(0.02)

        self.run(go())

    def kill_loop(self) -> None:
        """End the guidance loop by force."""
        for child in psutil.Process(self.server).children(recursive=True):
            if "guide_loop" in " ".join(child.cmdline()) or _is_loop(child):
                child.send_signal(signal.SIGKILL)


def _is_loop(process: psutil.Process) -> bool:
    """The loop is the one child that holds a line to the tracker."""
    try:
        return any(one.raddr for one in process.net_connections(kind="tcp"))
    except psutil.Error:
        return False


async def _serve(line: Line, hand: Hand, connection: Connection) -> None:
    if line.is_down:
        return
    line.connections.append(connection)
    chance = random.Random(0)
    waiting: list[tuple[float, TrackingData, float]] = []
    start_s, n = time.monotonic(), 0
    try:
        while not connection.writer.is_closing():
            n += 1
            await asyncio.sleep(max(0.0, start_s + n / HZ - time.monotonic()))
            tools = []
            for thing, place in hand.places().items():
                spoil = line.spoilt.get(thing)
                matrix = np.array(place.matrix)
                tools.append(TrackedTool(thing, ToolKind.FULL, matrix if spoil is None else spoil(matrix, n)))
            if not line.silent and chance.random() >= line.dropped:
                waiting.append((time.monotonic() + line.late_s, TrackingData(tuple(tools)), time.time() + line.clock_s))
            while waiting and waiting[0][0] <= time.monotonic():
                _, data, at_s = waiting.pop(0)
                said = connection.link.say(data, "Tracker", at_s)
                connection.writer.write(said[:-1] + bytes([said[-1] ^ 1]) if line.wrong_checksum else said)
    finally:
        line.connections.remove(connection)


@contextmanager
def guided_room(folder: Path) -> Iterator[Room]:
    """A session that waits to be registered."""
    make_plan(folder)
    hand, line, client = Hand(), Line(), GuidedClient()
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    ended = asyncio.Event()
    begun: asyncio.Future[tuple[int, int]] = asyncio.Future(loop=loop)
    recording = folder / "session.sightline"

    async def live() -> None:
        def serve(connection: Connection) -> Awaitable[None]:
            return _serve(line, hand, connection)

        try:
            async with (
                serving("127.0.0.1", 0, time.monotonic, serve) as tracker,
                guiding(folder, f"igtl://127.0.0.1:{tracker}", "--session", str(recording)) as port,
            ):
                following = asyncio.create_task(client.follow(port))
                await client.until(lambda: client.guidance is not None)
                begun.set_result((port, _server(port)))
                await ended.wait()
                following.cancel()
        except BaseException as error:
            if not begun.done():
                begun.set_exception(error)
            raise

    living = asyncio.run_coroutine_threadsafe(live(), loop)

    async def opened() -> tuple[int, int]:
        return await begun

    try:
        port, server = asyncio.run_coroutine_threadsafe(opened(), loop).result(240)
        yield Room(hand, line, client, port, recording, server, loop)
    finally:
        loop.call_soon_threadsafe(ended.set)
        living.exception(60)
        loop.call_soon_threadsafe(loop.stop)


def _server(port: int) -> int:
    """The process that listens there."""
    for process in psutil.Process().children(recursive=True):
        if any(one.laddr and one.laddr.port == port for one in process.net_connections(kind="tcp")):
            return int(process.pid)
    raise RuntimeError("the server is not there")


HIDE = {"tool": {TOOL}, "reference": {REFERENCE}, "both": {TOOL, REFERENCE}}
