"""What a movement of a tool does to a draft's labels. No files, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.app.training.author_messages import LesionMeasured, MaskBox, PaintAsk
from engine.app.training.draft_files import box_of, runs_of
from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.segment.interactive import Change, Index, Stroke, Tool, apply_stroke, change_to
from engine.segment.lesion import Growth, filled_between, grow

MM3_PER_ML = 1000.0
#: A brush that keeps to what it began on takes values within so much of it: of HU; else a share of the range.
LIKE_HU = 60.0
LIKE_SHARE = 0.06


def paint(
    labels: NDArray[np.uint8],
    grid: Grid,
    samples: NDArray[Any],
    ask: PaintAsk,
    label: int,
    *,
    is_hu: bool,
    growth: Growth | None = None,
) -> Change | None:
    """Do what is asked to `labels` in place; None where it changes nothing. Other lesions are never painted over.

    Args:
        growth: of the place that `grow` asks for, where it is known already.

    Raises:
        InvalidValue: no place, or one outside the volume.
    """
    if ask.tool == "fill":
        return _fill(labels, grid, label)
    if not ask.points_mm:
        raise InvalidValue("a tool needs a place")
    points = np.array(ask.points_mm, np.float64)
    if ask.tool == "grow":
        growth = growth or grow(samples, grid, points[0], is_hu=is_hu)
        region = growth.region(ask.notches)
        here = labels[_box(growth.low, region.shape)]
        return change_to(labels, growth.low, np.where(region & (here == 0), label, here))
    kept = _like(samples, grid, points[0], is_hu=is_hu) if ask.keep_like else (-np.inf, np.inf)
    stroke = Stroke(
        tool=Tool.BRUSH if ask.tool == "brush" else Tool.ERASER,
        label=label,
        points_mm=points,
        radius_mm=ask.radius_mm,
        over=frozenset({0}) if ask.tool == "brush" else frozenset(),
        sample_range=kept if ask.tool == "brush" else (-np.inf, np.inf),
    )
    if ask.plane is None:
        return apply_stroke(labels, grid, stroke, samples)
    return _on_a_slice(labels, grid, samples, stroke, ask.plane)


def axis_of(grid: Grid, patient_axis: int) -> int:
    """The axis of the voxels that lies nearest to one of the patient."""
    return int(np.abs(grid.directions[patient_axis]).argmax())


def _on_a_slice(
    labels: NDArray[np.uint8], grid: Grid, samples: NDArray[Any], stroke: Stroke, patient_axis: int
) -> Change | None:
    axis = axis_of(grid, patient_axis)
    at = round(float(_voxel(grid, stroke.points_mm[0])[axis]))
    if not 0 <= at < grid.shape[axis]:
        raise InvalidValue("the place lies outside the volume")
    low = [0, 0, 0]
    low[axis] = at
    shape = list(grid.shape)
    shape[axis] = 1
    corner, size = (low[0], low[1], low[2]), (shape[0], shape[1], shape[2])
    box = _box(corner, size)
    change = apply_stroke(labels[box], grid.cropped(corner, size), stroke, samples[box])
    if change is None:
        return None
    return Change(_plus(change.low, corner), _plus(change.high, corner), change.before, change.after)


def _fill(labels: NDArray[np.uint8], grid: Grid, label: int) -> Change | None:
    """Between painted slices, along the axis whose slices have gaps; the slice axis k where none has."""
    box = box_of(labels == label)
    if box is None:
        return None
    low, high = box
    here = labels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    mask = here == label
    gaps = [int((~mask.any(axis=tuple(m for m in range(3) if m != n))).sum()) for n in range(3)]
    axis = int(np.argmax(gaps)) if any(gaps) else 2
    filled = filled_between(mask, axis, grid.spacing_mm)
    return change_to(labels, low, np.where(filled & (here == 0), label, here))


def _like(samples: NDArray[Any], grid: Grid, at_mm: Float64, *, is_hu: bool) -> tuple[float, float]:
    """Values like those round a place."""
    at = np.rint(_voxel(grid, at_mm)).astype(int)
    if (at < 0).any() or (at >= grid.shape).any():
        raise InvalidValue("the place lies outside the volume")
    middle = float(np.median(samples[tuple(slice(max(int(n) - 1, 0), int(n) + 2) for n in at)]))
    reach = LIKE_HU if is_hu else LIKE_SHARE * float(np.ptp(samples[::4, ::4, ::4]))
    return middle - reach, middle + reach


def _voxel(grid: Grid, at_mm: Float64) -> Float64:
    return np.asarray(grid.patient_from_voxel.inverse.apply(at_mm), np.float64)


def _box(low: Index, shape: tuple[int, ...]) -> tuple[slice, slice, slice]:
    i, j, k = (slice(a, a + n) for a, n in zip(low, shape, strict=True))
    return i, j, k


def _plus(a: Index, b: Index) -> Index:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def mask_box(labels: NDArray[np.uint8], low: Index, high: Index) -> MaskBox:
    """The labels of a box as they travel."""
    part = labels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    values, counts = runs_of(part)
    runs = tuple((int(value), int(count)) for value, count in zip(values, counts, strict=True))
    return MaskBox(low=low, shape=(high[0] - low[0], high[1] - low[1], high[2] - low[2]), runs=runs)


def measured(labels: NDArray[np.uint8], grid: Grid, label_of: Mapping[str, int]) -> tuple[LesionMeasured, ...]:
    """What is painted of each lesion."""
    box = box_of(labels)
    if box is None:
        return ()
    low, high = box
    part = labels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    found = []
    for name, label in label_of.items():
        voxels = np.argwhere(part == label) + low
        if len(voxels):
            found.append(_measured(name, voxels, grid))
    return tuple(found)


def _measured(name: str, voxels: NDArray[np.int_], grid: Grid) -> LesionMeasured:
    middle = grid.patient_from_voxel.apply(voxels.mean(axis=0))
    ks, counts = np.unique(voxels[:, 2], return_counts=True)
    widest = voxels[voxels[:, 2] == ks[counts.argmax()]]
    return LesionMeasured(
        id=name,
        voxels=len(voxels),
        volume_ml=len(voxels) * grid.voxel_volume_mm3 / MM3_PER_ML,
        diameter_mm=_diameter_mm(grid.patient_from_voxel.apply(widest), float(grid.spacing_mm.min())),
        middle_mm=(float(middle[0]), float(middle[1]), float(middle[2])),
        slices=(int(ks[0]), int(ks[-1])),
    )


def _diameter_mm(points_mm: Float64, voxel_mm: float) -> float:
    """The largest extent in 18 directions, a voxel's own width with it."""
    first, second = np.linalg.svd(points_mm - points_mm.mean(axis=0), full_matrices=False)[2][:2]
    angles = np.arange(18) * np.pi / 18
    ways = np.outer(np.cos(angles), first) + np.outer(np.sin(angles), second)
    return float(np.ptp(points_mm @ ways.T, axis=0).max()) + voxel_mm
