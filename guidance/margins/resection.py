"""What a tracked cutting tool has taken away of a target, what is left of it, and how near the cut came to it.

The tool's cutting part, a line with a radius, sweeps a band of triangles between two places; what lies within the
radius of the band is gone. Of each voxel the share that is covered is kept, three times: by the radius less the error
of the tool's place, by the radius, and by the radius and the error. Sums are whole numbers, so that the order of cuts
changes nothing, and taking one back restores what was there before it.

While a cutting tool is not seen, it is taken to have removed nothing, and it may have removed whatever it could reach:
that widens the bounds, and is never drawn as if it had been seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Float64
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.field import DistanceField, Region
from engine.core.transform import Transform
from engine.core.unknown import Unknown
from guidance.margins.kernels.cut import WHOLE, cover, nearest
from guidance.margins.tool_place import ToolPlace, ToolShape

#: Places farther apart in time are a gap: four of a tracker at 90 Hz, three at 60.
LONGEST_STEP_S = 0.05
#: No hand guides a cutting tool through tissue faster; what one could reach unseen is bounded by it.
FASTEST_UNSEEN_MM_S = 100.0
#: Rows of the bounds: by the radius less its error, by the radius, by both.
_SURE, _SEEN, _MAYBE = 0, 1, 2
_MM3_PER_ML = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class Resected:
    """How a resection stands. Volumes are of the target, but `removed_ml`: of all tissue in the grid around it.

    Attributes:
        remaining_least_ml, remaining_most_ml: what is left if the tool's places are off by their error, 95 %.
        margin_mm: least distance between what was removed and the target's surface; negative where the cut went into
            it; None before anything was cut near it.
        margin_error_mm: the true one is at least `margin_mm` less this, 95 %; what went unseen is part of it.
        where_mm: (3,) the place of the cut's surface where it is least.
        unseen_s: how long the tool cut without being seen.
        undo_count: cuts that can be taken back.
    """

    cutting: bool
    removed_ml: float
    remaining_ml: float
    remaining_least_ml: float
    remaining_most_ml: float
    margin_mm: float | None
    margin_error_mm: float | None
    where_mm: Float64 | None
    unseen_s: float
    undo_count: int


@dataclass(slots=True)
class _Cut:
    """One movement of the tool from the moment it began to cut."""

    started_s: float
    margin_mm: float = np.inf
    least_mm: float = np.inf
    where_mm: Float64 | None = None
    unseen_s: float = 0.0
    voxels: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    shares: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 3), np.uint8))


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The last place of the tool in a cut: its line in voxels, its error, and when."""

    line: Float64
    error_mm: float
    measured_s: float


