"""uvicorn's WebSocket protocol on a line where nothing grows old unseen.

The system would hold back megabytes for a client that reads slowly: seconds of poses, each out of date when it comes
and none to be taken back. Told to hold little, it says early that the line is full; what waits then waits here, where
a newer pose takes an older one's place.
"""

from __future__ import annotations

import asyncio
import socket

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

#: Bytes that were not sent yet and that the system takes before it says that the line is full.
NOT_SENT_BYTES = 16 * 1024


class FreshProtocol(WebSocketsSansIOProtocol):
    """For `uvicorn.Config(ws=…)`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection: whatever cannot leave stays with its task."""
        super().connection_made(transport)
        assert isinstance(transport, asyncio.WriteTransport)
        transport.set_write_buffer_limits(high=NOT_SENT_BYTES)
        raw = transport.get_extra_info("socket")
        if raw is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT_BYTES)
