"""What a laboratory tries in its first ten minutes, against a real socket: every way to make a tracker lie."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.unknown import Unknown, Why
from guidance.devices.device import Said, open_device
from guidance.devices.openigtlink.frame import Frame, pack
from guidance.devices.openigtlink.link import Link
from guidance.devices.openigtlink.messages import TrackedTool, TrackingData, TransformMessage
from guidance.devices.openigtlink.tracker import Tracker
from guidance.devices.openigtlink.transport import Connection, serving
from guidance.track.track import STALE_S, Track
from tests.guidance.devices.openigtlink.everything import pose

HOST = "127.0.0.1"
WITHIN_S = 30.0


@dataclass
class Server:
    """A tracker's server that says what the test wants it to: a good stylus, a hundred times a second, at first.

    Attributes:
        spoil: from a matrix to what is sent in its place; bytes are sent as they are.
        clock_s: how far its clock is ahead.
        pause_s: between messages.
    """

    spoil: Callable[[Float64], Float64 | bytes] = lambda matrix: matrix
    clock_s: float = 0.0
    pause_s: float = 0.01
    is_silent: bool = False
    batch: int = 1
    sent: int = 0
    lines: list[Connection] = field(default_factory=list)

    async def __call__(self, connection: Connection) -> None:
        self.lines.append(connection)
        hearing = asyncio.create_task(self._hear(connection))
        try:
            while not connection.writer.is_closing():
                for _ in range(0 if self.is_silent else self.batch):
                    self._say(connection)
                await asyncio.sleep(self.pause_s)
        finally:
            hearing.cancel()
            self.lines.remove(connection)

    def _say(self, connection: Connection) -> None:
        self.sent += 1
        spoiled = self.spoil(pose(300 + 0.001 * self.sent, 10, -900))
        if isinstance(spoiled, bytes):
            connection.writer.write(spoiled)
        else:
            connection.say(TransformMessage(spoiled), "Stylus", time.time() + self.clock_s)

    async def _hear(self, connection: Connection) -> None:
        async for _ in connection.heard():
            pass

    def pull(self) -> None:
        """Cut every line without a farewell."""
        for line in tuple(self.lines):
            line.writer.transport.abort()


@dataclass
class Bench:
    """Our side: the device, the track of its stylus, and everything it said."""

    device: Tracker
    track: Track = field(default_factory=lambda: Track("Stylus"))
    said: list[Said] = field(default_factory=list)

    async def listen(self) -> None:
        async for said in self.device.said():
            self.said.append(said)
            for one in said.samples:
                if one.thing == self.track.thing:
                    self.track = self.track.hear(one)

    @property
    def why(self) -> Why | None:
        """Why the stylus is not believed now; None while it is."""
        trusted = self.track.trusted(time.monotonic())
        return trusted.why if isinstance(trusted, Unknown) else None

    async def until(self, why: Why | None) -> None:
        while self.why is not why:
            await asyncio.sleep(0.002)

    async def stays(self, why: Why | None, for_s: float = 0.3) -> None:
        """For a while, and for many samples."""
        end_s = time.monotonic() + for_s
        while time.monotonic() < end_s:
            assert self.why is why
            await asyncio.sleep(0.01)

    def has_said(self, why: Why) -> bool:
        return any(said.why is why for said in self.said)


@contextlib.asynccontextmanager
async def bench(port: int) -> AsyncIterator[Bench]:
    device = await open_device(f"igtl://{HOST}:{port}", time.monotonic)
    assert isinstance(device, Tracker)
    made = Bench(device)
    listening = asyncio.create_task(made.listen())
    try:
        await made.until(None)
        yield made
    finally:
        await device.close()
        await listening


def tried(main: Callable[[Server, Bench], Awaitable[None]], server: Server | None = None) -> None:
    async def all_of_it() -> None:
        said = server or Server()
        async with serving(HOST, 0, time.monotonic, said) as port, bench(port) as ours:
            await main(said, ours)

    asyncio.run(asyncio.wait_for(all_of_it(), WITHIN_S))


def test_a_thousand_transforms_a_second_are_all_heard_and_the_newest_is_believed() -> None:
    async def main(server: Server, ours: Bench) -> None:
        while server.sent < 1500:
            assert ours.why is None
            await asyncio.sleep(0.01)
        server.is_silent = True
        await asyncio.sleep(0.1)
        assert sum(len(said.samples) for said in ours.said) == server.sent

    tried(main, Server(batch=10))


def test_a_matrix_with_nan_or_that_is_not_rigid_is_unknown_from_its_first_sample_and_good_ones_are_believed_again() -> (
    None
):
    def scaled(matrix: Float64) -> Float64:
        return np.asarray(matrix * np.array([1.2, 1.2, 1.2, 1.0])[:, None])

    def mirrored(matrix: Float64) -> Float64:
        return np.asarray(np.diag([-1.0, 1.0, 1.0, 1.0]) @ matrix)

    async def main(server: Server, ours: Bench) -> None:
        for spoil in (lambda matrix: matrix * np.nan, scaled, mirrored):
            server.spoil = spoil
            await ours.until(Why.INVALID)
            await ours.stays(Why.INVALID)
            server.spoil = lambda matrix: matrix
            await ours.until(None)

    tried(main)


def test_messages_with_a_wrong_checksum_are_no_messages_and_the_line_goes_on() -> None:
    link = Link()

    def wrong(matrix: Float64) -> bytes:
        data = bytearray(link.say(TransformMessage(matrix), "Stylus", time.time()))
        data[70] ^= 0xFF
        return bytes(data)

    async def main(server: Server, ours: Bench) -> None:
        server.spoil = wrong
        await ours.until(Why.STALE)
        heard_s = ours.track.heard_s
        await ours.stays(Why.STALE)
        assert ours.track.heard_s == heard_s
        server.spoil = lambda matrix: matrix
        await ours.until(None)
        assert ours.device.bad_checksums > 5
        assert not ours.has_said(Why.LINK_LOST)

    tried(main)


def test_a_clock_that_goes_back_five_seconds_makes_places_too_old_then_a_new_line_and_never_a_place_too_new() -> None:
    async def main(server: Server, ours: Bench) -> None:
        before = ours.device.tracking
        server.clock_s = -5.0
        await ours.until(Why.STALE)
        await ours.until(None)
        assert ours.device.tracking is not before
        assert any("clock was set back" in said.words for said in ours.said if said.why is Why.LINK_LOST)
        assert all(one.time_s <= said.arrival_s for said in ours.said for one in said.samples)
        await ours.stays(None)

    tried(main)


def test_places_that_pile_up_on_a_slow_line_are_never_taken_for_new_ones() -> None:
    """For a second they are too old; then the line is given up with all that waits on it."""

    async def main(server: Server, ours: Bench) -> None:
        waiting: list[tuple[float, Float64]] = []
        link = Link()

        def delayed(matrix: Float64) -> bytes:
            waiting.append((time.time(), matrix))
            if time.time() - waiting[0][0] < 0.4:
                return b""
            measured_s, old = waiting.pop(0)
            return link.say(TransformMessage(old), "Stylus", measured_s)

        server.spoil = delayed
        await ours.until(Why.STALE)
        while not ours.has_said(Why.LINK_LOST):
            assert ours.why is not None
            await asyncio.sleep(0.005)
        server.spoil = lambda matrix: matrix
        waiting.clear()
        await ours.until(None)

    tried(main)


def test_a_clock_that_goes_ahead_five_seconds_is_noticed_with_its_first_message() -> None:
    async def main(server: Server, ours: Bench) -> None:
        server.clock_s = 5.0
        while ours.device.tracking.clock.steps == 0:
            await asyncio.sleep(0.002)
        await ours.stays(None)
        assert all(one.time_s <= said.arrival_s for said in ours.said for one in said.samples)

    tried(main)


def test_a_cable_that_is_pulled_makes_the_tool_unknown_long_before_the_line_is_given_up() -> None:
    """Nothing comes any more, not even an end."""

    async def main(server: Server, ours: Bench) -> None:
        server.is_silent = True
        await ours.until(Why.STALE)
        assert not ours.has_said(Why.LINK_LOST)
        trusted = ours.track.trusted(time.monotonic())
        assert isinstance(trusted, Unknown)
        assert trusted.since_s - ours.track.seen[-1].time_s == pytest.approx(STALE_S)
        while not ours.has_said(Why.LINK_LOST):
            await asyncio.sleep(0.01)
        assert ours.said[-1].samples == ()
        server.is_silent = False
        await ours.until(None)
        assert ours.said[-1].why is None

    tried(main)


def test_a_line_that_is_cut_is_said_at_once_and_taken_up_again() -> None:
    async def main(server: Server, ours: Bench) -> None:
        server.pull()
        while not ours.has_said(Why.LINK_LOST):
            await asyncio.sleep(0.001)
        lost = next(said for said in ours.said if said.why is Why.LINK_LOST)
        while (ours.track.heard_s or 0.0) <= lost.arrival_s:
            await asyncio.sleep(0.001)
        await ours.until(None)

    tried(main)


def test_a_server_that_is_started_again_is_another_conversation() -> None:
    async def all_of_it() -> None:
        server = Server()
        async with contextlib.AsyncExitStack() as stack:
            first = await stack.enter_async_context(contextlib.AsyncExitStack())
            port = await first.enter_async_context(serving(HOST, 0, time.monotonic, server))
            ours = await stack.enter_async_context(bench(port))
            before = ours.device.tracking
            await first.aclose()
            while not ours.has_said(Why.LINK_LOST):
                await asyncio.sleep(0.001)
            await ours.until(Why.STALE)
            await stack.enter_async_context(serving(HOST, port, time.monotonic, Server(clock_s=-3600.0)))
            await ours.until(None)
            assert ours.device.tracking is not before
            assert ours.said[-1].why is None

    asyncio.run(asyncio.wait_for(all_of_it(), WITHIN_S))


def test_types_that_nobody_knows_are_passed_over_whatever_their_size() -> None:
    async def main(server: Server, ours: Bench) -> None:
        server.spoil = lambda matrix: (
            pack(Frame("VIDEO", "Scope", None, bytes(50_000)))
            + Link().say(TransformMessage(matrix), "Stylus", time.time())
            + pack(Frame("X", "", None, b""))
        )
        said = len(ours.said)
        while len(ours.said) < said + 30:
            assert ours.why is None
            await asyncio.sleep(0.005)

    tried(main)


def test_a_reference_that_is_covered_is_not_seen_from_the_next_frame_on() -> None:
    """TDATA leaves out what it does not see."""
    seen = ["Stylus", "Clamp"]
    link = Link()

    def frame(matrix: Float64) -> bytes:
        tools = tuple(TrackedTool(name, 2, matrix) for name in seen)
        return link.say(TrackingData(tools), "Tracker", time.time())

    async def main(server: Server, ours: Bench) -> None:
        server.spoil = frame
        ours.track = Track("Clamp")
        await ours.until(None)
        seen.remove("Clamp")
        await ours.until(Why.NO_TOOL)
        await ours.stays(Why.NO_TOOL)
        seen.append("Clamp")
        await ours.until(None)

    tried(main)


def test_a_server_that_turns_to_another_language_in_the_middle_is_hung_up_on() -> None:
    async def main(server: Server, ours: Bench) -> None:
        server.spoil = lambda _: b"\x00" * 58
        while not ours.has_said(Why.LINK_LOST):
            await asyncio.sleep(0.001)
        assert any("not OpenIGTLink" in said.words for said in ours.said)
        server.spoil = lambda matrix: matrix
        await ours.until(None)

    tried(main)
