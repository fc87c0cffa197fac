"""A registration: where the patient lies, how well that is known, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import FrameMismatch, SightlineError
from engine.core.frame import FrameKind
from engine.core.transform import Transform
from guidance.uncertainty.point_error import PointError
from guidance.uncertainty.pose_error import PoseError


class Method(StrEnum):
    """How a registration was found."""

    PAIRED_POINTS = "paired points"
    WEIGHTED_POINTS = "paired points, weighted"
    SURFACE = "surface"


class Doubt(StrEnum):
    """Why a registration is refused."""

    TOO_FEW = "too few"
    NOT_FINITE = "not finite"
    ON_A_LINE = "on a line"
    TOGETHER = "together"
    MIRRORED = "mirrored"
    MIXED_UP = "mixed up"
    WRONG_UNITS = "wrong units"
    OUTLIER = "outlier"
    DOES_NOT_FIT = "does not fit"
    MOVED = "moved"
    SYMMETRIC = "symmetric"
    NOT_CONVERGED = "not converged"
    NOT_INDEPENDENT = "not independent"
    OTHER_PATIENT_SPACE = "other patient space"


class RegistrationRefused(SightlineError):
    """The patient cannot be registered from this; the message says what to do instead."""

    def __init__(self, doubt: Doubt, words: str) -> None:
        super().__init__(words)
        self.doubt = doubt

    def __reduce__(self) -> tuple[type[RegistrationRefused], tuple[Doubt, str]]:
        return RegistrationRefused, (self.doubt, str(self))


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """Where the patient lies in the tracked frame.

    Attributes:
        patient_from_tracked: rigid, into the patient frame of the series it was planned on.
        error: of that transform.
        fre_mm: root mean square residual of what it was found from. Kept for the record; it says nothing of the error
            at a target and is never shown as accuracy.
        method: how it was found.
        landmarks_mm: (n, 3) patient points that it was found from; none for surfaces.
        thickness_mm: how far its landmarks stand out of their best plane (RMS). Landmarks in a plane cannot tell a
            patient from a mirrored one: a check point off the plane must.
    """

    patient_from_tracked: Transform
    error: PoseError
    fre_mm: float
    method: Method
    landmarks_mm: Float64
    thickness_mm: float

    def __post_init__(self) -> None:
        if self.patient_from_tracked.target.kind is not FrameKind.PATIENT:
            raise FrameMismatch(f"a registration leads into a patient frame, got {self.patient_from_tracked.target}")
        object.__setattr__(self, "landmarks_mm", owned(self.landmarks_mm, np.float64))

    def expected_error(self, point_mm: Float64) -> PointError:
        """Target registration error (TRE) that is expected at a (3,) patient point."""
        return self.error.at(point_mm)
