"""A block with a divot that is tracked itself: a tool's tip is found in it without turning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A calibration block.

    Attributes:
        thing: what the device calls it.
        divot_mm: (3,) of its drawing, in the frame of its markers.
        error_mm: standard deviation of that along each axis.
    """

    thing: str
    divot_mm: Float64
    error_mm: float

    def __post_init__(self) -> None:
        divot = owned(self.divot_mm, np.float64)
        if divot.shape != (3,) or not np.isfinite(divot).all():
            raise InvalidValue("the divot of a block is three finite numbers, in the frame of its markers")
        if not 0.0 < self.error_mm <= 10.0:
            raise InvalidValue(f"no block is drawn without error, or worse than 10 mm; got {self.error_mm}")
        object.__setattr__(self, "divot_mm", divot)
