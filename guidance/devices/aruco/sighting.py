"""From the corners of a thing's markers in a picture to where the thing is, how well that is known, or why not.

Flat things have two poses that fit nearly as well (Schweighofer and Pinz, IEEE PAMI 28, 2006); both are found after
Collins and Bartoli, "Infinitesimal plane-based pose estimation", IJCV 109 (2014), and one is chosen only where it fits
clearly better, or where it makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.array import Float64
from guidance.devices.aruco.lens import Lens
from guidance.devices.aruco.opencv import opencv
from guidance.uncertainty.pose_error import PoseError, jacobian

#: Corners are found no better than this, whatever the residuals say: standard deviation along each axis.
FINEST_PX = 0.1
#: Root mean square residual of a pose that is none: another layout, size or lens than was stated.
MOST_PX = 2.0
#: The better of two poses must fit so many times as well as the other.
CLEARLY = 2.0
#: Or both are one for every purpose: turned against each other by less.
ALIKE_RAD = np.deg2rad(2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """Where a thing is.

    Attributes:
        world_from_thing: (4, 4) rigid.
        error: of it, from the residuals of the corners. What the lens, the print and the glue are off by is not in it.
        rms_px: root mean square residual.
        corners: how many were used.
    """

    world_from_thing: Float64
    error: PoseError
    rms_px: float
    corners: int


def sighting(lens: Lens, corners_mm: Float64, corners_px: Float64) -> Sighting | str:
    """From (n, 3) corners of a thing and (n, 2) in the picture, n ≥ 4; or in words why it is not to be believed."""
    found = _poses(lens, corners_mm, corners_px)
    if not found:
        return "no pose fits its markers"
    (rms_px, best), *others = found
    if rms_px > MOST_PX:
        return f"its markers are {rms_px:.1f} px off: see their sizes, their places and the lens"
    error = _error(lens, corners_mm, best, rms_px)
    for other_px, other in others:
        turned = other[:3, :3] @ best[:3, :3].T
        apart_rad = float(np.arccos(np.clip((np.trace(turned) - 1) / 2, -1.0, 1.0)))
        if other_px >= CLEARLY * max(rms_px, FINEST_PX):
            continue
        if apart_rad > ALIKE_RAD:
            return (
                f"two poses fit its markers, {np.degrees(apart_rad):.0f}° apart: turn it, or use markers out of plane"
            )
        error = error + PoseError.isotropic(
            apart_rad / 2, float(np.linalg.norm((other - best)[:3, 3]) / 2), best[:3, 3]
        )
    return Sighting(best, error, rms_px, len(corners_mm))


def _poses(lens: Lens, corners_mm: Float64, corners_px: Float64) -> list[tuple[float, Float64]]:
    """Residual and pose, best first."""
    cv2 = opencv()
    middle = corners_mm.mean(axis=0)
    _, spread, axes = np.linalg.svd(corners_mm - middle)
    is_flat = spread[2] < 1e-3 * spread[1]
    axes = axes * np.sign(np.linalg.det(axes))
    # What is flat is solved in its own plane, which is what the method takes.
    local = (corners_mm - middle) @ axes.T if is_flat else corners_mm - middle
    method = cv2.SOLVEPNP_IPPE if is_flat else cv2.SOLVEPNP_SQPNP
    camera: Any = (lens.matrix, lens.distortion if lens.distortion.size else None)
    try:
        _, turns, shifts, _ = cv2.solvePnPGeneric(local, corners_px, *camera, flags=method)
    except cv2.error:
        return []
    back = np.eye(4)
    back[:3, :3] = axes if is_flat else np.eye(3)
    back[:3, 3] = -back[:3, :3] @ middle
    found = []
    for turn, shift in zip(turns, shifts, strict=True):
        refined = cv2.solvePnPRefineLM(local, corners_px, *camera, turn.copy(), shift.copy())
        pose = np.eye(4)
        pose[:3, :3] = cv2.Rodrigues(refined[0])[0]
        pose[:3, 3] = refined[1].ravel()
        in_camera = local @ pose[:3, :3].T + pose[:3, 3]
        if not np.isfinite(pose).all() or in_camera[:, 2].min() <= 0:
            continue  # behind the camera
        off = cv2.projectPoints(local, *refined, *camera)[0].reshape(-1, 2) - corners_px
        found.append((float(np.sqrt((off**2).sum() / off.size * 2)), np.asarray(pose @ back)))
    return sorted(found, key=lambda one: one[0])


def _error(lens: Lens, corners_mm: Float64, pose: Float64, rms_px: float) -> PoseError:
    """By how pixels change as the thing turns and shifts (Gauss-Markov)."""
    cv2 = opencv()
    from_origin = corners_mm @ pose[:3, :3].T
    in_camera = from_origin + pose[:3, 3]
    distortion = lens.distortion if lens.distortion.size else None
    _, moves = cv2.projectPoints(in_camera, np.zeros(3), np.zeros(3), lens.matrix, distortion)
    by_place = np.asarray(moves)[:, 3:6].reshape(-1, 2, 3)
    by_pose = (by_place @ jacobian(from_origin)).reshape(-1, 6)
    degrees = len(by_pose) - 6
    variance_px2 = max(rms_px**2 * len(corners_mm) / degrees, FINEST_PX**2)
    scale = np.diag(1 / np.linalg.norm(by_pose, axis=0))  # turns and shifts have units of their own
    covariance = scale @ np.linalg.inv(scale @ by_pose.T @ by_pose @ scale) @ scale * variance_px2
    return PoseError((covariance + covariance.T) / 2, pose[:3, 3], degrees)
