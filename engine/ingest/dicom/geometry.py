"""From slices to a grid: order, spacing, gaps and gantry tilt (PS3.3 C.7.6.2.1.1).

Everything rests on Image Position and Image Orientation, projected on the slice normal. Slice Location
and Slice Thickness are not geometry and are not used, but for a single slice, which has no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.grid import Grid
from engine.core.progress import Progress
from engine.ingest.dicom.plane import Plane, axes
from engine.ingest.study import MAX_VOXELS

#: Two slices nearer than this along the normal are at one position: positions are written to a
#: hundredth of a millimetre at worst, and no scanner steps as little.
SAME_POSITION_MM = 0.01

#: Departures from equal spacing, as a share of it: accepted without a word (or 0.01 mm: rounding), and
#: accepted with a note.
_SILENT, _NOTED = 0.01, 0.1
#: A layer this near to a slice, as a share of the gap, is that slice.
_ON_A_SLICE = 0.05
#: A gap this many times the usual one has lost slices.
_GAP = 1.5
#: Slices missing in a row, and their share of the whole, that interpolation may stand in for.
_MISSING_IN_A_ROW, _MISSING_SHARE = 2, 0.2
#: Uneven spacing is a protocol, not a loss, when at least this share of gaps is wide …
_PROTOCOL_SHARE = 0.4
#: … and may be interpolated up to this: the widest spacing of routine scans.
_WIDEST_INTERPOLATED_MM = 10.0
_WIDEST_MM = 50.0
#: In-plane wander, in pixels, that is rounding and not tilt; and in mm, that is not worth a word.
_WANDER_PX, _WANDER_MM = 0.2, 0.05


class NotAStack(Exception):
    """These slices do not make a volume; the message says why."""


@dataclass(frozen=True, slots=True)
class Stack:
    """How slices become a volume.

    Attributes:
        grid: the grid of the volume.
        order: index of the slice that stands at each level, along the normal.
        below: (nk,) for each layer of the grid, the level at or below it.
        share: (nk,) how much of the next level it takes, 0 to 1.
        shifts_px: (levels, 2) where each slice's first pixel falls on the grid, i and j; None when all at 0.
        repairs: what was done, in words.
    """

    grid: Grid
    order: tuple[int, ...]
    below: NDArray[np.intp]
    share: Float64
    shifts_px: Float64 | None
    repairs: tuple[str, ...]

    @property
    def is_direct(self) -> bool:
        """Whether the slices, in order, are the volume."""
        return self.shifts_px is None and not self.share.any() and len(self.below) == len(self.order)


def heights_mm(planes: Sequence[Plane]) -> Float64:
    """(n,) positions along the normal of the first plane."""
    heights: Float64 = positions_mm(planes) @ axes(planes[0].orientation or ())[2]
    return heights


def positions_mm(planes: Sequence[Plane]) -> Float64:
    """(n, 3) Image Positions."""
    return np.array([plane.position_mm for plane in planes], dtype=np.float64)


def plan_stack(planes: Sequence[Plane], shape_px: tuple[int, int], frame_of_reference_uid: str) -> Stack:
    """Plan the volume of parallel planes of one size, no two at one position.

    Args:
        planes: with position, orientation and spacing.
        shape_px: columns and rows.

    Raises:
        NotAStack: gaps too wide, slices too far apart or too far shifted.
    """
    directions, positions = axes(planes[0].orientation or ()), positions_mm(planes)
    spacing_px = np.asarray(planes[0].spacing_mm, dtype=np.float64)
    heights = positions @ directions[2]
    order = np.argsort(heights, kind="stable")
    levels = _levels(heights[order], planes[0].thickness_mm)
    shift = _shift((positions[order] - positions[order[0]]) @ directions[:2].T, spacing_px, heights[order])
    matrix = np.eye(4)
    matrix[:3, :3] = directions.T * [*spacing_px, levels.spacing_mm]
    matrix[:3, 3] = positions[order[0]] + (shift.first_px * spacing_px) @ directions[:2]
    shape = (shape_px[0] + shift.grown_px[0], shape_px[1] + shift.grown_px[1], len(levels.below))
    if shift.grown_px[0] > shape_px[0] or shift.grown_px[1] > shape_px[1]:
        raise NotAStack("slices are shifted against each other by more than their own width")
    if shape[0] * shape[1] * shape[2] > MAX_VOXELS:
        raise NotAStack(f"would make {shape[0]} x {shape[1]} x {shape[2]} voxels")
    return Stack(
        Grid.from_matrix(shape, matrix, frame_of_reference_uid),
        tuple(int(index) for index in order),
        levels.below,
        levels.share,
        shift.shifts_px,
        levels.repairs + shift.repairs,
    )


# Along the normal -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Levels:
    """Where the layers of a regular grid fall between given levels."""

    spacing_mm: float
    below: NDArray[np.intp]
    share: Float64
    repairs: tuple[str, ...] = ()


def _levels(heights: Float64, thickness_mm: float | None) -> _Levels:
    """Regular layers for ascending `heights` (mm)."""
    count = len(heights)
    if count == 1:
        return _single(thickness_mm)
    gaps = np.diff(heights)
    spacing = float(heights[-1] - heights[0]) / (count - 1)
    off = float(np.abs(heights - heights[0] - spacing * np.arange(count)).max())
    if spacing > _WIDEST_MM:
        raise NotAStack(f"slices are {spacing:.0f} mm apart")
    if off <= max(_SILENT * spacing, 0.01):
        return _Levels(spacing, np.arange(count), np.zeros(count))
    if off <= _NOTED * spacing:
        note = f"slice positions depart up to {off:.2f} mm from even spacing; read as {spacing:.3f} mm apart"
        return _Levels(spacing, np.arange(count), np.zeros(count), (note,))
    usual = float(np.median(gaps[gaps <= _GAP * gaps.min()]))
    wide = gaps > _GAP * usual
    if np.count_nonzero(wide) > max(2, _PROTOCOL_SHARE * len(gaps)):
        return _uneven(heights, float(np.quantile(gaps, 0.25, method="lower")))
    return _with_gaps(heights, usual)


def _single(thickness_mm: float | None) -> _Levels:
    if thickness_mm is None:
        return _Levels(1.0, np.zeros(1, np.intp), np.zeros(1), ("one slice only, 1 mm thick for want of better",))
    note = f"one slice only; its thickness of {thickness_mm:g} mm is taken from its header"
    return _Levels(thickness_mm, np.zeros(1, np.intp), np.zeros(1), (note,))


def _uneven(heights: Float64, target_mm: float) -> _Levels:
    """A protocol of uneven spacing, interpolated to about `target_mm`."""
    gaps = np.diff(heights)
    if gaps.max() > _WIDEST_INTERPOLATED_MM:
        raise NotAStack(f"slices are unevenly spaced, {gaps.min():.2f} to {gaps.max():.2f} mm apart")
    levels = _interpolated(heights, max(target_mm, 0.1))
    note = (
        f"slices are unevenly spaced, {gaps.min():.2f} to {gaps.max():.2f} mm apart; "
        f"interpolated to {levels.spacing_mm:.2f} mm"
    )
    return _Levels(levels.spacing_mm, levels.below, levels.share, (note,))


def _with_gaps(heights: Float64, usual_mm: float) -> _Levels:
    """Even spacing with a few wide gaps: slices are missing."""
    steps = np.maximum(np.rint(np.diff(heights) / usual_mm), 1)
    missing, longest = int((steps - 1).sum()), int(steps.max() - 1)
    too_many = missing > 1 and missing > _MISSING_SHARE * (len(heights) + missing)
    if longest > _MISSING_IN_A_ROW or too_many:
        widest = float(np.diff(heights).max())
        raise NotAStack(f"{missing} slices are missing, {longest} of them in a row (a gap of {widest:.1f} mm)")
    levels = _interpolated(heights, usual_mm)
    if np.count_nonzero(levels.share) != missing:
        return _uneven(heights, usual_mm)
    some = "1 missing slice was" if missing == 1 else f"{missing} missing slices were"
    note = f"{some} interpolated from neighbours ({levels.spacing_mm:.2f} mm apart)"
    return _Levels(levels.spacing_mm, levels.below, levels.share, (note,))


def _interpolated(heights: Float64, target_mm: float) -> _Levels:
    """Layers about `target_mm` apart from the first height to the last."""
    extent = float(heights[-1] - heights[0])
    steps = max(round(extent / target_mm), 1)
    layers = heights[0] + extent / steps * np.arange(steps + 1)
    below = np.clip(np.searchsorted(heights, layers, side="right") - 1, 0, len(heights) - 2)
    share = (layers - heights[below]) / np.diff(heights)[below]
    above = share > 1 - _ON_A_SLICE
    share = np.where(above | (share < _ON_A_SLICE), 0.0, share)
    below = np.where(above, below + 1, below)
    return _Levels(extent / steps, below, share)


# Within the plane -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shift:
    """Where slices lie within their planes: the first pixel of the grid, its growth, each slice's place."""

    first_px: Float64
    grown_px: tuple[int, int]
    shifts_px: Float64 | None
    repairs: tuple[str, ...] = ()


