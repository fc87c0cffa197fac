"""What is reported of a registration: how it was found, what is expected of it, and what check points measured."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from engine.core.structure import Structure


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The error that is expected at a place.

    Attributes:
        place_mm: (3,) in the patient frame of the series.
        expected_mm: no farther off in 95 % of cases.
    """

    name: str
    place_mm: Float64
    expected_mm: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "place_mm", _place(self.name, self.place_mm))


@dataclass(frozen=True, slots=True, eq=False)
class CheckedPoint:
    """A point that the registration was not found from, as it was touched.

    Attributes:
        place_mm: (3,) where the scan has it.
        off_mm: how far from there it was touched.
        expected_mm: no farther in 95 % of cases.
        time: when it was touched.
    """

    name: str
    place_mm: Float64
    off_mm: float
    expected_mm: float
    time: datetime.datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "place_mm", _place(self.name, self.place_mm))


@dataclass(frozen=True, slots=True)
class Closest:
    """How near the tool came to a watched structure.

    Attributes:
        distance_mm: negative inside.
        error_mm: of that distance, 95 %.
    """

    structure: Structure
    distance_mm: float
    error_mm: float
    time: datetime.datetime


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """One registration and what is known of it. What it was found from fits whatever the truth, so residuals (FRE) have
    no place here.

    Attributes:
        method: how it was found, in words.
        landmark_count: landmarks that it was found from; 0 for a surface.
        targets: errors expected.
        checked: points of the last check; none where it was not checked.
        measured_mm: root mean square over `checked`, the error of touches in it; None where it was not checked.
        limit_mm: what no check point may exceed.
        holds: whether it may be believed; False where it was not checked.
        left_out: what was measured and not used, and why; words.
        closest: nearest approaches.
    """

    method: str
    landmark_count: int
    targets: tuple[Target, ...]
    checked: tuple[CheckedPoint, ...]
    measured_mm: float | None
    limit_mm: float
    holds: bool
    left_out: tuple[str, ...] = ()
    closest: tuple[Closest, ...] = ()

    def __post_init__(self) -> None:
        if (self.measured_mm is None) != (not self.checked):
            raise InvalidValue("an error is measured where points were checked, and only there")
        if self.holds and not self.checked:
            raise InvalidValue("a registration that nobody checked does not hold")
        numbers = [self.limit_mm, self.measured_mm or 0.0, *(one.expected_mm for one in self.targets)]
        numbers += [value for one in self.checked for value in (one.off_mm, one.expected_mm)]
        numbers += [one.error_mm for one in self.closest]
        if not all(np.isfinite(value) and value >= 0 for value in numbers):
            raise InvalidValue("an error is a finite number of millimetres, and never negative")
        if not all(np.isfinite(one.distance_mm) for one in self.closest):
            raise InvalidValue("a distance that is not known is left out of a report")


def _place(name: str, place_mm: Float64) -> Float64:
    place = owned(place_mm, np.float64)
    if place.shape != (3,) or not np.isfinite(place).all():
        raise InvalidValue(f"the place of {name!r} is three finite numbers")
    return place
