"""The error at targets by trying: registrations with errors drawn anew from how touches were measured to scatter.

Theory (`Registration.expected_error`) is a first order; that both agree is a check of both.
"""

from __future__ import annotations

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from guidance.register.fiducial_error import FiducialError
from guidance.register.registration import Registration
from guidance.register.rigid_fit import fit

TRIES = 4000


def errors_by_chance_mm(
    registration: Registration,
    fiducial: FiducialError,
    targets_mm: Float64,
    rng: np.random.Generator,
    tries: int = TRIES,
) -> Float64:
    """(tries, targets, 3) errors at (t, 3) patient targets of unweighted registrations by the same landmarks.

    Raises:
        InvalidValue: a registration without landmarks.
    """
    landmarks = registration.landmarks_mm
    if not len(landmarks):
        raise InvalidValue("a registration by a surface has no landmarks to draw errors for")
    tracked = registration.patient_from_tracked.inverse
    root = np.linalg.cholesky(fiducial.covariance_mm2)
    touched = tracked.apply(landmarks) + rng.normal(size=(tries, *landmarks.shape)) @ root.T
    rotation, translation = fit(touched, np.broadcast_to(landmarks, touched.shape))
    placed = np.einsum("nij,tj->nti", rotation, tracked.apply(targets_mm)) + translation[:, None]
    return np.asarray(placed - targets_mm)
