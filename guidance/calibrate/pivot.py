"""Pivot calibration: the tip rests in a divot while the tool is turned about it.

Algebraic one-step method: R_i tip + t_i = divot for every sample, least squares in tip and divot together (Yaniv,
"Which pivot calibration?", SPIE 9415, 2015). Several divots share the tip.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.transform import Transform
from guidance.calibrate.tool_tip import CalibrationDoubt, CalibrationRefused, ToolTip
from guidance.uncertainty.point_error import PointError

Places = NDArray[np.int64]
Kept = NDArray[np.bool_]

LEAST_SAMPLES = 20
#: The tool must have been turned this far away from its mean direction, on average, about two axes at least.
LEAST_TURN_RAD = np.deg2rad(10.0)
#: A tip that moves more than this has left its divot.
MOST_RMS_MM = 1.5
#: Samples farther off than this many times the median are left out: a hand that slips, a marker that jumps.
_OUTLYING = 4.5
_ROUNDS = 10
#: Successive samples of one slow movement repeat each other: so many together count as one.
_REPEATED = 5


def pivot(divots: Sequence[Sequence[Transform]]) -> ToolTip:
    """The tip, from places (`world_from_tool`) of a tool that was turned in one or several divots.

    Raises:
        CalibrationRefused: too few samples, a tool that was not turned, or a tip that did not rest.
    """
    groups = [np.array([place.matrix for place in places]) for places in divots if len(places)]
    count = sum(map(len, groups))
    if count < LEAST_SAMPLES:
        raise CalibrationRefused(
            CalibrationDoubt.TOO_FEW, f"{count} places of the tool; it takes {LEAST_SAMPLES}: turn it for longer"
        )
    matrices, divot_of = np.concatenate(groups), np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    _refuse_unturned(matrices, divot_of)
    kept = np.ones(count, bool)
    tip, normal, off_mm = _solve(matrices, divot_of, len(groups), kept)
    for _ in range(_ROUNDS):
        fits = off_mm <= max(_OUTLYING * float(np.median(off_mm[kept])), 1e-6)
        if np.array_equal(fits, kept):
            break
        kept = fits
        tip, normal, off_mm = _solve(matrices, divot_of, len(groups), kept)
    rms_mm = float(np.sqrt((off_mm[kept] ** 2).mean()))
    left_out = float(1 - kept.mean())
    if rms_mm > MOST_RMS_MM or left_out > 0.3:
        raise CalibrationRefused(
            CalibrationDoubt.NOT_IN_ONE_PLACE,
            f"the tip did not rest: {rms_mm:.1f} mm off, and {100 * left_out:.0f} % of the places do not fit; "
            "hold it in the divot and turn again",
        )
    independent = max(3.0 * kept.sum() / _REPEATED - normal.shape[0], 3.0)
    variance = float((off_mm[kept] ** 2).sum()) * _REPEATED / (3 * kept.sum() - normal.shape[0])
    return ToolTip(tip, PointError(np.linalg.inv(normal)[:3, :3] * variance, independent), rms_mm, left_out)


def _solve(matrices: Float64, divot_of: Places, divots: int, kept: Kept) -> tuple[Float64, Float64, Float64]:
    """Tip (3,) and normal matrix from the samples that are kept; how far off each sample is (n,), kept or not."""
    n = int(kept.sum())
    rows = np.zeros((n, 3, 3 + 3 * divots))
    rows[:, :, :3] = matrices[kept, :3, :3]
    for k in range(3):
        rows[np.arange(n), k, 3 + 3 * divot_of[kept] + k] = -1.0
    flat = rows.reshape(-1, 3 + 3 * divots)
    found = np.asarray(np.linalg.lstsq(flat, -matrices[kept, :3, 3].ravel(), rcond=None)[0], np.float64)
    tip, points = found[:3], found[3:].reshape(-1, 3)
    off_mm = np.linalg.norm(matrices[:, :3, :3] @ tip + matrices[:, :3, 3] - points[divot_of], axis=1)
    return tip, flat.T @ flat, np.asarray(off_mm, np.float64)


def _refuse_unturned(matrices: Float64, divot_of: Places) -> None:
    """The tip is seen only by turning: about one axis alone, the place along that axis stays open."""
    spread = np.zeros((3, 3))
    for k in np.unique(divot_of):
        turned = matrices[divot_of == k, :3, :3]
        spread += np.eye(3) * len(turned) - turned.sum(axis=0).T @ turned.sum(axis=0) / len(turned)
    weakest = float(np.sqrt(max(np.linalg.eigvalsh(spread / len(matrices))[0], 0.0)))
    if weakest < np.sin(LEAST_TURN_RAD):
        raise CalibrationRefused(
            CalibrationDoubt.NOT_TURNED,
            f"the tool was turned by {np.degrees(np.arcsin(min(weakest, 1.0))):.0f}° only, in its least direction; "
            f"tilt it by {np.degrees(LEAST_TURN_RAD) * 2:.0f}° or more, to all sides",
        )
