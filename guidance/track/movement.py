"""How a thing moves, from its last places: a straight line and an even turn through them, and what is left over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64

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
    about = times_s - times_s.mean()
    spread2 = float(about @ about)
    points = target_from_thing[:, :3, :3] @ point_mm + target_from_thing[:, :3, 3]
    if len(times_s) < 2 or spread2 == 0.0:
        return Movement(np.zeros(3), np.zeros(3), np.inf, USUAL_JITTER_MM, USUAL_JITTER_RAD)
    turns = _turns(target_from_thing[:, :3, :3])
    velocity, jitter_mm = _line(about, spread2, points, USUAL_JITTER_MM)
    turn, jitter_rad = _line(about, spread2, turns, USUAL_JITTER_RAD)
    return Movement(velocity, turn, jitter_mm / float(np.sqrt(spread2)), jitter_mm, jitter_rad)


def _turns(rotations: Float64) -> Float64:
    """(n, 3) turns, axis times angle, that lead from the last of (n, 3, 3) rotations to each; less than half round."""
    between = rotations @ rotations[-1].T
    twice_sine = np.stack(
        [
            between[:, 2, 1] - between[:, 1, 2],
            between[:, 0, 2] - between[:, 2, 0],
            between[:, 1, 0] - between[:, 0, 1],
        ],
        axis=-1,
    )
    sine = np.linalg.norm(twice_sine, axis=1) / 2
    angle = np.arctan2(sine, (np.trace(between, axis1=1, axis2=2) - 1) / 2)
    scale = np.where(sine > 1e-9, angle / np.maximum(2 * sine, 1e-18), 0.5)
    return np.asarray(twice_sine * scale[:, None])


def _line(about: Float64, spread2: float, values: Float64, usual: float) -> tuple[Float64, float]:
    """Slope of (n, 3) values, and their standard deviation from the line, along each axis."""
    slope = about @ values / spread2
    if len(values) < _LEAST:
        return slope, usual
    rest = values - values.mean(axis=0) - np.outer(about, slope)
    return slope, float(np.sqrt((rest**2).sum() / (3 * (len(values) - 2))))