class TrackedResection:
    """A target while it is cut out. Not a value: `start`, `update`, `stop` and `undo` change it."""

    def __init__(self, target: DistanceField, tool: ToolShape) -> None:
        """Before the first cut.

        Args:
            target: distances to it on a grid of cubes (`guidance.margins.banded.margin_grid`), numpy samples. What is
                cut outside of the grid counts for nothing.
            tool: the cutting part alone, its line from the tip on, and its radius.

        Raises:
            InvalidValue: the grid is not of cubes, or a tool without a radius, which removes nothing.
        """
        spacing = target.grid.spacing_mm
        if not target.grid.is_orthogonal or not np.allclose(spacing, spacing[0], rtol=1e-6):
            raise InvalidValue("what is cut is counted on a grid of cubes")
        if not tool.radius_mm > 0:
            raise InvalidValue("a cutting part has a radius")
        self.target, self.tool = target, tool
        self._spacing = float(spacing[0])
        self._f: Float32 = np.ascontiguousarray(target.samples_mm, np.float32)
        self._deepest_mm = max(-float(self._f.min()), 0.0)
        self._was = np.rint(WHOLE * np.clip(0.5 - self._f / self._spacing, 0, 1)).astype(np.uint8)
        self._own = np.zeros((*target.grid.shape, 3), np.uint8)
        self._total = np.zeros_like(self._own)
        self._whole = WHOLE * int(self._was.sum(dtype=np.int64))
        self._removed, self._left = np.zeros(3, np.int64), np.full(3, self._whole)
        self._cuts: list[_Cut] = []
        self._now: _Cut | None = None
        self._last: _Seen | None = None

    @property
    def is_cutting(self) -> bool:
        """Whether the tool cuts."""
        return self._now is not None

    def start(self, now_s: float) -> None:
        """The tool begins to cut; nothing changes where it does already."""
        if self._now is None:
            self._now, self._last = _Cut(now_s), None

    def update(self, place: ToolPlace | Unknown, now_s: float) -> None:
        """Where the tool is. One that is not known removes nothing, nor does one that was measured before the last.

        Raises:
            FrameMismatch: the tool is placed in another patient frame.
            InvalidValue: it was measured after `now_s`.
        """
        if self._now is None or isinstance(place, Unknown):
            return
        if place.patient_from_tool.target != self.target.grid.frame:
            raise FrameMismatch(
                f"the tool is in {place.patient_from_tool.target}, the target in {self.target.grid.frame}"
            )
        if place.measured_s > now_s:
            raise InvalidValue(f"the tool was measured {1000 * (place.measured_s - now_s):.0f} ms from now")
        since = self._now.started_s if self._last is None else self._last.measured_s
        if place.measured_s < since or (self._last is not None and place.measured_s == since):
            return
        seen, gone_s = self._seen(place), place.measured_s - since
        was = seen if self._last is None else self._last
        if gone_s > LONGEST_STEP_S:
            self._unseen(self._now, was, seen, gone_s)
            was = seen
        self._sweep(self._now, was, seen)
        self._last = seen

    def stop(self, now_s: float) -> None:
        """The tool cuts no longer: what it swept since it began is one cut, which can be taken back."""
        cut = self._now
        if cut is None:
            return
        gone_s = now_s - (cut.started_s if self._last is None else self._last.measured_s)
        if gone_s > LONGEST_STEP_S:
            if self._last is None:
                self._anywhere(cut, gone_s)
            else:
                self._unseen(cut, self._last, self._last, gone_s)
        cut.voxels = np.flatnonzero(self._own[..., _MAYBE])
        flat = self._own.reshape(-1, 3)
        cut.shares = flat[cut.voxels]
        flat[cut.voxels] = 0
        self._cuts.append(cut)
        self._now = self._last = None

    def undo(self, now_s: float) -> bool:
        """Take the latest cut back, the one that goes on where one does; False where there is none."""
        self.stop(now_s)
        if not self._cuts:
            return False
        gone = self._cuts.pop()
        flat = self._total.reshape(-1, 3)
        flat[gone.voxels] = 0
        for cut in self._cuts:
            flat[cut.voxels] = np.maximum(flat[cut.voxels], cut.shares)
        for row in range(3):
            share = self._total[..., row]
            self._removed[row] = share.sum(dtype=np.int64)
            self._left[row] = self._whole - int(np.einsum("ijk,ijk->", share, self._was, dtype=np.int64))
        return True

    def state(self, now_s: float) -> Resected:
        """How it stands. While the tool is not seen, everything that it may have reached since counts in the bounds."""
        cuts = [*self._cuts, *([] if self._now is None else [self._now])]
        margin = min((cut.margin_mm for cut in cuts), default=np.inf)
        least = min((cut.least_mm for cut in cuts), default=np.inf)
        least_ml, waiting_s = self._ml(self._left[_MAYBE], WHOLE), 0.0
        if self._now is not None:
            waiting_s = now_s - (self._now.started_s if self._last is None else self._last.measured_s)
            if waiting_s <= LONGEST_STEP_S:
                waiting_s = 0.0
            elif self._last is None:
                least_ml, least = 0.0, -self._deepest_mm
            else:
                reach = self.tool.radius_mm + self._last.error_mm + FASTEST_UNSEEN_MM_S * waiting_s
                least_ml = max(0.0, least_ml - self._reached_ml(self._last, reach))
                least = min(least, self._margin(_band(self._last.line, self._last.line), reach)[0])
        known = np.isfinite(margin)
        return Resected(
            cutting=self.is_cutting,
            removed_ml=self._ml(self._removed[_SEEN]),
            remaining_ml=self._ml(self._left[_SEEN], WHOLE),
            remaining_least_ml=least_ml,
            remaining_most_ml=self._ml(self._left[_SURE], WHOLE),
            margin_mm=margin if known else None,
            margin_error_mm=max(margin - least, 0.0) if known else None,
            where_mm=next((cut.where_mm for cut in cuts if cut.margin_mm == margin), None) if known else None,
            unseen_s=sum(cut.unseen_s for cut in cuts) + waiting_s,
            undo_count=len(self._cuts),
        )

    def remaining(self) -> Region:
        """What is left of the target, by the places of the tool as they were seen."""
        covered = (self._total[..., _SEEN].astype(np.float32) / WHOLE - 0.5) * self._spacing
        return Region(self.target.grid, np.maximum(self._f, covered), self.target.error_mm + self._spacing / 2)

    def _seen(self, place: ToolPlace) -> _Seen:
        line = place.patient_from_tool.apply(self.tool.line_mm)
        error_mm = max(place.error.at(point).radius_mm() for point in line)
        voxel_from_patient: Transform = self.target.grid.patient_from_voxel.inverse
        return _Seen(voxel_from_patient.apply(line), error_mm, place.measured_s)

    def _sweep(self, cut: _Cut, was: _Seen, seen: _Seen) -> None:
        band, error = _band(was.line, seen.line), max(was.error_mm, seen.error_mm)
        radius = self.tool.radius_mm
        self._cover(band, (radius - error, radius, radius + error))
        margin, where = self._margin(band, radius)
        cut.least_mm = min(cut.least_mm, max(margin - error - self.target.error_mm, -self._deepest_mm))
        if margin < cut.margin_mm:
            cut.margin_mm, cut.where_mm = margin, where

    def _unseen(self, cut: _Cut, was: _Seen, seen: _Seen, gone_s: float) -> None:
        """All that a tool may have covered on its way, no faster than it can: an ellipsoid, here the tube around it."""
        cut.unseen_s += gone_s
        way = FASTEST_UNSEEN_MM_S * gone_s
        if seen is was:  # nobody saw where it ended
            aside = way
        else:
            # Between two foci a way reaches farthest aside in the middle, for the point of the tool that moved least.
            apart = float(np.linalg.norm(seen.line - was.line, axis=1).min()) * self._spacing
            aside = np.sqrt(max(way**2 - apart**2, 0.0)) / 2
        reach = self.tool.radius_mm + max(was.error_mm, seen.error_mm) + aside
        band = _band(was.line, seen.line)
        self._cover(band, (0.0, 0.0, reach))
        cut.least_mm = min(cut.least_mm, self._margin(band, reach)[0])

    def _anywhere(self, cut: _Cut, gone_s: float) -> None:
        """A tool that cut and was never seen may have been anywhere."""
        cut.unseen_s += gone_s
        cut.least_mm = -self._deepest_mm
        middle = np.asarray(self.target.grid.shape, np.float64) / 2
        self._cover(np.tile(middle, (1, 3, 1)), (0.0, 0.0, self._spacing * float(np.linalg.norm(middle) + 2)))

    def _cover(self, band: Float64, radii_mm: tuple[float, float, float]) -> None:
        radii = np.array(radii_mm) / self._spacing
        cover(band, radii, self._own, self._total, self._was, self._removed, self._left)

    def _margin(self, band: Float64, radius_mm: float) -> tuple[float, Float64 | None]:
        """Least distance to the target within `radius_mm` of a band, and where its surface is then."""
        found = np.empty((2, 3))
        least = float(nearest(band, self._f, found))
        if not np.isfinite(least):
            return np.inf, None
        # Along its slope a distance falls by what one goes, down to the middle of the target.
        margin = max(least - radius_mm, -self._deepest_mm)
        slope = found[1] / max(float(np.linalg.norm(found[1])), 1e-9)
        at = found[0] - slope * (least - margin) / self._spacing
        return margin, self.target.grid.patient_from_voxel.apply(at)

    def _reached_ml(self, seen: _Seen, reach_mm: float) -> float:
        """Volume within reach of the tool's line: a ball along it."""
        length = float(np.linalg.norm(np.diff(seen.line, axis=0), axis=1).sum()) * self._spacing
        return float(np.pi * reach_mm**2 * (length + 4 / 3 * reach_mm)) / _MM3_PER_ML

    def _ml(self, count: np.int64, parts: int = 1) -> float:
        return float(count) / (WHOLE * parts) * self._spacing**3 / _MM3_PER_ML


def _band(was: Float64, now: Float64) -> Float64:
    """(t, 3, 3) triangles that a line sweeps from one place to the next."""
    if len(was) == 1:
        return np.stack([was, now, now], axis=1)
    first = np.stack([was[:-1], was[1:], now[1:]], axis=1)
    second = np.stack([was[:-1], now[1:], now[:-1]], axis=1)
    return np.concatenate([first, second])
