"""Registration by landmarks that are marked in the scan and touched on the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy.special import fdtrc

from engine.core.array import Float64, owned
from engine.core.frame import Frame
from engine.core.transform import Transform
from guidance.register.fiducial_error import FiducialError
from guidance.register.registration import Doubt, Method, Registration, RegistrationRefused
from guidance.register.rigid_fit import fit, fit_weighted, residuals_mm
from guidance.uncertainty.pose_error import PoseError, jacobian

#: Below this chance, what was seen is not put down to chance.
RARE = 1e-4
#: Landmarks closer together than this, on average from their middle, register nothing.
LEAST_SPREAD_MM = 10.0
#: A turn about the line along the landmarks that is known no better than this is not known (standard deviation).
MOST_TURN_RAD = np.deg2rad(3.0)
#: Residuals below this are finer than any tracker and no reason for doubt.
FINE_MM = 0.1
#: With more landmarks than this not every order is tried, only exchanges of two.
_MOST_ORDERED = 6
#: Another order or a mirror explains touches only if it fits so much better.
_BETTER = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A landmark: where the scan has it, and where it was touched.

    Attributes:
        name: as it is told to whoever touches.
        patient_mm: (3,) in the patient frame of the scan.
        touched_mm: (3,) in the tracked frame.
        patient_mm2: (3, 3) how well it could be marked in the scan; None where that is part of the fiducial error.
    """

    name: str
    patient_mm: Float64
    touched_mm: Float64
    patient_mm2: Float64 | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "patient_mm", owned(self.patient_mm, np.float64))
        object.__setattr__(self, "touched_mm", owned(self.touched_mm, np.float64))


def register(
    pairs: Sequence[Pair], patient: Frame, tracked: Frame, fiducial: FiducialError | None = None
) -> Registration:
    """The patient in the tracked frame, from at least three landmarks.

    Without `fiducial`, the error of a touch is estimated from the residuals, alike in all directions; that takes four
    landmarks, and few of them make every stated region wide. With it, each landmark weighs as its error deserves.

    Raises:
        RegistrationRefused: with the doubt and what to do.
    """
    marked = np.array([pair.patient_mm for pair in pairs]).reshape(-1, 3)
    touched = np.array([pair.touched_mm for pair in pairs]).reshape(-1, 3)
    _refuse_few(len(pairs), fiducial)
    if not (np.isfinite(marked).all() and np.isfinite(touched).all()):
        raise RegistrationRefused(Doubt.NOT_FINITE, "a landmark has no place: a coordinate is not a number")
    _refuse_units(marked, touched)
    _refuse_narrow(marked)
    names = tuple(pair.name for pair in pairs)
    is_weighted = fiducial is not None and (
        any(pair.patient_mm2 is not None for pair in pairs) or not _is_round(fiducial.covariance_mm2)
    )
    if fiducial is None:
        rotation, translation = fit(touched, marked)
        off = residuals_mm(touched, marked, rotation, translation)
        degrees = 3.0 * len(pairs) - 6
        per_axis2 = max(float((off**2).sum()) / degrees, 1e-8)
        errors = np.broadcast_to(np.eye(3) * per_axis2, (len(pairs), 3, 3))
    else:
        degrees = fiducial.degrees
        source2 = np.broadcast_to(fiducial.covariance_mm2, (len(pairs), 3, 3))
        target2 = np.array([np.zeros((3, 3)) if pair.patient_mm2 is None else pair.patient_mm2 for pair in pairs])
        rotation, translation = fit_weighted(touched, marked, source2, target2) if is_weighted else fit(touched, marked)
        off = residuals_mm(touched, marked, rotation, translation)
        errors = target2 + rotation @ source2 @ rotation.T
    _refuse_misfit(names, touched, marked, off, errors, known=fiducial is not None)
    _refuse_line(marked, errors)
    centre = marked.mean(axis=0)
    moves = jacobian(marked - centre)
    information = np.einsum("nki,nkl,nlj->ij", moves, np.linalg.inv(errors), moves)
    spread = np.linalg.svd(marked - centre, compute_uv=False)
    return Registration(
        Transform.rigid(patient, tracked, rotation, translation),
        PoseError(np.linalg.inv(information), centre, degrees),
        float(np.sqrt((off**2).sum(axis=1).mean())),
        Method.WEIGHTED_POINTS if is_weighted else Method.PAIRED_POINTS,
        marked,
        float(spread[2] / np.sqrt(len(pairs))) if len(pairs) > 3 else 0.0,
    )


def _is_round(covariance: Float64) -> bool:
    return bool(np.abs(covariance - np.eye(3) * covariance[0, 0]).max() < 1e-9 * covariance[0, 0])


def _refuse_few(count: int, fiducial: FiducialError | None) -> None:
    least = 3 if fiducial is not None else 4
    if count < least:
        why = "" if fiducial is not None else ": three cannot tell how well they were touched"
        raise RegistrationRefused(Doubt.TOO_FEW, f"{count} landmarks were touched; it takes {least}{why}")


