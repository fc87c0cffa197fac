"""The error of one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import chdtri, fdtri, ndtri, stdtrit

from engine.core.array import Float64, frozen, owned
from engine.core.errors import InvalidValue

#: The share of cases that a stated error holds for, where nobody says otherwise.
LEVEL = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class PointError:
    """A normal error around zero.

    Attributes:
        covariance_mm2: (3, 3), symmetric, not negative.
        degrees: of freedom that the covariance was estimated with; infinite where it is known. Few degrees make every
            stated region wider (Hotelling 1931; Student 1908).
    """

    covariance_mm2: Float64
    degrees: float = np.inf
    #: (3,) variances along the axes of the region, rising.
    variances_mm2: Float64 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        covariance = owned(self.covariance_mm2, np.float64)
        if covariance.shape != (3, 3) or not np.isfinite(covariance).all():
            raise InvalidValue("the covariance of a place is 3 x 3 finite numbers")
        scale = max(float(np.abs(covariance).max()), 1e-12)
        if float(np.abs(covariance - covariance.T).max()) > 1e-6 * scale:
            raise InvalidValue("a covariance is symmetric")
        variances = np.linalg.eigvalsh(covariance)
        if variances[0] < -1e-6 * scale:
            raise InvalidValue("a variance is never negative")
        if not self.degrees > 0:
            raise InvalidValue("an estimate has degrees of freedom")
        object.__setattr__(self, "covariance_mm2", covariance)
        object.__setattr__(self, "variances_mm2", frozen(np.clip(variances, 0.0, None)))

    @property
    def rms_mm(self) -> float:
        """Root mean square distance from the true place."""
        return float(np.sqrt(np.trace(self.covariance_mm2)))

    def along_mm(self, direction: Float64, level: float = LEVEL) -> float:
        """Half width of the interval along a (3,) unit vector that holds the truth in `level` of cases."""
        sigma = float(np.sqrt(max(float(direction @ self.covariance_mm2 @ direction), 0.0)))
        return sigma * deviations(level, self.degrees)

    def holds(self, offset_mm: Float64, level: float = LEVEL) -> bool:
        """Whether a true place that far off lies in the region that holds it in `level` of cases (an ellipsoid)."""
        return float(offset_mm @ np.linalg.solve(self.covariance_mm2, offset_mm)) <= region2(level, self.degrees)

    def radius_mm(self, level: float = LEVEL) -> float:
        """Radius of the ball that holds the truth in `level` of cases.

        The squared distance is a weighted sum of chi-squares; one gamma with its mean and variance stands for it
        (Satterthwaite 1946), and is within 2 % of it at the 95th percentile for any weights.
        """
        return radius_of(self.variances_mm2, self.degrees, level)

    def __add__(self, other: PointError) -> PointError:
        """Both at once, independent. Degrees of freedom after Welch and Satterthwaite, by the traces."""
        one, two = float(np.trace(self.covariance_mm2)), float(np.trace(other.covariance_mm2))
        spent = one**2 / self.degrees + two**2 / other.degrees
        return PointError(
            self.covariance_mm2 + other.covariance_mm2, (one + two) ** 2 / spent if spent > 0.0 else np.inf
        )


def radius_of(variances_mm2: Float64, degrees: float, level: float = LEVEL) -> float:
    """As `PointError.radius_mm`, from the (3,) variances along the axes of the region."""
    one, two, three = (max(variance, 0.0) for variance in variances_mm2.tolist())
    total, squares = one + two + three, one * one + two * two + three * three
    if total == 0.0:
        return 0.0
    shape = total**2 / squares  # degrees of freedom of that gamma, 1 to 3
    quantile = chdtri(shape, 1 - level) if math.isinf(degrees) else shape * fdtri(shape, degrees, level)
    return math.sqrt(squares / total * float(quantile))


def region2(level: float, degrees: float) -> float:
    """Squared Mahalanobis distance within which a place in space lies in `level` of cases."""
    if np.isinf(degrees):
        return float(chdtri(3, 1 - level))
    return float(3 * fdtri(3, degrees, level))


def deviations(level: float, degrees: float) -> float:
    """Standard deviations on either side that hold a single coordinate in `level` of cases."""
    probability = (1 + level) / 2
    return float(ndtri(probability) if np.isinf(degrees) else stdtrit(degrees, probability))
