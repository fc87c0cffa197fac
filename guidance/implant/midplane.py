"""The plane in which a head mirrors itself.

Points of the bone's surface are mirrored and should come to lie on it again: iterated closest points (Besl and McKay,
IEEE PAMI 14, 1992) with the distance taken from a field, three unknowns, Tukey's weights so that a hole, a fracture or
a tilted cut of the scan pulls at nothing. The error counts what lies together once: asymmetries of heads are smooth,
and ten thousand points say no more of them than a hundred (cluster-robust covariance of Liang and Zeger, Biometrika 73,
1986).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from guidance.implant.bone import BoneScan, Bools, Field
from guidance.implant.refused import Doubt, ImplantRefused

#: Farther than this from the patient's left-right axis no head lies in a scanner.
MOST_TILT_DEG = 45.0
#: At least so much bone must be in view across, and along each direction in the plane.
LEAST_ACROSS_MM = 90.0
LEAST_ALONG_MM = 60.0
#: Of the surface, this share must have its mirror image in view.
LEAST_SEEN = 0.7
#: A head whose bone differs by more than this in half of its surface, or in a quarter of it, has no mirror image.
MOST_MEDIAN_MM = 2.0
MOST_QUARTILE_MM = 5.0
#: Where the plane is not known better than this (95 %), it is not known.
MOST_ANGLE_DEG = 4.0
MOST_OFFSET_MM = 4.0
#: Asymmetries this close together are one.
TOGETHER_MM = 25.0

_TILTS_DEG = (-30.0, -10.0, 10.0, 30.0)
_FEW, _MANY = 2000, 20000
_REACHES_MM = (25.0, 12.0, 6.0)
_LEAST_REACH_MM, _MOST_REACH_MM = 1.0, 5.0
#: Differences beyond this are all the same: not a match.
_FAR_MM = 5.0
#: A mirrored normal must at least lie this way.
_SAME_SIDE = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Midplane:
    """A plane, how well it is known, and how well the head mirrors in it.

    Attributes:
        point_mm: (3,) on the plane, in the middle of the bone.
        normal: (3,) unit, towards the patient's left.
        angle_deg: bound on the tilt of the normal, 95 %.
        offset_mm: bound on the place along the normal at `point_mm`, 95 %.
        asymmetry_mm: 50th, 75th and 90th percentile of how far the bone's surface is from its mirror image.
        seen: share of the surface whose mirror image is in view.
    """

    point_mm: Float64
    normal: Float64
    angle_deg: float
    offset_mm: float
    asymmetry_mm: tuple[float, float, float]
    seen: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "point_mm", owned(self.point_mm, np.float64))
        object.__setattr__(self, "normal", owned(self.normal, np.float64))
        if abs(float(np.linalg.norm(self.normal)) - 1.0) > 1e-6:
            raise InvalidValue("the normal of a plane has length 1")

    @property
    def mirror(self) -> Float64:
        """(4, 4) from the patient to its mirror image, and back."""
        matrix = np.eye(4)
        matrix[:3, :3] -= 2.0 * np.outer(self.normal, self.normal)
        matrix[:3, 3] = 2.0 * (self.normal @ self.point_mm) * self.normal
        return matrix

    def side_mm(self, points_mm: Float64) -> Float64:
        """(n,) how far (n, 3) points lie to the patient's left of the plane."""
        return np.asarray((points_mm - self.point_mm) @ self.normal)


