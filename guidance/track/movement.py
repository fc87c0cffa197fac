"""How a thing moves, from its last places: a straight line and an even turn through them, and what is left over."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64
from guidance.track.kernels import follow

#: Of a tracker that says nothing of its jitter and is seen for too short to tell, standard deviation along each axis.
USUAL_JITTER_MM = 0.2
USUAL_JITTER_RAD = 0.002
_LEAST = 4


@dataclass(frozen=True, slots=True, eq=False)
class Movement:
    """Of one point of a thing and of its axes, in the target frame of its places.

    Attributes:
        velocity_mm_s: (3,) of the point.
        turn_rad_s: (3,) of the axes.
        velocity_error_mm_s: standard deviation of the velocity along each axis.
        jitter_mm: standard deviation of a single place along each axis.
        jitter_rad: standard deviation of a single turn about each axis.
    """

    velocity_mm_s: Float64
    turn_rad_s: Float64
    velocity_error_mm_s: float
    jitter_mm: float
    jitter_rad: float


def movement(times_s: Float64, target_from_thing: Float64, point_mm: Float64) -> Movement:
    """Of a (3,) point in the thing's frame, from (n,) times, oldest first, and (n, 4, 4) rigid places.

    Fewer than four places tell no scatter, and two no velocity worth the name: then what is usual for trackers stands
    in for it, and the error of the velocity says so.
    """
    if len(times_s) < 2 or times_s[0] == times_s[-1]:
        return Movement(np.zeros(3), np.zeros(3), np.inf, USUAL_JITTER_MM, USUAL_JITTER_RAD)
    moved = np.empty((2, 3))
    spread2, jitter_mm, jitter_rad = follow(
        times_s, target_from_thing, point_mm, USUAL_JITTER_MM, USUAL_JITTER_RAD, _LEAST, moved
    )
    return Movement(moved[0], moved[1], jitter_mm / math.sqrt(spread2), jitter_mm, jitter_rad)
