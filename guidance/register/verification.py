"""Does the registration hold? Points that it was not found from are touched, and again after a while.

Only this measures the error at a target (TRE): residuals do not (`guidance.uncertainty.expected`). What holds at first
is lost silently: to 2.9 mm at the start draping adds 2.7, a retractor 1.2 and opening the skull 1.0 mm (Stieglitz et
al., Neurosurgery 72, 2013). The FDA asked for repeated checks in 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from engine.core.unknown import Unknown, Why
from guidance.register.fiducial_error import FiducialError
from guidance.register.registration import Doubt, Registration, RegistrationRefused
from guidance.uncertainty.point_error import PointError

#: A check point nearer to a landmark than this measures the landmark again.
INDEPENDENT_MM = 10.0
#: Landmarks less out of their plane than this could be those of a mirrored patient.
FLAT_MM = 5.0
#: What neuronavigation is held to; see the references of `docs/guidance.md`.
LIMIT_MM = 2.0
CHECK_AGAIN_S = 30 * 60.0
#: A growth seen with less than this chance is not put down to chance.
_RARE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class CheckPoint:
    """A point that can be found in the scan and on the patient, touched at a time.

    Attributes:
        patient_mm: (3,) where the scan has it.
        touched_mm: (3,) where it was touched, in the tracked frame.
    """

    name: str
    patient_mm: Float64
    touched_mm: Float64
    time_s: float

    def __post_init__(self) -> None:
        for field in ("patient_mm", "touched_mm"):
            value = owned(getattr(self, field), np.float64)
            if value.shape != (3,) or not np.isfinite(value).all():
                raise InvalidValue("a check point is three finite numbers, twice")
            object.__setattr__(self, field, value)


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A check point after the registration.

    Attributes:
        off_mm: how far from where the scan has it.
        expected_mm: no farther in 95 % of cases, of registration and touch together.
    """

    name: str
    off_mm: float
    expected_mm: float
    time_s: float


@dataclass(frozen=True, slots=True)
class Verification:
    """What check points say of a registration.

    Attributes:
        checked: each point.
        limit_mm: what none may exceed.
    """

    checked: tuple[Checked, ...]
    limit_mm: float

    @property
    def measured_mm(self) -> float:
        """Root mean square error at the check points: measured TRE, with the error of the touches in it."""
        return float(np.sqrt(np.mean([one.off_mm**2 for one in self.checked])))

    @property
    def time_s(self) -> float:
        """When the last was touched."""
        return max(one.time_s for one in self.checked)

    @property
    def beyond(self) -> tuple[Checked, ...]:
        """Points that are farther off than the limit, or than expected by half and more."""
        return tuple(one for one in self.checked if one.off_mm > min(self.limit_mm, 1.5 * one.expected_mm))

    @property
    def holds(self) -> bool:
        """Whether the registration may be believed."""
        return not self.beyond

    @property
    def words(self) -> str:
        """What to tell whoever touched."""
        if self.holds:
            return f"{len(self.checked)} points within {self.limit_mm:.1f} mm: {self.measured_mm:.1f} mm measured"
        worst = max(self.beyond, key=lambda one: one.off_mm)
        return f"{worst.name} is {worst.off_mm:.1f} mm off, {worst.expected_mm:.1f} mm expected: register again"


def verify(
    registration: Registration, points: Sequence[CheckPoint], touch: FiducialError, limit_mm: float = LIMIT_MM
) -> Verification:
    """Hold a registration against points that it was not found from.

    Raises:
        RegistrationRefused: none, one that is a landmark of the registration itself, or, where the landmarks lie in a
            plane, none off that plane.
    """
    if not points:
        raise RegistrationRefused(Doubt.TOO_FEW, "no check point was touched")
    landmarks = registration.landmarks_mm
    for point in points:
        if len(landmarks) and np.linalg.norm(landmarks - point.patient_mm, axis=1).min() < INDEPENDENT_MM:
            raise RegistrationRefused(
                Doubt.NOT_INDEPENDENT,
                f"{point.name} lies where a landmark of the registration does: touch a point that was not used",
            )
    if len(landmarks) and registration.thickness_mm < FLAT_MM and not _any_off_plane(landmarks, points):
        raise RegistrationRefused(
            Doubt.NOT_INDEPENDENT,
            "the landmarks lie in a plane, and would fit a mirrored patient: touch a check point off that plane",
        )
    return Verification(tuple(_checked(registration, point, touch) for point in points), limit_mm)


def _checked(registration: Registration, point: CheckPoint, touch: FiducialError) -> Checked:
    off = registration.patient_from_tracked.apply(point.touched_mm) - point.patient_mm
    rotation = registration.patient_from_tracked.matrix[:3, :3]
    of_touch = PointError(rotation @ touch.covariance_mm2 @ rotation.T, touch.degrees)
    expected = registration.expected_error(point.patient_mm) + of_touch
    return Checked(point.name, float(np.linalg.norm(off)), expected.radius_mm(), point.time_s)


def _any_off_plane(landmarks: Float64, points: Sequence[CheckPoint]) -> bool:
    normal = np.linalg.svd(landmarks - landmarks.mean(axis=0))[2][2]
    return any(abs(float((point.patient_mm - landmarks.mean(axis=0)) @ normal)) > 2 * FLAT_MM for point in points)


def why_not(verifications: Sequence[Verification], now_s: float, again_s: float = CHECK_AGAIN_S) -> Unknown | None:
    """Why nothing that rests on the registration may be shown; None while its last check holds and is not too old."""
    if not verifications:
        return Unknown(Why.NOT_VERIFIED, now_s)
    last = max(verifications, key=lambda one: one.time_s)
    if not last.holds:
        return Unknown(Why.NOT_VERIFIED, last.time_s)
    if now_s - last.time_s > again_s:
        return Unknown(Why.CHECK_DUE, last.time_s + again_s)
    return None


@dataclass(frozen=True, slots=True)
class Trend:
    """How the measured error goes.

    Attributes:
        growth_mm_h: of a line through all checks.
        grows: whether that is more than chance: a silent loss.
    """

    growth_mm_h: float
    grows: bool


def trend(verifications: Sequence[Verification]) -> Trend | None:
    """A line through the errors of every check point over time (least squares, one-sided t test).

    None for fewer than four points, or all at one time.
    """
    checked = [one for verification in verifications for one in verification.checked]
    times = np.array([one.time_s for one in checked]) / 3600.0
    off = np.array([one.off_mm for one in checked])
    if len(checked) < 4 or np.ptp(times) == 0.0:
        return None
    about = times - times.mean()
    growth = float(about @ off / (about @ about))
    rest = off - off.mean() - growth * about
    deviation = float(np.sqrt((rest @ rest) / (len(checked) - 2) / (about @ about)))
    chance = float(stdtr(len(checked) - 2, -growth / deviation)) if deviation > 0 else float(growth <= 0)
    return Trend(growth, growth > 0 and chance < _RARE)
