"""Corrections by hand: brush, eraser, threshold in a box; each touches a box of voxels and can be undone.

A stroke is a value in patient millimetres; what it does to labels depends on the grid alone, so that a replay of the
same strokes gives the same labels.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from engine.core.grid import Grid

#: A brush wider than this is a slip of the hand: no organ is thicker.
MOST_RADIUS_MM = 100.0
#: Points of one stroke; a hand that draws for a minute sends several strokes.
MOST_POINTS = 4096

#: A voxel whose centre is this near the rim of a box lies in it, whichever way arithmetic rounded.
ROUNDING_VOXELS = 1e-6

Index = tuple[int, int, int]


class Tool(StrEnum):
    """What a stroke does to the voxels that it reaches."""

    BRUSH = "brush"  # they become the label
    ERASER = "eraser"  # those of the label become what lies under it
    THRESHOLD = "threshold"  # those whose sample lies in a range become the label


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One movement of a tool.

    Attributes:
        tool: what it does.
        label: the structure that is painted, erased or found.
        points_mm: (n, 3) where the tool went, patient; two opposite corners of the box for `THRESHOLD`.
        radius_mm: of a round tool; 0 for `THRESHOLD`.
        under: label that erased voxels take.
        over: labels that may be painted over; any when empty.
        sample_range: lowest and highest sample, for `THRESHOLD`; a `BRUSH` that has one paints such voxels alone.
    """

    tool: Tool
    label: int
    points_mm: Float64
    radius_mm: float = 0.0
    under: int = 0
    over: frozenset[int] = frozenset()
    sample_range: tuple[float, float] = (-np.inf, np.inf)

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_mm", owned(self.points_mm, np.float64))
        count = len(self.points_mm)
        if self.points_mm.shape != (count, 3) or not np.isfinite(self.points_mm).all():
            raise InvalidValue(f"a stroke goes through finite points (n, 3), got shape {self.points_mm.shape}")
        if not 1 <= count <= MOST_POINTS:
            raise InvalidValue(f"a stroke has 1 to {MOST_POINTS} points, got {count}")
        if self.label < 1 or self.under < 0 or self.under == self.label:
            raise InvalidValue(f"a stroke works on a label from 1, over another; got {self.label} over {self.under}")
        if self.tool is Tool.THRESHOLD:
            low, high = self.sample_range
            if count != 2 or not low <= high:
                raise InvalidValue("a threshold has two corners of a box and a range from low to high")
        elif not 0 < self.radius_mm <= MOST_RADIUS_MM:
            raise InvalidValue(f"a tool's radius is above 0 and at most {MOST_RADIUS_MM:g} mm, got {self.radius_mm}")


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What a stroke did: the box low..high - 1, and its labels before and after, packed."""

    low: Index
    high: Index
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)

    @property
    def shape(self) -> Index:
        """Voxels of the box."""
        return (self.high[0] - self.low[0], self.high[1] - self.low[1], self.high[2] - self.low[2])

    def states(self, dtype: np.dtype[Any], *, is_forward: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """The labels (i, j, k) of the box before and after; after and before where it was taken back."""
        before, after = (_unpacked(packed, dtype, self.shape) for packed in (self.before, self.after))
        return (before, after) if is_forward else (after, before)

    @property
    def size(self) -> int:
        """Bytes that it takes to remember."""
        return len(self.before) + len(self.after)


def around(changes: Sequence[Change]) -> tuple[Index, Index]:
    """The box low..high - 1 that holds every one of `changes`, of which there is one at least."""
    low = np.min([change.low for change in changes], axis=0)
    high = np.max([change.high for change in changes], axis=0)
    return (int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2]))


def apply_stroke(
    labels: NDArray[Any], grid: Grid, stroke: Stroke, samples: NDArray[Any] | None = None
) -> Change | None:
    """Do `stroke` to `labels` `[i, j, k]` in place; None where it changes no voxel.

    Raises:
        InvalidValue: a label that the array cannot hold, or a threshold without samples.
    """
    if max(stroke.label, stroke.under) > np.iinfo(labels.dtype).max:
        raise InvalidValue(f"labels of this map go up to {np.iinfo(labels.dtype).max}, got {stroke.label}")
    low, high = _box(grid, stroke)
    if any(a >= b for a, b in zip(low, high, strict=True)):
        return None
    box = _slices(low, high)
    reached = _reached(grid, stroke, low, high)
    here = labels[box]
    if stroke.tool is Tool.ERASER:
        reached &= here == stroke.label
        value = stroke.under
    else:
        value = stroke.label
        if stroke.over:
            reached &= np.isin(here, list(stroke.over))
        if stroke.tool is Tool.THRESHOLD or stroke.sample_range != (-np.inf, np.inf):
            if samples is None:
                raise InvalidValue("a threshold needs the samples of the volume")
            reached &= (samples[box] >= stroke.sample_range[0]) & (samples[box] <= stroke.sample_range[1])
    reached &= here != value
    if not reached.any():
        return None
    low, high = _shrunk(low, reached)
    before = _packed(labels[_slices(low, high)])
    here[reached] = value
    return Change(low, high, before, _packed(labels[_slices(low, high)]))


def change_to(labels: NDArray[Any], low: Index, wanted: NDArray[Any]) -> Change | None:
    """Make the box of `labels` from `low` on what is `wanted` (i, j, k), in place; None where it is so already."""
    here = labels[_slices(low, _beyond(low, wanted.shape))]
    differs = here != wanted
    if not differs.any():
        return None
    low_, high = _shrunk(low, differs)
    before = _packed(labels[_slices(low_, high)])
    here[...] = wanted
    return Change(low_, high, before, _packed(labels[_slices(low_, high)]))


def put_back(labels: NDArray[Any], change: Change, *, is_forward: bool) -> None:
    """Make the box of `labels` in place what it was after a change, or before it."""
    _put(labels, change, change.after if is_forward else change.before)


def _beyond(low: Index, shape: tuple[int, ...]) -> Index:
    return low[0] + shape[0], low[1] + shape[1], low[2] + shape[2]


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """What is taken back at once: the changes of one movement, in the order they were made."""

    movement: str
    changes: tuple[Change, ...]

    @property
    def size(self) -> int:
        return sum(change.size for change in self.changes)


class History:
    """Movements that can be undone and done again, the oldest forgotten beyond a budget of bytes."""

    def __init__(self, most_bytes: int = 256 << 20) -> None:
        self._most_bytes = most_bytes
        self._done: list[_Step] = []
        self._undone: list[_Step] = []

    @property
    def undo_count(self) -> int:
        """How many movements can be undone."""
        return len(self._done)

    @property
    def redo_count(self) -> int:
        """How many undone movements can be done again."""
        return len(self._undone)

    def add(self, change: Change, movement: str = "") -> None:
        """Remember a new change; what was undone before it is gone.

        Args:
            movement: changes with the same name, one after another, are one step; without a name each is its own.
        """
        if movement and self._done and self._done[-1].movement == movement:
            self._done[-1] = _Step(movement, (*self._done[-1].changes, change))
        else:
            self._done.append(_Step(movement, (change,)))
        self._undone.clear()
        while sum(each.size for each in self._done) > self._most_bytes and len(self._done) > 1:
            del self._done[0]

    def undo(self, labels: NDArray[Any]) -> tuple[Change, ...]:
        """Take the latest movement back; its changes in the order they were taken back, none where there is none."""
        if not self._done:
            return ()
        self._undone.append(self._done.pop())
        changes = self._undone[-1].changes[::-1]
        for change in changes:
            _put(labels, change, change.before)
        return changes

    def redo(self, labels: NDArray[Any]) -> tuple[Change, ...]:
        """Do the latest undone movement again; its changes, none where there is none."""
        if not self._undone:
            return ()
        self._done.append(self._undone.pop())
        changes = self._done[-1].changes
        for change in changes:
            _put(labels, change, change.after)
        return changes


def _box(grid: Grid, stroke: Stroke) -> tuple[Index, Index]:
    """Voxels that the stroke may reach, cut to the grid."""
    inverse = grid.patient_from_voxel.inverse.matrix
    voxels = stroke.points_mm @ inverse[:3, :3].T + inverse[:3, 3]
    # A ball of radius r reaches r times the length of a row of the inverse along that voxel axis.
    reach = stroke.radius_mm * np.linalg.norm(inverse[:3, :3], axis=1) + ROUNDING_VOXELS
    low = np.maximum(np.ceil(voxels.min(axis=0) - reach), 0).astype(int)
    high = np.minimum(np.floor(voxels.max(axis=0) + reach) + 1, grid.shape).astype(int)
    return (int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2]))


def _reached(grid: Grid, stroke: Stroke, low: Index, high: Index) -> NDArray[np.bool_]:
    """Voxels of the box whose centre lies within the tool anywhere on its way."""
    if stroke.tool is Tool.THRESHOLD:
        return np.ones([b - a for a, b in zip(low, high, strict=True)], dtype=bool)
    axes = [np.arange(a, b, dtype=np.float64) for a, b in zip(low, high, strict=True)]
    matrix = grid.patient_from_voxel.matrix
    at_mm = [
        sum(np.reshape(axes[n] * matrix[row, n], [-1 if m == n else 1 for m in range(3)]) for n in range(3))
        + matrix[row, 3]
        for row in range(3)
    ]
    starts = stroke.points_mm[:-1] if len(stroke.points_mm) > 1 else stroke.points_mm
    ends = stroke.points_mm[1:] if len(stroke.points_mm) > 1 else stroke.points_mm
    reached = np.zeros([len(axis) for axis in axes], dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        reached |= _squared_distance_mm2(at_mm, start, end) <= stroke.radius_mm**2
    return reached


def _squared_distance_mm2(at_mm: list[Any], start: Float64, end: Float64) -> Float64:
    """From places (three arrays that broadcast) to the segment between two points."""
    way = end - start
    length2 = float(way @ way)
    along = sum((at_mm[n] - start[n]) * way[n] for n in range(3))
    part = np.clip(along / length2, 0.0, 1.0) if length2 > 0 else 0.0
    squares = [(at_mm[n] - start[n] - part * way[n]) ** 2 for n in range(3)]
    return np.asarray(squares[0] + squares[1] + squares[2])


def _shrunk(low: Index, reached: NDArray[np.bool_]) -> tuple[Index, Index]:
    """The box round what is reached."""
    spans = [np.flatnonzero(reached.any(axis=tuple(m for m in range(3) if m != n))) for n in range(3)]
    (i0, i1), (j0, j1), (k0, k1) = ((low[n] + int(span[0]), low[n] + int(span[-1]) + 1) for n, span in enumerate(spans))
    return (i0, j0, k0), (i1, j1, k1)


def _slices(low: Index, high: Index) -> tuple[slice, slice, slice]:
    return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])


def _packed(part: NDArray[Any]) -> bytes:
    return zlib.compress(np.ascontiguousarray(part.T).tobytes(), level=1)


def _put(labels: NDArray[Any], change: Change, packed: bytes) -> None:
    labels[_slices(change.low, change.high)] = _unpacked(packed, labels.dtype, change.shape)


def _unpacked(packed: bytes, dtype: np.dtype[Any], shape: Index) -> NDArray[Any]:
    return np.frombuffer(zlib.decompress(packed), dtype=dtype).reshape(shape[::-1]).T
