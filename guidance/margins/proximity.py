"""A tool against many structures, as often as it is tracked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba.typed import List

from engine.core.array import Float64, frozen
from engine.core.errors import FrameMismatch, InvalidValue
from guidance.margins.kernels.margins import AWAY, SURFACE, TOOL, WIDTH, measure
from guidance.margins.margin import Margin, Part
from guidance.margins.surface_tree import SEARCH_MM, SurfaceTree
from guidance.margins.tool_place import ToolPlace, ToolShape
from guidance.uncertainty.point_error import LEVEL, deviations

#: Most structures that a tool is held against.
MOST_STRUCTURES = 32
#: Slower than this a tool does not come nearer; nobody holds one stiller.
RESTING_MM_S = 1.0
_NORMAL = deviations(LEVEL, np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Margins:
    """Of one structure: the tip's margin, and the shaft's where the tool has one. Made when they are asked for: of two
    parts against twenty structures, ninety times a second, most are not.

    Attributes:
        numbers: of tip and shaft: distance, error, approach and its error.
        rows: (2, `WIDTH`) as the kernel tells them.
        has_shaft: whether the tool has one.
    """

    numbers: list[list[float]]
    rows: Float64
    has_shaft: bool

    @property
    def tip(self) -> Margin:
        """Of the tip."""
        return _margin(Part.TIP, self.numbers[0], self.rows[0])

    @property
    def shaft(self) -> Margin | None:
        """Of the shaft."""
        return _margin(Part.SHAFT, self.numbers[1], self.rows[1]) if self.has_shaft else None

    @property
    def nearest(self) -> Margin:
        """The part with the least distance after its error."""
        (tip_mm, tip_error_mm, *_), (shaft_mm, shaft_error_mm, *_) = self.numbers
        is_tip = not self.has_shaft or tip_mm - tip_error_mm <= shaft_mm - shaft_error_mm
        part, n = (Part.TIP, 0) if is_tip else (Part.SHAFT, 1)
        return _margin(part, self.numbers[n], self.rows[n])


class Proximity:
    """Margins of a tool to named structures. Not a value: remembers what was nearest, to begin there.

    Raises:
        InvalidValue: too many structures.
        FrameMismatch: structures of two patient frames.
    """

    def __init__(self, trees: Mapping[str, SurfaceTree]) -> None:
        if len(trees) > MOST_STRUCTURES:
            raise InvalidValue(f"a tool is held against no more than {MOST_STRUCTURES} structures")
        frames = {tree.frame for tree in trees.values()}
        if len(frames) > 1:
            raise FrameMismatch(f"structures of several patient frames: {', '.join(map(str, frames))}")
        self._frame = next(iter(frames), None)
        self._names = tuple(trees)
        self._arrays = List([tree.arrays for tree in trees.values()]) if trees else None
        self._hints, self._guesses = np.full((len(trees), 2), -1, np.int64), np.zeros(len(trees))
        self._before, self._tip = np.zeros(len(trees)), np.zeros(3)

    def measure(self, shape: ToolShape, place: ToolPlace, now_s: float) -> dict[str, Margins]:
        """Margins to every structure.

        The distance is that of the moment the tool was measured. What it may have moved since, age times speed, is part
        of the error.

        Raises:
            FrameMismatch: the tool is placed in another patient frame.
            InvalidValue: the tool was measured after `now_s`.
        """
        if self._arrays is None:
            return {}
        if place.patient_from_tool.target != self._frame:
            raise FrameMismatch(f"the tool is in {place.patient_from_tool.target}, the structures in {self._frame}")
        age_s = now_s - place.measured_s
        if age_s < 0:
            raise InvalidValue(f"the tool was measured {-1000 * age_s:.0f} ms from now")
        line = place.patient_from_tool.apply(shape.line_mm)
        moved_mm, self._tip = float(np.linalg.norm(line[0] - self._tip)), line[0]
        rows = np.empty((len(self._names), 2, WIDTH))
        measure(
            self._arrays,
            self._hints,
            self._guesses,
            self._before,
            moved_mm,
            line,
            shape.radius_mm,
            place.error.covariance,
            place.error.about_mm,
            deviations(LEVEL, place.error.degrees),
            place.velocity_mm_s,
            place.turn_rad_s,
            _NORMAL * place.velocity_error_mm_s,
            age_s,
            SEARCH_MM,
            rows,
        )
        rows = frozen(rows)
        has_shaft = len(shape.line_mm) > 1
        numbers = rows[..., :SURFACE].tolist()
        return {name: Margins(numbers[k], rows[k], has_shaft) for k, name in enumerate(self._names)}


def _margin(part: Part, numbers: list[float], row: Float64) -> Margin:
    distance, error, approach, approach_error = numbers
    return Margin(
        part,
        distance,
        error,
        row[SURFACE:TOOL],
        row[TOOL:AWAY],
        row[AWAY:],
        approach,
        approach_error,
        _until(distance, approach),
        _until(distance - error, approach + approach_error),
    )


def _until(distance_mm: float, approach_mm_s: float) -> float | None:
    if distance_mm <= 0:
        return 0.0
    return distance_mm / approach_mm_s if approach_mm_s > RESTING_MM_S else None
