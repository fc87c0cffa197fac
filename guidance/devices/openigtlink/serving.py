"""Sightline as the server that others connect to: what they ask for they get, or are told that they do not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from engine.core.errors import InvalidValue
from guidance.devices.openigtlink.codec import TYPES
from guidance.devices.openigtlink.link import Heard
from guidance.devices.openigtlink.messages import (
    Asked,
    CommandMessage,
    Message,
    QuaternionTrackingData,
    Query,
    Reply,
    StatusMessage,
    TrackedTool,
    TrackingData,
    TransformMessage,
)
from guidance.devices.openigtlink.transport import PORT, Connection, serving

#: What is given by name, each in one message.
GIVEN = ("POLYDATA", "POINT", "TRAJ", "LBMETA", "IMGMETA", "IMAGE")
#: What is streamed, and what it is packed as.
STREAMED: dict[str, Callable[[tuple[TrackedTool, ...]], Message]] = {
    "TDATA": TrackingData,
    "QTDATA": QuaternionTrackingData,
}
#: Told to who asks: what is understood, and what may be asked for.
CAPABILITIES = (
    *TYPES,
    "COMMAND",
    *(f"GET_{kind}"[:12] for kind in ("CAPABILITY", "STATUS", "TRANSFORM", *STREAMED, *GIVEN)),
    *(f"{asked}{kind}" for kind in STREAMED for asked in (Asked.START, Asked.STOP)),
)


@dataclass(frozen=True, slots=True)
class Places:
    """Everything that is seen at one moment.

    Attributes:
        time_s: when it was measured, since 1970; None where nobody knows.
    """

    tools: tuple[TrackedTool, ...] = ()
    time_s: float | None = None


class Offers(Protocol):
    """What a server has to offer. Asked again for every answer, and never waited for."""

    def status(self) -> StatusMessage:
        """How it is."""
        ...

    def places(self, coordinates: str) -> Places | None:
        """The newest in a frame, the usual one where it is empty; None for a frame that is not known."""
        ...

    def of(self, kind: str, name: str) -> Message | None:
        """One of `GIVEN` under a name, the only or the first one where it is empty; None where there is none."""
        ...

    def command(self, command: CommandMessage) -> str:
        """The answer to a command."""
        ...

    def told(self, heard: Heard, arrival_s: float) -> None:
        """Whatever is no question: it may come a thousand times a second."""
        ...


@dataclass(slots=True)
class Server:
    """Not a value: it knows who is connected. `changed` is called when there are new places."""

    offers: Offers
    name: str = "Sightline"
    _guests: set[_Guest] = field(default_factory=set)

    def changed(self) -> None:
        """There are new places: whoever is streamed to gets them, as soon as its interval is over."""
        for guest in self._guests:
            guest.is_news.set()

    @property
    def dropped(self) -> int:
        """Messages that were not sent to those who do not read."""
        return sum(guest.connection.dropped for guest in self._guests)

    @contextlib.asynccontextmanager
    async def open(self, clock: Callable[[], float], host: str = "127.0.0.1", port: int = PORT) -> AsyncIterator[int]:
        """Serve until the block ends; tells the port."""
        async with serving(host, port, clock, self._serve) as bound:
            yield bound

    async def _serve(self, connection: Connection) -> None:
        connection.link.capabilities = CAPABILITIES
        guest = _Guest(self.offers, self.name, connection)
        self._guests.add(guest)
        try:
            await guest.serve()
        finally:
            self._guests.discard(guest)


@dataclass(slots=True, eq=False)
class _Guest:
    """One that is connected, and what is streamed to it."""

    offers: Offers
    name: str
    connection: Connection
    is_news: asyncio.Event = field(default_factory=asyncio.Event)
    _streams: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def serve(self) -> None:
        try:
            async for heard, arrival_s in self.connection.heard():
                match heard.message:
                    case Query():
                        await self._asked(heard.message, heard.device)
                    case CommandMessage(is_answer=False):
                        answer = self.offers.command(heard.message)
                        made = CommandMessage(heard.message.number, heard.message.name, answer, is_answer=True)
                        self.connection.say(made, heard.device)
                    case _:
                        self.offers.told(heard, arrival_s)
        finally:
            for stream in self._streams.values():
                stream.cancel()

    async def _asked(self, query: Query, device: str) -> None:
        match query:
            case Query(Asked.ONCE, "CAPABILITY"):
                return  # the link has answered
            case Query(Asked.ONCE, kind):
                await self._give(kind, device)
            case Query(Asked.START, kind) if kind in STREAMED and self.offers.places(query.coordinates) is not None:
                self._stop(kind)
                self._reply(kind, device, is_done=True)
                self._streams[kind] = asyncio.create_task(self._stream(query))
            case Query(Asked.STOP, kind):
                self._reply(kind, device, is_done=self._stop(kind))
            case _:
                self._reply(query.type, device, is_done=False)

    def _reply(self, kind: str, device: str, *, is_done: bool) -> None:
        self.connection.say(Reply(kind, is_done), device)

    def _stop(self, kind: str) -> bool:
        stream = self._streams.pop(kind, None)
        if stream is not None:
            stream.cancel()
        return stream is not None

    async def _give(self, kind: str, device: str) -> None:
        message, time_s = self._found(kind, device)
        try:
            if message is not None:
                await self.connection.say_large(message, device or self.name, time_s)
                return
        except InvalidValue:  # something in it does not fit the protocol
            pass
        self._reply(kind, device, is_done=False)

    def _found(self, kind: str, device: str) -> tuple[Message | None, float | None]:
        if kind == "STATUS":
            return self.offers.status(), None
        if kind in GIVEN:
            return self.offers.of(kind, device), None
        places = self.offers.places("") or Places()
        if kind in STREAMED:
            return STREAMED[kind](places.tools), places.time_s
        if kind == "TRANSFORM":
            matrix = next((tool.matrix for tool in places.tools if device in ("", tool.name)), None)
            return None if matrix is None else TransformMessage(matrix), places.time_s
        return None, None

    async def _stream(self, query: Query) -> None:
        """The newest places, no more often than was asked for; none to who has not read the last ones."""
        self.is_news.set()
        while True:
            await self.is_news.wait()
            self.is_news.clear()
            places = self.offers.places(query.coordinates)
            if places is not None:
                try:
                    self.connection.say_fresh(STREAMED[query.type](places.tools), self.name, places.time_s)
                except InvalidValue:  # a name that the protocol has no room for
                    self._reply(query.type, self.name, is_done=False)
            await asyncio.sleep(query.interval_ms / 1000)
