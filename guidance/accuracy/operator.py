"""A hand that does not exist, but follows the protocol: where pointer and artefact truly are at every moment.

It is a `Truth` for `guidance.devices.simulated`. What is wrong with tracker, pointer or artefact is put in here with
known size, so that what a report finds can be held against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from engine.core.array import Float64
from engine.core.frame import WORLD
from engine.core.transform import Transform
from guidance.accuracy.artefact import Artefact, walk
from guidance.register.rigid_fit import turn
from guidance.track.sample import thing_frame

POINTER, REFERENCE = "Stylus", "Reference"
#: The tip in the frame of the pointer's markers.
TIP_MM = np.array([4.0, -3.0, -160.0])
#: Where the artefact stands in the tracker's world, and how it is turned.
PLACE_MM = np.array([60.0, -40.0, -1100.0])
TURNED_RAD = np.array([0.5, -0.3, 0.8])
#: The reference on the artefact.
REFERENCE_MM = np.array([0.0, 110.0, 20.0])

WAY_S = 1.0
REST_S = 1.9
PIVOT_S = 12.0
SWEEP_S = 8.0
#: A pointer is lifted out of a divot by so much.
LIFT_MM = 15.0
_UP = np.array([0.0, 0.0, 1.0])
SWEPT_RAD = np.deg2rad(35.0)


class Hold(StrEnum):
    """What the hand does in a divot."""

    STILL = "still"
    PIVOT = "pivot"
    ROLL = "roll"
    TILT_X = "tilt x"
    TILT_Y = "tilt y"


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay in a divot."""

    divot: int
    hold: Hold
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Flaws:
    """What is wrong, with known size.

    Attributes:
        seat_mm: standard deviation of how the tip sits in a divot, along each axis, anew at every visit.
        scale: relative; the tracker's millimetres are longer or shorter by it.
        bent_mm: divots that are not where the artefact's drawing has them, in its own axes.
    """

    seat_mm: float = 0.04
    scale: float = 0.0
    bent_mm: Mapping[int, Float64] = field(default_factory=dict)


def protocol(artefact: Artefact, *, single: int = 20, rounds: int = 3) -> tuple[Visit, ...]:
    """The pointer turned in the middle divot, touched there again and again, swept about its axes, then all divots."""
    middle = artefact.middle
    sweeps = tuple(Visit(middle, hold, SWEEP_S) for hold in (Hold.ROLL, Hold.TILT_X, Hold.TILT_Y))
    tour = tuple(Visit(divot, Hold.STILL, REST_S) for divot in walk(artefact))
    return (
        Visit(middle, Hold.PIVOT, PIVOT_S),
        *(Visit(middle, Hold.STILL, REST_S) for _ in range(single)),
        *sweeps,
        *(visit for _ in range(rounds) for visit in tour),
    )


class Operator:
    """The hand's way through its visits."""

    def __init__(
        self,
        artefact: Artefact,
        visits: tuple[Visit, ...],
        rng: np.random.Generator,
        flaws: Flaws | None = None,
    ) -> None:
        self.flaws = flaws if flaws is not None else Flaws()
        self.visits = visits
        self._starts_s = np.cumsum([0.0, *(visit.seconds + WAY_S for visit in visits)])
        bent = np.array([artefact.divots_mm[v.divot] + self.flaws.bent_mm.get(v.divot, 0.0) for v in visits])
        self._seats_mm = bent + rng.normal(size=bent.shape) * self.flaws.seat_mm
        #: How a hand holds the pointer differs from visit to visit.
        self._leans_rad = rng.normal(size=bent.shape) * (0.12, 0.12, 0.25)
        self._turned = turn(TURNED_RAD)
        self._reference = self._scaled(self._turned, self._turned @ REFERENCE_MM + PLACE_MM, REFERENCE)

    @property
    def until_s(self) -> float:
        """When it has finished."""
        return float(self._starts_s[-1])

    def __call__(self, time_s: float) -> Mapping[str, Transform]:
        """Where pointer and reference are."""
        tip, rotation = self._tip(time_s)
        rotation = self._turned @ rotation
        markers = self._turned @ tip + PLACE_MM - rotation @ TIP_MM
        return {POINTER: self._scaled(rotation, markers, POINTER), REFERENCE: self._reference}

    def _scaled(self, rotation: Float64, at_mm: Float64, thing: str) -> Transform:
        return Transform.rigid(WORLD, thing_frame(thing), rotation, at_mm * (1 + self.flaws.scale))

    def _tip(self, time_s: float) -> tuple[Float64, Float64]:
        """Tip (3,) and attitude (3, 3) in the artefact's frame."""
        k = int(np.clip(np.searchsorted(self._starts_s, time_s, side="right") - 1, 0, len(self.visits) - 1))
        visit, since_s = self.visits[k], float(time_s - self._starts_s[k])
        if since_s <= visit.seconds:
            return self._seats_mm[k], turn(self._leans_rad[k]) @ _held(visit, since_s)
        after = min(k + 1, len(self.visits) - 1)
        share = min((since_s - visit.seconds) / WAY_S, 1.0)
        smooth = share * share * (3 - 2 * share)
        tip = self._seats_mm[k] + smooth * (self._seats_mm[after] - self._seats_mm[k])
        lean = self._leans_rad[k] + smooth * (self._leans_rad[after] - self._leans_rad[k])
        return tip + LIFT_MM * np.sin(np.pi * share) * _UP, turn(lean)


def _held(visit: Visit, since_s: float) -> Float64:
    phase = 2 * np.pi * since_s / visit.seconds
    match visit.hold:
        case Hold.PIVOT:
            grown = np.sin(phase / 2)  # spirals out and back
            return turn(SWEPT_RAD * grown * np.array([np.cos(4 * phase), np.sin(4 * phase), 0.0]))
        case Hold.ROLL:
            return turn(np.array([0.0, 0.0, 2 * SWEPT_RAD * np.sin(phase)]))
        case Hold.TILT_X:
            return turn(np.array([SWEPT_RAD * np.sin(phase), 0.0, 0.0]))
        case Hold.TILT_Y:
            return turn(np.array([0.0, SWEPT_RAD * np.sin(phase), 0.0]))
        case _:
            return np.eye(3)
