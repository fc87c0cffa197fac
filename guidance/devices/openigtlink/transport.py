"""OpenIGTLink over TCP, both ends. The protocol knows neither encryption nor passwords: bind it to this machine, or to
a network that holds nothing but the tracker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from engine.core.errors import EnvironmentLacks
from guidance.devices.openigtlink.frame import NotOpenIGTLink
from guidance.devices.openigtlink.link import Heard, Link
from guidance.devices.openigtlink.messages import Message

PORT = 18944
#: A sender that is read more slowly than it writes: what is older than this much is not sent at all.
MOST_WAITING_BYTES = 4 * 1024 * 1024
#: Places are not sent to who still has so much to read.
FRESH_BYTES = 64 * 1024
_READ_BYTES = 256 * 1024
_FAREWELL_S = 0.5


@dataclass(slots=True)
class Connection:
    """One open connection. Iterate over it to hear; it ends when the other side does."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    clock: Callable[[], float]
    link: Link = field(default_factory=Link)
    #: Messages that were not sent because the other side does not read.
    dropped: int = 0

    def say(
        self, message: Message, device: str, time_s: float | None = None, metadata: dict[str, str] | None = None
    ) -> None:
        """Send, or drop where the other side has not read for long: old places are worth nothing."""
        if self.writer.is_closing():
            return
        if self.writer.transport.get_write_buffer_size() > MOST_WAITING_BYTES:
            self.dropped += 1
            return
        self.writer.write(self.link.say(message, device, time_s, metadata))

    def say_fresh(self, message: Message, device: str, time_s: float | None = None) -> None:
        """Send what is soon worth nothing, or drop it where the other side has not read what came before."""
        if self.writer.transport.get_write_buffer_size() > FRESH_BYTES:
            self.dropped += 1
        else:
            self.say(message, device, time_s)

    async def say_large(self, message: Message, device: str, time_s: float | None = None) -> None:
        """Send what takes long to pack, which is done beside whatever else goes on."""
        if self.writer.transport.get_write_buffer_size() > MOST_WAITING_BYTES:
            self.dropped += 1
            return
        data = await asyncio.to_thread(self.link.say, message, device, time_s)
        if not self.writer.is_closing():
            self.writer.write(data)

    async def heard(self) -> AsyncIterator[tuple[Heard, float]]:
        """Messages, each with its arrival by our clock.

        Raises:
            NotOpenIGTLink: the other side speaks something else.
        """
        while read := await self.read():
            messages, arrival_s = read
            for message in messages:
                yield message, arrival_s

    async def read(self) -> tuple[list[Heard], float] | None:
        """All messages of what arrived, which may be none, and when; None when the other side has ended it.

        Raises:
            NotOpenIGTLink: the other side speaks something else.
        """
        try:
            data = await self.reader.read(_READ_BYTES)
        except OSError:  # a line that was cut, or timed out
            return None
        if not data:
            return None
        arrival_s = self.clock()
        messages, answers = self.link.hear(data)
        if answers:
            self.writer.write(answers)
        return messages, arrival_s

    async def close(self) -> None:
        """End it: what was said is sent first, unless the other side takes too long for that."""
        self.writer.close()
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await self.writer.wait_closed()
        except TimeoutError:
            self.writer.transport.abort()
        except OSError:  # it was broken already
            return


async def connect(host: str, port: int, clock: Callable[[], float]) -> Connection:
    """A connection to a server.

    Raises:
        EnvironmentLacks: nobody answers there.
    """
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise EnvironmentLacks(
            f"no OpenIGTLink server answers at {host}, port {port} ({error.strerror or error})",
            "Start it, or name another with --device igtl://host:port.",
        ) from error
    return Connection(reader, writer, clock)


Serve = Callable[[Connection], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(host: str, port: int, clock: Callable[[], float], serve: Serve) -> AsyncIterator[int]:
    """A server on a port, 0 for any that is free, which is told; `serve` has each connection until it returns.

    A connection that speaks something else is closed; the others do not notice.
    """
    open_now: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now.add(task)
        connection = Connection(reader, writer, clock)
        try:
            # Cancelled when the server closes, and by nobody else; asyncio would log that as an error.
            with contextlib.suppress(NotOpenIGTLink, ConnectionError, asyncio.CancelledError):
                await serve(connection)
        finally:
            open_now.discard(task)
            await connection.close()

    server = await asyncio.start_server(accept, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(open_now):
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)
        await server.wait_closed()
