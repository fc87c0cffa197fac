"""Who did what: an append-only log whose lines are chained by hash, so that a change of any of them shows.

One JSON object a line; its `hash` is SHA-256 of the line before's hash and of the object without it. The head file
beside the log names the number and hash of the last line, so that lines cut off at the end show too. What a line says
holds no patient data: events, roles, and identifiers that the session made itself.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from engine.app.whole_write import write_whole
from engine.core.errors import SightlineError
from engine.stream.audit_event import AuditEvent

#: What the first line's `previous` is.
GENESIS = "0" * 64


class AuditBroken(SightlineError):
    """The log is not what was written: which line, and how that shows."""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line as it stands in the log."""

    number: int
    time: str
    event: AuditEvent
    who: str
    facts: Mapping[str, Any]
    previous: str
    hash: str


class AuditLog:
    """The log of one installation, open for appending. A line is on the disk when `write` returns."""

    def __init__(self, path: Path) -> None:
        """Open or begin the log at `path`.

        Raises:
            AuditBroken: what is there was changed; nothing is appended to a log that cannot be trusted.
            OSError: it cannot be written, or another server writes it.
        """
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file: BinaryIO = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab", 0)
        with contextlib.ExitStack() as unless_opened:
            unless_opened.callback(file.close)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # two writers would break the chain
            cut_bytes = _set_aside_half_line(path)
            last = verify(path)
            unless_opened.pop_all()
        self._file = file
        self._number, self._hash = (last.number, last.hash) if last else (0, GENESIS)
        if cut_bytes:
            self.write(AuditEvent.RECOVERED, "server", {"bytes set aside": cut_bytes})

    def write(self, event: AuditEvent, who: str, facts: Mapping[str, Any] | None = None) -> AuditLine:
        """Append one line and wait until the disk has it.

        Args:
            who: the role and session-made name of who did it; "server" for the server itself.
            facts: what else is worth knowing; JSON values, no patient data.

        Raises:
            OSError: the line could not be written, and no part of it was.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        content: dict[str, Any] = {
            "number": self._number + 1, "time": now, "event": str(event), "who": who, "facts": dict(facts or {}),
            "previous": self._hash,
        }  # fmt: skip
        line = _line(content | {"hash": _hash_of(content)})
        self._append(_canonical(content | {"hash": line.hash}) + b"\n")
        os.fsync(self._file.fileno())
        self._number, self._hash = line.number, line.hash
        _write_head(self._path, line.number, line.hash)
        return line

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        start = os.fstat(self._file.fileno()).st_size
        try:
            write_whole(self._file, data)
        except OSError:
            with contextlib.suppress(OSError):  # what stays of it is set aside at the next start
                self._file.truncate(start)
            raise


def verify(path: Path) -> AuditLine | None:
    """The last line of an unbroken log; None of one that is empty or not there.

    Raises:
        AuditBroken: the first line that was changed, moved or taken out, or that the end is missing.
    """
    last: AuditLine | None = None
    if path.exists():
        with path.open("rb") as file:
            for row, raw in enumerate(file, 1):
                last = _checked(raw, row, last)
    head = _head_path(path)
    if head.exists():
        number, expected = _read_head(head)
        # Killed between line and head, the log is one line ahead.
        is_ahead = last is not None and last.number == number + 1 and last.previous == expected
        if not is_ahead and (last.number if last else 0, last.hash if last else GENESIS) != (number, expected):
            raise AuditBroken(f"the log ends at line {last.number if last else 0}; line {number} was written")
    elif last is not None:
        raise AuditBroken(f"{head.name} is missing: whether lines were cut off at the end cannot be told")
    return last


def _checked(raw: bytes, row: int, last: AuditLine | None) -> AuditLine:
    if not raw.endswith(b"\n"):
        raise AuditBroken(f"line {row} has no end")
    try:
        content = json.loads(raw)
        line = _line(content)
        del content["hash"]
        expected = _hash_of(content)
    except (ValueError, KeyError, TypeError) as error:
        raise AuditBroken(f"line {row} is not a line of this log ({error})") from error
    if line.hash != expected:
        raise AuditBroken(f"line {row} was changed: its hash does not fit")
    if line.number != row or line.previous != (last.hash if last else GENESIS):
        raise AuditBroken(f"line {row} does not follow the line before it: lines were taken out, added or moved")
    return line


def _line(content: Mapping[str, Any]) -> AuditLine:
    return AuditLine(
        number=int(content["number"]),
        time=str(content["time"]),
        event=AuditEvent(content["event"]),
        who=str(content["who"]),
        facts=dict(content["facts"]),
        previous=str(content["previous"]),
        hash=str(content["hash"]),
    )


def _canonical(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def _hash_of(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(str(content["previous"]).encode() + _canonical(content)).hexdigest()


def _head_path(path: Path) -> Path:
    return path.with_name(path.name + ".head")


def _write_head(path: Path, number: int, sha256: str) -> None:
    head = _head_path(path)
    partial = head.with_name(head.name + ".partial")
    partial.write_text(f"{number} {sha256}\n")
    partial.replace(head)


def _read_head(head: Path) -> tuple[int, str]:
    try:
        number, sha256 = head.read_text().split()
        return int(number), sha256
    except ValueError as error:
        raise AuditBroken(f"{head.name} is damaged") from error


def _set_aside_half_line(path: Path) -> int:
    """A server killed while it wrote leaves half a line: kept beside the log, cut from it. Returns its bytes."""
    if not path.exists():
        return 0
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    half = data[whole:]
    if half:
        with path.with_name(path.name + ".half").open("ab") as file:
            file.write(half + b"\n")
        with path.open("rb+") as file:
            file.truncate(whole)
    return len(half)
