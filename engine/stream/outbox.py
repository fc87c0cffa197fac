"""What waits for one peer: ops in order and never dropped, jobs latest-wins, both bounded."""

from __future__ import annotations

from collections import OrderedDict, deque

from engine.stream.messages import ErrorMessage, JobUpdate, NumberedOp, RefusedMessage, Snapshot

#: Ops a peer may be behind before it is resynchronised from the scene instead.
MAX_OPS = 256

Outgoing = Snapshot | NumberedOp | JobUpdate | RefusedMessage | ErrorMessage


class Outbox:
    """A bounded queue. When ops overflow it forgets them all and asks for a snapshot."""

    def __init__(self, max_ops: int = MAX_OPS) -> None:
        self._max_ops = max_ops
        self._ordered: deque[Outgoing] = deque()
        self._jobs: OrderedDict[str, JobUpdate] = OrderedDict()
        self.needs_snapshot = False

    def put(self, message: Outgoing) -> None:
        """Queue `message`; a snapshot replaces every op that waits before it."""
        if isinstance(message, JobUpdate):
            self._jobs[message.job.id] = message
            self._jobs.move_to_end(message.job.id)
            return
        if isinstance(message, Snapshot):
            self._ordered = deque(m for m in self._ordered if isinstance(m, ErrorMessage | RefusedMessage))
            self.needs_snapshot = False
        elif self.needs_snapshot and isinstance(message, NumberedOp):
            return  # the snapshot to come contains it
        elif len(self._ordered) >= self._max_ops:
            self._ordered.clear()
            self.needs_snapshot = True
            return
        self._ordered.append(message)

    def take(self) -> Outgoing | None:
        """The next message, ops before jobs, or None when nothing waits."""
        if self._ordered:
            return self._ordered.popleft()
        if self._jobs:
            return self._jobs.popitem(last=False)[1]
        return None
