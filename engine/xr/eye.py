"""One eye of one frame: where it is and what it sees. OpenXR's asymmetric fields of view, OpenGL's clip space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.xr.rigid import inverse

#: Nearer than this eyes cannot meet on anything; farther away than this nothing of a patient is shown.
NEAR_M, FAR_M = 0.05, 50.0


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """Angles from straight ahead, radians: left and down are negative (XrFovf)."""

    left: float
    right: float
    up: float
    down: float

    def __post_init__(self) -> None:
        angles = (self.left, self.right, self.up, self.down)
        if not all(-np.pi / 2 < angle < np.pi / 2 for angle in angles):
            raise InvalidValue(f"angles of a field of view are less than a right angle, got {angles}")
        if self.left >= self.right or self.down >= self.up:
            raise InvalidValue(f"a field of view opens from left to right and down to up, got {angles}")


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """Attributes:
    world_from_eye: (4, 4) rigid, metres; the eye looks along its own -Z.
    field_of_view: what it sees.
    """

    world_from_eye: Float64
    field_of_view: FieldOfView

    @property
    def clip_from_world(self) -> Float64:
        """(4, 4) projection and view as one."""
        return projection(self.field_of_view) @ inverse(self.world_from_eye)

    @property
    def position_m(self) -> Float64:
        """(3,) in the world."""
        return np.asarray(self.world_from_eye[:3, 3])

    def pixels_per_rad(self, height_px: int) -> float:
        """Pixels that a small angle straight ahead covers, by its height."""
        fov = self.field_of_view
        return float(height_px / (np.tan(fov.up) - np.tan(fov.down)))


def projection(fov: FieldOfView, near_m: float = NEAR_M, far_m: float = FAR_M) -> Float64:
    """(4, 4) clip from eye, depth from -1 at `near_m` to 1 at `far_m`.

    Raises:
        InvalidValue: planes that do not lie one behind the other in front of the eye.
    """
    if not 0 < near_m < far_m:
        raise InvalidValue(f"0 < near < far, got {near_m} and {far_m}")
    left, right = np.tan(fov.left), np.tan(fov.right)
    up, down = np.tan(fov.up), np.tan(fov.down)
    width, height, depth = right - left, up - down, far_m - near_m
    return np.array(
        [
            [2 / width, 0, (right + left) / width, 0],
            [0, 2 / height, (up + down) / height, 0],
            [0, 0, -(far_m + near_m) / depth, -2 * far_m * near_m / depth],
            [0, 0, -1, 0],
        ]
    )