def find_midplane(scan: BoneScan, bone: Field) -> Midplane:
    """The plane in which the bone of a head mirrors itself best, of those that a head in a scanner can have.

    Raises:
        ImplantRefused: too little of the head is in view, or it is not symmetric.
    """
    points, normals = bone.surface_points()
    at_border = ~scan.sees(points)
    points, normals = points[~at_border], normals[~at_border]
    if len(points) < _FEW:
        raise ImplantRefused(Doubt.NO_BONE, f"{len(points)} points of bone are in view: that is no head")
    few, many = (slice(None, None, max(1, len(points) // n)) for n in (_FEW, _MANY))
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    coarse = _Mirroring(scan, bone, points[few], normals[few], middle)
    found = [coarse.refined(_tilted(yaw, roll), 0.0) for yaw in _TILTS_DEG for roll in _TILTS_DEG]
    normal, offset_mm = min(found, key=lambda plane: coarse.misfit_mm(*plane))
    fine = _Mirroring(scan, bone, points[many], normals[many], middle)
    normal, offset_mm = fine.refined(normal, offset_mm)
    _refuse_partial(points, normal, middle, offset_mm)
    plane = fine.judged(normal, offset_mm)
    _refuse_unknown(plane)
    return plane


class _Mirroring:
    """Points of a surface, mirrored in planes n · (x - middle) = offset."""

    def __init__(self, scan: BoneScan, bone: Field, points: Float64, normals: Float64, middle: Float64) -> None:
        self._scan, self._bone, self._normals, self._middle = scan, bone, normals, middle
        self._points = points - middle

    def refined(self, normal: Float64, offset_mm: float) -> tuple[Float64, float]:
        """The plane near another that fits best, by Gauss and Newton's steps."""
        for reach_mm in (*_REACHES_MM, 0.0):
            for _ in range(12):
                moves, off, weights = self._linear(normal, offset_mm, reach_mm)
                if weights.sum() < 30:
                    return normal, offset_mm
                pull = (moves * (weights * off)[:, None]).sum(axis=0)
                step = -np.linalg.lstsq((moves * weights[:, None]).T @ moves, pull, rcond=1e-9)[0]
                across = _across(normal)
                normal = normal + across[0] * step[0] + across[1] * step[1]
                normal, offset_mm = normal / np.linalg.norm(normal), offset_mm + float(step[2])
                if np.abs(step[:2]).max() < 1e-6 and abs(step[2]) < 1e-4:
                    break
        return normal, offset_mm

    def misfit_mm(self, normal: Float64, offset_mm: float) -> float:
        """Mean distance of the mirrored points from the surface; what is far off or unseen counts the same."""
        if abs(normal[0]) < np.cos(np.deg2rad(MOST_TILT_DEG)):
            return np.inf
        off, _, _, matched = self._mirrored(normal, offset_mm)
        return float(np.where(matched, np.minimum(np.abs(off), _FAR_MM), _FAR_MM).mean())

    def judged(self, normal: Float64, offset_mm: float) -> Midplane:
        """The plane with its errors."""
        if normal[0] < 0:
            normal, offset_mm = -normal, -offset_mm
        covariance, degrees = self._covariance(normal, offset_mm)
        wide = float(stats.t.ppf(0.975, max(degrees, 1)))
        off, _, seen, _ = self._mirrored(normal, offset_mm)
        percentiles = np.percentile(np.abs(off[seen]), (50, 75, 90)) if seen.any() else np.full(3, np.inf)
        return Midplane(
            self._middle + offset_mm * normal,
            normal,
            float(np.rad2deg(wide * np.sqrt(np.linalg.eigvalsh(covariance[:2, :2])[-1]))),
            float(wide * np.sqrt(covariance[2, 2])),
            (float(percentiles[0]), float(percentiles[1]), float(percentiles[2])),
            float(seen.mean()),
        )

    def _mirrored(self, normal: Float64, offset_mm: float) -> tuple[Float64, Float64, Bools, Bools]:
        """Distances, their gradients, which are seen, and which meet a surface that faces the same way."""
        mirrored = self._points - 2.0 * (self._points @ normal - offset_mm)[:, None] * normal + self._middle
        off, gradients = self._bone.at(mirrored)
        seen = np.isfinite(off) & self._scan.sees(mirrored)
        facing = self._normals - 2.0 * (self._normals @ normal)[:, None] * normal
        matched = seen & ((facing * gradients).sum(axis=1) > _SAME_SIDE)
        return np.nan_to_num(off), gradients, seen, matched

    def _linear(self, normal: Float64, offset_mm: float, reach_mm: float) -> tuple[Float64, Float64, Float64]:
        """What the distances change by per radian about either tilt and per millimetre, (n, 3); distances; weights."""
        off, gradients, _, matched = self._mirrored(normal, offset_mm)
        side = self._points @ normal - offset_mm
        along = gradients @ normal
        moves = np.empty((len(off), 3))
        for k, tangent in enumerate(_across(normal)):
            moves[:, k] = -2.0 * ((self._points @ tangent) * along + side * (gradients @ tangent))
        moves[:, 2] = 2.0 * along
        if reach_mm == 0.0:
            sigma = 1.4826 * float(np.median(np.abs(off[matched]))) if matched.any() else 1.0
            reach_mm = float(np.clip(4.685 * sigma, _LEAST_REACH_MM, _MOST_REACH_MM))
        weights = np.where(matched, np.maximum(1.0 - (off / reach_mm) ** 2, 0.0) ** 2, 0.0)
        return moves, off, weights

    def _covariance(self, normal: Float64, offset_mm: float) -> tuple[Float64, int]:
        """(3, 3) of both tilts and the offset; places together, and mirrored ones, count once."""
        moves, off, weights = self._linear(normal, offset_mm, 0.0)
        across = _across(normal)
        places = np.column_stack([np.abs(self._points @ normal - offset_mm), *(self._points @ t for t in across)])
        _, cluster = np.unique(np.floor(places / TOGETHER_MM).astype(int), axis=0, return_inverse=True)
        count = int(cluster.max()) + 1
        pulls = np.zeros((count, 3))
        np.add.at(pulls, cluster.ravel(), moves * (weights * off)[:, None])
        bread = np.linalg.pinv((moves * weights[:, None]).T @ moves)
        inflated = count / max(count - 3, 1)
        return np.asarray(bread @ (pulls.T @ pulls) @ bread * inflated), count - 3


def _tilted(yaw_deg: float, roll_deg: float) -> Float64:
    """The left-right axis, turned about the long axis and tilted towards it."""
    yaw, roll = np.deg2rad(yaw_deg), np.deg2rad(roll_deg)
    return np.array([np.cos(yaw) * np.cos(roll), np.sin(yaw) * np.cos(roll), np.sin(roll)])


def _across(normal: Float64) -> tuple[Float64, Float64]:
    """Two unit vectors in the plane."""
    first = np.cross(normal, np.eye(3)[int(np.abs(normal).argmin())])
    first /= np.linalg.norm(first)
    return first, np.cross(normal, first)


def _refuse_partial(points: Float64, normal: Float64, middle: Float64, offset_mm: float) -> None:
    relative = points - middle
    side = relative @ normal - offset_mm
    across_mm = float(min(-np.percentile(side, 0.5), np.percentile(side, 99.5)))
    if 2.0 * across_mm < LEAST_ACROSS_MM:
        raise ImplantRefused(
            Doubt.OUT_OF_VIEW,
            f"the bone reaches {across_mm:.0f} mm to one side of its middle: take a scan with both sides of the head",
        )
    along_mm = min(float(np.ptp(relative @ tangent)) for tangent in _across(normal))
    if along_mm < LEAST_ALONG_MM:
        raise ImplantRefused(
            Doubt.OUT_OF_VIEW, f"{along_mm:.0f} mm of the skull are in view along its middle: take a larger scan"
        )


def _refuse_unknown(plane: Midplane) -> None:
    if plane.seen < LEAST_SEEN:
        raise ImplantRefused(
            Doubt.OUT_OF_VIEW,
            f"of {100 * (1 - plane.seen):.0f} % of the bone the other side is not in view: take a larger scan",
        )
    median_mm, quartile_mm, _ = plane.asymmetry_mm
    if median_mm > MOST_MEDIAN_MM or quartile_mm > MOST_QUARTILE_MM:
        raise ImplantRefused(
            Doubt.ASYMMETRIC,
            f"half of the bone lies {median_mm:.1f} mm and more from its mirror image, a quarter {quartile_mm:.1f} mm: "
            "this head has no side to copy",
        )
    if plane.angle_deg > MOST_ANGLE_DEG or plane.offset_mm > MOST_OFFSET_MM:
        raise ImplantRefused(
            Doubt.ASYMMETRIC,
            f"the middle of the head is known to ±{plane.angle_deg:.1f}° and ±{plane.offset_mm:.1f} mm only (95 %)",
        )
