"""How near is near: levels, and what each says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from engine.core.errors import InvalidValue


class Level(IntEnum):
    """Of one structure. A higher number is worse."""

    CLEAR = 0
    NEAR = 1
    RISK = 2
    BREACH = 3


class Priority(StrEnum):
    """Of an alarm condition (IEC 60601-1-8:2006+A2:2020, 6.1.2): how soon somebody must act."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Look:
    """How a priority is seen and heard: never by colour alone (IEC 60601-1-8, 6.3.2 and 6.3.3).

    Attributes:
        shape: of the sign.
        colour: of the sign.
        flashes_hz: 0 for steady.
        pulses: in a burst of sound; 0 for silence.
        between_s: from one burst to the next.
    """

    shape: str
    colour: str
    flashes_hz: float
    pulses: int
    between_s: float


LOOKS: dict[Priority, Look] = {
    Priority.HIGH: Look("octagon", "red", 2.0, 10, 2.5),
    Priority.MEDIUM: Look("triangle", "yellow", 0.6, 3, 7.5),
    Priority.LOW: Look("circle", "cyan", 0.0, 1, 30.0),
    Priority.NONE: Look("", "", 0.0, 0, 0.0),
}

#: What each level is worth, and what it says before the structure's name.
PRIORITIES: dict[Level, tuple[Priority, str]] = {
    Level.CLEAR: (Priority.NONE, ""),
    Level.NEAR: (Priority.LOW, "Near"),
    Level.RISK: (Priority.MEDIUM, "Risk"),
    Level.BREACH: (Priority.HIGH, "Inside"),
}
#: Not knowing is as urgent as what was last known, and a step more: nobody sees what comes.
UNKNOWN_PRIORITIES: dict[Level, Priority] = {
    Level.CLEAR: Priority.LOW,
    Level.NEAR: Priority.MEDIUM,
    Level.RISK: Priority.HIGH,
    Level.BREACH: Priority.HIGH,
}


@dataclass(frozen=True, slots=True)
class Bands:
    """At which distances, after their error, the levels of a structure begin.

    Attributes:
        near_mm: where NEAR begins.
        risk_mm: where RISK begins.
        breach_mm: where BREACH begins.
        soon_s: a contact that may come sooner is a RISK wherever the tool is.
        leave_mm: farther than where it began, before a level is left.
        hold_s: and for so long.
    """

    near_mm: float = 5.0
    risk_mm: float = 2.0
    breach_mm: float = 0.0
    soon_s: float = 0.3
    leave_mm: float = 0.5
    hold_s: float = 0.5

    def __post_init__(self) -> None:
        if not self.breach_mm < self.risk_mm < self.near_mm < 1000:
            raise InvalidValue("bands lie one within the other: breach, risk, near")
        if not (self.leave_mm > 0 and self.hold_s >= 0 and self.soon_s >= 0):
            raise InvalidValue("a level is left a little farther out than it is entered, and not before its time")

    def level(self, distance_mm: float, contact_s: float | None) -> Level:
        """Of a distance after its error, and the soonest contact."""
        if distance_mm <= self.breach_mm:
            return Level.BREACH
        if distance_mm <= self.risk_mm or (contact_s is not None and contact_s <= self.soon_s):
            return Level.RISK
        return Level.NEAR if distance_mm <= self.near_mm else Level.CLEAR
