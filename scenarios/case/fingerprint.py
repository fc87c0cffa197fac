"""By what a case knows its volume again, whatever the format that holds it: one hash of samples and geometry."""

from __future__ import annotations

import hashlib
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import InvalidValue
from engine.core.grid import Grid

#: Places count to a tenth of a millimetre: formats differ in how many digits of a place they keep.
_QUANTUM_MM = 0.1
#: Where one quantum ends and the next begins: at a digit that no scanner writes, so that single and double precision
#: of the same decimal number do not fall on either side.
_OFFSET = 0.3145
_WHOLE = 2.0**31


def fingerprint(grid: Grid, samples: NDArray[Any]) -> str:
    """SHA-256 of shape, corners (to 0.1 mm) and samples (i, j, k), as 64 digits.

    Samples count by value: int16 and float32 of the same whole numbers are alike. Fractions count to single precision,
    in which every reader holds them.

    Raises:
        InvalidValue: the samples do not fill the grid, or are complex.
    """
    if tuple(samples.shape) != grid.shape or samples.dtype.kind not in "iufb":
        raise InvalidValue(f"samples of shape {tuple(samples.shape)} and type {samples.dtype} do not fill {grid.shape}")
    digest = hashlib.sha256(b"sightline-volume/1")
    digest.update(np.array(grid.shape, "<i4").tobytes())
    corners = np.array(list(product(*((0, n - 1) for n in grid.shape))), np.float64)
    places = np.asarray(grid.patient_from_voxel.apply(corners)) / _QUANTUM_MM
    digest.update(np.floor(places + _OFFSET).astype("<i8").tobytes())
    for jk in np.moveaxis(samples, 2, 0):
        digest.update(_slice_bytes(np.ascontiguousarray(jk.T)))
    return digest.hexdigest()


def _slice_bytes(ji: NDArray[Any]) -> bytes:
    """One slice, i fastest: whole numbers as int32, others as float32, every NaN alike."""
    if ji.dtype.kind == "b" or (ji.dtype.kind in "iu" and ji.dtype.itemsize < 4) or ji.dtype == np.int32:
        return b"i" + ji.astype("<i4").tobytes()
    with np.errstate(invalid="ignore"):
        if bool((np.abs(ji) < _WHOLE).all()) and bool((np.rint(ji) == ji).all()):
            return b"i" + ji.astype("<i4").tobytes()
    fractions = ji.astype("<f4")
    fractions[np.isnan(fractions)] = np.nan
    return b"f" + fractions.tobytes()
