"""A plane through the voxels: carried by a hand, set down in the room, or put on an anatomical plane. Pure."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from engine.core.array import Float64
from engine.xr.placement import Placement
from engine.xr.rigid import apply, inverse, rigid, turned_to

#: The plate by which it is taken: edge length, and how near a tip must come to its face.
PLATE_M = 0.2
PLATE_REACH_M = 0.03
#: Thumbstick fully pushed; its cube is used, so that small pushes step through single slices.
SCROLL_M_PER_S = 0.16
#: The cut changes sides only when the eyes are this far past the plane.
SIDE_HYSTERESIS_M = 0.03
#: The cut stands this far behind the slice, so that the two never fight for the same depth.
CUT_BEHIND_M = 0.0006


class AnatomicalPlane(StrEnum):
    """The three planes that every reader knows."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


#: Outward normals and what is up, in the anatomy's axes: x left, y superior, z anterior.
_NORMALS = {AnatomicalPlane.AXIAL: 1, AnatomicalPlane.CORONAL: 2, AnatomicalPlane.SAGITTAL: 0}
_UPS = {AnatomicalPlane.AXIAL: 2, AnatomicalPlane.CORONAL: 1, AnatomicalPlane.SAGITTAL: 1}

_EDGES = [(corner, corner | bit) for corner in range(8) for bit in (1, 2, 4) if not corner & bit]


def cross_section(point_m: Float64, normal: Float64, world_from_box: Float64) -> Float64:
    """Corners (n, 3), in order, of the polygon in which a plane cuts the image of the unit cube; n is 0 or 3 to 6."""
    corners = np.array([[(n >> axis) & 1 for axis in range(3)] for n in range(8)], dtype=np.float64)
    corners = corners @ world_from_box[:3, :3].T + world_from_box[:3, 3]
    side = (corners - point_m) @ normal
    cuts = [
        corners[a] + (corners[b] - corners[a]) * (side[a] / (side[a] - side[b]))
        for a, b in _EDGES
        if (side[a] < 0) != (side[b] < 0)
    ]
    if len(cuts) < 3:
        return np.empty((0, 3))
    points = np.array(cuts)
    arms = points - points.mean(axis=0)
    u = arms[np.argmax(np.linalg.norm(arms, axis=1))]
    around = np.arctan2(arms @ np.cross(normal, u), arms @ u)
    return np.asarray(points[np.argsort(around)])


class SlicePlane:
    """Where the slice is and who carries it. `world_from_plate` is rigid; +Z is the normal."""

    def __init__(self) -> None:
        self.is_on = False
        self.is_cutting = True
        self.world_from_plate = np.eye(4)
        self.carrier: str | None = None
        self._plate_from_hand = np.eye(4)
        self._side = 1.0

    @property
    def normal(self) -> Float64:
        """(3,) unit, in the world."""
        return np.asarray(self.world_from_plate[:3, 2])

    @property
    def position_m(self) -> Float64:
        """(3,) of the plate's middle in the world."""
        return np.asarray(self.world_from_plate[:3, 3])

    def put_away(self) -> None:
        """Shown no more."""
        self.is_on = False
        self.carrier = None

    def stand_on(self, plane: AnatomicalPlane, placement: Placement, centre_m: Float64, eyes_m: Float64) -> None:
        """Stands on an anatomical plane through `centre_m` of the world, facing the eyes."""
        normal = placement.rotation[:, _NORMALS[plane]]
        if normal @ (eyes_m - centre_m) < 0:
            normal = -normal
        self.world_from_plate = rigid(turned_to(normal, placement.rotation[:, _UPS[plane]]), centre_m)
        self.is_on = True
        self.carrier = None

    def grip(self, hand: str, world_from_hand: Float64) -> None:
        """A hand takes it by its plate."""
        self.carrier = hand
        self._plate_from_hand = inverse(self.world_from_plate) @ world_from_hand

    def let_go(self, hand: str) -> None:
        """It stands where it is."""
        if self.carrier == hand:
            self.carrier = None

    def carry(self, world_from_hand: Float64) -> None:
        """Follow the hand that carries it."""
        self.world_from_plate = world_from_hand @ inverse(self._plate_from_hand)

    def follow(self, before: Placement, now: Placement) -> None:
        """Come along to where the anatomy was put, showing what it showed."""
        turn = now.rotation @ before.rotation.T
        at = now.apply(before.undo(self.position_m))
        self.world_from_plate = rigid(turn @ self.world_from_plate[:3, :3], at)

    def scroll(self, stick_y: float, eyes_m: Float64, dt_s: float) -> None:
        """Away from the eyes with the stick forwards."""
        away = self.normal if (self.position_m - eyes_m) @ self.normal > 0 else -self.normal
        at = self.position_m + away * (stick_y**3 * SCROLL_M_PER_S * dt_s)
        self.world_from_plate = rigid(self.world_from_plate[:3, :3], at)

    def reach_m(self, origin_m: Float64, direction: Float64, tip_m: Float64) -> float | None:
        """Distance along a ray to the plate, 0 for a tip at it; None where it is out of reach."""
        if not self.is_on:
            return None
        plate_from_world = inverse(self.world_from_plate)
        tip = apply(plate_from_world, tip_m)
        if abs(tip[2]) < PLATE_REACH_M and _on_plate(tip):
            return 0.0
        start, along = apply(plate_from_world, origin_m), plate_from_world[:3, :3] @ direction
        if abs(along[2]) < 1e-9 or (distance := -start[2] / along[2]) < 0:
            return None
        return float(distance) if _on_plate(start + distance * along) else None

    def cut(self, eyes_m: Float64) -> Float64 | None:
        """(4,) plane of the world whose negative side is cut away, towards the eyes; None where nothing is."""
        if not (self.is_on and self.is_cutting):
            return None
        side = float((eyes_m - self.position_m) @ self.normal)
        if abs(side) > SIDE_HYSTERESIS_M:
            self._side = float(np.sign(side))
        kept = -self._side * self.normal
        return np.array([*kept, -float(kept @ (self.position_m + CUT_BEHIND_M * kept))])


def _on_plate(local: Float64) -> bool:
    return bool(np.abs(local[:2]).max() < (PLATE_M + PLATE_REACH_M) / 2)
