"""A session in one file: what every peer was told, in order, with all that it needs to be shown again.

The file begins with `MAGIC`; records follow, each with its length, kind, time, payload and checksum. It is only ever
appended to: a server killed at any moment leaves all records but the one under its pen, which readers set aside.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, BinaryIO

from engine.app.whole_write import write_whole
from engine.core.errors import FileProblem, InputRefused

MAGIC = b"sightline recording 1\n"

#: Length of the payload, kind, microseconds since 1970 on the hub's clock; the checksum follows the payload.
_HEAD = struct.Struct("<IBq")
_CHECKSUM = struct.Struct("<I")
_MICROSECONDS = 1e6
#: No payload is longer: the largest is a blob, and those are far smaller.
_MOST_BYTES = 1 << 31


class Kind(IntEnum):
    """What a record holds."""

    START = 1  # JSON: epoch, number of the last op, scene; a server began, or began again
    OP = 2  # the text of a numbered op, as every peer had it
    POSES = 3  # a binary frame (engine.stream.binary)
    BLOB = 4  # 32 bytes of SHA-256, then the blob


@dataclass(frozen=True, slots=True)
class Recorded:
    """One record. `start` is where its payload begins in the file."""

    kind: Kind
    time_s: float
    payload: bytes
    start: int


class RecordingFile:
    """A recording open for appending."""

    def __init__(self, path: Path) -> None:
        """Open or begin `path`; what a killed server left half written is set aside beside it.

        Raises:
            InputRefused: the file is something else.
            OSError: it cannot be written.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        end = whole_bytes(path) if path.exists() and path.stat().st_size > 0 else 0
        if end:
            _set_aside(path, end)
        self._file: BinaryIO = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", 0)
        self._file.truncate(end)
        self._file.seek(end)
        if end == 0:
            write_whole(self._file, MAGIC)

    def append(self, kind: Kind, time_s: float, payload: bytes) -> None:
        """Write one record. When it returns, the record outlives this process, however that ends."""
        head = _HEAD.pack(len(payload), kind, round(time_s * _MICROSECONDS))
        write_whole(self._file, head + payload + _CHECKSUM.pack(zlib.crc32(payload, zlib.crc32(head))))

    def sync(self) -> None:
        """Wait until the disk has everything: what was written outlives the machine."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()


def records_of(path: Path) -> Iterator[Recorded]:
    """The records of a file, up to the first that is cut short or damaged.

    Raises:
        InputRefused: not a recording.
    """
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise InputRefused("this is not a recording of a session", [FileProblem(path, "does not begin as one")])
        while (record := _next(file)) is not None:
            yield record


def whole_bytes(path: Path) -> int:
    """Where the last whole record ends."""
    end = len(MAGIC)
    for record in records_of(path):
        end = record.start + len(record.payload) + _CHECKSUM.size
    return end


def _set_aside(path: Path, end: int) -> None:
    """What follows the last whole record: half a record, or whatever lies behind damage. Nothing is thrown away."""
    if path.stat().st_size == end:
        return
    rest = path.with_name(f"{path.name}.{path.stat().st_size}.rest")
    with path.open("rb") as file, rest.open("xb") as target:
        file.seek(end)
        shutil.copyfileobj(file, target)


def start_payload(epoch: str, seq: int, scene: Any) -> bytes:
    """The payload of a START record; `scene` is a `Scene` message or None."""
    return json.dumps({"epoch": epoch, "seq": seq, "scene": scene and scene.model_dump(mode="json")}).encode()


def _next(file: BinaryIO) -> Recorded | None:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, kind, time_us = _HEAD.unpack(head)
    if length > _MOST_BYTES or kind not in Kind.__members__.values():
        return None
    start = file.tell()
    payload, checksum = file.read(length), file.read(_CHECKSUM.size)
    if checksum != _CHECKSUM.pack(zlib.crc32(payload, zlib.crc32(head))):
        return None
    return Recorded(Kind(kind), time_us / _MICROSECONDS, payload, start)
