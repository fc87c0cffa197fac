"""The kernel that follows a thing through its last places: ninety times a second, for every tool."""

from __future__ import annotations

from typing import Any

import numpy as np

from guidance.compiled import kernel


@kernel
def follow(times_s: Any, places: Any, point_mm: Any, usual_mm: float, usual_rad: float, least: int, out: Any) -> Any:
    """As `movement`: out (2, 3) gets the velocity and the turn; told are the spread of the times, and both jitters.

    `places` are (n, 4, 4), n at least 2 and of more than one time.
    """
    n = len(times_s)
    about = times_s - times_s[0]  # seconds since 1970 have no digits left for a mean
    about -= about.mean()
    spread2 = 0.0
    for i in range(n):
        spread2 += about[i] * about[i]
    values = np.empty((2, n, 3))
    last = places[n - 1]
    for i in range(n):
        place = places[i]
        for row in range(3):
            values[0, i, row] = (
                place[row, 0] * point_mm[0] + place[row, 1] * point_mm[1] + place[row, 2] * point_mm[2] + place[row, 3]
            )
        # Axis times angle of the turn from the last place to this one.
        between = np.zeros((3, 3))
        for row in range(3):
            for column in range(3):
                for k in range(3):
                    between[row, column] += place[row, k] * last[column, k]
        x, y, z = between[2, 1] - between[1, 2], between[0, 2] - between[2, 0], between[1, 0] - between[0, 1]
        sine = np.sqrt(x * x + y * y + z * z) / 2.0
        angle = np.arctan2(sine, (between[0, 0] + between[1, 1] + between[2, 2] - 1.0) / 2.0)
        scale = angle / (2.0 * sine) if sine > 1e-9 else 0.5
        values[1, i, 0], values[1, i, 1], values[1, i, 2] = scale * x, scale * y, scale * z
    jitters = (usual_mm, usual_rad)
    told = np.empty(2)
    for kind in range(2):
        rest2 = 0.0
        for axis in range(3):
            slope = mean = 0.0
            for i in range(n):
                slope += about[i] * values[kind, i, axis] / spread2
                mean += values[kind, i, axis] / n
            out[kind, axis] = slope
            for i in range(n):
                off = values[kind, i, axis] - mean - about[i] * slope
                rest2 += off * off
        told[kind] = jitters[kind] if n < least else np.sqrt(rest2 / (3 * (n - 2)))
    return spread2, told[0], told[1]
