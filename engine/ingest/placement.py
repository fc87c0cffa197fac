"""Where a file says its voxels are, checked: from a stated matrix to a `Grid` that can be trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from engine.core.array import Float64
from engine.core.grid import Grid
from engine.ingest.content import refused

#: RAS to LPS: the first two axes turn round (NIfTI and NRRD "RAS" against DICOM PS3.3 C.7.6.2.1.1).
LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

#: Voxels smaller or larger than this are a wrong unit, not a scan: micro-CT goes down to about
#: 5 µm, and no scanner's slices are 10 cm apart.
PLAUSIBLE_SPACING_MM = (0.004, 100.0)

#: Metres per NIfTI spatial unit code and NRRD space unit, as millimetres.
MM_PER_UNIT = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "um": 1e-3, "µm": 1e-3, "nm": 1e-6}


def is_usable(matrix: ArrayLike) -> bool:
    """Whether a (4, 4) voxel-to-patient matrix is finite and invertible."""
    axes = np.asarray(matrix, dtype=np.float64)[:3, :3]
    if not np.isfinite(np.asarray(matrix)).all():
        return False
    lengths = np.linalg.norm(axes, axis=0)
    return bool((lengths > 0).all() and abs(np.linalg.det(axes / np.where(lengths > 0, lengths, 1))) > 1e-3)


def placed(path: Path, shape: tuple[int, int, int], matrix_lps: Float64, frame_of_reference_uid: str = "") -> Grid:
    """The grid of a file.

    Raises:
        InputRefused: the matrix is not finite, singular, or its spacing is absurd.
    """
    if not is_usable(matrix_lps):
        raise refused(path, "the voxel-to-patient matrix is not finite or not invertible")
    spacing = np.linalg.norm(matrix_lps[:3, :3], axis=0)
    low, high = PLAUSIBLE_SPACING_MM
    if spacing.min() < low or spacing.max() > high:
        stated = " x ".join(f"{value:.3g}" for value in spacing)
        raise refused(path, f"voxels of {stated} mm are not a scan's; is the unit of length in the header wrong?")
    if np.abs(matrix_lps[:3, 3]).max() > 1e5:
        raise refused(path, "the origin lies more than 100 m away; is the unit of length in the header wrong?")
    return Grid.from_matrix(shape, matrix_lps, frame_of_reference_uid)


def disagreement_mm(shape: tuple[int, int, int], one: Float64, other: Float64) -> float:
    """Largest distance between the places two matrices give to a corner of the grid."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape])).reshape(3, -1)
    difference = (one - other) @ np.vstack([corners, np.ones(corners.shape[1])])
    return float(np.linalg.norm(difference[:3], axis=0).max())
