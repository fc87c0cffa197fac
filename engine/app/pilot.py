"""Somebody who does what a guidance session asks, with a simulated hand: demonstrations and tests without hardware.

It calibrates, touches the landmarks, registers, checks, and then goes through a procedure again and again: it circles
the opening, follows the chosen way, comes near what must not be touched, and withdraws.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.core.array import Float64
from engine.stream.guiding import CalibrateAsk, CollectAsk, CutAsk, GuideAsk, SolveAsk
from guidance.devices.simulated_hand import SimulatedHand
from guidance.plan.plan import Plan, Use
from guidance.session.session import LandmarkState, Session, Step

#: How long the pointer is turned about its tip.
TURN_S = 8.0
#: Between looks at what it has done.
PAUSE_S = 0.4
#: Radius of the opening that it circles, and how far before the target it turns back.
OPENING_MM, BEFORE_MM = 18.0, 1.0
#: How far around the target it cuts.
CUT_MM = 6.0
#: A hand that operates.
OPERATING_MM_S = 40.0
#: The places that it turns through at an opening.
_ROUND = 12

_Deed = Generator[GuideAsk | None, float, None]


@dataclass(slots=True)
class Pilot:
    """Not a value: it goes through its work. `step` is called as often as the session looks."""

    plan: Plan
    hand: SimulatedHand
    session: Session
    way_mm: tuple[Float64, Float64]
    _work: _Deed | None = field(default=None)

    def step(self, now_s: float) -> GuideAsk | None:
        """Go on, and what is asked of the session now."""
        if self._work is None:
            self._work = self._procedure()
            next(self._work)
        return self._work.send(now_s)

    def _procedure(self) -> _Deed:
        yield None
        while True:
            match self.session.step:
                case Step.CONNECT:
                    yield None
                case Step.CALIBRATE:
                    yield from self._calibrate()
                case Step.REGISTER:
                    yield from self._register()
                case Step.VERIFY:
                    yield from self._touch([one.id for one in self.plan.of_use(Use.CHECK)])
                case Step.GUIDE:
                    yield from self._operate()
            yield from self._wait(PAUSE_S)

    def _calibrate(self) -> _Deed:
        self.hand.go(self.hand.at_mm, exactly=True)
        self.hand.turn_about_tip()
        yield from self._wait(PAUSE_S)
        yield CalibrateAsk(tool=f"tool/{self.hand.tool}", state="start")
        yield from self._wait(TURN_S)
        yield CalibrateAsk(tool=f"tool/{self.hand.tool}", state="stop")
        self.hand.go(self.hand.at_mm)

    def _register(self) -> _Deed:
        landmarks = [one.id for one in self.plan.of_use(Use.REGISTER)]
        yield from self._touch([one for one in landmarks if self._is_left(one)])
        if not self.session.is_shown_still:
            yield from self._touch(landmarks[:1])
        yield SolveAsk()

    def _is_left(self, landmark: str) -> bool:
        return self.session.landmark_state(landmark) is LandmarkState.WAITING

    def _touch(self, landmarks: Sequence[str]) -> _Deed:
        places = {one.id: one.patient_mm for one in self.plan.landmarks}
        for landmark in landmarks:
            outward = self._outward(places[landmark])
            yield from self._go(places[landmark] + 25.0 * outward)
            yield from self._go(places[landmark], exactly=False)
            yield from self._wait(PAUSE_S)
            yield CollectAsk(landmark=landmark)
            yield None
            while self.session.landmark_state(landmark) is LandmarkState.TOUCHING:
                yield None
            yield from self._go(places[landmark] + 25.0 * outward)

    def _outward(self, place_mm: Float64) -> Float64:
        middle = np.mean([one.patient_mm for one in self.plan.landmarks], axis=0)
        way = place_mm - middle
        return np.asarray(way / max(float(np.linalg.norm(way)), 1e-9))

    def _operate(self) -> _Deed:
        """Once round the opening, down the way, and out again."""
        entry, target = self.way_mm
        self.hand.fast_mm_s = OPERATING_MM_S
        axis = (entry - target) / max(float(np.linalg.norm(entry - target)), 1e-9)
        self.hand.axis = axis
        side = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0])
        side /= np.linalg.norm(side)
        other = np.cross(axis, side)
        yield from self._go(entry + 30.0 * axis)
        for n in range(_ROUND + 1):
            angle = 2 * np.pi * n / _ROUND
            yield from self._go(entry + OPENING_MM * (np.cos(angle) * side + np.sin(angle) * other))
        yield from self._go(entry)
        length = float(np.linalg.norm(entry - target))
        for depth_mm in np.arange(5.0, max(length - BEFORE_MM, 5.0), 5.0):
            yield from self._go(entry - depth_mm * axis)
        yield CutAsk(state="start")
        for angle in np.linspace(0.0, 4 * np.pi, 24):
            off = CUT_MM * (np.cos(angle) * side + np.sin(angle) * other)
            yield from self._go(target + off * (angle / (4 * np.pi)))
        yield CutAsk(state="stop")
        yield from self._go(entry)
        yield from self._go(entry + 60.0 * axis)

    def _go(self, goal_mm: Float64, *, exactly: bool = True) -> _Deed:
        self.hand.go(goal_mm, exactly=exactly)
        yield None
        while not self.hand.has_arrived:
            yield None

    def _wait(self, seconds: float) -> _Deed:
        start_s = now_s = yield None
        while now_s - start_s < seconds:
            now_s = yield None
