"""Soft tissue that moved since the scan, from a few points that were touched again.

A thin-plate spline in space (Bookstein, IEEE PAMI 11, 1989; its kernel in three dimensions is r), with the touches' own
error smoothed out. It is a guess between and beyond the touched points, and is marked as one wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from guidance.register.registration import Doubt, RegistrationRefused

LEAST_POINTS = 5
#: Tissue does not go farther: more than this is a wrong point.
MOST_SHIFT_MM = 30.0
#: Away from all touched points the guess is worth less with every millimetre: of the shift that was seen, this share a
#: hundred millimetres is added to the error.
FADE_PER_MM = 0.01
_FLAT = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Deformation:
    """Where patient points of the scan have gone.

    Attributes:
        scan_mm: (n, 3) touched points, where the scan has them.
        now_mm: (n, 3) where they were touched, through the registration.
        touch_mm: standard deviation of a touch along each axis.
        left_out_mm: root mean square error of each point as the others put it: what the guess is worth between them.
    """

    scan_mm: Float64
    now_mm: Float64
    touch_mm: float
    left_out_mm: float

    def moved(self, points_mm: Float64) -> Float64:
        """(..., 3) points of the scan, where they are now."""
        points = np.asarray(points_mm, np.float64)
        flat = points.reshape(-1, 3)
        shift = _spline(self.scan_mm, self.now_mm - self.scan_mm, self.touch_mm)(flat)
        return np.asarray((flat + shift).reshape(points.shape))

    def error_mm(self, points_mm: Float64) -> Float64:
        """(...) how far off the guess may be (root mean square): more, the farther from what was touched."""
        return self._error_mm(points_mm, self.scan_mm)

    def error_now_mm(self, points_mm: Float64) -> Float64:
        """The same, of places that were moved already."""
        return self._error_mm(points_mm, self.now_mm)

    def _error_mm(self, points_mm: Float64, touched_mm: Float64) -> Float64:
        points = np.asarray(points_mm, np.float64)
        apart = cKDTree(touched_mm).query(points)[0]
        largest = float(np.linalg.norm(self.now_mm - self.scan_mm, axis=1).max())
        return np.asarray(np.hypot(self.left_out_mm, FADE_PER_MM * apart * largest))


def deformation(scan_mm: Sequence[Float64], now_mm: Sequence[Float64], touch_mm: float) -> Deformation:
    """From touched points of the scan and where they are now.

    Raises:
        RegistrationRefused: too few, all in a plane or a line, not numbers, or one that went farther than tissue does.
        InvalidValue: a negative error of touches.
    """
    scan, now = owned(np.reshape(scan_mm, (-1, 3)), np.float64), owned(np.reshape(now_mm, (-1, 3)), np.float64)
    if not touch_mm > 0:
        raise InvalidValue("nobody touches a point without error")
    if len(scan) < LEAST_POINTS or len(scan) != len(now):
        raise RegistrationRefused(Doubt.TOO_FEW, f"{len(now)} points were touched again; it takes {LEAST_POINTS}")
    if not (np.isfinite(scan).all() and np.isfinite(now).all()):
        raise RegistrationRefused(Doubt.NOT_FINITE, "a touched point has no place")
    spread = np.linalg.svd(scan - scan.mean(axis=0), compute_uv=False)
    if spread[2] < _FLAT * spread[0]:
        raise RegistrationRefused(
            Doubt.ON_A_LINE,
            "the points lie in a plane: how the tissue moved beside it cannot be told; touch others too",
        )
    shift = np.linalg.norm(now - scan, axis=1)
    if shift.max() > MOST_SHIFT_MM:
        raise RegistrationRefused(
            Doubt.OUTLIER, f"point {int(shift.argmax()) + 1} moved by {shift.max():.0f} mm: touch it again"
        )
    return Deformation(scan, now, touch_mm, _left_out_mm(scan, now, touch_mm))


def _spline(scan: Float64, shift: Float64, touch_mm: float) -> RBFInterpolator:
    # With a kernel of -r, smoothing is in units of a length: as if each touch stood off by its error.
    return RBFInterpolator(scan, shift, kernel="linear", degree=1, smoothing=touch_mm)


def _left_out_mm(scan: Float64, now: Float64, touch_mm: float) -> float:
    off = []
    for k in range(len(scan)):
        keep = np.arange(len(scan)) != k
        degree = 1 if keep.sum() >= 4 and np.linalg.matrix_rank(scan[keep] - scan[keep].mean(axis=0), 1e-3) == 3 else 0
        spline = RBFInterpolator(scan[keep], (now - scan)[keep], kernel="linear", degree=degree, smoothing=touch_mm)
        off.append(spline(scan[k : k + 1])[0] - (now - scan)[k])
    return float(np.sqrt((np.square(off)).sum(axis=1).mean()))
