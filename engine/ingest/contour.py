"""Closed planar contours to masks: even-odd filling, and shapes between planes.

Filling is exact for pixel centres: a centre is inside where a line to it crosses the contours an odd
number of times. One pass over all contours of a plane thus gives holes, branches and keyholes alike
(PS3.3 C.8.8.6.3: contours of one plane are combined by exclusive disjunction).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import edt
import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64

#: Crossings handled at once: bounds the memory of a contour of a million points.
_CROSSINGS = 1 << 21
#: A plane this near to a slice, in slices, lies on it.
_ON_SLICE = 0.1
#: Planes further apart than this many usual distances enclose a gap that was left on purpose.
_GAP = 1.5

Polygon = Float64  # (points, 2): x and y in pixels, pixel centres at integers


@dataclass(frozen=True, slots=True)
class Plane:
    """The contours of one structure in one plane: `height` in slices, polygons in pixels."""

    height: float
    polygons: tuple[Polygon, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """The pixels that a structure touches: first row and column, and how many."""

    row: int
    column: int
    rows: int
    columns: int


def filled(polygons: Sequence[Polygon], window: Window) -> NDArray[np.bool_]:
    """Pixels of `window` whose centres lie inside an odd number of `polygons`, (rows, columns)."""
    width = window.columns + 1
    odd = np.zeros(window.rows * width, dtype=np.uint8)
    for polygon in polygons:
        for cells in _crossings(polygon - (window.column, window.row), window):
            odd ^= (np.bincount(cells, minlength=odd.size) & 1).astype(np.uint8)
    inside = np.bitwise_xor.accumulate(odd.reshape(window.rows, width), axis=1)
    return inside[:, : window.columns].astype(bool)


def _crossings(polygon: Polygon, window: Window) -> Iterator[NDArray[np.int64]]:
    """The first pixel at or right of each place where an edge crosses a row, as flat indices."""
    width = window.columns + 1
    start, end = polygon, np.roll(polygon, -1, axis=0)
    low = np.clip(np.ceil(np.minimum(start[:, 1], end[:, 1])), 0, window.rows).astype(np.int64)
    high = np.clip(np.ceil(np.maximum(start[:, 1], end[:, 1])), 0, window.rows).astype(np.int64)
    counts = high - low
    step = max(_CROSSINGS // max(window.rows, 1), 1)
    for first in range(0, len(polygon), step):
        part = slice(first, first + step)
        edge = np.repeat(np.arange(len(polygon))[part], counts[part])
        if not edge.size:
            continue
        ordinal = np.arange(edge.size) - np.repeat(np.cumsum(counts[part]) - counts[part], counts[part])
        row = low[edge] + ordinal
        slope = (end[edge, 0] - start[edge, 0]) / (end[edge, 1] - start[edge, 1])
        x = start[edge, 0] + (row - start[edge, 1]) * slope
        yield row * width + np.clip(np.ceil(x), 0, window.columns).astype(np.int64)


def crossing_pairs(polygons: Sequence[Polygon], window: Window) -> int:
    """Pairs of contours that cross each other instead of lying apart or one in the other."""
    if len(polygons) < 2:
        return 0
    low = np.array([polygon.min(axis=0) for polygon in polygons])
    high = np.array([polygon.max(axis=0) for polygon in polygons])
    touching = ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(axis=2)
    pairs = np.argwhere(np.triu(touching, 1))[:64]  # contours in their dozens: telling of the first is enough
    return sum(_cross(polygons[a], polygons[b], window) for a, b in pairs)


def _cross(one: Polygon, other: Polygon, window: Window) -> bool:
    a, b = filled([one], window), filled([other], window)
    shared = int(np.count_nonzero(a & b))
    return 0 < shared < min(int(np.count_nonzero(a)), int(np.count_nonzero(b)))


def usual_distance(planes: Sequence[Plane]) -> float:
    """Distance of neighbouring planes, in slices; one slice for a single plane."""
    return float(np.median(np.diff([plane.height for plane in planes]))) if len(planes) > 1 else 1.0


def slices(planes: Sequence[Plane], window: Window, count: int) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """The slices, of `count`, that a structure fills, each with its mask.

    A slice on a plane takes it; between planes of the usual distance the shape is interpolated by signed
    distance (Raya and Udupa 1990, doi:10.1109/42.52980); beyond the first and last plane, and in gaps
    left on purpose, a plane reaches half the usual distance. A structure thinner than a slice is put on
    the nearest one.

    Args:
        planes: by height, at least one.
        window: pixels to fill.
        count: number of slices; nothing outside is drawn.
    """
    shapes = _Shapes(planes, window)
    heights = np.array([plane.height for plane in planes])
    half = usual_distance(planes) / 2
    drawn = False
    for level in range(max(int(np.ceil(heights[0] - half)), 0), min(int(np.floor(heights[-1] + half)), count - 1) + 1):
        mask = _at(level, heights, half, shapes)
        if mask is not None:
            drawn = True
            yield level, mask
    if not drawn:
        middle = len(planes) // 2
        yield int(np.clip(round(heights[middle]), 0, count - 1)), shapes.mask(middle)


def _at(level: int, heights: Float64, half: float, shapes: _Shapes) -> NDArray[np.bool_] | None:
    nearest = int(np.argmin(np.abs(heights - level)))
    off = level - float(heights[nearest])
    if abs(off) <= _ON_SLICE:
        return shapes.mask(nearest)
    above = int(np.searchsorted(heights, level))
    if 0 < above < len(heights):
        gap = float(heights[above] - heights[above - 1])
        if gap <= _GAP * 2 * half:
            return shapes.between(above - 1, (level - float(heights[above - 1])) / gap)
    # Half-open, so that slices half way between two structures belong to one of them.
    return shapes.mask(nearest) if -half < off <= half else None


class _Shapes:
    """Masks and signed distances of planes; those of the last two planes are kept."""

    def __init__(self, planes: Sequence[Plane], window: Window) -> None:
        self._planes = planes
        self._window = window
        self._masks: dict[int, NDArray[np.bool_]] = {}
        self._distances: dict[int, NDArray[np.float32]] = {}

    def mask(self, index: int) -> NDArray[np.bool_]:
        if index not in self._masks:
            self._masks = {key: value for key, value in self._masks.items() if abs(key - index) == 1}
            self._masks[index] = filled(self._planes[index].polygons, self._window)
        return self._masks[index]

    def between(self, below: int, weight: float) -> NDArray[np.bool_]:
        """The shape at `weight` of the way from plane `below` to the next."""
        return np.asarray((1 - weight) * self._distance(below) + weight * self._distance(below + 1) > 0)

    def _distance(self, index: int) -> NDArray[np.float32]:
        """Positive inside, in pixels, half a pixel less than to the nearest centre on the other side."""
        if index not in self._distances:
            self._distances = {key: value for key, value in self._distances.items() if abs(key - index) == 1}
            padded = np.pad(self.mask(index), 1)
            inside, outside = edt.edt(padded), edt.edt(~padded)
            signed = np.where(padded, inside - 0.5, 0.5 - outside)
            self._distances[index] = signed[1:-1, 1:-1].astype(np.float32)
        return self._distances[index]
