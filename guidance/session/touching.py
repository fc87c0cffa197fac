"""A landmark that is being touched: the tip must rest there for a while, seen against the reference all along."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.core.array import Float64
from guidance.register.registration import Doubt, RegistrationRefused
from guidance.register.touch import LEAST_S, Touch, touches
from guidance.track.sample import Sample

#: A hand that cannot hold still for so long tries again.
GIVE_UP_S = 8.0
#: Rests that are looked for begin no earlier than this before now: a long rest is taken once it is long enough.
_LOOK_EVERY = 8


@dataclass(slots=True)
class Touching:
    """Not a value: it collects.

    Attributes:
        landmark: which one is meant.
        thing: the tool whose tip rests on it.
        since_s: when somebody asked.
        scan_mm: (3,) of a point that is no landmark (`landmark` is empty), where the scan has it.
    """

    landmark: str
    thing: str
    since_s: float
    scan_mm: Float64 | None = None
    reference: list[Sample] = field(default_factory=list)
    _tips_mm: list[Float64] = field(default_factory=list)
    _times_s: list[float] = field(default_factory=list)

    def add(self, time_s: float, tip_mm: Float64) -> None:
        """One place of the (3,) tip in the frame of the reference."""
        if not self._times_s or time_s > self._times_s[-1]:
            self._times_s.append(time_s)
            self._tips_mm.append(tip_mm)

    def taken(self, now_s: float) -> Touch | None:
        """The rest, once it has lasted long enough; None until then.

        Raises:
            RegistrationRefused: nobody rested there.
        """
        count = len(self._times_s)
        if count and count % _LOOK_EVERY == 0 and self._times_s[-1] - self._times_s[0] >= LEAST_S:
            found = touches(np.array(self._tips_mm), np.array(self._times_s))
            if found:
                return found[-1]
        if now_s - self.since_s > GIVE_UP_S:
            why = "the tip was not seen" if not count else "the tip did not rest"
            raise RegistrationRefused(Doubt.MOVED, f"{why}: hold it on the landmark for a second and try again")
        return None
