"""Whether the same divot is found elsewhere after a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from engine.core.array import Float64
from guidance.accuracy.estimate import Estimate
from guidance.accuracy.position import Measured
from guidance.uncertainty.point_error import PointError

#: A drift seen with less than this chance is not put down to chance.
RARE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """A line through all touches over time, each divot about its own middle.

    Attributes:
        over_mm: (3,) from the first touch to the last, in the tracked frame.
        seconds: between those.
        is_real: whether it is more than chance.
    """

    over_mm: Float64
    error: PointError
    seconds: float
    is_real: bool
    count: int

    @property
    def length(self) -> Estimate:
        """How far."""
        length, reach = float(np.linalg.norm(self.over_mm)), self.error.radius_mm()
        return Estimate(length, max(0.0, length - reach), length + reach, self.count)


def drift(touches: Sequence[Measured]) -> Drift | None:
    """Least squares; None where no divot was touched twice, some while apart."""
    times = np.array([(touch.start_s + touch.end_s) / 2 for touch in touches])
    places = np.array([touch.at_mm for touch in touches])
    divots = np.array([touch.divot for touch in touches])
    for divot in np.unique(divots):
        times[divots == divot] -= times[divots == divot].mean()
        places[divots == divot] -= places[divots == divot].mean(axis=0)
    spread2 = float(times @ times)
    degrees = 3.0 * (len(touches) - len(np.unique(divots)) - 1)
    if spread2 == 0.0 or degrees < 3:
        return None
    seconds = touches[-1].end_s - touches[0].start_s
    velocity = times @ places / spread2
    rest = places - np.outer(times, velocity)
    variance = max(float((rest**2).sum()) / degrees, 1e-12)
    chance = float(fdtrc(3.0, degrees, float(velocity @ velocity) * spread2 / 3 / variance))
    error = PointError(np.eye(3) * variance / spread2 * seconds**2, degrees)
    return Drift(velocity * seconds, error, seconds, chance < RARE, len(touches))
