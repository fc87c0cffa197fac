"""Triangle surfaces in a patient frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float32, Int32, frozen
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import Frame, FrameKind


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """An indexed triangle mesh, counter-clockwise seen from outside.

    Attributes:
        frame: the patient frame of the vertices.
        vertices_mm: (v, 3) float32.
        faces: (f, 3) int32 into `vertices_mm`.
        error_mm: bound on its distance, both ways, from the surface it was simplified from;
            0 for a surface that was not simplified.
    """

    frame: Frame
    vertices_mm: Float32
    faces: Int32
    error_mm: float = 0.0

    def __post_init__(self) -> None:
        if self.frame.kind is not FrameKind.PATIENT:
            raise FrameMismatch(f"surfaces live in a patient frame, got {self.frame}")
        vertices = np.ascontiguousarray(self.vertices_mm, dtype=np.float32)
        faces = np.ascontiguousarray(self.faces, dtype=np.int32)
        if vertices.ndim != 2 or vertices.shape[1] != 3:
            raise InvalidValue(f"vertices are (v, 3), got {vertices.shape}")
        if faces.ndim != 2 or faces.shape[1] != 3:
            raise InvalidValue(f"faces are (f, 3), got {faces.shape}")
        if not np.isfinite(vertices).all():
            raise InvalidValue("a vertex is NaN or infinite")
        if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
            raise InvalidValue(f"a face points outside the {len(vertices)} vertices")
        object.__setattr__(self, "vertices_mm", frozen(vertices))
        object.__setattr__(self, "faces", frozen(faces))

    @property
    def triangle_count(self) -> int:
        """Number of triangles."""
        return len(self.faces)

    @property
    def area_mm2(self) -> float:
        """Sum of the triangles' areas."""
        a, b, c = _corners(self)
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)

    @property
    def volume_mm3(self) -> float:
        """Enclosed volume by the divergence theorem; meaningful for closed surfaces only."""
        if not len(self.faces):
            return 0.0
        a, b, c = _corners(self)
        centre = self.vertices_mm.mean(axis=0, dtype=np.float64)  # keeps the terms small
        return float(np.einsum("ij,ij->i", a - centre, np.cross(b - centre, c - centre)).sum() / 6)

    def is_closed(self) -> bool:
        """Whether every directed edge is met by exactly one opposite edge (closed, oriented, two-manifold)."""
        directed = self.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
        if (directed[:, 0] == directed[:, 1]).any():  # a triangle without area has an edge from a vertex to itself
            return False
        count = len(self.vertices_mm)
        forward = np.sort(directed[:, 0] * count + directed[:, 1])
        backward = np.sort(directed[:, 1] * count + directed[:, 0])
        return bool(len(forward) > 0 and (np.diff(forward) > 0).all() and np.array_equal(forward, backward))


def _corners(surface: Surface) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    points = surface.vertices_mm.astype(np.float64)[surface.faces]
    return points[:, 0], points[:, 1], points[:, 2]
