"""The audit log while a session runs: a disk that is full lets nobody else in, and spoils nothing that was written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from engine.app.audit import AuditLog, verify
from engine.stream.audit_event import AuditEvent

#: A server whose disk fills up: one client is in, the log can take no more, and another comes.
SESSION = """
import resource, signal, sys, time
from pathlib import Path
from engine.app.audit_writer import AuditWriter
from engine.stream.access import LOOPBACK_HOSTS, Access
from engine.stream.audit_event import AuditEvent
from engine.stream.hub import Hub
from engine.stream.messages import Hello
from engine.stream.pairing import PairingDesk
from engine.stream.peer import PROTOCOL
from engine.stream.roles import Role
from engine.stream.scene_log import SceneLog
import random

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))

def comes(hub):
    peer = hub.join(None, lambda: None, tuple, 0.0)
    peer.receive_text(Hello(protocol=PROTOCOL).model_dump_json(), 0.0)
    hub.take_events(peer, lambda request, refuse: None)
    return peer

with AuditWriter(Path(sys.argv[1])) as audit:
    desk = PairingDesk(random.Random(1).randbytes)
    hub = Hub(SceneLog("e"), Access(LOOPBACK_HOSTS, desk, Role.SURGEON), audit.note, lambda: audit.failure is None)
    first = comes(hub)
    for n in range(100):
        audit.note(AuditEvent.REFUSED, "nobody", {"asked": f"the {n}th time", "why": "just so"})
    while audit.failure is None:
        time.sleep(0.01)
    second = comes(hub)
    hub.tick(1.0)
    print("first", first.is_live, "second", second.is_live, second.closing.code if second.closing else None)
"""


def test_while_the_log_cannot_be_written_nobody_else_is_let_in_and_who_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", SESSION, str(path), "5000"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["first", "True", "second", "False", "4401"]
    assert done.stderr.count("the audit log cannot be written (File too large)") == 1
    assert "nobody else is let in" in done.stderr


def test_what_was_written_before_the_disk_was_full_still_verifies_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    subprocess.run([sys.executable, "-c", SESSION, str(path), "5000"], capture_output=True, check=True, timeout=60)
    assert path.stat().st_size <= 5000
    log = AuditLog(path)  # the disk has room again
    line = log.write(AuditEvent.STARTED, "server")
    log.close()
    last = verify(path)
    assert last is not None
    assert last.number == line.number > 10
