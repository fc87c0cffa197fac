"""Sensitivity to how the pointer is held: it is turned about its tip, which should stay where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from guidance.accuracy.estimate import Estimate
from guidance.accuracy.heard import Rest

#: Attitudes within this of each other are one.
BIN_RAD = np.deg2rad(10.0)
LEAST_IN_BIN = 5


class About(StrEnum):
    """What the pointer was turned about."""

    SHAFT = "its shaft"
    FIRST = "a first axis across it"
    SECOND = "a second axis across it"


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """The pointer turned in a divot.

    Attributes:
        turned_rad: from one end to the other.
        span_mm: largest distance between the tip's places in two attitudes.
        angles_rad: (b,) attitudes; path_mm: (b, 3) where the tip was then, from its mean.
        is_independent: whether the tip was calibrated from something else.
    """

    about: About
    turned_rad: float
    span_mm: Estimate
    angles_rad: Float64
    path_mm: Float64
    is_independent: bool


def sweep(rest: Rest, tip_mm: Float64, *, is_independent: bool) -> Sweep | None:
    """What one turned rest says; None where too few attitudes were held for long enough."""
    axis = rest.axis
    angles = (rest.turns_rad - rest.turns_rad.mean(axis=0)) @ axis
    bins = np.floor(angles / BIN_RAD).astype(np.int64)
    kept = [k for k in np.unique(bins) if (bins == k).sum() >= LEAST_IN_BIN]
    if len(kept) < 3:
        return None
    inside = np.isin(bins, kept)
    samples, which = rest.samples_mm[inside], np.searchsorted(kept, bins[inside])
    places = np.array([samples[which == k].mean(axis=0) for k in range(len(kept))])
    scatter = _errors_mm(samples - places[which], which)
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    i, j = np.unravel_index(int(apart.argmax()), apart.shape)
    span, half = float(apart[i, j]), 1.96 * float(np.hypot(scatter[i], scatter[j]))
    return Sweep(
        _about(axis, tip_mm),
        rest.turned_rad,
        Estimate(span, max(0.0, span - half), span + half, len(samples)),
        np.array([angles[bins == k].mean() for k in kept]),
        places - places.mean(axis=0),
        is_independent,
    )


def sweeps(rests: Sequence[Rest], tip_mm: Float64, calibrated_s: tuple[float, float]) -> tuple[Sweep, ...]:
    """Of every turned rest; of those that the tip was calibrated from only where there is no other."""
    made = [
        (rest, sweep(rest, tip_mm, is_independent=not _together(rest, calibrated_s)))
        for rest in rests
        if rest.is_turned
    ]
    found = [one for _, one in made if one is not None]
    independent = tuple(one for one in found if one.is_independent)
    return independent or tuple(found)


def _together(rest: Rest, calibrated_s: tuple[float, float]) -> bool:
    start_s, end_s = calibrated_s
    return bool(rest.start_s < end_s and rest.end_s > start_s)


def _errors_mm(rest_mm: Float64, which: NDArray[np.int64]) -> Float64:
    """Standard error of each attitude's mean, along an axis.

    Successive samples of a slow movement repeat each other: n of them are worth n (1 - r) / (1 + r), with r their
    correlation (of a first-order process).
    """
    squares = float((rest_mm**2).sum())
    alike = float((rest_mm[1:] * rest_mm[:-1]).sum()) / squares if squares > 0 else 0.0
    alike = float(np.clip(alike, 0.0, 0.99))
    counts = np.bincount(which)
    per_axis2 = squares / (3 * max(len(rest_mm) - len(counts), 1))
    return np.asarray(np.sqrt(per_axis2 / np.maximum(counts * (1 - alike) / (1 + alike), 1.0)))


def _about(axis: Float64, tip_mm: Float64) -> About:
    """Which axis it is: the shaft leads from the markers to the tip."""
    shaft = tip_mm / max(float(np.linalg.norm(tip_mm)), 1e-9)
    if abs(float(axis @ shaft)) > np.sqrt(0.5):
        return About.SHAFT
    first = np.cross(shaft, np.eye(3)[int(np.abs(shaft).argmin())])
    return About.FIRST if abs(float(axis @ first)) > abs(float(axis @ np.cross(shaft, first))) else About.SECOND
