"""What was viewed: what panes displayed, and where eyes, head or pointer were on them.

A place is viewed while a pane shows it (within its rectangle, and within the slab or slice) and it lies within the
useful field about where attention points: a cone of 5 degrees (Carmody 1980: accuracy halves there) where the distance
to the pane is known, else a stated radius. Only eyes tell where somebody looked; a head or a pointer tells what was
viewed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from scenarios.case.part import Point
from scenarios.reading.event import AnyEvent, Began, Committed, Displayed, Hidden, Looked, Paused, Resumed, Revealed
from scenarios.reading.state import IDLE_S

By = Literal["eyes", "head", "pointer"]
USEFUL_DEG = 5.0
#: Where no distance is told: 990 of 992 detections were within so much of the gaze (Rubin and others 2015).
USEFUL_MM = 30.0
#: What may be said, from what tells most of where somebody looked to what tells least.
WORDS: dict[By, str] = {
    "eyes": "looked at, as the eyes pointed",
    "head": "viewed, as the head pointed: eyes may have been elsewhere",
    "pointer": "viewed, as the pointer stood: eyes may have been elsewhere",
}
#: Places are sorted along a direction once its slices were shown so often.
_OFTEN = 4
#: Along no more directions, of which each takes as much memory as the places.
_DIRECTIONS = 4
#: Directions whose slices are counted, before counting begins anew.
_ASKED = 10_000
#: So few places are looked through each time.
_FEW = 4000
#: What rounding may add to a distance.
_SLACK_MM = 1e-9
_LEAST_TELLING: tuple[By, ...] = ("pointer", "head", "eyes")


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Places of which viewing is told.

    Attributes:
        volume: in which.
        points_mm: (n, 3).
        step_mm: how far they are apart: a slice that is so near to a point shows it.
    """

    volume: str
    points_mm: Float64
    step_mm: float

    def __post_init__(self) -> None:
        points = owned(self.points_mm, np.float64)
        if points.ndim != 2 or points.shape[1] != 3 or not self.step_mm > 0:
            raise InvalidValue("a target has places, and a step between them")
        object.__setattr__(self, "points_mm", points)

    @classmethod
    def of_mask(cls, volume: str, grid: Grid, mask: NDArray[np.bool_], step_mm: float = 4.0) -> Target:
        """One place for each block of about `step_mm` of a mask (ni, nj, nk): where most of a block is in it."""
        every = np.maximum(np.round(step_mm / grid.spacing_mm), 1).astype(int)
        shape = -(-np.array(grid.shape) // every)
        voxels = np.argwhere(mask)
        block = np.ravel_multi_index(tuple((voxels // every).T), tuple(shape))
        blocks, which = np.unique(block, return_inverse=True)
        counts = np.bincount(which, minlength=len(blocks))
        sums = np.stack([np.bincount(which, voxels[:, axis], len(blocks)) for axis in range(3)], axis=1)
        full = counts * 2 >= every.prod() if (counts * 2 >= every.prod()).any() else counts > 0
        middles = sums[full] / counts[full, None]
        points = np.asarray(grid.patient_from_voxel.apply(middles)).reshape(-1, 3)
        return cls(volume, points, float((every * grid.spacing_mm).max()))


@dataclass(frozen=True, slots=True, eq=False)
class Viewed:
    """What became of a target.

    Attributes:
        seconds: (n,) how long each of its places was viewed.
        any_seconds: how long any of them was.
        by: by what that is known: the least telling of all that was used; None: nothing was on any pane.
    """

    seconds: Float64
    any_seconds: float
    by: By | None

    @property
    def coverage(self) -> float | None:
        """Share of its places that were viewed at all; None where it is not known where attention was."""
        return float((self.seconds > 0).mean()) if len(self.seconds) and self.by is not None else None


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """Attention at one place of one pane for a while."""

    shown: Displayed
    looked: Looked
    seconds: float


def viewed(events: Iterable[AnyEvent], targets: Sequence[Target], until: str | None = None) -> tuple[Viewed, ...]:
    """Of each target, until what is there was shown, or the task `until` was committed."""
    places = [_places_of(target) for target in targets]
    seconds = [np.zeros(len(target.points_mm)) for target in targets]
    total, used = [0.0] * len(targets), set[By]()
    for glance in glances(events, until):
        used.add(glance.looked.by)
        for n, target in enumerate(targets):
            if target.volume == glance.shown.volume and len(inside := _inside(glance, target, places[n])):
                seconds[n][inside] += glance.seconds
                total[n] += glance.seconds
    by = next((one for one in _LEAST_TELLING if one in used), None)
    return tuple(Viewed(each, whole, by) for each, whole in zip(seconds, total, strict=True))


def glances(events: Iterable[AnyEvent], until: str | None = None) -> Iterator[Glance]:
    """What was shown where attention was, one after another, without breaks, absences and what came after the end."""
    panes: dict[int, Displayed] = {}
    looked: Looked | None = None
    last_s, is_paused = 0.0, False
    for event in events:
        if looked is not None and looked.at_mm is not None and looked.pane in panes and not is_paused:
            seconds = 0.0 if isinstance(event, Began) else min(event.t_s - last_s, IDLE_S)
            if seconds > 0:
                yield Glance(panes[looked.pane], looked, seconds)
        last_s = event.t_s
        match event:
            case Began():
                panes, looked, is_paused = {}, None, False
            case Displayed():
                panes[event.pane] = event
            case Hidden():
                panes.pop(event.pane, None)
            case Looked():
                looked = event
            case Paused():
                is_paused = True
            case Resumed():
                is_paused = False
            case Revealed():
                return
            case Committed() if event.task == until:
                return
            case _:
                pass


def radius_mm(looked: Looked) -> float:
    """Of the useful field, in the patient."""
    if looked.distance_m is None or looked.mm_per_m is None:
        return USEFUL_MM
    return math.tan(math.radians(USEFUL_DEG)) * looked.distance_m * looked.mm_per_m


class _Places:
    """Not a value: the places of a target, found near a plane.

    Panes show slices of the same few directions again and again: along these the places of an organ are sorted once.
    While an oblique pane is turned, no direction comes often enough for that.
    """

    def __init__(self, target: Target) -> None:
        self._points = target.points_mm
        self._asked: Counter[tuple[float, ...]] = Counter()
        #: By direction: how far along it each place is, rising; which one that is, and where.
        self._along: dict[tuple[float, ...], tuple[Float64, NDArray[np.int64], Float64]] = {}

    def near(self, at: Float64, normal: Float64, thick_mm: float) -> tuple[NDArray[np.int64], Float64]:
        """(n,) which lie within `thick_mm` of the plane through `at`, and (n, 3) where."""
        key = tuple(np.round(normal, 9).tolist())
        if len(self._asked) > _ASKED:
            self._asked.clear()
        self._asked[key] += 1 if len(self._points) > _FEW else 0
        here, thick_mm = float(at @ normal), thick_mm + _SLACK_MM
        if key not in self._along and (self._asked[key] < _OFTEN or len(self._along) == _DIRECTIONS):
            which = np.flatnonzero(np.abs(self._points @ normal - here) <= thick_mm)
            return which, self._points[which]
        if key not in self._along:
            along = self._points @ normal
            order = np.argsort(along)
            self._along[key] = along[order], order, self._points[order]
        along, order, points = self._along[key]
        low, high = along.searchsorted((here - thick_mm, here + thick_mm))
        return order[low:high], points[low:high]


_kept_places = lru_cache(maxsize=8)(_Places)


def _places_of(target: Target) -> _Places:
    """Those of an organ are kept: many read the same case."""
    return _kept_places(target) if len(target.points_mm) > _FEW else _Places(target)


def _inside(glance: Glance, target: Target, places: _Places) -> NDArray[np.int64]:
    """Which places of a target are shown within the useful field."""
    centre, right, down = (
        np.array(one) for one in (glance.shown.centre_mm, glance.shown.right_mm, glance.shown.down_mm)
    )
    normal = np.array(_cross(glance.shown.right_mm, glance.shown.down_mm))
    if not (length := math.sqrt(float(normal @ normal))):
        return np.empty(0, np.int64)
    normal /= length
    at = np.array(glance.looked.at_mm)
    at = at - normal * float((at - centre) @ normal)  # scrolled since: the same place of the pane, another slice
    across, thick = radius_mm(glance.looked), max(glance.shown.slab_mm, target.step_mm) / 2 + _SLACK_MM
    near, points = places.near(at, normal, thick)
    off = points - at
    deep = off @ normal
    kept = np.flatnonzero((np.abs(deep) <= thick) & ((off * off).sum(axis=1) - deep * deep <= across * across))
    flat = off[kept] - deep[kept, None] * normal + (at - centre)
    for edge in (right, down):
        inside = np.abs(flat @ edge) <= float(edge @ edge) * (1 + 1e-9)
        kept, flat = kept[inside], flat[inside]
    return np.asarray(near[kept])


def _cross(a: Point, b: Point) -> Point:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
