"""What a guidance session says, as a headset is given it: plain frozen values, in the anatomy's own metres.

Times are on the source's clock. A distance is known or it has a reason why not, never both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from engine.core.array import Float64, owned
from engine.core.unknown import Why


@dataclass(frozen=True, slots=True, eq=False)
class Distance:
    """From a tool to one structure.

    Attributes:
        structure: identifier of its node.
        name: for the person.
        colour: sRGB of the structure.
        near_mm, risk_mm: where it becomes near, and a risk.
        why: why it is not known; None where it is. The numbers then mean nothing.
        level: 0 clear, 1 near, 2 risk, 3 breach.
        distance_mm: negative within; `error_mm` holds it in 95 % of cases.
        speed_mm_s: how fast it changes.
        surface_m: (3,) the structure's nearest point.
    """

    structure: str
    name: str
    colour: tuple[int, int, int]
    near_mm: float
    risk_mm: float
    why: Why | None
    level: int = 0
    distance_mm: float = 0.0
    error_mm: float = 0.0
    speed_mm_s: float = 0.0
    surface_m: Float64 = field(default_factory=lambda: np.zeros(3))

    def __post_init__(self) -> None:
        object.__setattr__(self, "surface_m", owned(self.surface_m, np.float64))

    @property
    def urgency(self) -> tuple[float, ...]:
        """The more urgent sorts first: by level; not known before known; by the least that it may be."""
        return (-self.level, self.why is None, self.distance_mm - self.error_mm)


@dataclass(frozen=True, slots=True, eq=False)
class ToolReading:
    """One tool at one moment.

    Attributes:
        entity: its number in the session.
        name: for the person.
        time_s: when it was measured, or found to be unknown.
        why: why its place is not known; None where it is.
        reference_why: why the reference on the patient is not known; None where it is.
        tip_error_mm: holds its tip in 95 % of cases; 0 while that is not known.
        distances: to what it is held against.
    """

    entity: int
    name: str
    time_s: float
    why: Why | None = None
    reference_why: Why | None = None
    tip_error_mm: float = 0.0
    distances: tuple[Distance, ...] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is said of one structure: by shape, word and colour, by flashing, and by bursts of pulses."""

    id: str
    text: str
    shape: str
    colour: str
    flashes_hz: float
    pulses: int
    between_s: float
    sounds: bool
    since_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Landmark:
    """A place to touch, and whether to register with or to check with."""

    id: str
    name: str
    at_m: Float64
    is_check: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PatientPlace:
    """Where the patient lies in this headset's world: (4, 4) rigid, its error (95 %), and whether it was checked."""

    world_from_anatomy: Float64
    error_mm: float
    is_verified: bool


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """The trajectory that was chosen: a straight way from its entry to its target."""

    name: str
    entry_m: Float64
    target_m: Float64


@dataclass(frozen=True, slots=True)
class Aim:
    """How a tool lies to the way, seen along it.

    Attributes:
        tip_mm: how far its tip is beside the way: to the right and up, as one looks from outside along it.
        aim_mm: the same of where its axis goes on to at the depth of the target; None where it points elsewhere.
        angle_deg: between axis and way; None of a tool without an axis.
        left_mm: along the way from the tip to the target; negative beyond it.
        length_mm: of the way.
    """

    tip_mm: tuple[float, float]
    aim_mm: tuple[float, float] | None
    angle_deg: float | None
    left_mm: float
    length_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Guided:
    """How a guidance session stands.

    Attributes:
        next: what to do, in words.
        tools: entities of the tools that distances are measured from.
        why: what is wrong with the registration; None where nothing is.
        due_s: when it must be checked again; infinite where never.
        place: None while the patient has not been touched with this headset.
        way: None while none was chosen.
    """

    next: str
    tools: frozenset[int] = frozenset()
    why: Why | None = None
    due_s: float = inf
    landmarks: tuple[Landmark, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    place: PatientPlace | None = None
    way: Way | None = None

    def why_at(self, now_s: float) -> Why | None:
        """What is wrong with the registration at a time."""
        return Why.CHECK_DUE if self.why is None and now_s > self.due_s else self.why


@dataclass(frozen=True, slots=True, eq=False)
class Touched:
    """A tip rested on a landmark: (n, 3) its places in the headset's own world, metres."""

    landmark: str
    points_m: Float64
    with_hand: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_m", owned(self.points_m, np.float64))


@dataclass(frozen=True, slots=True)
class PlaceHere:
    """Find where the patient lies in this headset's world, from what was touched with it."""


@dataclass(frozen=True, slots=True)
class BeQuiet:
    """No sound for a while."""


#: What a person in a headset asks of the guidance session.
Asked = Touched | PlaceHere | BeQuiet


def newest(readings: Sequence[ToolReading]) -> ToolReading | None:
    """The latest word of any tool."""
    return max(readings, key=lambda each: each.time_s, default=None)


def most_urgent(distances: Sequence[Distance], count: int) -> tuple[Distance, ...]:
    """The budget of clutter: so many and no more."""
    return tuple(sorted(distances, key=lambda each: each.urgency)[:count])
