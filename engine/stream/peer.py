"""One connected client, without I/O: text in, messages and a possible close out.

The shell moves bytes: it calls `receive` with what arrived, sends what `next_text` returns until
it returns None, and closes when `closing` is set.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from engine.stream.messages import (
    PROTOCOL,
    ClientMessage,
    ErrorMessage,
    Hello,
    Job,
    JobUpdate,
    NumberedOp,
    RefusedMessage,
    Request,
    Snapshot,
)
from engine.stream.outbox import Outbox
from engine.stream.scene_log import SceneLog

#: A hello with a thousand held blobs is 70 kB; nothing a client may send is larger.
MAX_INCOMING_BYTES = 256 * 1024


_CLIENT_MESSAGE: TypeAdapter[Hello | Request] = TypeAdapter(ClientMessage)


@dataclass(frozen=True, slots=True)
class Close:
    """A WebSocket close: RFC 6455 section 7.4.2 private codes start at 4000."""

    code: int
    reason: str


BAD_MESSAGE = Close(4400, "message not understood")
NOT_ALLOWED = Close(4401, "not allowed")
WRONG_PROTOCOL = Close(4406, f"this server speaks {PROTOCOL}")


class Peer:
    """The state of one connection: waiting for hello, live, or closing."""

    def __init__(
        self, log: SceneLog, jobs: Callable[[], Iterable[Job]], is_allowed: Callable[[str | None], bool]
    ) -> None:
        self._log = log
        self._jobs = jobs
        self._is_allowed = is_allowed
        self._outbox = Outbox()
        self._requests: deque[Request] = deque()
        self.is_live = False
        self.closing: Close | None = None

    def receive(self, text: str) -> None:
        """Take one text frame from the client."""
        try:
            message = _CLIENT_MESSAGE.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            self._refuse(BAD_MESSAGE, f"{where or 'message'}: {first['msg']}")
            return
        if isinstance(message, Hello):
            self._greet(message)
        elif self.is_live:
            self._requests.append(message)
        else:
            self._refuse(BAD_MESSAGE, "hello comes first")

    def take_request(self) -> Request | None:
        """The next thing that the client asks for, or None when there is none."""
        return self._requests.popleft() if self._requests else None

    def refuse(self, request: str, summary: str) -> None:
        """Tell this client why what it asked for was not done."""
        self._outbox.put(RefusedMessage(request=request, summary=summary))

    def _greet(self, hello: Hello) -> None:
        if hello.protocol != PROTOCOL:
            self._refuse(WRONG_PROTOCOL, WRONG_PROTOCOL.reason)
        elif not self._is_allowed(hello.token):
            self._refuse(NOT_ALLOWED, "open the address that the server printed")
        else:
            self._welcome(hello)

    def notify(self, message: NumberedOp | JobUpdate) -> None:
        """Queue what the server tells every live peer."""
        if self.is_live:
            self._outbox.put(message)

    def resync(self) -> None:
        """Send the whole state: what this client knows cannot be continued."""
        if self.is_live:
            self._outbox.put(self._snapshot())

    def next_text(self) -> str | None:
        """The next frame to send, or None when nothing waits."""
        if self._outbox.needs_snapshot:
            self._outbox.put(self._snapshot())
        message = self._outbox.take()
        return None if message is None else message.model_dump_json()

    def _welcome(self, hello: Hello) -> None:
        self.is_live = True
        tail = self._log.since(hello.epoch, hello.last_seq)
        if tail is None:
            self._outbox.put(self._snapshot())
            return
        for numbered in tail:
            self._outbox.put(numbered)
        for job in self._jobs():
            self._outbox.put(JobUpdate(job=job))

    def _snapshot(self) -> Snapshot:
        return Snapshot(epoch=self._log.epoch, seq=self._log.seq, scene=self._log.scene, jobs=tuple(self._jobs()))

    def _refuse(self, close: Close, summary: str) -> None:
        self._outbox.put(ErrorMessage(code=str(close.code), summary=summary))
        self.closing = close
