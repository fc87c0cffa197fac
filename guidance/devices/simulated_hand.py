"""A hand that does what it is told, slowly and with a tremor: what a simulated tracker sees.

It holds one pointer at a time over a patient that wears a reference. Where it is told to go it goes on a straight line
at a speed of hands; told to turn, it turns the pointer about its resting tip. Time and chance are arguments, so the
same orders give the same places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.core.array import Float64
from engine.core.frame import WORLD, Frame
from engine.core.transform import Transform
from guidance.register.rigid_fit import turn
from guidance.track.sample import thing_frame

#: A hand on its way, and near where it must be exact.
FAST_MM_S, SLOW_MM_S = 120.0, 15.0
NEAR_MM = 12.0
#: How fast a hand tilts a tool.
TILT_RAD_S = 0.8
#: How a resting hand shakes: 8 to 12 a second, some hundredths of a millimetre with a supported hand.
TREMOR_MM, TREMOR_HZ = 0.05, 9.0
#: A pointer that is turned about its tip: cone and turns a second.
CONE_RAD, TURNS_HZ = np.deg2rad(28.0), 0.35
#: Nobody moves farther between two looks at the same hand than in this time.
_MOST_STEP_S = 0.05


@dataclass(slots=True)
class SimulatedHand:
    """Not a value: it moves.

    Attributes:
        world_from_patient: where the patient lies in the tracker's world.
        reference_from_patient: how the reference is fixed to the patient.
        reference, tool: names at the tracker.
        tip_mm: (3,) the tip in the tool's own frame, which nobody else knows.
        at_mm: (3,) the tip now, in the patient frame.
        goal_mm: (3,) where it is going.
        axis: (3,) unit vector from the tip along the shaft, in the patient frame, as it shall be.
        fast_mm_s: its speed on its way.
        slip_mm: how far off a landmark the hand rests, along each axis, drawn anew for every goal.
    """

    world_from_patient: Transform
    reference_from_patient: Transform
    reference: str
    tool: str
    tip_mm: Float64
    at_mm: Float64
    rng: np.random.Generator
    slip_mm: float = 0.3
    fast_mm_s: float = FAST_MM_S
    axis: Float64 = field(default_factory=lambda: np.array([0.3, -0.4, 0.87]))
    goal_mm: Float64 = field(init=False)
    is_turning: bool = False
    _time_s: float = 0.0
    _off_mm: Float64 = field(default_factory=lambda: np.zeros(3))
    _axis: Float64 = field(init=False)

    def __post_init__(self) -> None:
        self.goal_mm = self.at_mm
        self._axis = self.axis / np.linalg.norm(self.axis)

    @property
    def patient(self) -> Frame:
        """The patient frame that it moves in."""
        return self.reference_from_patient.source

    def go(self, goal_mm: Float64, *, exactly: bool = False) -> None:
        """Go there; a hand rests a little beside what it means, unless it is told to be exact."""
        self.goal_mm = np.asarray(goal_mm, np.float64)
        self._off_mm = np.zeros(3) if exactly else self.rng.normal(scale=self.slip_mm, size=3)
        self.is_turning = False

    def turn_about_tip(self) -> None:
        """Turn the tool about its tip, which rests where it is."""
        self.is_turning = True

    @property
    def has_arrived(self) -> bool:
        """Whether it is where it was told to go."""
        return bool(np.linalg.norm(self.goal_mm + self._off_mm - self.at_mm) < 0.01)

    def places(self, time_s: float) -> Mapping[str, Transform]:
        """`world_from_thing` of tool and reference, as a simulated tracker asks (`Truth`); time never goes back."""
        passed_s = min(max(time_s - self._time_s, 0.0), _MOST_STEP_S)
        self._time_s = max(self._time_s, time_s)
        way = self.goal_mm + self._off_mm - self.at_mm
        length_mm = float(np.linalg.norm(way))
        step_mm = passed_s * (self.fast_mm_s if length_mm > NEAR_MM else SLOW_MM_S)
        self.at_mm = self.at_mm + way * (min(1.0, step_mm / length_mm) if length_mm > 0 else 0.0)
        self._tilt(passed_s)
        phase = 2 * np.pi * TREMOR_HZ * time_s
        tremor = TREMOR_MM * np.array([np.sin(phase), np.cos(1.1 * phase), np.sin(0.9 * phase + 1.0)])
        world_from_patient = self.world_from_patient.matrix
        rotation = self._rotation(time_s)
        tool = np.eye(4)
        tip_world = world_from_patient[:3, :3] @ (self.at_mm + tremor) + world_from_patient[:3, 3]
        tool[:3, :3] = world_from_patient[:3, :3] @ rotation
        tool[:3, 3] = tip_world - tool[:3, :3] @ self.tip_mm
        reference = world_from_patient @ self.reference_from_patient.inverse.matrix
        return {
            self.tool: Transform.rigid(WORLD, thing_frame(self.tool), tool[:3, :3], tool[:3, 3]),
            self.reference: Transform.rigid(WORLD, thing_frame(self.reference), reference[:3, :3], reference[:3, 3]),
        }

    def _tilt(self, passed_s: float) -> None:
        """Bring the tool nearer to how it shall be held."""
        wanted = self.axis / np.linalg.norm(self.axis)
        across = np.cross(self._axis, wanted)
        sine = float(np.linalg.norm(across))
        apart = float(np.arctan2(sine, self._axis @ wanted))
        if sine < 1e-9:
            return
        self._axis = turn(across / sine * min(apart, TILT_RAD_S * passed_s)) @ self._axis

    def _rotation(self, time_s: float) -> Float64:
        """(3, 3) patient from tool: the shaft along `axis`, or on a cone about it."""
        upright = np.array([0.0, 0.0, 1.0])
        across = np.cross(upright, self._axis)
        angle = float(np.arctan2(np.linalg.norm(across), upright @ self._axis))
        length = float(np.linalg.norm(across))
        held = turn(across / length * angle) if length > 1e-9 else np.eye(3)
        if not self.is_turning:
            return np.asarray(held)
        round_rad = 2 * np.pi * TURNS_HZ * time_s
        tilt = CONE_RAD * np.array([np.cos(round_rad), np.sin(round_rad), 0.0])
        return np.asarray(held @ turn(tilt) @ turn(np.array([0.0, 0.0, 0.4 * np.sin(round_rad / 2)])))
