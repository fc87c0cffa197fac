"""A straight way from an entry to a target, and what a way may not be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue

#: An entry and a target closer together than this give no direction.
SHORTEST_MM = 1.0
#: The widest tool that goes along a way.
WIDEST_MM = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """A straight way, in the patient frame of the plan that it belongs to.

    Attributes:
        id: by which it is asked for.
        name: as it is shown.
        entry_mm: (3,) where the tool goes in.
        target_mm: (3,) where its tip shall come to.
        radius_mm: of the tool along it.
    """

    id: str
    name: str
    entry_mm: Float64
    target_mm: Float64
    radius_mm: float

    def __post_init__(self) -> None:
        for what in ("entry_mm", "target_mm"):
            place = owned(getattr(self, what), np.float64)
            if place.shape != (3,) or not np.isfinite(place).all():
                raise InvalidValue(f"{what} is three finite numbers")
            object.__setattr__(self, what, place)
        if not 0 <= self.radius_mm <= WIDEST_MM:
            raise InvalidValue(f"the radius of a tool is 0 to {WIDEST_MM:g} mm, got {self.radius_mm:g}")
        if self.length_mm < SHORTEST_MM:
            raise InvalidValue(f"entry and target are {self.length_mm:.2f} mm apart, which gives no direction")

    @property
    def length_mm(self) -> float:
        """From entry to target."""
        return float(np.linalg.norm(self.target_mm - self.entry_mm))

    @property
    def direction(self) -> Float64:
        """(3,) unit vector from entry to target."""
        return np.asarray((self.target_mm - self.entry_mm) / self.length_mm)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a way must keep to.

    Attributes:
        angle_deg: between the way and the inward normal of the surface at the entry, at most: a drill that meets bone
            aslant slips.
        length_mm: from entry to target, at most: what the tool can reach.
        clearance_mm: from the tool to every structure that is watched, at least.
    """

    angle_deg: float = 45.0
    length_mm: float = 100.0
    clearance_mm: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.angle_deg <= 90:
            raise InvalidValue(f"the largest angle is over 0 and up to 90°, got {self.angle_deg:g}")
        if not SHORTEST_MM <= self.length_mm <= 1000:
            raise InvalidValue(f"the largest length is {SHORTEST_MM:g} to 1000 mm, got {self.length_mm:g}")
        if not 0 <= self.clearance_mm <= 100:
            raise InvalidValue(f"the least clearance is 0 to 100 mm, got {self.clearance_mm:g}")