def _shift(offsets_mm: Float64, spacing_mm: Float64, heights_mm: Float64) -> _Shift:
    """From (n, 2) in-plane offsets against the first slice, and (n,) ascending heights."""
    offsets = offsets_mm / spacing_mm
    wander = float(np.abs(offsets_mm).max())
    if np.abs(offsets).max() <= _WANDER_PX:
        note = f"slices wander up to {wander:.2f} mm within their planes; ignored"
        return _Shift(np.zeros(2), (0, 0), None, (note,) if wander > _WANDER_MM else ())
    # An axis that only wanders is left alone: interpolating it would blur for nothing.
    offsets[:, np.abs(offsets).max(axis=0) <= _WANDER_PX] = 0.0
    first = np.floor(offsets.min(axis=0))
    last = np.ceil(offsets.max(axis=0))
    grown = (int(min(last[0] - first[0], 1 << 20)), int(min(last[1] - first[1], 1 << 20)))
    note = f"{_shift_name(offsets_mm, heights_mm)}: slices were moved within their planes onto a right-angled grid"
    return _Shift(first, grown, offsets - first, (note,))


def _shift_name(offsets_mm: Float64, heights_mm: Float64) -> str:
    """A tilted gantry moves slices in proportion to their height; anything else is named as it is."""
    heights = heights_mm - heights_mm[0]
    line = heights[:, None] / heights[-1] * offsets_mm[-1]
    if np.abs(offsets_mm - line).max() > 1.0:
        return "slices are shifted against each other"
    angle = np.degrees(np.arctan2(np.linalg.norm(offsets_mm[-1]), heights[-1]))
    return f"gantry tilt of {angle:.1f} degrees"


