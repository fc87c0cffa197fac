"""Correcting with the tip of a hand: where it went becomes strokes, sent while it goes; a box when it is let go. Pure.

What a stroke does to voxels is the server's to know (`engine.segment.interactive`); here it is a way through anatomy.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from engine.core.array import Float64, owned

#: Radius of the ball: as wide as on the page.
LEAST_M, MOST_M, FIRST_M = 0.001, 0.040, 0.006
WIDER = 1.25
#: A stroke under way is sent this often, so that what it does is seen while the hand moves.
SEND_EVERY_S = 0.08
#: A hand that trembles within this goes no further.
STEP_M = 0.0005


class Doing(StrEnum):
    """What a hand does to voxels: to those that its ball reaches, or to those of a range of values within a box."""

    PAINT = "brush"
    ERASE = "eraser"
    BY_VALUE = "threshold"


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """A part of one movement of a ball, or a box.

    Attributes:
        structure: identifier of its node.
        points_m: (n, 3) where the ball went, in the anatomy's own metres; of a box two corners.
        radius_m: of the ball, in the same; 0 of a box.
        movement: parts of one movement are taken back together.
        values: between which a box takes, in the volume's own unit; None of a ball.
    """

    structure: str
    doing: Doing
    points_m: Float64
    radius_m: float
    movement: str
    values: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_m", owned(self.points_m, np.float64))


class Request(StrEnum):
    """What else is asked of whoever corrects."""

    PREPARE = "prepare"
    UNDO = "undo"
    REDO = "redo"


Correction = Stroke | Request


@dataclass(slots=True)
class _Way:
    movement: str
    sent_s: float
    points: list[Float64] = field(default_factory=list)
    is_box: bool = False


class Brush:
    """Which tool is in hand, and what the hands that hold it draw. Not a value: hands change it."""

    def __init__(self) -> None:
        self.doing: Doing | None = None
        self.structure: str | None = None
        self.radius_m = FIRST_M
        self.values: tuple[float, float] | None = None
        self._ways: dict[str, _Way] = {}
        self._told: list[Correction] = []

    @property
    def is_ready(self) -> bool:
        """Whether a press at the anatomy would correct something."""
        has_values = self.doing is not Doing.BY_VALUE or self.values is not None
        return self.doing is not None and self.structure is not None and has_values

    @property
    def hands(self) -> frozenset[str]:
        """Those that are drawing."""
        return frozenset(self._ways)

    @property
    def boxes(self) -> tuple[tuple[Float64, Float64], ...]:
        """Opposite corners of the boxes that hands are drawing, in the anatomy's own metres."""
        return tuple((way.points[0], way.points[-1]) for way in self._ways.values() if way.is_box)

    def take(self, doing: Doing | None) -> None:
        """This tool, or none."""
        if doing is not None and self.doing is None:
            self._told.append(Request.PREPARE)
        self.doing = doing

    def widen(self, steps: int) -> None:
        """A larger or smaller ball."""
        self.radius_m = float(np.clip(self.radius_m * WIDER**steps, LEAST_M, MOST_M))

    def ask(self, request: Request) -> None:
        """Take a movement back, or do it again."""
        self._told.append(request)

    def begin(self, side: str, at_m: Float64, time_s: float) -> None:
        """A hand begins to draw there; what is there is corrected at once, but for a box, which has a corner there."""
        is_box = self.doing is Doing.BY_VALUE
        self._ways[side] = way = _Way(str(uuid.uuid4()), time_s, [at_m], is_box)
        if not is_box:
            self._send(way, time_s)

    def go(self, side: str, at_m: Float64, time_s: float) -> None:
        """It goes there; nothing where it does not draw."""
        way = self._ways.get(side)
        if way is None or float(np.linalg.norm(at_m - way.points[-1])) < STEP_M:
            return
        if way.is_box:
            way.points[1:] = [at_m]
            return
        way.points.append(at_m)
        if time_s - way.sent_s >= SEND_EVERY_S:
            self._send(way, time_s)

    def end(self, side: str) -> None:
        """It lifts the ball."""
        way = self._ways.pop(side, None)
        if way is not None and len(way.points) > 1:
            self._send(way, way.sent_s)

    def told(self) -> tuple[Correction, ...]:
        """What is to be sent, once."""
        told, self._told = tuple(self._told), []
        return told

    def _send(self, way: _Way, time_s: float) -> None:
        doing = Doing.BY_VALUE if way.is_box else self.doing
        if doing is not None and self.structure is not None:
            values, radius_m = (self.values, 0.0) if way.is_box else (None, self.radius_m)
            self._told.append(Stroke(self.structure, doing, np.array(way.points), radius_m, way.movement, values))
        del way.points[:-1]  # the next part begins where this one ended
        way.sent_s = time_s
