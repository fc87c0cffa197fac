"""A session with a simulated tracker and a simulated hand, played without waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from engine.core.array import Float64
from engine.core.frame import WORLD
from engine.core.transform import Transform
from guidance.alerts.level import Bands
from guidance.calibrate.tool_tip import ToolTip
from guidance.devices.simulated import Arrival, Fault, FaultKind, Playing, Scenario
from guidance.devices.simulated_hand import SimulatedHand
from guidance.margins.surface_tree import SurfaceTree
from guidance.margins.tool_place import ToolShape
from guidance.plan.plan import Landmark, Plan, PlannedTool, Use, Watched
from guidance.register.rigid_fit import turn
from guidance.session.look import Look
from guidance.session.session import LandmarkState, Session, Step
from guidance.track.sample import thing_frame
from guidance.uncertainty.point_error import PointError
from tests.guidance.margins.shapes import lumpy
from tests.guidance.register.places import HEAD_MM

TOOL, REFERENCE = "Pointer", "Reference"
TIP_MM = np.array([2.0, -3.0, -160.0])
#: Off every plane of the landmarks, and near the tumour.
CHECKS_MM = np.array([(40.0, -60.0, 60.0), (-50.0, 40.0, 60.0)])
TUMOUR = "tumour"
LATENCY_S = 0.01

PLAN = Plan(
    name="A tumour in a head",
    series_uid="1.2.3.4",
    frame_of_reference_uid="1.2.3",
    target=TUMOUR,
    watched=(Watched(TUMOUR, Bands(6.0, 3.0, 0.0)),),
    landmarks=(
        *(Landmark(f"l{k}", f"Landmark {k}", place, Use.REGISTER) for k, place in enumerate(HEAD_MM)),
        *(Landmark(f"c{k}", f"Check {k}", place, Use.CHECK) for k, place in enumerate(CHECKS_MM)),
    ),
    tools=(PlannedTool(TOOL, "Pointer", ToolShape(np.array([[0, 0, 0], [0, 0, 150.0]]), 1.5)),),
    reference=REFERENCE,
)
#: The same with a tip that is known from the start.
KNOWN = ToolTip(TIP_MM, PointError(np.eye(3) * 0.1**2), 0.1, 0.0)
CALIBRATED = replace(PLAN, tools=(replace(PLAN.tools[0], tip=KNOWN),))
#: Points of the brain's surface that a scan shows.
CORTEX_MM = np.array([(30, -20, 40), (-30, -20, 45), (25, 30, 50), (-25, 30, 30), (0, 0, 60), (5, 5, 20)], float)


def hand(seed: int = 0, slip_mm: float = 0.3) -> SimulatedHand:
    """Over a patient who lies a metre from the camera."""
    return SimulatedHand(
        Transform.rigid(WORLD, PLAN.frame, turn(np.array([0.2, 2.9, 0.1])), [40.0, 60.0, -1100.0]),
        Transform.rigid(thing_frame(REFERENCE), PLAN.frame, turn(np.array([0.5, 0.1, -0.4])), [90.0, 20.0, -150.0]),
        REFERENCE,
        TOOL,
        TIP_MM,
        np.array([0.0, -150.0, 120.0]),
        np.random.default_rng(seed),
        slip_mm,
        fast_mm_s=600.0,
    )


@dataclass
class Theatre:
    """Not a value: its time goes on as it is played."""

    scenario: Scenario = field(default_factory=Scenario)
    hand: SimulatedHand = field(default_factory=hand)
    session: Session = field(default_factory=lambda: Session(PLAN, PLAN.frame))
    now_s: float = 0.0
    looks: list[Look] = field(default_factory=list)
    _playing: Playing = field(init=False)
    _waiting: list[Arrival] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._playing = Playing(self.scenario, self.hand.places)
        self.session.put_structure(TUMOUR, "Tumour", SurfaceTree(lumpy(2, 20.0, 4)))

    def inject(self, kind: FaultKind, seconds: float, thing: str = "", amount: float = 1.0) -> None:
        """A fault from now on, for a while."""
        start_s = self._playing.next_s
        self._playing.inject(Fault(kind, start_s, start_s + seconds, thing, amount))

    def step(self) -> Look:
        """One look, a sixtieth of a second later."""
        self.now_s += 1 / 60
        while self._playing.next_s <= self.now_s:
            self._waiting += self._playing.step()
        due = sorted((one for one in self._waiting if one.at_s <= self.now_s), key=lambda one: one.at_s)
        self._waiting = [one for one in self._waiting if one.at_s > self.now_s]
        if due:
            self.session.hear([one.sample for one in due], None, "", self.now_s)
        self.looks.append(self.session.look(self.now_s))
        return self.looks[-1]

    def play(self, seconds: float) -> Look:
        """Some looks; the last of them."""
        for _ in range(max(1, round(seconds * 60)) - 1):
            self.step()
        return self.step()

    def until(self, is_so: Callable[[], bool], at_most_s: float = 30.0) -> None:
        """Go on until something is so."""
        end_s = self.now_s + at_most_s
        while not is_so():
            assert self.now_s < end_s, f"still not after {at_most_s} s: {self.session.words}"
            self.step()

    def go(self, place_mm: Float64, *, exactly: bool = False) -> None:
        """Bring the tip somewhere."""
        self.hand.go(place_mm, exactly=exactly)
        self.until(lambda: self.hand.has_arrived)
        self.play(0.2)

    def calibrate(self) -> None:
        """Turn the pointer about its tip, and find that."""
        self.play(0.5)
        self.hand.turn_about_tip()
        self.session.calibrate(TOOL, start=True)
        self.play(4.0)
        self.session.calibrate(TOOL, start=False)
        self.hand.go(self.hand.at_mm)

    def touch(self, landmark: str, off_mm: Float64 | float = 0.0) -> None:
        """Touch a landmark, or beside it."""
        place = next(one.patient_mm for one in PLAN.landmarks if one.id == landmark)
        self.go(place + off_mm)
        self.session.collect(landmark, self.now_s)
        self.until(lambda: self.session.landmark_state(landmark) is not LandmarkState.TOUCHING)

    def register(self, off_mm: Float64 | None = None) -> None:
        """All landmarks, the first once more, and the registration of them."""
        off = np.zeros((len(HEAD_MM), 3)) if off_mm is None else off_mm
        for k in range(len(HEAD_MM)):
            self.touch(f"l{k}", off[k])
        self.touch("l0", off[0])
        self.session.solve()

    def verify(self, off_mm: Float64 | float = 0.0) -> None:
        """Both check points."""
        for k in range(len(CHECKS_MM)):
            self.touch(f"c{k}", off_mm)

    def guide(self) -> None:
        """All the way until distances are told."""
        self.calibrate()
        self.register()
        self.verify()
        assert self.session.step is Step.GUIDE, self.session.words
