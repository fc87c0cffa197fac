"""What is known of the way between a tool and a structure: a distance with its error, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.unknown import Unknown


class Part(StrEnum):
    """Which part of a tool is meant."""

    TIP = "tip"
    SHAFT = "shaft"


@dataclass(frozen=True, slots=True, eq=False)
class Margin:
    """How far a part of a tool is from a structure's surface, in its patient frame.

    Attributes:
        distance_mm: from the surface of the tool to that of the structure; negative where it is inside.
        error_mm: the true distance lies within this of it in 95 % of cases (`guidance.margins.budget`).
        surface_mm: (3,) nearest point of the structure.
        tool_mm: (3,) nearest point of the tool's axis.
        away: (3,) unit vector by which the distance grows fastest.
        approach_mm_s: how fast the distance shrinks; negative where it grows.
        approach_error_mm_s: of that, 95 %.
        contact_s: until it is 0 if nothing changes; None where the tool does not come nearer, 0 within.
        contact_soonest_s: the same with everything at the worst of its error.
    """

    part: Part
    distance_mm: float
    error_mm: float
    surface_mm: Float64
    tool_mm: Float64
    away: Float64
    approach_mm_s: float
    approach_error_mm_s: float
    contact_s: float | None
    contact_soonest_s: float | None

    def __post_init__(self) -> None:
        # Forty of these are made 90 times a second: arrays are checked by their maker.
        if not (isfinite(self.distance_mm) and 0 <= self.error_mm < inf and isfinite(self.approach_mm_s)):
            raise InvalidValue("a margin is finite, and its error not negative; what is not known is Unknown")

    @property
    def least_mm(self) -> float:
        """The distance at the worst of its error: what warnings go by."""
        return self.distance_mm - self.error_mm


Distance = Margin | Unknown
