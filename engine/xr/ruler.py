"""Measuring with the tip of a hand: one end, then the other, or both hands at once. Pure.

Ends are kept in the anatomy's own metres, so that a length is the patient's own at any scale of the display. Its error
is the standard uncertainty of both ends (docs/headset.md): the voxel, and the tremor of a hand divided by the scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64, owned

#: How well a tip in the air is placed: common hand tremor, as a standard deviation.
TIP_ERROR_M = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """(3,) a place in the anatomy, and the standard uncertainty of it."""

    at_m: Float64
    error_m: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "at_m", owned(self.at_m, np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Length:
    """From one end to the other."""

    start: End
    end: End

    @property
    def length_m(self) -> float:
        """How far they are apart."""
        return float(np.linalg.norm(self.end.at_m - self.start.at_m))

    @property
    def text(self) -> str:
        """As the page says it: "42 ± 2 mm"."""
        return with_error(1e3 * self.length_m, 1e3 * math.hypot(self.start.error_m, self.end.error_m))


def with_error(value_mm: float, error_mm: float) -> str:
    """The error rounded up to one digit, the value to the same place; `error_mm` above 0."""
    step = 10.0 ** math.floor(math.log10(error_mm))
    step = 10 * step if error_mm > 9 * step else step
    decimals = max(0, -round(math.log10(step)))
    up = math.ceil(error_mm / step - 1e-9) * step  # 0.30000000000000004 rounded up is 0.3
    return f"{round(value_mm / step) * step:,.{decimals}f} ± {up:,.{decimals}f} mm"


class Ruler:
    """What was measured, and what is being measured. Not a value: hands change it."""

    def __init__(self) -> None:
        self.is_on = False
        self.voxel_error_m = 0.0
        self.lengths: tuple[Length, ...] = ()
        self._start: End | None = None
        self._end: End | None = None
        self._holds: dict[str, str] = {}

    @property
    def prompt(self) -> str:
        """What to do next."""
        if self._holds:
            return "Move to the place, then let go"
        return "Hold the trigger or pinch at the first end" if self._start is None else "Now the other end"

    @property
    def shown(self) -> tuple[Length, ...]:
        """All that is drawn: what was measured, and what is being."""
        if self._start is None:
            return self.lengths
        return (*self.lengths, Length(self._start, self._end or self._start))

    def put_away(self) -> None:
        """Lengths stay; what was begun does not."""
        self.is_on = False
        self._drop()

    def press(self, side: str, at_m: Float64, scale: float) -> None:
        """A hand takes the first end that is free."""
        has_first = self._start is not None or "start" in self._holds.values()
        self._holds[side] = "end" if has_first else "start"
        self.go(side, at_m, scale)

    def go(self, side: str, at_m: Float64, scale: float) -> None:
        """It goes there with the end that it holds, if any."""
        which = self._holds.get(side)
        if which is None:
            return
        end = End(at_m, math.hypot(self.voxel_error_m, TIP_ERROR_M / scale))
        if which == "start":
            self._start = end
        else:
            self._end = end

    def release(self, side: str) -> None:
        """The end stays where it is. With both ends down the length is made."""
        self._holds.pop(side, None)
        if self._holds or self._start is None or self._end is None:
            return
        self.lengths = (*self.lengths, Length(self._start, self._end))
        self._start = self._end = None

    def remove(self, number: int) -> None:
        """The length of that number, from 0; nothing where there is none."""
        self.lengths = self.lengths[:number] + self.lengths[number + 1 :]

    def clear(self) -> None:
        """All of them."""
        self.lengths = ()
        self._drop()

    def _drop(self) -> None:
        """What was begun is given up."""
        self._start = self._end = None
        self._holds.clear()
