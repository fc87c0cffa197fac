"""A tracker behind an OpenIGTLink server: connected again whenever its line breaks, and unknown until then."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from engine.core.errors import EnvironmentLacks
from engine.core.unknown import Why
from guidance.devices.openigtlink.frame import NotOpenIGTLink
from guidance.devices.openigtlink.link import Heard
from guidance.devices.openigtlink.messages import Asked, CapabilityMessage, Query, Reply
from guidance.devices.openigtlink.tracking import Tracking
from guidance.devices.openigtlink.transport import Connection, connect
from guidance.devices.said import SILENT_S, Said
from guidance.track.sample import Sample
from guidance.track.source_clock import SourceClock

#: Shortest time between places that is asked for: headsets draw no more often than that.
INTERVAL_MS = 10
#: A server that says no place for so long may be waiting to be asked.
ASKED_AFTER_S = 0.5
#: How long nobody is waited for before the next try to connect, the last one again and again.
BACK_OFF_S = (0.1, 0.25, 0.5, 1.0, 2.0)
CONNECT_S = 2.0
#: Seconds of silence before the system asks the other side, between its questions, and how many stay unanswered before
#: the line is broken: a cable that was pulled sends no farewell.
_KEEP_ALIVE = (("TCP_KEEPIDLE", 1), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 3))


@dataclass(slots=True)
class Tracker:
    """Not a value: it holds a connection.

    Attributes:
        interval_ms, coordinates: as it is asked of servers that stream on demand.
        tracking: what is known of the device since it was last connected.
        tries: how often it was tried to connect since anything was last heard.
    """

    host: str
    port: int
    clock: Callable[[], float]
    interval_ms: int = INTERVAL_MS
    coordinates: str = ""
    name: str = "OpenIGTLink tracker"
    is_simulated: bool = False
    tracking: Tracking = field(default_factory=Tracking)
    tries: int = 0
    _connection: Connection | None = None
    _is_asked: bool = False
    _closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def connect(self) -> None:
        """Connect for the first time.

        Raises:
            EnvironmentLacks: nobody answers there.
        """
        try:
            connection = await asyncio.wait_for(connect(self.host, self.port, self.clock), CONNECT_S)
        except TimeoutError as error:
            raise EnvironmentLacks(
                f"no OpenIGTLink server answers at {self.host}, port {self.port}, within {CONNECT_S:g} s",
                "Start it, or name another with --device igtl://host:port.",
            ) from error
        _keep_alive(connection)
        self._connection, self._is_asked, self.tracking = connection, False, Tracking()
        connection.say(Query(Asked.ONCE, "CAPABILITY"), "", None)

    @property
    def bad_checksums(self) -> int:
        """Messages of this connection that were left out because their checksum was wrong."""
        return 0 if self._connection is None else self._connection.link.reader.bad_checksums

    async def said(self) -> AsyncIterator[Said]:
        """Samples as they arrive. When the line breaks that is said at once, and with every try that fails."""
        while not self._closed.is_set():
            words = "the device closed its line"
            if self._connection is not None:
                try:
                    async for said in self._heard(self._connection):
                        yield said
                except NotOpenIGTLink as error:
                    words = str(error)
                except _Late:
                    words = "its places come late, or its clock was set back: connected again"
                await self._hang_up()
                if self._closed.is_set():
                    return
                yield Said(self.clock(), (), Why.LINK_LOST, words)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), BACK_OFF_S[min(self.tries, len(BACK_OFF_S) - 1)])
            if self._closed.is_set():
                return
            self.tries += 1
            try:
                await self.connect()
            except EnvironmentLacks as error:
                yield Said(self.clock(), (), Why.LINK_LOST, error.what)
        await self._hang_up()  # closed while it was being connected

    async def _heard(self, connection: Connection) -> AsyncIterator[Said]:
        """Until the other side ends it, or is late. Everything of one read is one moment."""
        connected_s = said_s = self.clock()
        has_places = is_told = False
        while not self._closed.is_set():
            try:
                read = await asyncio.wait_for(connection.read(), ASKED_AFTER_S / 2)
            except TimeoutError:
                now_s = self.clock()
                if not has_places and now_s - connected_s >= ASKED_AFTER_S:
                    self._ask(connection)
                if not is_told and now_s - said_s >= SILENT_S:
                    is_told = True
                    yield Said(now_s, (), Why.LINK_LOST, f"nothing came for {SILENT_S:g} s")
                continue
            if read is None:
                return
            messages, said_s = read
            is_told = False
            before = self.tracking.clock
            samples = tuple(one for heard in messages for one in self._samples(connection, heard, said_s))
            if _is_late(before, self.tracking.clock):
                raise _Late
            has_places = has_places or bool(samples)
            if messages:
                self.tries = 0
                yield Said(said_s, samples, self.tracking.why, self.tracking.words)

    def _samples(self, connection: Connection, heard: Heard, arrival_s: float) -> tuple[Sample, ...]:
        match heard.message:
            case CapabilityMessage(types) if "STT_TDATA" in types:
                self._ask(connection)
            case Reply("TDATA", is_done) if not is_done:
                self.tracking.words = "the device does not stream on demand"
        return self.tracking.hear(heard, arrival_s)

    def _ask(self, connection: Connection) -> None:
        """For places, once a connection."""
        if not self._is_asked:
            self._is_asked = True
            connection.say(Query(Asked.START, "TDATA", self.interval_ms, self.coordinates), "", None)

    async def close(self) -> None:
        """Hang up, and connect no more."""
        self._closed.set()
        await self._hang_up()

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._is_asked:
                connection.say(Query(Asked.STOP, "TDATA"), "", None)
            await connection.close()


class _Late(Exception):
    """Whatever came for a while was far older than before."""


def _is_late(before: SourceClock, after: SourceClock) -> bool:
    """Whether a clock seems to have been set back. What waits in a line that is too slow looks the same from one side,
    and would be taken for new; on another line nothing waits."""
    return after.steps > before.steps and (after.floor_s or 0.0) > (before.floor_s or 0.0)


def _keep_alive(connection: Connection) -> None:
    line = connection.writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option, value in _KEEP_ALIVE:
        if hasattr(socket, option):  # not on every system
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
