"""Where a pointer rested: a touch is a tip that stays in one place for a while."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from guidance.uncertainty.point_error import PointError

#: A hand with a pointer in a divot stays within this of its mean.
STILL_MM = 2.0
LEAST_S = 1.0
#: A rest is put together from pieces no shorter than this.
PIECE_S = 0.25
#: A twitch is over by then.
TWITCH_S = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Touch:
    """A rest of the tip.

    Attributes:
        at_mm: (3,) mean place.
        error: of a single place about the mean, as it was seen to scatter.
        start_s, end_s: by the clock of the samples.
    """

    at_mm: Float64
    error: PointError
    start_s: float
    end_s: float


def touches(
    tips_mm: Float64, times_s: Float64, *, still_mm: float = STILL_MM, least_s: float = LEAST_S
) -> tuple[Touch, ...]:
    """All rests of (n, 3) tips at (n,) times, in order; two that are one rest with a twitch between are told as one.

    Raises:
        InvalidValue: times that do not grow.
    """
    if (np.diff(times_s) <= 0).any():
        raise InvalidValue("the times of samples grow")
    rests: list[list[slice]] = []
    first = 0
    while first < len(tips_mm):
        last = first + 1
        while last < len(tips_mm) and _reach(tips_mm[first : last + 1]) < still_mm:
            last += 1
        if times_s[last - 1] - times_s[first] < PIECE_S:
            first += 1
            continue
        span = slice(first, last)
        if rests and _is_same(tips_mm, times_s, rests[-1][-1], span, still_mm):
            rests[-1].append(span)
        else:
            rests.append([span])
        first = last
    return tuple(
        _touch(np.concatenate([tips_mm[s] for s in spans]), times_s[spans[0].start], times_s[spans[-1].stop - 1])
        for spans in rests
        if times_s[spans[-1].stop - 1] - times_s[spans[0].start] >= least_s
    )


def _reach(tips_mm: Float64) -> float:
    return float(np.linalg.norm(tips_mm - tips_mm.mean(axis=0), axis=1).max())


def _is_same(tips_mm: Float64, times_s: Float64, one: slice, other: slice, still_mm: float) -> bool:
    """Whether only a twitch lies between two rests."""
    apart_mm = float(np.linalg.norm(tips_mm[one].mean(axis=0) - tips_mm[other].mean(axis=0)))
    return apart_mm < still_mm and times_s[other.start] - times_s[one.stop - 1] < TWITCH_S


def _touch(tips_mm: Float64, start_s: float, end_s: float) -> Touch:
    apart = tips_mm - tips_mm.mean(axis=0)
    degrees = len(tips_mm) - 1
    covariance = apart.T @ apart / degrees
    return Touch(tips_mm.mean(axis=0), PointError(covariance, degrees), float(start_s), float(end_s))
