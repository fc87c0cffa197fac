"""The reading lane: what a tool is from what it is held against, the latest wins.

One record per tool, as often as the tracker speaks: 31 bytes and 32 for each structure, little endian. A row holds a
distance with its error, or why there is none: never both, and never the last good number. Rows count the structures of
`Guidance.structures` of the revision that the record names.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from engine.core.errors import InvalidValue
from engine.core.unknown import Why

READING_KIND = 0x06
#: kind, level of the worst row, entity, registration epoch, revision, measured µs, since µs, tip error, why of the
#: tool, why of the reference, rows.
_HEAD = struct.Struct("<BBHHHqqfBBB")
#: why, level, part, spare; distance, error, approach, soonest contact; nearest point.
_ROW = struct.Struct("<BBBxffff3f")
READING_HEAD_BYTES, READING_ROW_BYTES = _HEAD.size, _ROW.size
ROWS_AT = _HEAD.size - 1
MOST_ROWS = 32
MOST_DISTANCE_MM = 20_000.0
_MICROSECONDS = 1e6

#: What a byte says of why: its place in this table. 0: it is known.
WHYS: tuple[Why | None, ...] = (None, *Why)
_CODES = {why: code for code, why in enumerate(WHYS)}
TIP, SHAFT = 0, 1
MOST_LEVEL = 3


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """One structure.

    Attributes:
        why: why no distance is known; None where one is. The numbers are then 0 and mean nothing.
        level: 0 clear, 1 near, 2 risk, 3 breach: what alerts go by.
        part: `TIP` or `SHAFT`, whichever is nearest after its error.
        distance_mm: negative within; `error_mm` 95 %.
        approach_mm_s: how fast it shrinks.
        contact_s: soonest that it may be 0; infinite where it does not shrink.
        surface_mm: the structure's nearest point.
    """

    why: Why | None
    level: int = 0
    part: int = TIP
    distance_mm: float = 0.0
    error_mm: float = 0.0
    approach_mm_s: float = 0.0
    contact_s: float = math.inf
    surface_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if self.part not in (TIP, SHAFT) or not 0 <= self.level <= MOST_LEVEL:
            raise InvalidValue("a row tells of tip or shaft, at a level from 0 to 3")
        numbers = (self.distance_mm, self.error_mm, self.approach_mm_s, *self.surface_mm)
        if not (max(numbers) <= MOST_DISTANCE_MM and min(numbers) >= -MOST_DISTANCE_MM) or math.isnan(sum(numbers)):
            raise InvalidValue("what is known of a distance is finite; what is not known has a reason")
        if self.error_mm < 0 or not self.contact_s >= 0:
            raise InvalidValue("neither an error nor a time to contact is negative")
        if self.why is not None and (any(numbers) or not math.isinf(self.contact_s)):
            raise InvalidValue("a distance is known or it has a reason why not, never both")


@dataclass(frozen=True, slots=True)
class Reading:
    """One tool at one moment.

    Attributes:
        entity: the tool's number in the session.
        time_s: when it was measured, on the hub's clock; of a tool that is not known, when that was found.
        why: why its place is not known; None where it is.
        since_s: since when that is so.
        reference_why: why the reference on the patient is not known: all that stands on the patient is then in doubt.
        tip_error_mm: radius that holds the tip in 95 % of cases; 0 while it is not known.
        revision: of the guidance whose structures the rows count.
    """

    entity: int
    time_s: float
    why: Why | None
    since_s: float
    reference_why: Why | None
    tip_error_mm: float
    revision: int
    registration_epoch: int
    rows: tuple[ReadingRow, ...] = ()

    def __post_init__(self) -> None:
        for number in (self.entity, self.revision, self.registration_epoch):
            if not 0 <= number <= 0xFFFF:
                raise InvalidValue("an entity, a revision and an epoch are numbers from 0 to 65535")
        if not all(math.isfinite(x) and abs(x) < 2**62 / _MICROSECONDS for x in (self.time_s, self.since_s)):
            raise InvalidValue("a reading has finite times")
        if not 0 <= self.tip_error_mm <= MOST_DISTANCE_MM:
            raise InvalidValue("the error of a tip is finite and not negative")
        if len(self.rows) > MOST_ROWS:
            raise InvalidValue(f"a tool is held against no more than {MOST_ROWS} structures")
        if self.why is not None and (self.tip_error_mm or any(row.why is None for row in self.rows)):
            raise InvalidValue("from a tool whose place is not known, no distance is known")

    @property
    def level(self) -> int:
        """The worst of its rows."""
        return max((row.level for row in self.rows), default=0)


def encode_reading(reading: Reading) -> bytes:
    """The record's bytes."""
    head = _HEAD.pack(
        READING_KIND,
        reading.level,
        reading.entity,
        reading.registration_epoch,
        reading.revision,
        round(reading.time_s * _MICROSECONDS),
        round(reading.since_s * _MICROSECONDS),
        reading.tip_error_mm,
        _CODES[reading.why],
        _CODES[reading.reference_why],
        len(reading.rows),
    )
    return head + b"".join(
        _ROW.pack(
            _CODES[row.why],
            row.level,
            row.part,
            row.distance_mm,
            row.error_mm,
            row.approach_mm_s,
            row.contact_s,
            *row.surface_mm,
        )
        for row in reading.rows
    )


def decode_reading(data: bytes) -> Reading:
    """A record's reading.

    Raises:
        InvalidValue: not a reading, or one that cannot be right.
    """
    if len(data) < _HEAD.size or data[0] != READING_KIND or len(data) != _HEAD.size + data[ROWS_AT] * _ROW.size:
        raise InvalidValue("a reading is cut short, or is none")
    _, _, entity, epoch, revision, time_us, since_us, tip_error_mm, why, reference_why, count = _HEAD.unpack_from(data)
    rows = (_row(*_ROW.unpack_from(data, _HEAD.size + n * _ROW.size)) for n in range(count))
    times = time_us / _MICROSECONDS, since_us / _MICROSECONDS
    return Reading(
        entity, times[0], _why(why), times[1], _why(reference_why), tip_error_mm, revision, epoch, tuple(rows)
    )


def _row(why: int, level: int, part: int, *numbers: float) -> ReadingRow:
    distance, error, approach, contact, x, y, z = numbers
    return ReadingRow(_why(why), level, part, distance, error, approach, contact, (x, y, z))


def _why(code: int) -> Why | None:
    if code >= len(WHYS):
        raise InvalidValue("a reason that is not known here")
    return WHYS[code]


class ReadingBoard:
    """The newest reading of each tool, encoded once for all who are shown it."""

    def __init__(self) -> None:
        self._latest: dict[int, Reading] = {}
        self._frames: dict[int, bytes] = {}

    def put(self, reading: Reading) -> bool:
        """Take a reading; False where a newer one of its tool is known."""
        known = self._latest.get(reading.entity)
        if known is not None and reading.time_s < known.time_s:
            return False
        self._latest[reading.entity] = reading
        self._frames[reading.entity] = encode_reading(reading)
        return True

    def frame(self, entity: int) -> bytes:
        """The newest reading of a tool as it goes on the wire; empty where it was forgotten."""
        return self._frames.get(entity, b"")

    def latest(self, entity: int) -> Reading | None:
        """The newest reading of a tool."""
        return self._latest.get(entity)

    @property
    def entities(self) -> tuple[int, ...]:
        """All that have a reading."""
        return tuple(self._latest)

    def forget(self, entity: int) -> None:
        """Drop a tool that is no more."""
        self._latest.pop(entity, None)
        self._frames.pop(entity, None)
