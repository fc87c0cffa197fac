"""Positions as 16-bit integers: a frame per organ, and what rounding costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Float64, owned
from engine.core.errors import InvalidValue
from engine.core.surface import Surface

UInt16 = NDArray[np.uint16]

_STEPS = 65535
#: Rounding a surface that is off by its error anyway may cost this share of it more: finer integers are noise sent.
_SHARE_OF_ERROR = 1 / 64


@dataclass(frozen=True, slots=True, eq=False)
class QuantizationFrame:
    """Integer positions 0 to 65535 along each patient axis: `origin_mm + step_mm * integer`.

    One step for all axes keeps normals and angles as they are. Keep the frame of an organ for its whole session:
    then a deformed or edited surface is a new stream of positions, and bricks of it meet without cracks.

    Attributes:
        origin_mm: (3,) patient position of (0, 0, 0).
        step_mm: distance of neighbouring integers.
    """

    origin_mm: Float64
    step_mm: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin_mm", owned(self.origin_mm, np.float64))
        if self.origin_mm.shape != (3,) or not np.isfinite(self.origin_mm).all():
            raise InvalidValue(f"a frame has an origin of three finite millimetres, got {self.origin_mm}")
        if not 0 < self.step_mm < np.inf:
            raise InvalidValue(f"a frame's step is positive millimetres, got {self.step_mm}")

    @classmethod
    def around(cls, surfaces: Sequence[Surface], margin_mm: float = 0.0) -> QuantizationFrame:
        """The finest frame that holds `surfaces`, with room for `margin_mm` of movement on every side.

        Raises:
            InvalidValue: there is no vertex to hold.
        """
        corners = [c for s in surfaces if len(s.vertices_mm) for c in (s.vertices_mm.min(0), s.vertices_mm.max(0))]
        if not corners:
            raise InvalidValue("a quantisation frame needs at least one vertex")
        low = np.min(corners, axis=0).astype(np.float64) - margin_mm
        high = np.max(corners, axis=0).astype(np.float64) + margin_mm
        return cls(low, max(float((high - low).max()), 1e-3) / _STEPS)

    def fit_for(self, error_mm: float) -> QuantizationFrame:
        """The same place with the step doubled as often as a surface off by `error_mm` does not notice."""
        step = self.step_mm
        while 2 * step <= error_mm * _SHARE_OF_ERROR:
            step *= 2
        return QuantizationFrame(self.origin_mm, step)

    @property
    def error_mm(self) -> float:
        """Largest distance between a position and its integers: half a step along each axis."""
        return float(np.sqrt(3) / 2 * self.step_mm)

    def quantized(self, vertices_mm: Float32) -> UInt16:
        """(n, 4) uint16: integers along x, y, z, and 0, which pads a vertex to a multiple of four bytes.

        Raises:
            InvalidValue: a vertex lies outside the frame.
        """
        steps = np.rint((vertices_mm.astype(np.float64) - self.origin_mm) / self.step_mm)
        if len(steps) and (steps.min() < 0 or steps.max() > _STEPS):
            raise InvalidValue("a vertex lies outside its organ's quantisation frame; make one with more margin")
        out = np.zeros((len(steps), 4), np.uint16)
        out[:, :3] = steps
        return out

    def restored(self, quantized: UInt16) -> Float64:
        """Patient positions (n, 3) millimetres of (n, 3 or 4) integers."""
        return np.asarray(self.origin_mm + self.step_mm * quantized[:, :3].astype(np.float64))
