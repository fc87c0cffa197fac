"""Several images at one position: the phases of a 4-D series, told apart by what their headers say.

DICOM has no one way to say "fourth dimension": temporal position, trigger time, b-value, echo, image type,
acquisition and others all serve. The first mark that divides the slices into stacks without two slices
at one position is the dimension. Where no division covers every position, one set of slices that does is taken
if there is only one, and the others are set aside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.ingest.dicom.geometry import SAME_POSITION_MM, heights_mm
from engine.ingest.dicom.plane import Mark, Plane

#: Marks whose values differ between slices of one phase: their order at each position counts instead.
_ORDERED = ("trigger time", "acquisition", "acquisition time", "content time", "instance")
#: Marks that are times of day: they order phases and are never shown.
_TIMES = ("acquisition time", "content time")
#: Marks that do not name a dimension by themselves, left out of combinations.
_INCIDENTAL = (*_TIMES, "instance")


@dataclass(frozen=True, slots=True)
class Phases:
    """Slices divided into phases.

    Attributes:
        mark: what divides them, in words; empty when there is one phase.
        members: indices of the slices of each phase.
        incomplete: indices of slices of phases that do not cover every position.
        by: the marks whose values divide them; empty where only their order does.
    """

    mark: str
    members: tuple[tuple[int, ...], ...]
    incomplete: tuple[int, ...] = ()
    by: tuple[str, ...] = ()


def levels_of(planes: list[Plane]) -> NDArray[np.intp]:
    """(n,) the rank of each plane's position along the normal; equal at one position."""
    heights = heights_mm(planes)
    order = np.argsort(heights, kind="stable")
    ranks = np.concatenate([[0], np.cumsum(np.diff(heights[order]) > SAME_POSITION_MM)])
    levels = np.empty(len(planes), np.intp)
    levels[order] = ranks
    return levels


def split_phases(planes: list[Plane]) -> Phases:
    """Divide parallel planes into phases; all in one where positions repeat and nothing tells why."""
    levels = levels_of(planes)
    count = int(levels.max()) + 1
    if count == len(planes):
        return Phases("", (tuple(range(len(planes))),))
    whole = next(_divisions(planes, levels, lambda groups: _all_cover(groups, levels, count)), None)
    if whole is not None:
        return whole
    partly = next(_divisions(planes, levels, lambda groups: _one_covers(groups, levels, count)), None)
    if partly is None:
        return _numbered(planes, levels, count) or Phases("", (tuple(range(len(planes))),))
    full = tuple(members for members in partly.members if len(members) == count)
    rest = tuple(index for members in partly.members if len(members) < count for index in members)
    return Phases(partly.mark, full, rest, partly.by)


def phase_names(planes: list[Plane], phases: Phases) -> tuple[str, ...]:
    """What each phase is, by the values that divide them; empty where there is one, or only an order."""
    telling = [name for name in phases.by if name not in _TIMES]
    if len(phases.members) < 2 or not telling:
        return ()
    firsts = [planes[members[0]].marks for members in phases.members]
    return tuple(", ".join(f"{name} {shown(marks[name])}" for name in telling if name in marks) for marks in firsts)


def shown(mark: Mark) -> str:
    """A mark for a message."""
    if isinstance(mark, tuple):
        return " ".join(f"{value:.3g}" for value in mark)
    return mark if isinstance(mark, str) else f"{mark:g}"


Groups = list[tuple[int, ...]]

#: Marks that tell one acquisition from another, when acquisitions of one series lie between each other.
_SEPARATING = ("temporal position", "acquisition", "echo", "echo time", "inversion time", "b-value", "image type")
_EVEN = 0.1


def separate_stacks(planes: list[Plane]) -> Groups:
    """Stacks that cover the same ground with their slices between each other's, or all in one.

    Two scans of one region under one series seldom start at the same height; taken together they would
    make a volume that mixes them.
    """
    heights = heights_mm(planes)
    whole = [tuple(range(len(planes)))]
    if len(planes) < 4 or _is_even(heights) or int(levels_of(planes).max()) + 1 < len(planes):
        return whole
    for name in _SEPARATING:
        groups = _by_value([plane.marks.get(name) for plane in planes])
        parts = [heights[list(members)] for members in groups]
        if len(groups) > 1 and all(len(part) > 1 and _is_even(part) for part in parts):
            overlap = min(part.max() for part in parts) - max(part.min() for part in parts)
            if overlap > 0:
                return groups
    return whole


def _is_even(heights: Float64) -> bool:
    gaps = np.diff(np.sort(heights))
    return bool(np.ptp(gaps) <= _EVEN * gaps.max())


