"""The rigid motion that brings points nearest to others.

Arun, Huang and Blostein, "Least-squares fitting of two 3-D point sets", IEEE PAMI 9 (1987) 698-700; the sign of the
last axis after Umeyama, IEEE PAMI 13 (1991) 376-380. With errors of their own for every point: Gauss and
Newton's steps on the whitened residuals, whose minimum is that of Balachandran and Fitzpatrick, "Iterative solution
for rigid-body point-based registration with anisotropic weighting", SPIE 7261 (2009).
"""

from __future__ import annotations

import numpy as np

from engine.core.array import Float64
from guidance.uncertainty.pose_error import jacobian

_STEPS = 20
_SMALL = 1e-10


def fit(source_mm: Float64, target_mm: Float64, *, mirrored: bool = False) -> tuple[Float64, Float64]:
    """Rotations (..., 3, 3) and translations (..., 3) from (..., n, 3) to (..., n, 3) with the least squares.

    `mirrored`: the best motion that turns left into right; no registration, but what a swap of sides looks like.
    """
    source_mean, target_mean = source_mm.mean(axis=-2, keepdims=True), target_mm.mean(axis=-2, keepdims=True)
    across = np.swapaxes(target_mm - target_mean, -1, -2) @ (source_mm - source_mean)
    left, _, right = np.linalg.svd(across)
    handedness = np.sign(np.linalg.det(left) * np.linalg.det(right))
    keep = np.ones((*handedness.shape, 3))
    keep[..., 2] = -handedness if mirrored else handedness
    rotation = (left * keep[..., None, :]) @ right
    return rotation, target_mean[..., 0, :] - np.einsum("...ij,...j->...i", rotation, source_mean[..., 0, :])


def residuals_mm(source_mm: Float64, target_mm: Float64, rotation: Float64, translation: Float64) -> Float64:
    """(..., n, 3) from where points come to lie to where they should."""
    return np.asarray(target_mm - (source_mm @ np.swapaxes(rotation, -1, -2) + translation[..., None, :]))


def fit_weighted(
    source_mm: Float64, target_mm: Float64, source_mm2: Float64, target_mm2: Float64
) -> tuple[Float64, Float64]:
    """Rotation (3, 3) and translation (3,) of most likelihood, with (n, 3, 3) covariances on either side."""
    rotation, translation = fit(source_mm, target_mm)
    for _ in range(_STEPS):
        off = residuals_mm(source_mm, target_mm, rotation, translation)
        moves = jacobian(source_mm @ rotation.T)  # turns about the origin of the rotated points
        precision = np.linalg.inv(target_mm2 + rotation @ source_mm2 @ rotation.T)
        pull = np.einsum("nki,nkl,nl->i", moves, precision, off)
        step = np.linalg.solve(np.einsum("nki,nkl,nlj->ij", moves, precision, moves), pull)
        rotation = turn(step[:3]) @ rotation
        translation = translation + step[3:]
        if np.abs(step).max() < _SMALL:
            break
    return rotation, translation


def turn(vector_rad: Float64) -> Float64:
    """(3, 3) rotation about a (3,) vector by its length (Rodrigues)."""
    angle = float(np.linalg.norm(vector_rad))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector_rad / angle
    skew = np.array([(0.0, -z, y), (z, 0.0, -x), (-y, x, 0.0)])
    return np.asarray(np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew)
