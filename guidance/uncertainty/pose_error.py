"""The error of a rigid transform, and what it makes of the error of every place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from guidance.uncertainty.point_error import PointError


@dataclass(frozen=True, slots=True, eq=False)
class PoseError:
    """A small turn about a point, and a small shift, both normal.

    Attributes:
        covariance: (6, 6) of turn (radians) and shift (mm), along the axes of the target frame.
        about_mm: (3,) the point of the target frame that it turns about.
        degrees: of freedom of the estimate.
    """

    covariance: Float64
    about_mm: Float64
    degrees: float = np.inf

    def __post_init__(self) -> None:
        covariance, about = owned(self.covariance, np.float64), owned(self.about_mm, np.float64)
        if covariance.shape != (6, 6) or about.shape != (3,):
            raise InvalidValue("the covariance of a pose is 6 x 6, and the point it turns about has three coordinates")
        # One sum tells of most that it is finite, ninety times a second and tool.
        if not math.isfinite(covariance.sum() + about.sum()) and not (
            np.isfinite(covariance).all() and np.isfinite(about).all()
        ):
            raise InvalidValue("the error of a pose holds NaN or infinity")
        object.__setattr__(self, "covariance", covariance)
        object.__setattr__(self, "about_mm", about)

    @classmethod
    def none(cls) -> PoseError:
        """Of a transform that is exact."""
        return cls(np.zeros((6, 6)), np.zeros(3))

    @classmethod
    def isotropic(cls, turn_rad: float, shift_mm: float, about_mm: Float64, degrees: float = np.inf) -> PoseError:
        """From standard deviations along each axis."""
        return cls(np.diag([turn_rad**2] * 3 + [shift_mm**2] * 3), about_mm, degrees)

    def seen_from(self, about_mm: Float64) -> PoseError:
        """The same error as a turn about another point."""
        if self._is_about(about_mm):
            return self
        move = np.eye(6)
        move[3:, :3] = jacobian(about_mm - self.about_mm)[:, :3]
        return PoseError(move @ self.covariance @ move.T, about_mm, self.degrees)

    def __add__(self, other: PoseError) -> PoseError:
        """Both at once, independent, in the same frame. Degrees of freedom after Welch and Satterthwaite."""
        there = other.seen_from(self.about_mm)
        one, two = float(np.trace(self.covariance[3:, 3:])), float(np.trace(there.covariance[3:, 3:]))
        spent = one**2 / self.degrees + two**2 / other.degrees
        degrees = (one + two) ** 2 / spent if spent > 0.0 else np.inf
        return PoseError(self.covariance + there.covariance, self.about_mm, degrees)

    def at(self, point_mm: Float64) -> PointError:
        """Error of a (3,) point that goes through the transform, given in the target frame."""
        return PointError(self.carried(point_mm), self.degrees)

    def carried(self, point_mm: Float64) -> Float64:
        """(3, 3) covariance of such a point."""
        if self._is_about(point_mm):
            return self.covariance[3:, 3:]
        moves = jacobian(point_mm - self.about_mm)
        return np.asarray(moves @ self.covariance @ moves.T)

    def _is_about(self, point_mm: Float64) -> bool:
        return bool((self.about_mm == point_mm).all())


def jacobian(from_centre_mm: Float64) -> Float64:
    """(..., 3, 6) how points move by a turn (radians) about a centre and a shift (mm)."""
    centre = np.asarray(from_centre_mm, np.float64)
    x, y, z = centre[..., 0], centre[..., 1], centre[..., 2]
    made = np.zeros((*centre.shape[:-1], 3, 6))
    made[..., 0, 1], made[..., 0, 2] = z, -y
    made[..., 1, 0], made[..., 1, 2] = -z, x
    made[..., 2, 0], made[..., 2, 1] = y, -x
    made[..., (0, 1, 2), (3, 4, 5)] = 1.0
    return made
