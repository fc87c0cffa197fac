"""The audit log: what was written stays as it was, or shows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.app.audit import AuditBroken, AuditLog, verify
from engine.stream.audit_event import AuditEvent


def written(path: Path, count: int = 6) -> Path:
    log = AuditLog(path)
    for n in range(count):
        log.write(AuditEvent.CONNECTED, f"viewer {n}", {"address": "127.0.0.1"})
    log.close()
    return path


def test_a_log_that_nobody_touched_verifies_and_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path / "audit.jsonl")
    last = verify(path)
    assert last is not None
    assert (last.number, last.who) == (6, "viewer 5")
    again = AuditLog(path)
    assert again.write(AuditEvent.LEFT, "viewer 5").number == 7
    again.close()
    assert verify(path) is not None
    assert path.stat().st_mode & 0o077 == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_any_changed_byte_shows(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "audit.jsonl"
    if not path.exists():
        written(path)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    path.write_bytes(whole[:at] + bytes([other]) + whole[at + 1 :])
    try:
        with pytest.raises(AuditBroken):
            verify(path)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows[:2] + rows[3:], "line 3"),
        (lambda rows: [rows[1], rows[0], *rows[2:]], "line 1"),
        (lambda rows: [*rows[:3], rows[2], *rows[3:]], "line 4"),
        (lambda rows: rows[:-1], "ends at line 5"),
        (lambda rows: [], "ends at line 0"),
    ],
)
def test_lines_taken_out_moved_repeated_or_cut_off_show(tmp_path: Path, change: object, says: str) -> None:
    path = written(tmp_path / "audit.jsonl")
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(change(rows)))  # type: ignore[operator]  # one of the lambdas above
    with pytest.raises(AuditBroken, match=says):
        verify(path)
    with pytest.raises(AuditBroken):
        AuditLog(path)


def test_a_line_forged_with_its_own_hash_does_not_fit_the_next(tmp_path: Path) -> None:
    from engine.app.audit import _canonical, _hash_of

    path = written(tmp_path / "audit.jsonl")
    rows = path.read_bytes().splitlines(keepends=True)
    forged = json.loads(rows[2])
    del forged["hash"]
    forged["who"] = "surgeon"
    rows[2] = _canonical(forged | {"hash": _hash_of(forged)}) + b"\n"
    path.write_bytes(b"".join(rows))
    with pytest.raises(AuditBroken, match="line 4"):
        verify(path)


def test_half_a_line_left_by_a_kill_is_set_aside_and_said(tmp_path: Path) -> None:
    path = written(tmp_path / "audit.jsonl")
    with path.open("ab") as file:
        file.write(b'{"number":7,"ti')
    log = AuditLog(path)
    log.close()
    last = verify(path)
    assert last is not None
    assert last.event is AuditEvent.RECOVERED
    assert (tmp_path / "audit.jsonl.half").read_bytes().startswith(b'{"number":7')


def test_a_log_killed_at_any_moment_can_be_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    program = (
        "import sys; from pathlib import Path; from engine.app.audit import AuditLog\n"
        "from engine.stream.audit_event import AuditEvent\n"
        "log = AuditLog(Path(sys.argv[1])); print('ready', flush=True)\n"
        "while True: log.write(AuditEvent.CONNECTED, 'viewer', {'text': 'x' * 2000})"
    )
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.05)
            os.kill(process.pid, signal.SIGKILL)
        AuditLog(path).close()
    last = verify(path)
    assert last is not None
    assert last.number > 4


def test_an_empty_place_is_an_empty_log(tmp_path: Path) -> None:
    assert verify(tmp_path / "audit.jsonl") is None
