"""The pose lane: where tracked things are, one fixed binary frame each, the latest wins.

38 bytes, little endian: kind, flags, entity, registration epoch, source time, position, orientation, error. A pose is
worth sending only while it is the newest of its entity; what waits behind a slow line is replaced, never queued.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol

from engine.core.errors import InvalidValue

#: First byte of a binary frame that holds a pose.
POSE_KIND = 0x01
_FRAME = struct.Struct("<BBHHq3f4hf")
POSE_BYTES = _FRAME.size

#: A quaternion's component as int16: a rotation is off by 0.004 degrees at most, 0.015 mm at 200 mm.
_UNIT = 32767
#: A quaternion further than this from length 1 is no rotation but a fault.
_LENGTH_TOLERANCE = 1e-3
#: Farther away than this nothing of one patient is tracked; a tracker that says so is wrong.
MOST_DISTANCE_MM = 20_000.0
MOST_ERROR_MM = 1_000.0
#: Things that are tracked in one session.
MOST_ENTITIES = 256

#: A pose from the future by more than its clock's error and this comes from a clock that was set.
MOST_AHEAD_S = 0.005

_TRACKED = 0x01
_MICROSECONDS = 1e6


class PoseFrame(IntEnum):
    """What a position is measured in; the high bits of the flags."""

    PATIENT = 0
    WORLD = 1


@dataclass(frozen=True, slots=True)
class Pose:
    """One sample of one tracked thing.

    Attributes:
        entity: its number in the session.
        time_s: when the tracker measured it, on the hub's clock.
        position_mm: in `frame`.
        orientation: unit quaternion (w, x, y, z), `frame` from the thing's own axes.
        frame: what it is measured in.
        is_tracked: False says that the tracker has lost it: position and orientation are then the last known.
        error_mm: standard uncertainty of the position at the tip.
        registration_epoch: the registration that brought it into `frame`, modulo 65536.
    """

    entity: int
    time_s: float
    position_mm: tuple[float, float, float]
    orientation: tuple[float, float, float, float]
    frame: PoseFrame = PoseFrame.PATIENT
    is_tracked: bool = True
    error_mm: float = 0.0
    registration_epoch: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.entity <= 0xFFFF and 0 <= self.registration_epoch <= 0xFFFF):
            raise InvalidValue("an entity and a registration epoch are numbers from 0 to 65535")
        if not math.isfinite(self.time_s) or abs(self.time_s) > 2**62 / _MICROSECONDS:
            raise InvalidValue("a pose has a finite time")
        if not all(math.isfinite(x) and abs(x) <= MOST_DISTANCE_MM for x in self.position_mm):
            raise InvalidValue(f"a position is finite and within {MOST_DISTANCE_MM:g} mm")
        length = math.sqrt(sum(x * x for x in self.orientation))
        if not math.isfinite(length) or abs(length - 1.0) > _LENGTH_TOLERANCE:
            raise InvalidValue("an orientation is a quaternion of length 1")
        if not 0.0 <= self.error_mm <= MOST_ERROR_MM:
            raise InvalidValue(f"an error is 0 to {MOST_ERROR_MM:g} mm")


def encode_pose(pose: Pose) -> bytes:
    """The frame of one pose, `POSE_BYTES` long."""
    flags = (_TRACKED if pose.is_tracked else 0) | int(pose.frame) << 4
    scale = _UNIT / math.sqrt(sum(x * x for x in pose.orientation))
    turn = (round(x * scale) for x in pose.orientation)
    time_us = round(pose.time_s * _MICROSECONDS)
    return _FRAME.pack(
        POSE_KIND, flags, pose.entity, pose.registration_epoch, time_us, *pose.position_mm, *turn, pose.error_mm
    )


def decode_pose(data: bytes) -> Pose:
    """The pose of one frame.

    Raises:
        InvalidValue: not a pose, or one that cannot be right.
    """
    if len(data) != POSE_BYTES or data[0] != POSE_KIND:
        raise InvalidValue(f"a pose takes {POSE_BYTES} bytes and begins with {POSE_KIND}, got {len(data)} bytes")
    _, flags, entity, epoch, time_us, x, y, z, *turn, error_mm = _FRAME.unpack(data)
    if flags >> 4 not in (0, 1) or flags & 0x0E:
        raise InvalidValue("a pose has flags that nobody sets")
    length = math.sqrt(sum(part * part for part in turn))
    if abs(length / _UNIT - 1.0) > _LENGTH_TOLERANCE:
        raise InvalidValue("an orientation is a quaternion of length 1")
    w, i, j, k = (part / length for part in turn)
    return Pose(
        entity,
        time_us / _MICROSECONDS,
        (x, y, z),
        (w, i, j, k),
        PoseFrame(flags >> 4),
        bool(flags & _TRACKED),
        error_mm,
        epoch,
    )


class PoseBoard:
    """The newest pose of each entity of a session, encoded once for all who are shown it."""

    def __init__(self, most_entities: int = MOST_ENTITIES) -> None:
        self._most = most_entities
        self._latest: dict[int, Pose] = {}
        self._frames: dict[int, bytes] = {}

    def put(self, pose: Pose) -> bool:
        """Take a pose; False where a newer one of its entity is known, or there are too many entities."""
        known = self._latest.get(pose.entity)
        if known is None and len(self._latest) >= self._most:
            return False
        if known is not None and pose.time_s <= known.time_s:
            return False
        self._set(pose)
        return True

    def frame(self, entity: int) -> bytes:
        """The newest pose of an entity as it goes on the wire; empty where it was forgotten."""
        return self._frames.get(entity, b"")

    def latest(self, entity: int) -> Pose | None:
        """The newest pose of an entity; None where nothing is known."""
        return self._latest.get(entity)

    @property
    def entities(self) -> tuple[int, ...]:
        """All that have a pose."""
        return tuple(self._latest)

    def age_s(self, entity: int, now_s: float) -> float | None:
        """How old what is known of an entity is; None where nothing is."""
        known = self._latest.get(entity)
        return None if known is None else now_s - known.time_s

    def lose(self, entity: int) -> bool:
        """Say of an entity that it is not tracked any more; its last place stays, with the time that it had.

        False where that was known already, or nothing was.
        """
        known = self._latest.get(entity)
        if known is None or not known.is_tracked:
            return False
        self._set(replace(known, is_tracked=False))
        return True

    def forget(self, entity: int) -> None:
        """Drop an entity that is no more."""
        self._latest.pop(entity, None)
        self._frames.pop(entity, None)

    def _set(self, pose: Pose) -> None:
        self._latest[pose.entity] = pose
        self._frames[pose.entity] = encode_pose(pose)


class Board(Protocol):
    """What holds the newest frame of each entity."""

    @property
    def entities(self) -> tuple[int, ...]:
        """All that have one."""

    def frame(self, entity: int) -> bytes:
        """As it goes on the wire; empty where there is none."""


class Lane:
    """Which entities one peer has not been sent the newest of; what is sent is the newest when it goes."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._waiting: dict[int, None] = dict.fromkeys(board.entities)

    def mark(self, entity: int) -> None:
        """There is something newer of `entity`."""
        self._waiting[entity] = None

    def take(self) -> bytes:
        """One frame with the newest of each entity that waits, longest first; empty where none does."""
        frame = b"".join(map(self._board.frame, self._waiting))
        self._waiting.clear()
        return frame