def _refuse_units(marked: Float64, touched: Float64) -> None:
    """Distances between landmarks do not depend on where the patient lies."""
    scales = [float(np.linalg.norm(points - points.mean(axis=0), axis=1).mean()) for points in (marked, touched)]
    if scales[0] == 0.0 or scales[1] == 0.0:
        raise RegistrationRefused(Doubt.TOGETHER, "all landmarks lie in one place")
    ratio = scales[1] / scales[0]
    if not 1 / 5 < ratio < 5:
        raise RegistrationRefused(
            Doubt.WRONG_UNITS, f"touched landmarks lie {ratio:.3g} times as far apart as marked ones: see the units"
        )


def _refuse_narrow(marked: Float64) -> None:
    spread = float(np.sqrt(((marked - marked.mean(axis=0)) ** 2).sum(axis=1).mean()))
    if spread < LEAST_SPREAD_MM:
        raise RegistrationRefused(
            Doubt.TOGETHER, f"the landmarks lie within {spread:.0f} mm of their middle: choose some farther apart"
        )


def _refuse_line(marked: Float64, errors: Float64) -> None:
    """Landmarks along a line leave the turn about it open."""
    centred = marked - marked.mean(axis=0)
    from_line2 = (np.linalg.svd(centred, compute_uv=False)[1:] ** 2).sum()
    per_axis = float(np.sqrt(np.trace(errors, axis1=1, axis2=2).mean() / 3))
    turn_rad = per_axis / max(float(np.sqrt(from_line2)), 1e-9)
    if turn_rad > MOST_TURN_RAD:
        raise RegistrationRefused(
            Doubt.ON_A_LINE,
            f"the landmarks lie nearly on a line: the turn about it is known to ±{np.degrees(turn_rad):.0f}°; "
            "choose one to the side",
        )


def _refuse_misfit(
    names: Sequence[str], touched: Float64, marked: Float64, off: Float64, errors: Float64, *, known: bool
) -> None:
    """Look for what a person does wrong: sides swapped, two landmarks taken for each other, one touched elsewhere."""
    n = len(names)
    squares = float((off**2).sum())
    by_chance = float(np.trace(errors, axis1=1, axis2=2).mean()) * (n - 2)
    if squares < n * FINE_MM**2 or (known and squares < 2 * by_chance):
        return
    _refuse_mirror(touched, marked, squares)
    _refuse_order(names, touched, marked, squares)
    _refuse_outlier(names, touched, marked, squares, by_chance, known=known)
    if known and fdtrc(3.0 * n - 6, 1e9, squares / max(by_chance, 1e-12)) < RARE:
        raise RegistrationRefused(
            Doubt.DOES_NOT_FIT,
            f"the landmarks do not fit: {np.sqrt(squares / n):.1f} mm off where {np.sqrt(by_chance / n):.1f} mm is "
            "usual; touch them again",
        )


def _sum2(touched: Float64, marked: Float64, *, mirrored: bool = False) -> Float64:
    """Sums of squares after the best motion, for one set or many."""
    rotation, translation = fit(touched, marked, mirrored=mirrored)
    return np.asarray((residuals_mm(touched, marked, rotation, translation) ** 2).sum(axis=(-1, -2)))


def _refuse_mirror(touched: Float64, marked: Float64, squares: float) -> None:
    mirrored = float(_sum2(touched, marked, mirrored=True))
    if len(touched) > 3 and mirrored * _BETTER**2 < squares:
        raise RegistrationRefused(
            Doubt.MIRRORED, "the landmarks fit a mirrored patient: left and right are swapped, here or in the scan"
        )


def _refuse_order(names: Sequence[str], touched: Float64, marked: Float64, squares: float) -> None:
    n = len(names)
    if n <= _MOST_ORDERED:
        orders = np.array(list(permutations(range(n))))
    else:
        swaps = [(i, j) for i in range(n) for j in range(i)]
        orders = np.tile(np.arange(n), (len(swaps), 1))
        for order, (i, j) in zip(orders, swaps, strict=True):
            order[[i, j]] = order[[j, i]]
    sums = _sum2(touched[orders], np.broadcast_to(marked, (len(orders), n, 3)))
    best = int(np.argmin(sums))
    moved = [names[k] for k in range(n) if orders[best, k] != k]
    if moved and sums[best] * _BETTER**2 < squares:
        raise RegistrationRefused(
            Doubt.MIXED_UP, f"{' and '.join(moved)} seem to be taken for each other: in another order they fit"
        )


def _refuse_outlier(
    names: Sequence[str], touched: Float64, marked: Float64, squares: float, by_chance: float, *, known: bool
) -> None:
    """The landmark without which the others fit far better than chance explains (an F test, one for each)."""
    n = len(names)
    if n < 5:
        return
    without = np.array([_sum2(np.delete(touched, k, axis=0), np.delete(marked, k, axis=0)) for k in range(n)])
    worst = int(np.argmin(without))
    degrees = 3.0 * n - 9
    rest = by_chance / (3.0 * n - 6) if known else float(without[worst]) / degrees
    ratio = (squares - float(without[worst])) / 3 / max(rest, 1e-12)
    if fdtrc(3.0, 1e9 if known else degrees, ratio) * n < RARE:
        keep = np.arange(n) != worst
        rotation, translation = fit(touched[keep], marked[keep])
        off_mm = float(np.linalg.norm(residuals_mm(touched, marked, rotation, translation)[worst]))
        raise RegistrationRefused(
            Doubt.OUTLIER, f"{names[worst]} lies {off_mm:.1f} mm from where the others put it: touch it again"
        )
