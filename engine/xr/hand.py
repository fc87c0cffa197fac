"""Hands and controllers as one thing: a ray, a pose that holds, and what is pressed. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.core.array import Float64
from engine.xr.rigid import AHEAD, UP, rigid, turned_to

#: Places in the joints of XR_EXT_hand_tracking (OpenXR 1.1, XrHandJointEXT).
PALM, WRIST, THUMB_TIP, INDEX_TIP = 0, 1, 5, 10
JOINTS = 26
#: A pinch begins when the tips are this near and ends when they are that far apart.
PINCH_BEGINS_M, PINCH_ENDS_M = 0.016, 0.032
#: Where a shoulder is from the middle of the eyes, of an average adult: sideways, down, back.
SHOULDER_M = (0.17, 0.22, 0.05)
#: A stick at rest is rarely at zero.
STICK_DEAD = 0.15
#: Where the body of a held controller ends in front of its grip.
CONTROLLER_TIP_M = 0.075


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """One hand in one frame.

    Attributes:
        side: "left" or "right".
        world_from_aim: (4, 4); the ray leaves along -Z.
        world_from_hold: (4, 4), what a held thing follows.
        tip_m: (3,) of the finger or of the controller's front.
        joints_m: (26, 3) joints of a bare hand, None for a controller.
        select, squeeze, menu: whether pressed now.
        stick: (2,) right and forwards positive, 0 when at rest.
    """

    side: str
    world_from_aim: Float64
    world_from_hold: Float64
    tip_m: Float64
    joints_m: Float64 | None = None
    select: bool = False
    squeeze: bool = False
    menu: bool = False
    stick: Float64 = field(default_factory=lambda: np.zeros(2))

    @property
    def touch_m(self) -> Float64:
        """(3,) what it works with: the front of a controller, or where a bare hand's pinch closes."""
        return self.tip_m if self.joints_m is None else np.asarray(self.world_from_hold[:3, 3])

    @property
    def origin_m(self) -> Float64:
        """(3,) where the ray begins."""
        return np.asarray(self.world_from_aim[:3, 3])

    @property
    def direction(self) -> Float64:
        """(3,) unit, where it goes."""
        return np.asarray(self.world_from_aim[:3, :3] @ AHEAD)


def live_stick(x: float, y: float) -> Float64:
    """A stick's place without its unrest."""
    return np.array([value if abs(value) > STICK_DEAD else 0.0 for value in (x, y)])


def is_pinching(joints_m: Float64, *, was_pinching: bool) -> bool:
    """Whether thumb and forefinger meet; once they do, they may open a little."""
    apart = float(np.linalg.norm(joints_m[THUMB_TIP] - joints_m[INDEX_TIP]))
    return apart < (PINCH_ENDS_M if was_pinching else PINCH_BEGINS_M)


def bare_hand(
    side: str, joints_m: Float64, wrist_rotation: Float64, world_from_head: Float64, *, was_pinching: bool
) -> Hand:
    """A tracked hand: it points from the shoulder through the pinch, and holds at the pinch, turned by the wrist.

    Args:
        joints_m: (26, 3) in the world.
        wrist_rotation: (3, 3) world from wrist.
    """
    pinch = (joints_m[THUMB_TIP] + joints_m[INDEX_TIP]) / 2
    across, down, back = SHOULDER_M
    level = world_from_head[:3, :3] @ AHEAD * (1, 0, 1)
    length = float(np.linalg.norm(level))
    ahead = level / length if length > 0.1 else AHEAD
    right = np.cross(ahead, UP)
    shoulder = world_from_head[:3, 3] + (1 if side == "right" else -1) * across * right - down * UP - back * ahead
    ray = pinch - shoulder
    return Hand(
        side=side,
        world_from_aim=rigid(turned_to(-ray / max(float(np.linalg.norm(ray)), 1e-6)), pinch),
        world_from_hold=rigid(wrist_rotation, pinch),
        tip_m=joints_m[INDEX_TIP],
        joints_m=joints_m,
        select=is_pinching(joints_m, was_pinching=was_pinching),
    )
