"""What binary frames hold: records back to back, each begun by a byte that says what it is.

Poses (engine.stream.pose), the hub's beat, the questions and answers by which clocks are compared
(engine.stream.clock), small blobs ahead of the op that names them, and readings of guidance (engine.stream.reading).
Times are microseconds, little endian.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.core.errors import InvalidValue
from engine.stream.pose import POSE_BYTES, POSE_KIND, Pose, decode_pose, encode_pose
from engine.stream.reading import (
    READING_HEAD_BYTES,
    READING_KIND,
    READING_ROW_BYTES,
    ROWS_AT,
    Reading,
    decode_reading,
    encode_reading,
)

BEAT_KIND, ASK_KIND, ANSWER_KIND, BLOB_KIND = 0x02, 0x03, 0x04, 0x05
_BEAT = struct.Struct("<BqI")
_ASK = struct.Struct("<Bq")
_ANSWER = struct.Struct("<Bqqq")
_BLOB_HEAD = struct.Struct("<B32sI")
_MICROSECONDS = 1e6
#: No clock is this far from any zero: 146,000 years.
MOST_US = 2**62


@dataclass(frozen=True, slots=True)
class Beat:
    """The hub lives: its time, and the number of the last op that it sent here; who has not got that missed it."""

    time_s: float
    seq: int


@dataclass(frozen=True, slots=True)
class Ask:
    """What time is it with you? `sent_s` is the asker's."""

    sent_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The asker's own time back, and when the question was received and answered on the answerer's clock."""

    sent_s: float
    received_s: float
    answered_s: float


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that the next op names, sent ahead of it so that nobody has to ask for them. Only from a hub."""

    sha256: str
    data: bytes


Record = Pose | Beat | Ask | Answer | Blob | Reading


def encode(record: Record) -> bytes:
    """One record as bytes."""
    match record:
        case Pose():
            return encode_pose(record)
        case Reading():
            return encode_reading(record)
        case Beat(time_s, seq):
            return _BEAT.pack(BEAT_KIND, _us(time_s), seq)
        case Ask(sent_s):
            return _ASK.pack(ASK_KIND, _us(sent_s))
        case Answer(sent_s, received_s, answered_s):
            return _ANSWER.pack(ANSWER_KIND, _us(sent_s), _us(received_s), _us(answered_s))
        case Blob(sha256, data):
            return _BLOB_HEAD.pack(BLOB_KIND, bytes.fromhex(sha256), len(data)) + data


def records(frame: bytes) -> Iterator[Record]:
    """The records of one frame, in order.

    Raises:
        InvalidValue: at the first that is cut short, of no known kind, or cannot be right.
    """
    start = 0
    while start < len(frame):
        size, decode = _KINDS.get(frame[start], (0, None))
        if frame[start] == BLOB_KIND and start + size <= len(frame):
            size += _BLOB_HEAD.unpack_from(frame, start)[2]
        if frame[start] == READING_KIND and start + size <= len(frame):
            size += frame[start + ROWS_AT] * READING_ROW_BYTES
        if decode is None or start + size > len(frame):
            raise InvalidValue(f"a binary frame of {len(frame)} bytes has no record at byte {start}")
        yield decode(frame[start : start + size])
        start += size


def _beat(data: bytes) -> Beat:
    _, time_us, seq = _BEAT.unpack(data)
    return Beat(_s(time_us), seq)


def _ask(data: bytes) -> Ask:
    return Ask(_s(_ASK.unpack(data)[1]))


def _answer(data: bytes) -> Answer:
    _, *times_us = _ANSWER.unpack(data)
    sent_s, received_s, answered_s = (_s(time_us) for time_us in times_us)
    return Answer(sent_s, received_s, answered_s)


def _blob(data: bytes) -> Blob:
    return Blob(_BLOB_HEAD.unpack_from(data)[1].hex(), data[_BLOB_HEAD.size :])


#: By kind, how many bytes a record has, or the least it has, and how it is read.
_KINDS: dict[int, tuple[int, Callable[[bytes], Record]]] = {
    POSE_KIND: (POSE_BYTES, decode_pose),
    BEAT_KIND: (_BEAT.size, _beat),
    ASK_KIND: (_ASK.size, _ask),
    ANSWER_KIND: (_ANSWER.size, _answer),
    BLOB_KIND: (_BLOB_HEAD.size, _blob),
    READING_KIND: (READING_HEAD_BYTES, decode_reading),
}


def _s(time_us: int) -> float:
    if abs(time_us) >= MOST_US:
        raise InvalidValue("a time on the wire is of this age")
    return time_us / _MICROSECONDS


def _us(time_s: float) -> int:
    if not math.isfinite(time_s) or abs(time_s) >= MOST_US / _MICROSECONDS:
        raise InvalidValue("a time on the wire is finite")
    return round(time_s * _MICROSECONDS)
