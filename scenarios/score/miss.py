"""Why a lesion was missed (Kundel, Nodine and Carmody 1978): not looked at, looked past, or looked at and dismissed.

From what was displayed and where the head or eyes pointed. Without an eye tracker it is what was *viewed*, never what
was fixated: a head points where eyes may not look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.core.errors import InvalidValue


class Miss(StrEnum):
    """Why."""

    SEARCH = "search"
    RECOGNITION = "recognition"
    DECISION = "decision"


WORDS: dict[Miss, str] = {
    Miss.SEARCH: "the place was never viewed",
    Miss.RECOGNITION: "the place was viewed only in passing",
    Miss.DECISION: "the place was viewed for long, and not marked",
}


@dataclass(frozen=True, slots=True)
class Viewing:
    """How long a lesion's place was within the useful field of view, and by what that is known."""

    seconds: float
    has_gaze: bool

    def __post_init__(self) -> None:
        if not self.seconds >= 0:
            raise InvalidValue("nothing is viewed for less than no time")


#: Viewed for longer, it was seen. A choice, swept from 0.3 to 1 s in reports: published thresholds differ.
DWELL_S = 1.0


def miss_of(viewing: Viewing, dwell_s: float = DWELL_S) -> Miss:
    """The class of a miss."""
    if viewing.seconds <= 0:
        return Miss.SEARCH
    return Miss.RECOGNITION if viewing.seconds < dwell_s else Miss.DECISION


#: Dwells at which classes are told: what a class hangs on is said with it.
SWEEP_S = tuple(n / 10 for n in range(3, 11))


def swept(viewings: Sequence[Viewing]) -> dict[float, dict[Miss, int]]:
    """How many misses are of each class at every dwell from 0.3 to 1 s."""
    return {
        dwell_s: {kind: sum(miss_of(one, dwell_s) is kind for one in viewings) for kind in Miss} for dwell_s in SWEEP_S
    }


def is_firm(viewing: Viewing) -> bool:
    """Whether the class is the same at every dwell from 0.3 to 1 s."""
    return len({miss_of(viewing, dwell_s) for dwell_s in SWEEP_S}) == 1
