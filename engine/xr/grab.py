"""Moving the anatomy: one hand holds and turns it, two hands also scale it. Poses are (4, 4) world from hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from engine.core.array import Float64
from engine.xr.placement import Placement, resting_scale
from engine.xr.rigid import UP, rotation_about, swing, twist_rad

#: Thumbstick fully pushed.
PUSH_M_PER_S = 0.6
TURN_RAD_PER_S = 1.2
#: A held thing is not pulled through the hand.
NEAREST_M = 0.05


def held_by_one(start: Placement, before: Float64, now: Float64) -> Placement:
    """The placement that keeps still in a hand that went from one pose to another."""
    turn = now[:3, :3] @ before[:3, :3].T
    position = now[:3, 3] + turn @ (start.position_m - before[:3, 3])
    return Placement(position, turn @ start.rotation, start.scale)


def held_by_two(start: Placement, before: tuple[Float64, Float64], now: tuple[Float64, Float64]) -> Placement:
    """The placement held between two hands: the line between them carries, turns and scales it.

    Turning both hands about that line rolls it.
    """
    line_before, line = (pair[1][:3, 3] - pair[0][:3, 3] for pair in (before, now))
    length_before, length = max(float(np.linalg.norm(line_before)), 1e-3), float(np.linalg.norm(line))
    if length < 1e-3:  # the hands have met: no line tells a direction
        return replace(start, position_m=start.position_m + (now[0][:3, 3] - before[0][:3, 3]))
    scale = resting_scale(start.scale * length / length_before)
    axis = line / length
    turn = swing(line_before / length_before, axis) if float(np.linalg.norm(line_before)) > 1e-3 else np.eye(3)
    rolls = [twist_rad(b[:3, :3] @ a[:3, :3].T @ turn.T, axis) for a, b in zip(before, now, strict=True)]
    turn = rotation_about(axis, sum(rolls) / 2) @ turn
    middle_before, middle = ((pair[0][:3, 3] + pair[1][:3, 3]) / 2 for pair in (before, now))
    arm = (start.position_m - middle_before) * (scale / start.scale)
    return Placement(middle + turn @ arm, turn @ start.rotation, scale)


def steered(held: Placement, hand: Float64, ray: Float64, stick: Float64, dt_s: float) -> Placement:
    """Pushed away or pulled near along the ray with the stick's y, turned about the upright with its x.

    Args:
        hand: (3,) origin of the ray.
        ray: (3,) its unit direction.
        stick: (2,) from -1 to 1, right and forwards positive.
    """
    along = float((held.position_m - hand) @ ray)
    push = max(float(stick[1]) * PUSH_M_PER_S * dt_s, min(0.0, NEAREST_M - along))
    turn = rotation_about(UP, float(stick[0]) * TURN_RAD_PER_S * dt_s)
    return Placement(held.position_m + push * ray, turn @ held.rotation, held.scale)


class Grab:
    """Which hands hold the anatomy, and where it goes from there."""

    def __init__(self) -> None:
        self._before: dict[str, Float64] = {}
        self._start: Placement | None = None

    @property
    def hands(self) -> tuple[str, ...]:
        """Who holds, first come first."""
        return tuple(self._before)

    def take(self, hand: str, poses: Mapping[str, Float64], placement: Placement) -> None:
        """A hand takes hold. A third is not needed."""
        if hand not in self._before and len(self._before) < 2:
            self._restart((*self._before, hand), poses, placement)

    def let_go(self, hand: str, poses: Mapping[str, Float64], placement: Placement) -> None:
        """A hand lets go; what it held stays where it is, or in the other hand."""
        if hand in self._before:
            self._restart(tuple(each for each in self._before if each != hand), poses, placement)

    def restart(self, poses: Mapping[str, Float64], placement: Placement) -> None:
        """From here on: something else than the hands moved the anatomy."""
        self._restart(self.hands, poses, placement)

    def moved(self, poses: Mapping[str, Float64]) -> Placement | None:
        """Where the anatomy is now; None when nobody holds it."""
        if self._start is None:
            return None
        if len(self._before) == 1:
            ((hand, before),) = self._before.items()
            return held_by_one(self._start, before, poses[hand])
        first, second = self._before
        return held_by_two(self._start, (self._before[first], self._before[second]), (poses[first], poses[second]))

    def _restart(self, hands: tuple[str, ...], poses: Mapping[str, Float64], placement: Placement) -> None:
        self._before = {hand: poses[hand] for hand in hands}
        self._start = placement if hands else None
