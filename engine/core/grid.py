"""A voxel grid: shape and place, without voxels.

Geometry stands apart from data so that registration, cropping and checks need no samples
(the separation follows DICOM's own: PS3.3 C.7.6.2 image plane, C.7.4.1 frame of reference).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from engine.core.array import Float64
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import VOXEL, Frame, FrameKind, patient
from engine.core.transform import Transform


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """`shape` voxels placed in a patient frame.

    Attributes:
        shape: voxels along i, j, k; all at least 1.
        patient_from_voxel: voxel indices to LPS millimetres; voxel centres at integers.
    """

    shape: tuple[int, int, int]
    patient_from_voxel: Transform

    def __post_init__(self) -> None:
        if np.shape(self.shape) != (3,) or min(self.shape) < 1:
            raise InvalidValue(f"a grid has three axes of at least one voxel, got {self.shape}")
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        transform = self.patient_from_voxel
        if transform.source.kind is not FrameKind.VOXEL or transform.target.kind is not FrameKind.PATIENT:
            raise FrameMismatch(f"a grid maps voxel to patient, got {transform.target}_from_{transform.source}")

    @classmethod
    def from_matrix(cls, shape: tuple[int, int, int], matrix_lps: ArrayLike, frame_of_reference_uid: str = "") -> Grid:
        """From a (4, 4) voxel-to-LPS matrix in millimetres."""
        return cls(shape, Transform(patient(frame_of_reference_uid), VOXEL, np.asarray(matrix_lps, dtype=np.float64)))

    @classmethod
    def centred(cls, shape: tuple[int, int, int], spacing_mm: ArrayLike, frame_of_reference_uid: str = "") -> Grid:
        """Axis-aligned, with the patient origin at the centre of the grid."""
        spacing = np.broadcast_to(np.asarray(spacing_mm, dtype=np.float64), (3,))
        matrix = np.diag([*spacing, 1.0])
        matrix[:3, 3] = -spacing * (np.asarray(shape) - 1) / 2
        return cls.from_matrix(shape, matrix, frame_of_reference_uid)

    @property
    def frame(self) -> Frame:
        """The patient frame the grid is placed in."""
        return self.patient_from_voxel.target

    @property
    def frame_of_reference_uid(self) -> str:
        """DICOM Frame of Reference UID, empty when the source states none."""
        return self.frame.uid

    @property
    def spacing_mm(self) -> Float64:
        """Distance between neighbouring voxel centres along i, j, k, (3,)."""
        spacing: Float64 = np.linalg.norm(self.patient_from_voxel.matrix[:3, :3], axis=0)
        return spacing

    @property
    def directions(self) -> Float64:
        """Unit vectors of i, j, k in the patient frame, as the columns of a (3, 3) matrix."""
        return self.patient_from_voxel.matrix[:3, :3] / self.spacing_mm

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel, sheared grids included."""
        return float(abs(np.linalg.det(self.patient_from_voxel.matrix[:3, :3])))

    @property
    def is_right_handed(self) -> bool:
        """Whether i, j, k form a right-handed triad in the patient frame."""
        return bool(np.linalg.det(self.patient_from_voxel.matrix[:3, :3]) > 0)

    @property
    def is_orthogonal(self) -> bool:
        """Whether the axes are at right angles (a gantry-tilted stack is not), to 0.06 degrees."""
        axes = self.directions
        return bool(np.abs(axes.T @ axes - np.eye(3)).max() < 1e-3)

    @property
    def voxel_count(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def centre_mm(self) -> Float64:
        """Centre of the grid in the patient frame, (3,)."""
        return self.patient_from_voxel.apply((np.asarray(self.shape) - 1) / 2)

    def cropped(self, start: tuple[int, int, int], shape: tuple[int, int, int]) -> Grid:
        """The sub-grid of `shape` voxels whose first voxel is `start`; same patient positions."""
        if min(start) < 0 or any(s + n > limit for s, n, limit in zip(start, shape, self.shape, strict=True)):
            raise InvalidValue(f"crop {start}+{shape} leaves the grid {self.shape}")
        matrix = self.patient_from_voxel.matrix.copy()
        matrix[:3, 3] = self.patient_from_voxel.apply(start)
        return replace(self, shape=shape, patient_from_voxel=Transform(self.frame, VOXEL, matrix))

    def close(self, other: Grid, *, tolerance_mm: float = 1e-3) -> bool:
        """Same frame and shape, and every corner within `tolerance_mm`."""
        if self.shape != other.shape or self.frame != other.frame:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape])).reshape(3, -1).T
        difference = self.patient_from_voxel.apply(corners) - other.patient_from_voxel.apply(corners)
        # Single-voxel axes carry no corner of their own: compare the step as well.
        steps = np.abs(self.patient_from_voxel.matrix - other.patient_from_voxel.matrix)[:3, :3]
        return bool(np.linalg.norm(difference, axis=1).max() <= tolerance_mm and steps.max() <= tolerance_mm)
