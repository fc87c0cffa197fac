"""A surface that is being traced: the tip is drawn over the skin, seen against the reference all along."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.core.array import Float64

#: A tip that rests tells the same point again and again: it counts once it has gone this far.
STEP_MM = 1.0
#: As many as a registration can make use of.
MOST_POINTS = 4000


@dataclass(slots=True)
class Tracing:
    """Not a value: it collects.

    Attributes:
        thing: the tool whose tip is drawn over the surface.
    """

    thing: str
    _points_mm: list[Float64] = field(default_factory=list)

    def add(self, tip_mm: Float64) -> bool:
        """One place of the (3,) tip in the frame of the reference; whether it is another than the last."""
        if len(self._points_mm) >= MOST_POINTS:
            return False
        if self._points_mm and float(np.linalg.norm(tip_mm - self._points_mm[-1])) < STEP_MM:
            return False
        self._points_mm.append(tip_mm)
        return True

    def __len__(self) -> int:
        return len(self._points_mm)

    @property
    def points_mm(self) -> Float64:
        """(n, 3), in the frame of the reference."""
        return np.reshape(self._points_mm, (-1, 3))
