"""A headset's own controller, or the finger of who wears it, as a pointer: it shows where the patient lies, roughly.

A browser tells where it believes its controller or fingertip to be, in a world of its own, and nothing of how well.
What is stated here is taken from others' measurements and holds for no single headset: a check point must still be
touched before anything is believed (guidance.register.verification).

- Controllers: 3.5 mm, standard deviation 2.5 mm, over steps of half a metre (Oculus Touch: Shum et al., JMIR Biomedical
  Engineering 4 (2019) e12291): 4.3 mm RMS, taken as the error of a single touch.
- Fingertips: 11 mm on average (Meta Quest 2: Abdlkarim et al., Behavior Research Methods 56 (2024) 1052-1063), of which
  12 mm RMS is made.
- The tip is not where it is said to be, every time alike: nobody specifies where on its body a controller's pose lies
  (3 mm assumed), and the joint that WebXR names a finger's tip lies beneath its skin (5 mm assumed). No number of
  landmarks makes that smaller, and no residual shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from engine.core.array import Float64
from engine.core.frame import Frame, FrameKind
from guidance.register.fiducial_error import FiducialError
from guidance.register.paired import Pair, register
from guidance.register.registration import Doubt, Registration, RegistrationRefused
from guidance.register.touch import Touch
from guidance.uncertainty.point_error import PointError
from guidance.uncertainty.pose_error import PoseError

#: Fewer places are no rest.
LEAST_POINTS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Pointing:
    """How well something points.

    Attributes:
        fiducial: the error of a touch, another one each time.
        shared_mm: root mean square of the error that all touches have in common.
        still_mm: a rest stays within this of its middle.
    """

    name: str
    fiducial: FiducialError
    shared_mm: float
    still_mm: float


CONTROLLER = Pointing("the controller", FiducialError.isotropic(4.3), 3.0, 3.0)
HAND = Pointing("the finger", FiducialError.isotropic(12.0), 5.0, 6.0)


def headset_world(headset: str) -> Frame:
    """The world of one headset: another one after it was restarted or lost its way."""
    return Frame(FrameKind.WORLD, headset)


def touched(points_mm: ArrayLike, start_s: float, end_s: float, pointing: Pointing = CONTROLLER) -> Touch:
    """The rest that (n, 3) places of a tip make, n ≥ 8, in the order in which they came.

    Raises:
        RegistrationRefused: too few, not numbers, or the tip moved.
    """
    points = np.asarray(points_mm, np.float64).reshape(-1, 3)
    if len(points) < LEAST_POINTS:
        raise RegistrationRefused(Doubt.TOO_FEW, f"{pointing.name} rested too briefly: hold it still for a second")
    if not np.isfinite(points).all():
        raise RegistrationRefused(Doubt.NOT_FINITE, f"the headset lost {pointing.name}: touch again, in its sight")
    middle = points.mean(axis=0)
    reach_mm = float(np.linalg.norm(points - middle, axis=1).max())
    third = len(points) // 3
    drift_mm = float(np.linalg.norm(points[-third:].mean(axis=0) - points[:third].mean(axis=0)))
    if max(reach_mm, drift_mm) > pointing.still_mm:
        raise RegistrationRefused(
            Doubt.MOVED,
            f"{pointing.name} moved {max(reach_mm, drift_mm):.0f} mm: rest it on the landmark and touch again",
        )
    apart = points - middle
    degrees = len(points) - 1
    return Touch(middle, PointError(apart.T @ apart / degrees, degrees), start_s, end_s)


@dataclass(frozen=True, slots=True, eq=False)
class Landmark:
    """A point of the scan, and where the headset's pointer rested on it; `patient_mm` is (3,)."""

    name: str
    patient_mm: Float64
    touch: Touch


def register_headset(
    landmarks: Sequence[Landmark], patient: Frame, headset: str, pointing: Pointing = CONTROLLER
) -> Registration:
    """Where the patient lies in a headset's world, from at least three landmarks.

    Its expected error holds what all touches have in common too. That is larger than what most tasks bear: it is for
    showing where things are, not for measuring at a tip.

    Raises:
        RegistrationRefused: with the doubt and what to do.
    """
    pairs = [Pair(one.name, one.patient_mm, one.touch.at_mm) for one in landmarks]
    made = register(pairs, patient, headset_world(headset), pointing.fiducial)
    shared = PoseError.isotropic(0.0, pointing.shared_mm / np.sqrt(3), made.error.about_mm)
    return replace(made, error=made.error + shared)