def _divisions(planes: list[Plane], levels: NDArray[np.intp], good: Callable[[Groups], bool]) -> Iterator[Phases]:
    """Divisions that are `good`, most telling mark first."""
    names = list(dict.fromkeys(name for plane in planes for name in plane.marks))
    varying = [name for name in names if len({plane.marks.get(name) for plane in planes}) > 1]
    for name in varying:
        groups = _by_value([plane.marks.get(name) for plane in planes])
        if good(groups):
            yield Phases(name, tuple(groups), by=(name,))
    telling = [name for name in varying if name not in _INCIDENTAL]
    if len(telling) > 1:
        groups = _by_value([tuple(str(plane.marks.get(name)) for name in telling) for plane in planes])
        if good(groups):
            yield Phases(" and ".join(telling), tuple(groups), by=tuple(telling))
    for name in (name for name in _ORDERED if name in varying):
        groups = _by_order([plane.marks.get(name) for plane in planes], levels, strict=name == "instance")
        if good(groups):
            yield Phases(f"order of {name}", tuple(groups))


def _by_value(values: list[Mark | tuple[str, ...] | None]) -> Groups:
    """Indices of equal values, in ascending order of value; empty when any is missing."""
    if any(value is None for value in values):
        return []
    groups: dict[Mark | tuple[str, ...], list[int]] = defaultdict(list)
    for index, value in enumerate(values):
        if value is not None:
            groups[value].append(index)
    in_order = sorted(groups, key=lambda value: (str(type(value)), value))
    return [tuple(groups[value]) for value in in_order]


def _by_order(values: list[Mark | None], levels: NDArray[np.intp], *, strict: bool) -> Groups:
    """The n-th value at every position makes the n-th phase; empty when that is not clear-cut.

    `strict` asks that slices were numbered phase by phase or position by position.
    """
    if any(not isinstance(value, float) for value in values):
        return []
    keys = np.array(values, dtype=np.float64)
    order = np.lexsort((keys, levels))
    counts = np.bincount(levels)
    if counts.min() != counts.max() or counts[0] < 2:
        return []
    table = order.reshape(len(counts), counts[0])  # one row a position, ascending values
    if (np.diff(keys[table], axis=1) <= 0).any():
        return []
    if strict and not (_in_runs(keys, table) or _in_runs(keys, table.T)):
        return []
    return [tuple(int(index) for index in table[:, phase]) for phase in range(table.shape[1])]


def _numbered(planes: list[Plane], levels: NDArray[np.intp], count: int) -> Phases | None:
    """The one set of slices whose instance numbers run through every position, step by step; None unless clear-cut.

    It is not where another set does as well, nor where a slice set aside is numbered next to the one that would
    stay: taken twice on the spot, either may be the good one.
    """
    numbers = [plane.marks.get("instance") for plane in planes]
    at = {(int(level), number): index for index, (level, number) in enumerate(zip(levels, numbers, strict=True))}
    if len(at) < len(planes) or count < 3:
        return None
    runs = []
    for first in (number for level, number in at if level == 0 and isinstance(number, float)):
        for step in (1.0, -1.0):
            run = [at.get((level, first + step * level)) for level in range(count)]
            runs += [tuple(index for index in run if index is not None)] if None not in run else []
    if len(runs) != 1:
        return None
    (kept,) = runs  # by level
    rest = tuple(sorted(set(range(len(planes))) - set(kept)))
    for index in rest:
        mine, other = numbers[index], numbers[kept[int(levels[index])]]
        if not isinstance(mine, float) or not isinstance(other, float) or abs(mine - other) <= 1:
            return None
    return Phases("the run of instance numbers", (kept,), rest)


def _in_runs(keys: NDArray[np.float64], table: NDArray[np.intp]) -> bool:
    """Whether the rows of `table` occupy ranges of `keys` that do not overlap."""
    ranges = sorted((keys[row].min(), keys[row].max()) for row in table)
    return all(before[1] < after[0] for before, after in pairwise(ranges))


def _all_cover(groups: Groups, levels: NDArray[np.intp], count: int) -> bool:
    return len(groups) > 1 and all(_covers(members, levels, count) for members in groups)


def _one_covers(groups: Groups, levels: NDArray[np.intp], count: int) -> bool:
    unique = all(len(set(levels[list(members)])) == len(members) for members in groups)
    return len(groups) > 1 and unique and any(_covers(members, levels, count) for members in groups)


def _covers(members: tuple[int, ...], levels: NDArray[np.intp], count: int) -> bool:
    return len(members) == count and len(set(levels[list(members)])) == count