# Making the volume ------------------------------------------------------------------------------


def assemble(stack: Stack, samples: NDArray[Any], background: float, progress: Progress) -> NDArray[Any]:
    """The volume (nk, nj, ni) of `samples` (slices, rows, columns), linearly interpolated where planned.

    Raises:
        Cancelled: through `progress`.
    """
    if stack.is_direct:
        order = np.asarray(stack.order)
        in_order = bool((order == np.arange(len(samples))).all())
        return samples if in_order and len(order) == len(samples) else samples[order]
    ni, nj, nk = stack.grid.shape
    volume = np.empty((nk, nj, ni), samples.dtype)

    def fill(k: int) -> None:
        level, share = int(stack.below[k]), float(stack.share[k])
        layer = _placed(stack, samples, level, (nj, ni), background)
        if share:
            layer = (1 - share) * layer + share * _placed(stack, samples, level + 1, (nj, ni), background)
        volume[k] = np.rint(layer) if samples.dtype == np.int16 else layer

    pool = ThreadPoolExecutor()
    try:
        for done, _ in enumerate(pool.map(fill, range(nk))):
            progress((done + 1) / nk, "placing slices on a regular grid")
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return volume


def _placed(
    stack: Stack, samples: NDArray[Any], level: int, shape: tuple[int, int], background: float
) -> NDArray[np.float32]:
    """One slice on the grid's plane, (nj, ni), moved by its shift with bilinear interpolation."""
    image: NDArray[np.float32] = samples[stack.order[level]].astype(np.float32)
    if stack.shifts_px is None:
        return image
    whole = np.floor(stack.shifts_px[level]).astype(int)
    part_i, part_j = stack.shifts_px[level] - whole
    rows, columns = image.shape
    image -= np.float32(background)
    plane = np.zeros((shape[0] + 1, shape[1] + 1), np.float32)
    for step_j, weight_j in ((0, 1 - part_j), (1, part_j)):
        for step_i, weight_i in ((0, 1 - part_i), (1, part_i)):
            if weight_i * weight_j > 0:
                top, left = whole[1] + step_j, whole[0] + step_i
                plane[top : top + rows, left : left + columns] += np.float32(weight_i * weight_j) * image
    plane += np.float32(background)
    cropped: NDArray[np.float32] = plane[: shape[0], : shape[1]]
    return cropped
