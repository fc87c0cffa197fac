"""How far a touched point is from the landmark that it was meant for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue


@dataclass(frozen=True, slots=True, eq=False)
class FiducialError:
    """Fiducial localisation error (FLE).

    Attributes:
        covariance_mm2: (3, 3) in the tracked frame.
        degrees: of freedom of the measurement; infinite where it is known.
    """

    covariance_mm2: Float64
    degrees: float = np.inf

    def __post_init__(self) -> None:
        covariance = owned(self.covariance_mm2, np.float64)
        if covariance.shape != (3, 3) or not np.isfinite(covariance).all():
            raise InvalidValue("the covariance of a fiducial is 3 x 3 finite numbers")
        if np.linalg.eigvalsh((covariance + covariance.T) / 2)[0] <= 0:
            raise InvalidValue("nobody touches a point without error")
        object.__setattr__(self, "covariance_mm2", covariance)

    @classmethod
    def isotropic(cls, rms_mm: float, degrees: float = np.inf) -> FiducialError:
        """The same in every direction; `rms_mm` is the root mean square distance, √3 times that along an axis."""
        return cls(np.eye(3) * rms_mm**2 / 3, degrees)

    @classmethod
    def measured(cls, touches_mm: Float64) -> FiducialError:
        """From (m, k, 3): each of m places touched k times. The pointer's own bias does not show.

        Raises:
            InvalidValue: a place was touched once, or all touches are one.
        """
        touches = np.asarray(touches_mm, np.float64)
        if touches.ndim != 3 or touches.shape[1] < 2 or touches.shape[2] != 3:
            raise InvalidValue("each place is touched at least twice")
        apart = (touches - touches.mean(axis=1, keepdims=True)).reshape(-1, 3)
        degrees = touches.shape[0] * (touches.shape[1] - 1)
        if degrees < 3:
            raise InvalidValue("four touches are the least that tell an error in space")
        return cls(apart.T @ apart / degrees, degrees)

    @property
    def rms_mm(self) -> float:
        """Root mean square distance."""
        return float(np.sqrt(np.trace(self.covariance_mm2)))
