"""Structures that may overlap, laid over each other into one label map.

A label map holds one structure a voxel, a SEG or a structure set may hold several. The rule: **the
smaller structure wins**, for a lesion lies in its organ and an organ in the body. Every overlap is
counted and said. `separate` gives each structure whole, in a map of its own: nothing is out of reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.grid import Grid
from engine.core.progress import Progress
from engine.core.structure import Structure
from engine.core.volume import LabelMap

Region = tuple[slice, slice, slice]  # k, j, i


@dataclass(frozen=True, slots=True)
class Part:
    """One structure that can be drawn.

    Attributes:
        structure: what it is, with its label.
        size: its volume in any unit that the parts share; the order of painting.
        draw: pieces as (region, mask): slices along k, j, i and a bool array of that shape. Called when
            needed and as often as needed, so that no two structures are in memory together.
    """

    structure: Structure
    size: float
    draw: Callable[[], Iterable[tuple[Region, NDArray[np.bool_]]]]


def composed(grid: Grid, parts: Sequence[Part], progress: Progress) -> tuple[LabelMap, list[str]]:
    """All parts in one label map, the smaller over the larger, and a note for each pair that overlaps."""
    labels = _empty(grid, parts)
    names = {part.structure.label: part.structure.name for part in parts}
    covered: dict[tuple[int, int], int] = {}
    left: dict[int, int] = {}
    for count, part in enumerate(sorted(parts, key=lambda part: -part.size)):
        progress(count / len(parts), "drawing structures")
        hidden, left[part.structure.label] = _paint(labels, part)
        for under, voxels in hidden.items():
            left[under] -= voxels
            pair = (under, part.structure.label)
            covered[pair] = covered.get(pair, 0) + voxels
    notes = [
        f"{names[under]!r} and {names[over]!r} share {voxels} voxels: given to {names[over]!r}, the smaller"
        for (under, over), voxels in sorted(covered.items())
    ]
    notes += [
        f"{names[under]!r} lies wholly under smaller structures and is not shown"
        for under in sorted({under for under, _ in covered})
        if left[under] == 0
    ]
    return LabelMap(grid, labels.T, tuple(part.structure for part in parts)), notes


def separate(grid: Grid, parts: Sequence[Part]) -> tuple[LabelMap, ...]:
    """Every part whole, in a label map of its own."""
    maps = []
    for part in parts:
        labels = _empty(grid, [part])
        _paint(labels, part)
        maps.append(LabelMap(grid, labels.T, (part.structure,)))
    return tuple(maps)


def _empty(grid: Grid, parts: Sequence[Part]) -> NDArray[Any]:
    highest = max((part.structure.label for part in parts), default=0)
    return np.zeros(grid.shape[::-1], dtype=np.uint8 if highest <= 0xFF else np.uint16)


def _paint(labels: NDArray[Any], part: Part) -> tuple[dict[int, int], int]:
    """Paint one part; how many voxels of which labels it covered, and how many it has now."""
    covered: dict[int, int] = {}
    painted = 0
    for region, mask in part.draw():
        view = labels[region]
        under = np.bincount(view[mask])
        for label in np.flatnonzero(under):
            if label not in (0, part.structure.label):
                covered[int(label)] = covered.get(int(label), 0) + int(under[label])
        painted += int(under.sum()) - int(under[part.structure.label : part.structure.label + 1].sum())
        view[mask] = part.structure.label
    return covered, painted
