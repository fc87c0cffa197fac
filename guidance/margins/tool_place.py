"""A tool, and where it is in a patient frame at one moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import FrameKind
from engine.core.transform import Transform
from guidance.uncertainty.pose_error import PoseError


@dataclass(frozen=True, slots=True, eq=False)
class ToolShape:
    """A round tool along a line.

    Attributes:
        line_mm: (n, 3) from the tip on, in the tool's frame; one point is a tip without a shaft.
        radius_mm: of the shaft. The tip is a point.
    """

    line_mm: Float64
    radius_mm: float

    def __post_init__(self) -> None:
        line = owned(self.line_mm, np.float64)
        if line.ndim != 2 or line.shape[1] != 3 or not len(line) or not np.isfinite(line).all():
            raise InvalidValue("the line of a tool is (n, 3) finite points, of which the first is its tip")
        if not 0 <= self.radius_mm < 100:
            raise InvalidValue(f"a tool's radius is 0 to 100 mm, got {self.radius_mm}")
        object.__setattr__(self, "line_mm", line)


@dataclass(frozen=True, slots=True, eq=False)
class ToolPlace:
    """Where a tool is.

    Attributes:
        patient_from_tool: rigid.
        error: registration, calibration and jitter together, in the patient frame.
        velocity_mm_s: (3,) of the tip, in the patient frame.
        turn_rad_s: (3,) how fast it turns about its tip, in the patient frame.
        velocity_error_mm_s: standard deviation along each axis.
        measured_s: when it was there.
    """

    patient_from_tool: Transform
    error: PoseError
    velocity_mm_s: Float64
    turn_rad_s: Float64
    velocity_error_mm_s: float
    measured_s: float

    def __post_init__(self) -> None:
        if self.patient_from_tool.target.kind is not FrameKind.PATIENT:
            raise FrameMismatch(f"distances are measured in a patient frame, got {self.patient_from_tool.target}")
        for name in ("velocity_mm_s", "turn_rad_s"):
            value = owned(getattr(self, name), np.float64)
            if value.shape != (3,) or not np.isfinite(value).all():
                raise InvalidValue("how a tool moves is three finite numbers")
            object.__setattr__(self, name, value)
        if not 0 <= self.velocity_error_mm_s < np.inf:
            raise InvalidValue("the error of a velocity is finite and not negative")
