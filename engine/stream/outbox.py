"""What waits for one peer: ops in order and never dropped, states latest-wins; bounded in number and in bytes."""

from __future__ import annotations

from collections import OrderedDict, deque

from engine.stream.binary import Blob
from engine.stream.messages import ErrorMessage, JobUpdate, RefusedMessage, SessionUpdate, Snapshot, Welcome
from engine.stream.scene_log import Entry

#: Ops a peer may be behind before it is resynchronised from the scene instead.
MAX_OPS = 256
MAX_OP_CHARACTERS = 4 * 1024 * 1024

#: A blob that goes ahead of its op: poses wait behind it, 20 ms on a line of 100 Mbit a second.
MOST_AHEAD_BYTES = 256 * 1024

State = JobUpdate | SessionUpdate
Outgoing = Entry | Blob | Snapshot | Welcome | State | RefusedMessage | ErrorMessage


class Outbox:
    """A bounded queue. When ops overflow it forgets them all and asks for a snapshot."""

    def __init__(self, max_ops: int = MAX_OPS, max_op_characters: int = MAX_OP_CHARACTERS) -> None:
        self._max_ops = max_ops
        self._max_op_characters = max_op_characters
        self._op_characters = 0
        self._ordered: deque[Outgoing] = deque()
        self._states: OrderedDict[str, State] = OrderedDict()
        self.needs_snapshot = False

    def put(self, message: Outgoing) -> None:
        """Queue `message`; a snapshot replaces every op that waits before it."""
        match message:
            case JobUpdate():
                self._put_state(message.job.id, message)
            case SessionUpdate():
                self._put_state("session", message)
            case Snapshot():
                self._drop_ops()
                self._ordered.append(message)
            case Entry():
                self._put_op(message)
            case Blob():
                self._put_blob(message)
            case _:
                self._ordered.append(message)

    def take(self) -> Outgoing | None:
        """The next message, ops before states, or None when nothing waits."""
        if self._ordered:
            message = self._ordered.popleft()
            if isinstance(message, Entry):
                self._op_characters -= len(message.text)
            return message
        if self._states:
            return self._states.popitem(last=False)[1]
        return None

    def _put_state(self, key: str, message: State) -> None:
        self._states[key] = message
        self._states.move_to_end(key)

    def _put_op(self, entry: Entry) -> None:
        if self.needs_snapshot:
            return  # the snapshot to come contains it
        # One op is let through whatever its size: a snapshot would be no smaller.
        full = self._op_characters > 0 and self._op_characters + len(entry.text) > self._max_op_characters
        if full or len(self._ordered) >= self._max_ops:
            self._drop_ops()
            self.needs_snapshot = True
            return
        self._op_characters += len(entry.text)
        self._ordered.append(entry)

    def _put_blob(self, blob: Blob) -> None:
        """Only for who is not behind, and not so much that it holds up what is tracked: any blob can be fetched."""
        if not self._ordered and not self.needs_snapshot and len(blob.data) <= MOST_AHEAD_BYTES:
            self._ordered.append(blob)

    def _drop_ops(self) -> None:
        """What is not an op stays: it is in no snapshot."""
        self._ordered = deque(m for m in self._ordered if not isinstance(m, Entry | Blob | Snapshot))
        self._op_characters = 0
        self.needs_snapshot = False
