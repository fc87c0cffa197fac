"""Patient millimetres to headset metres, and samples to the wire's int16: the only place for both.

Headset frame: right-handed, +Y up, metres (OpenXR and WebXR reference spaces). A patient stands
facing the viewer: superior is up, anterior comes towards the eyes, the patient's left is to the
viewer's right, as in a radiological view.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.array import Float64
from engine.core.volume import Quantity

METRES_PER_MM = 1e-3

#: Rows give headset x, y, z from LPS: x = left, y = superior, z = anterior.
HEADSET_AXES_FROM_LPS = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])

#: Slices per slab: about 8 MB of int16 at 512 x 512, so that the first slices draw early.
SLAB_SLICES = 16

INT16_LOW, INT16_HIGH = -32768, 32767


def headset_from_patient(centre_mm: ArrayLike) -> Float64:
    """(4, 4) map from LPS millimetres to headset metres that puts `centre_mm` at the origin."""
    matrix = np.eye(4, dtype=np.float64)
    matrix[:3, :3] = HEADSET_AXES_FROM_LPS * METRES_PER_MM
    matrix[:3, 3] = -matrix[:3, :3] @ np.asarray(centre_mm, dtype=np.float64)
    return matrix


def wire_samples(samples: NDArray[np.generic], quantity: Quantity) -> tuple[NDArray[np.int16], tuple[float, float]]:
    """Samples as int16, and the values that -32768 and 32767 stand for.

    Hounsfield units travel as they are (rounded to 1 HU, clipped to int16). Anything else is
    mapped linearly from its own range: a resolution of range / 65535.
    """
    if samples.dtype == np.int16 and quantity is Quantity.HOUNSFIELD:
        return samples.view(np.int16), (float(INT16_LOW), float(INT16_HIGH))
    if quantity is Quantity.HOUNSFIELD:
        rounded = np.clip(np.rint(samples.astype(np.float32)), INT16_LOW, INT16_HIGH)
        return rounded.astype(np.int16), (float(INT16_LOW), float(INT16_HIGH))
    low, high = float(samples.min()), float(samples.max())
    high = high if high > low else low + 1.0
    # Divided before it is multiplied: 65535 over a subnormal range would overflow.
    scaled = (samples.astype(np.float32) - np.float32(low)) / np.float32(high - low) * np.float32(65535)
    return (np.rint(scaled) + INT16_LOW).clip(INT16_LOW, INT16_HIGH).astype(np.int16), (low, high)


def slabs(kji: NDArray[np.generic]) -> Iterator[tuple[int, int, NDArray[np.generic]]]:
    """Cut a C-contiguous `[k, j, i]` array into `(k_start, k_count, slices)`."""
    for k_start in range(0, len(kji), SLAB_SLICES):
        part = kji[k_start : k_start + SLAB_SLICES]
        yield k_start, len(part), part


def row_major(matrix: Float64) -> tuple[float, ...]:
    """A (4, 4) matrix as 16 floats, row by row."""
    return tuple(float(value) for value in matrix.reshape(-1))
