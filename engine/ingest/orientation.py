"""How slices lie in the patient, in a radiologist's word."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

#: Slices whose normal is within 37 degrees of a body axis go by that axis' name, tilted heads and gantries included:
#: the threshold that PixelMed and the tools after it use (`obliquityThresholdCosineValue`).
_OBLIQUE_COSINE = 0.8


class Orientation(StrEnum):
    """The plane of slices."""

    SAGITTAL = "sagittal"
    CORONAL = "coronal"
    AXIAL = "axial"
    OBLIQUE = "oblique"


def orientation_of(row: ArrayLike, column: ArrayLike) -> Orientation:
    """The orientation of slices whose pixels follow `row` and `column`, (3,) each in LPS of any length."""
    normal = np.abs(np.cross(np.asarray(row, dtype=np.float64), np.asarray(column, dtype=np.float64)))
    axis = int(np.argmax(normal))
    if normal[axis] < _OBLIQUE_COSINE * float(np.linalg.norm(normal)):
        return Orientation.OBLIQUE
    return (Orientation.SAGITTAL, Orientation.CORONAL, Orientation.AXIAL)[axis]
