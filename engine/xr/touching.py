"""Touching landmarks of the real patient with the tip of a controller or a finger. Pure.

A tip that is asked to collect and rests for a second has touched: a controller by its own trigger, a fingertip by the
pinch of the other hand. One that moves meanwhile begins again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.core.array import Float64
from engine.xr.guided import Landmark, Touched
from engine.xr.hand import Hand

HOLD_S = 1.0
#: A resting hand trembles by a millimetre; what goes farther from where it began slides.
STILL_M = 0.004
#: As the wire wants them.
LEAST_POINTS, MOST_POINTS = 8, 512


@dataclass(slots=True)
class _Rest:
    since_s: float
    with_hand: bool
    points: list[Float64] = field(default_factory=list)


class Touching:
    """Which landmark is asked for, and how long a tip has rested. Not a value: hands change it."""

    def __init__(self) -> None:
        self.is_on = False
        self.touched: tuple[str, ...] = ()
        self._landmarks: tuple[Landmark, ...] = ()
        self._at = 0
        self._rests: dict[str, _Rest] = {}
        self._done: set[str] = set()
        self._told: list[Touched] = []
        self._now_s = 0.0

    @property
    def wanted(self) -> Landmark | None:
        """The landmark to be touched now; None where there is none or nobody touches."""
        return self._landmarks[self._at] if self.is_on and self._landmarks else None

    @property
    def progress(self) -> float:
        """How much of the second has passed, 0 to 1."""
        longest = max((self._now_s - rest.since_s for rest in self._rests.values()), default=0.0)
        return min(1.0, longest / HOLD_S)

    @property
    def prompt(self) -> str:
        """What to do now."""
        wanted = self.wanted
        if wanted is None:
            return "There are no landmarks to touch"
        return f"{wanted.name}: {self._at + 1} of {len(self._landmarks)}. Rest the tip on it, hold the trigger for 1 s"

    def offer(self, landmarks: Sequence[Landmark]) -> None:
        """These are the session's."""
        wanted = self.wanted
        self._landmarks = tuple(landmarks)
        names = [each.id for each in landmarks]
        self._at = names.index(wanted.id) if wanted is not None and wanted.id in names else 0

    def begin(self) -> None:
        """From the first that was not touched yet."""
        self.is_on = True
        self._at = next((n for n, each in enumerate(self._landmarks) if each.id not in self.touched), 0)

    def end(self) -> None:
        """Hands touch no more; what was touched stays."""
        self.is_on = False
        self._rests.clear()

    def forget(self) -> None:
        """The headset's world is another: what was touched in the old one is nowhere."""
        self.touched = ()
        self._rests.clear()
        self._told.clear()

    def pass_by(self) -> None:
        """Another landmark."""
        self._at = (self._at + 1) % max(1, len(self._landmarks))
        self._rests.clear()

    def step(self, hands: Sequence[Hand], time_s: float) -> frozenset[str]:
        """One frame; the hands that have touched in it."""
        self._now_s = time_s
        if self.wanted is None:
            return frozenset()
        asked = {hand.side: hand for hand in hands if _is_asked(hand, hands)}
        self._rests = {side: rest for side, rest in self._rests.items() if side in asked}
        self._done &= asked.keys()
        return frozenset(side for side, hand in asked.items() if side not in self._done and self._rest(hand, time_s))

    def told(self) -> tuple[Touched, ...]:
        """What is to be sent, once."""
        told, self._told = tuple(self._told), []
        return told

    def _rest(self, hand: Hand, time_s: float) -> bool:
        rest = self._rests.get(hand.side)
        if rest is None or float(np.linalg.norm(hand.tip_m - rest.points[0])) > STILL_M:
            rest = self._rests[hand.side] = _Rest(time_s, hand.joints_m is not None)
        if len(rest.points) < MOST_POINTS:
            rest.points.append(hand.tip_m)
        wanted = self.wanted
        if wanted is None or time_s - rest.since_s < HOLD_S or len(rest.points) < LEAST_POINTS:
            return False
        self._told.append(Touched(wanted.id, np.array(rest.points), rest.with_hand))
        self.touched = (*(each for each in self.touched if each != wanted.id), wanted.id)
        self._done.add(hand.side)  # one press, one landmark
        self.pass_by()
        return True


def _is_asked(hand: Hand, hands: Sequence[Hand]) -> bool:
    if hand.joints_m is None:
        return hand.select
    return any(other.select for other in hands if other.side != hand.side)
