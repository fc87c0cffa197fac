"""Landmarks, targets and touches to register with."""

from __future__ import annotations

import numpy as np

from engine.core.array import Float64
from engine.core.frame import Frame, FrameKind, patient
from engine.core.transform import Transform
from guidance.register.paired import Pair
from guidance.register.rigid_fit import turn

PATIENT = patient("1.2.3")
CLAMP = Frame(FrameKind.REFERENCE, "head clamp")
#: Eyes' corners, ears, nose, crown: about where a head has them, millimetres.
HEAD_MM = np.array([(-45, -70, 5), (46, -69, 4), (-75, 12, -8), (76, 14, -9), (1, -98, -20), (3, -5, 110)], float)
PATIENT_FROM_CLAMP = Transform.rigid(PATIENT, CLAMP, turn(np.array([0.3, 0.5, -0.2])), [100.0, -50.0, 20.0])


def targets_mm(count: int = 20) -> Float64:
    """Within the head and beside it."""
    return np.random.default_rng(20).uniform(-90.0, 90.0, (count, 3))


def pairs(marked_mm: Float64, error_mm: Float64 | float = 0.0) -> list[Pair]:
    """Landmarks touched with an error, in the clamp's frame."""
    touched = PATIENT_FROM_CLAMP.inverse.apply(marked_mm) + error_mm
    return [Pair(f"landmark {k}", *both) for k, both in enumerate(zip(marked_mm, touched, strict=True))]


def touch_errors_mm(rng: np.random.Generator, count: int, fle_rms_mm: float) -> Float64:
    """(count, 3), alike in all directions."""
    return rng.normal(scale=fle_rms_mm / np.sqrt(3), size=(count, 3))
