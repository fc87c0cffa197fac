"""How far a peer's clock is from the hub's, and how sure that is.

Four times of an exchange (Mills, RFC 5905, section 8): sent by one, received and answered by the other, received again.
The offset is right within half of the round trip, whatever the two ways took. The exchange with the shortest round
trip is believed, until what clocks may drift since then makes it worse than a newer one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.core.errors import InvalidValue

#: Quartz in computers and headsets drifts by up to 50 parts in a million, either way and on both sides.
DRIFT = 1e-4
#: Differences of times that count from 1970 round to this.
ROUNDING_S = 1e-6
#: Exchanges kept; more would all be old.
KEPT = 16


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and its answer. `sent` and `returned` on the asker's clock, the others on the answerer's."""

    sent_s: float
    received_s: float
    answered_s: float
    returned_s: float

    def __post_init__(self) -> None:
        times = (self.sent_s, self.received_s, self.answered_s, self.returned_s)
        if not all(math.isfinite(time) for time in times):
            raise InvalidValue("times of an exchange are finite")
        steps = (self.returned_s - self.sent_s, self.answered_s - self.received_s, self._line_s)
        if min(steps) < -ROUNDING_S:
            raise InvalidValue("an answer cannot come before its question")

    @property
    def round_trip_s(self) -> float:
        """Time on the line, both ways."""
        return max(self._line_s, 0.0)

    @property
    def _line_s(self) -> float:
        return (self.returned_s - self.sent_s) - (self.answered_s - self.received_s)

    @property
    def offset_s(self) -> float:
        """What to add to the asker's clock to have the answerer's, within half of the round trip."""
        return ((self.received_s - self.sent_s) + (self.answered_s - self.returned_s)) / 2


@dataclass(frozen=True, slots=True)
class Offset:
    """What to add to one clock to have the other: within `error_s` for certain."""

    offset_s: float
    error_s: float


class ClockSync:
    """The believed offset, from exchanges as they come. Times are arguments: nothing here looks at a clock."""

    def __init__(self) -> None:
        self._exchanges: list[Exchange] = []

    def add(self, exchange: Exchange) -> None:
        """Learn from one exchange. One that contradicts what is known says that a clock was set: that is forgotten."""
        self._exchanges = [known for known in self._exchanges if _agree(known, exchange)][1 - KEPT :]
        self._exchanges.append(exchange)

    def at(self, now_s: float) -> Offset | None:
        """The offset as of `now_s` on the asker's clock; None before the first exchange."""
        if not self._exchanges:
            return None
        best = min(self._exchanges, key=lambda known: _error_s(known, now_s))
        return Offset(best.offset_s, _error_s(best, now_s))


def _error_s(exchange: Exchange, now_s: float) -> float:
    return exchange.round_trip_s / 2 + ROUNDING_S + DRIFT * abs(now_s - exchange.returned_s)


def _agree(known: Exchange, new: Exchange) -> bool:
    """Whether both can be true of two clocks that only drift."""
    room = _error_s(known, new.returned_s) + new.round_trip_s / 2
    return abs(known.offset_s - new.offset_s) <= room
