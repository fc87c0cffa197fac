"""A point of the scan that was touched again after soft tissue may have moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64

#: Two points nearer than this are one, touched twice: the later counts.
ONE_POINT_MM = 2.0
MOST_POINTS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Retouched:
    """Where the scan has it (3,), and where it was found (3,), both in patient millimetres."""

    scan_mm: Float64
    now_mm: Float64

    @property
    def moved_mm(self) -> float:
        """How far it went."""
        return float(np.linalg.norm(self.now_mm - self.scan_mm))


def with_point(points: Iterable[Retouched], point: Retouched) -> tuple[Retouched, ...]:
    """All points with one more, in the place of one that it repeats."""
    others = (one for one in points if float(np.linalg.norm(one.scan_mm - point.scan_mm)) >= ONE_POINT_MM)
    return (*others, point)
