"""Help for whoever outlines a lesion: grown from one place, and filled in between slices that were painted.

Pure functions on samples and masks; what becomes of their answers is for the caller to say.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.segment.interactive import Index

#: Farther than this from the seed nothing grows: a larger lesion is painted, or grown from several places.
REACH_MM = 40.0
#: Steps of unlikeness that are told apart, and what one is in HU; elsewhere a share of the range round the seed.
LEVELS = 250
STEP_HU = 4.0
#: Each millimetre from the seed counts as one step, so that what leaks does so little by little.
STEPS_PER_MM = 1.0
#: Scan noise is smoothed away over so much before values are compared; more would round small lesions off.
SMOOTH_MM = 0.45
#: A notch makes the region at least so much larger or smaller.
NOTCH = 1.12

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """Everything that can grow from a seed, by how unlike it must be allowed to become.

    Attributes:
        low: first voxel of the box.
        levels: (i, j, k) uint8, the least level at which a voxel belongs to the region; `LEVELS` and more: never.
        natural: the level half way to what surrounds the seed: where a blurred edge has its border.
    """

    low: Index
    levels: NDArray[np.uint8]
    natural: int

    def region(self, notches: int = 0) -> Bools:
        """(i, j, k) of the box: the natural region, or one larger or smaller by so many notches; holes are filled."""
        sizes = np.cumsum(np.bincount(self.levels.ravel(), minlength=LEVELS + 1)[:LEVELS])
        level = self.natural
        for _ in range(abs(notches)):
            level = _next_level(sizes, level, is_up=notches > 0)
        return np.asarray(ndimage.binary_fill_holes(self.levels <= level), dtype=bool)


def _next_level(sizes: NDArray[np.int64], level: int, *, is_up: bool) -> int:
    """The nearest level whose region is larger, or smaller, by a notch; the last where there is none."""
    wanted = sizes[level] * (NOTCH if is_up else 1 / NOTCH)
    if is_up:
        return min(max(int(np.searchsorted(sizes, max(wanted, sizes[level] + 1))), level), LEVELS - 1)
    return max(int(np.searchsorted(sizes, wanted, side="right")) - 1, 0)


def grow(samples: NDArray[Any], grid: Grid, at_mm: Float64, *, is_hu: bool) -> Growth:
    """What grows from a place into voxels like it that hang together with it.

    A voxel's level is that of the easiest way to it: the largest unlikeness on that way, with the distance. Without
    distances, the least level at which the region reaches `REACH_MM` is the contrast to what surrounds it, and a
    blurred border lies at half of it: the natural region is as large as that one.

    Args:
        samples: (i, j, k) of the volume.
        at_mm: (3,) patient.
        is_hu: whether samples are HU; else steps are shares of the range near the seed.

    Raises:
        InvalidValue: the place lies outside the volume.
    """
    inverse = grid.patient_from_voxel.inverse.matrix
    voxel = inverse[:3, :3] @ np.asarray(at_mm, np.float64) + inverse[:3, 3]
    seed = np.rint(voxel).astype(int)
    if (seed < 0).any() or (seed >= grid.shape).any():
        raise InvalidValue("the place lies outside the volume")
    reach = np.ceil(REACH_MM * np.linalg.norm(inverse[:3, :3], axis=1)).astype(int)
    low, high = np.maximum(seed - reach, 0), np.minimum(seed + reach + 1, grid.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    values = ndimage.gaussian_filter(samples[box].astype(np.float32), SMOOTH_MM / grid.spacing_mm)
    here = seed - low
    near = values[tuple(slice(max(int(n) - 1, 0), int(n) + 2) for n in here)]
    step = STEP_HU if is_hu else max(float(np.ptp(np.percentile(values, (1, 99)))) / (LEVELS / 2), 1e-6)
    axes = [np.arange(a, b) - s for a, b, s in zip(low, high, seed, strict=True)]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) @ grid.patient_from_voxel.matrix[:3, :3].T
    away_mm = np.linalg.norm(offsets, axis=-1)
    unlike = np.abs(values - np.median(near)) / step
    is_out = away_mm > REACH_MM
    alone = _levels(unlike, is_out, here)
    levels = _levels(unlike + STEPS_PER_MM * away_mm, is_out, here)
    rim = alone[(away_mm > REACH_MM - float(grid.spacing_mm.max())) & ~is_out]
    contrast = min(int(rim.min()) if rim.size else LEVELS, LEVELS - 1)
    size = int(np.count_nonzero(alone <= contrast // 2))
    sizes = np.cumsum(np.bincount(levels.ravel(), minlength=LEVELS + 1)[:LEVELS])
    natural = min(int(np.searchsorted(sizes, size)), LEVELS - 1)
    return Growth((int(low[0]), int(low[1]), int(low[2])), levels, natural)


def _levels(own: NDArray[np.floating[Any]], is_out: Bools, here: NDArray[np.int_]) -> NDArray[np.uint8]:
    cost = np.ascontiguousarray(np.where(is_out, LEVELS, np.minimum(own, LEVELS)).astype(np.uint8))
    cost[tuple(here)] = 0
    out: NDArray[np.uint8] = _flooded(cost, int(here[0]), int(here[1]), int(here[2]), LEVELS)
    return out


@njit(cache=True)
def _flooded(cost: NDArray[np.uint8], i0: int, j0: int, k0: int, limit: int) -> NDArray[np.uint8]:  # pragma: no cover
    """The least over all ways from the seed of the largest cost on the way: one queue a level (Dial 1969)."""
    ni, nj, nk = cost.shape
    total = ni * nj * nk
    out = np.full(cost.shape, limit, np.uint8)
    flat = out.reshape(total)
    heads = np.full(limit, -1, np.int64)
    after = np.full(total, -1, np.int64)
    seen = np.zeros(total, np.bool_)
    start = (i0 * nj + j0) * nk + k0
    heads[0] = start
    seen[start] = True
    for level in range(limit):
        while heads[level] >= 0:
            at = heads[level]
            heads[level] = after[at]
            flat[at] = level
            i, rest = at // (nj * nk), at % (nj * nk)
            j, k = rest // nk, rest % nk
            for way in range(6):
                a = i + (way == 0) - (way == 1)
                b = j + (way == 2) - (way == 3)
                c = k + (way == 4) - (way == 5)
                if a < 0 or b < 0 or c < 0 or a >= ni or b >= nj or c >= nk:
                    continue
                to = (a * nj + b) * nk + c
                if seen[to]:
                    continue
                seen[to] = True  # the first way that comes here is the easiest: levels rise
                due = max(level, int(cost[a, b, c]))
                if due < limit:
                    after[to] = heads[due]
                    heads[due] = to
    return out


def filled_between(mask: Bools, axis: int, spacing_mm: Float64) -> Bools:
    """A mask whose empty slices along `axis` are filled in between painted ones, by their distances to the border.

    (Raya and Udupa 1990: signed distances of the two neighbours are weighted by how near each is.) Painted slices stay
    as they are; outside the first and last nothing is added.

    Args:
        mask: (i, j, k).
        spacing_mm: (3,) along the axes of the mask.
    """
    slices = np.moveaxis(mask, axis, 0)
    spacing = tuple(float(s) for n, s in enumerate(spacing_mm) if n != axis)
    painted = np.flatnonzero(slices.any(axis=(1, 2)))
    out = slices.copy()
    for first, last in itertools.pairwise(painted):
        if last - first < 2:
            continue
        near, far = _signed_mm(slices[first], spacing), _signed_mm(slices[last], spacing)
        # Shapes that do not overlap would shrink to nothing in the middle: the way between their middles is walked too.
        drift = (_middle(slices[last]) - _middle(slices[first])) / (last - first)
        for n in range(first + 1, last):
            part = (n - first) / (last - first)
            from_near = ndimage.shift(near, drift * (n - first), order=1, mode="nearest")
            from_far = ndimage.shift(far, drift * (n - last), order=1, mode="nearest")
            out[n] = (1 - part) * from_near + part * from_far < 0
    return np.moveaxis(out, 0, axis)


def _middle(shape: Bools) -> Float64:
    return np.asarray(np.argwhere(shape).mean(axis=0), np.float64)


def _signed_mm(shape: Bools, spacing: tuple[float, ...]) -> Float64:
    """Distance to the border: below 0 within, above 0 without."""
    within = ndimage.distance_transform_edt(shape, sampling=spacing)
    without = ndimage.distance_transform_edt(~shape, sampling=spacing)
    half = min(spacing) / 2
    return np.asarray(np.where(shape, half - within, without - half), np.float64)
