"""Where the anatomy stands: at the start, turned to the person, on its way. World metres, pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from engine.core.array import Float64
from engine.xr.rigid import AHEAD, UP, part_of_turn, turned_to

#: The middle of the anatomy at the start: this far ahead and this far below the eyes, whether one sits or stands.
START_AHEAD_M = 0.9
START_BELOW_EYES_M = 0.16
#: Deep anatomy is put farther away, so that this much air stays before it; long anatomy is lifted off the floor.
LEAST_AIR_M = 0.5
ABOVE_FLOOR_M = 0.05
#: Largest useful range: a skull held between the fingers, a nodule as large as a chair.
SMALLEST_SCALE, LARGEST_SCALE = 0.2, 8.0
#: Within this factor of true size the scale rests at exactly 1.
TRUE_SIZE_DETENT = 1.04


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """An upright box, metres: `low` and `high` are (3,) corners."""

    low: Float64
    high: Float64

    @classmethod
    def around(cls, points: ArrayLike) -> Box:
        """The least box of points (n, 3), n at least 1."""
        array = np.asarray(points, dtype=np.float64)
        return cls(array.min(axis=0), array.max(axis=0))

    def union(self, other: Box) -> Box:
        """The least box round both."""
        return Box(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    @property
    def centre(self) -> Float64:
        """(3,)."""
        return (self.low + self.high) / 2

    @property
    def size(self) -> Float64:
        """(3,) edge lengths."""
        return self.high - self.low

    @property
    def corners(self) -> Float64:
        """(8, 3)."""
        picks = np.array([[(n >> axis) & 1 for axis in range(3)] for n in range(8)])
        return np.where(picks, self.high, self.low)


#: Stands in for the anatomy until its first surface is here.
EMPTY_ROOM = Box(np.full(3, -0.2), np.full(3, 0.2))


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Rigid motion and one scale.

    Attributes:
        position_m: (3,) of the anatomy's origin in the world.
        rotation: (3, 3) world from anatomy.
        scale: 1 is true size.
    """

    position_m: Float64
    rotation: Float64
    scale: float = 1.0

    @property
    def world_from_anatomy(self) -> Float64:
        """(4, 4), not rigid where the scale is not 1."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.scale * self.rotation
        matrix[:3, 3] = self.position_m
        return matrix

    @property
    def anatomy_from_world(self) -> Float64:
        """(4, 4)."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation.T / self.scale
        matrix[:3, 3] = -matrix[:3, :3] @ self.position_m
        return matrix

    def apply(self, points: ArrayLike) -> Float64:
        """Points (…, 3) of the anatomy in the world."""
        return self.scale * np.asarray(points, dtype=np.float64) @ self.rotation.T + self.position_m

    def undo(self, points: ArrayLike) -> Float64:
        """Points (…, 3) of the world in the anatomy."""
        return (np.asarray(points, dtype=np.float64) - self.position_m) @ self.rotation / self.scale


@dataclass(frozen=True, slots=True, eq=False)
class Gaze:
    """Where the eyes are, (3,), and which horizontal way they look, (3,) unit."""

    eyes_m: Float64
    ahead: Float64


def gaze_of(world_from_head: Float64) -> Gaze:
    """The gaze of a head, also of one that looks straight up or down."""
    ahead = world_from_head[:3, :3] @ AHEAD
    if np.hypot(ahead[0], ahead[2]) < 0.2:  # the top of the head, or the chin, points ahead
        ahead = world_from_head[:3, :3] @ (UP if ahead[1] < 0 else -UP)
    level = np.array([ahead[0], 0.0, ahead[2]])
    return Gaze(np.asarray(world_from_head[:3, 3]), level / np.linalg.norm(level))


def resting_scale(scale: float) -> float:
    """Inside the limits, and resting at true size when close to it."""
    if abs(np.log(scale)) < np.log(TRUE_SIZE_DETENT):
        return 1.0
    return float(np.clip(scale, SMALLEST_SCALE, LARGEST_SCALE))


def start_placement(gaze: Gaze, bounds: Box, scale: float, floor_m: float | None) -> Placement:
    """Before the eyes, the patient's front (+Z of the anatomy) towards them.

    Args:
        bounds: the anatomy in its own metres.
        floor_m: height of the floor in the world, None where the headset does not know it.
    """
    size = bounds.size * scale
    centre = gaze.eyes_m + gaze.ahead * max(START_AHEAD_M, size[2] / 2 + LEAST_AIR_M)
    centre[1] = gaze.eyes_m[1] - START_BELOW_EYES_M
    if floor_m is not None:
        centre[1] = max(centre[1], min(gaze.eyes_m[1], floor_m + size[1] / 2 + ABOVE_FLOOR_M))
    return centred_at(centre, turned_to(-gaze.ahead), scale, bounds)


def centred_at(centre_m: Float64, rotation: Float64, scale: float, bounds: Box) -> Placement:
    """The placement that has the middle of `bounds` at `centre_m` of the world."""
    return Placement(centre_m - scale * (rotation @ bounds.centre), rotation, scale)


def scaled_about(held: Placement, centre_m: Float64, scale: float) -> Placement:
    """The scale changed about a fixed point of the world: what is there stays there."""
    position = centre_m + (held.position_m - centre_m) * (scale / held.scale)
    return replace(held, position_m=position, scale=scale)


#: What moves by itself takes this long: followed by the eyes, never felt as waiting.
GLIDE_S = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Glide:
    """A short, eased way from one placement to another: the thing moves, never the person."""

    start: Placement
    goal: Placement
    start_s: float

    def at(self, time_s: float) -> Placement:
        """The placement now; `goal` itself once it is reached."""
        passed = (time_s - self.start_s) / GLIDE_S
        if passed >= 1:
            return self.goal
        eased = passed * passed * (3 - 2 * passed) if passed > 0 else 0.0
        position = self.start.position_m + eased * (self.goal.position_m - self.start.position_m)
        turn = part_of_turn(self.goal.rotation @ self.start.rotation.T, eased)
        scale = self.start.scale * (self.goal.scale / self.start.scale) ** eased
        return Placement(position, turn @ self.start.rotation, scale)
