"""A calibrated tip, and why one is refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue, SightlineError
from guidance.uncertainty.point_error import PointError


class CalibrationDoubt(StrEnum):
    """Why a calibration is refused."""

    TOO_FEW = "too few"
    NOT_TURNED = "not turned"
    NOT_IN_ONE_PLACE = "not in one place"
    NO_SUCH_TOOL = "no such tool"


class CalibrationRefused(SightlineError):
    """The tip cannot be found from this; the message says what to do instead."""

    def __init__(self, doubt: CalibrationDoubt, words: str) -> None:
        super().__init__(words)
        self.doubt = doubt

    def __reduce__(self) -> tuple[type[CalibrationRefused], tuple[CalibrationDoubt, str]]:
        return CalibrationRefused, (self.doubt, str(self))


@dataclass(frozen=True, slots=True, eq=False)
class ToolTip:
    """Where the tip is in the frame of the tool's markers.

    Attributes:
        tip_mm: (3,).
        error: of it, in the same frame.
        rms_mm: root mean square distance of the tip from the divot while it was turned.
        left_out: share of the samples that did not fit.
    """

    tip_mm: Float64
    error: PointError
    rms_mm: float
    left_out: float

    def __post_init__(self) -> None:
        tip = owned(self.tip_mm, np.float64)
        if tip.shape != (3,) or not np.isfinite(tip).all():
            raise InvalidValue("a tip is three finite numbers")
        object.__setattr__(self, "tip_mm", tip)
