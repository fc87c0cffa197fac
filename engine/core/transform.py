"""Transforms between frames, named `target_from_source` so that products read as algebra:

    world_from_voxel = world_from_patient @ patient_from_voxel

A product whose inner frames differ is refused. Only transforms to or from voxel space may scale;
every other one is rigid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.core.array import Float64, owned
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import Frame, FrameKind

#: Largest departure of RᵀR from identity that still counts as a rotation. DICOM direction cosines
#: are decimal strings of at most 16 characters, and devices send float32.
RIGID_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Transform:
    """An affine map from `source` to `target`.

    Attributes:
        target: frame of the results.
        source: frame of the arguments.
        matrix: (4, 4) float64, last row 0 0 0 1, read-only.

    Raises:
        InvalidValue: not finite, not invertible, wrong shape, or not rigid between two frames
            neither of which is a voxel frame.
    """

    target: Frame
    source: Frame
    matrix: Float64

    def __post_init__(self) -> None:
        matrix = owned(self.matrix, np.float64)
        if matrix.shape != (4, 4):
            raise InvalidValue(f"a transform is 4x4, got {matrix.shape}")
        if not math.isfinite(matrix.sum()) and not np.isfinite(matrix).all():
            raise InvalidValue("a transform holds NaN or infinity")
        if matrix[3].tolist() != [0.0, 0.0, 0.0, 1.0]:
            raise InvalidValue(f"the last row of a transform is 0 0 0 1, got {matrix[3]}")
        object.__setattr__(self, "matrix", matrix)
        if _is_rigid(matrix):  # and so invertible: nearly all are, and some are made ninety times a second
            return
        scale = np.linalg.norm(matrix[:3, :3], axis=0)
        if not (scale > 0).all() or abs(np.linalg.det(matrix[:3, :3] / scale)) < 1e-6:
            raise InvalidValue("a transform must be invertible")
        if FrameKind.VOXEL not in (self.target.kind, self.source.kind):
            raise InvalidValue(f"{self.target} from {self.source} must be rigid")

    @classmethod
    def rigid(cls, target: Frame, source: Frame, rotation: ArrayLike, translation_mm: ArrayLike) -> Transform:
        """From a (3, 3) rotation and a (3,) translation in millimetres."""
        matrix = np.eye(4, dtype=np.float64)
        matrix[:3, :3] = rotation
        matrix[:3, 3] = translation_mm
        return cls(target, source, matrix)

    @property
    def is_rigid(self) -> bool:
        """Whether lengths and handedness are kept."""
        return _is_rigid(self.matrix)

    @property
    def inverse(self) -> Transform:
        """`source_from_target`."""
        return Transform(self.source, self.target, np.asarray(np.linalg.inv(self.matrix), dtype=np.float64))

    def __matmul__(self, other: Transform) -> Transform:
        if self.source != other.target:
            raise FrameMismatch(
                f"cannot compose {self.target}_from_{self.source} with {other.target}_from_{other.source}: "
                f"{self.source} is not {other.target}"
            )
        return Transform(self.target, other.source, self.matrix @ other.matrix)

    def apply(self, points: ArrayLike) -> Float64:
        """Points (…, 3) of `source` in `target`."""
        return np.asarray(points, dtype=np.float64) @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    def apply_vectors(self, vectors: ArrayLike) -> Float64:
        """Differences (…, 3): rotated and scaled, not translated."""
        return np.asarray(vectors, dtype=np.float64) @ self.matrix[:3, :3].T

    def close(self, other: Transform, *, tolerance: float = 1e-6) -> bool:
        """Same frames, and every matrix element within `tolerance`."""
        return (
            self.target == other.target
            and self.source == other.source
            and bool(np.abs(self.matrix - other.matrix).max() <= tolerance)
        )


def _is_rigid(matrix: Float64) -> bool:
    """In plain arithmetic: a tenth of the time that nine numbers take in arrays."""
    (a, b, c, _), (d, e, f, _), (g, h, i, _), _ = matrix.tolist()
    off = max(
        abs(a * a + d * d + g * g - 1.0),
        abs(b * b + e * e + h * h - 1.0),
        abs(c * c + f * f + i * i - 1.0),
        abs(a * b + d * e + g * h),
        abs(a * c + d * f + g * i),
        abs(b * c + e * f + h * i),
    )
    return bool(off <= RIGID_TOLERANCE and a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) > 0.0)
