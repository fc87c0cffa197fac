"""Hubs and peers for tests, with chance that repeats."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

from engine.stream.access import LOOPBACK_HOSTS, Access
from engine.stream.audit_event import AuditEvent
from engine.stream.binary import Answer, Ask, Record, encode, records
from engine.stream.hub import Hub
from engine.stream.messages import PROTOCOL, EditRequest
from engine.stream.pairing import PairingDesk
from engine.stream.peer import Peer
from engine.stream.roles import Role
from engine.stream.scene_log import SceneLog


class NotedHub(Hub):
    """A hub that keeps what it would write down."""

    def __init__(self, open_role: Role | None = None, epoch: str = "epoch") -> None:
        desk = PairingDesk(random.Random(1).randbytes)
        super().__init__(SceneLog(epoch), Access(LOOPBACK_HOSTS, desk, open_role), self._keep)
        self.noted: list[tuple[AuditEvent, str, dict[str, Any]]] = []

    def _keep(self, event: AuditEvent, who: str, facts: Mapping[str, Any]) -> None:
        self.noted.append((event, who, dict(facts)))


class Visitor:
    """A client of a hub in the same process: what it says arrives at once; its own clock may be off."""

    def __init__(self, hub: Hub, role: Role, now_s: float, *, ahead_s: float = 0.0, token: str | None = None) -> None:
        self.hub = hub
        self.ahead_s = ahead_s
        self.edits: list[EditRequest] = []
        self.seen: list[dict[str, Any]] = []
        self.ahead: list[Record] = []
        self.token = token or hub.access.desk.admit(role, now_s).token
        self.peer: Peer = hub.join(None, lambda: None, lambda: (), now_s)
        self.say({"type": "hello", "protocol": PROTOCOL, "token": self.token}, now_s)

    def say(self, message: Mapping[str, Any], now_s: float) -> None:
        """Send one text frame."""
        self.peer.receive_text(json.dumps(message), now_s)
        self.hub.take_events(self.peer, lambda request, _refuse: self.edits.append(request))

    def send(self, record: Record, now_s: float) -> None:
        """Send one binary record as it is."""
        self.peer.receive_bytes(encode(record), now_s)
        self.hub.take_events(self.peer, lambda request, _refuse: self.edits.append(request))

    def texts(self) -> list[dict[str, Any]]:
        """All texts that wait, and those that came while poses were taken."""
        found, self.seen = self.seen, []
        while (message := self.peer.next_message()) is not None:
            if isinstance(message, str):
                found.append(json.loads(message))
            else:
                self.ahead += records(message)
        return found

    def told(self, now_s: float) -> list[Record]:
        """All records that wait; questions for the time are answered by this client's clock."""
        self.seen = self.texts()
        found = list(records(self.peer.next_bytes(now_s)))
        for record in found:
            if isinstance(record, Ask):
                mine = now_s + self.ahead_s
                self.send(Answer(record.sent_s, mine, mine), now_s)
        return found
