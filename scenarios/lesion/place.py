"""Where a lesion of a kind may lie: within its organ, off its border, clear of what it would cross."""

from __future__ import annotations

from dataclasses import dataclass

import edt
import numpy as np

from engine.core.array import Float32, Float64
from engine.core.errors import InvalidValue
from scenarios.lesion.setting import Mask, Setting

#: Places that are looked at before the best of them is taken, or none.
_TRIES = 60
#: A place is good where so little of it differs from the organ's own tissue, and none where more does.
_GOOD, _BAD = 0.02, 0.12
#: What differs by more robust standard deviations than this is another tissue: a vessel, a sulcus.
STANDS_OUT = 4.0


@dataclass(frozen=True, slots=True)
class Where:
    """Places of a kind.

    Attributes:
        inside: structures, any of which it lies in.
        depth: radii that its middle is away from their border, at least.
        margin_mm: and so much more.
        deepest_mm: its middle is no further from their border.
        clear: structures that it stays clear of by its radius and `margin_mm`, where they are known.
        even: what it crosses (vessels that are not segmented) is looked for in the samples too.
    """

    inside: tuple[str, ...]
    depth: float = 1.0
    margin_mm: float = 2.0
    deepest_mm: float = np.inf
    clear: tuple[str, ...] = ()
    even: bool = True


def depth_mm(mask: Mask, setting: Setting) -> Float32:
    """Distance of each voxel inside to the mask's border, 0 outside; beyond the volume nothing ends."""
    spacing = tuple(float(s) for s in setting.grid.spacing_mm)
    return np.asarray(edt.edt(np.ascontiguousarray(mask), anisotropy=spacing, black_border=False), np.float32)


def robust_sd(values: Float64) -> tuple[float, float]:
    """Median, and the standard deviation that the median of distances from it implies."""
    middle = float(np.median(values))
    return middle, float(1.4826 * np.median(np.abs(values - middle)))


def place(setting: Setting, where: Where, radius_mm: float, rng: np.random.Generator) -> Float64:
    """A place (3,) in patient millimetres.

    Raises:
        InvalidValue: there is none; the message says what would help.
    """
    organ = setting.mask(*where.inside)
    free = _free(setting, where, organ, radius_mm)
    candidates = np.argwhere(free)
    if len(candidates) == 0:
        raise InvalidValue(
            f"no place in {' or '.join(where.inside)} holds a lesion of radius {radius_mm:.1f} mm: make it smaller"
        )
    chosen = candidates[rng.permutation(len(candidates))[:_TRIES]]
    points = setting.grid.patient_from_voxel.apply(chosen.astype(np.float64))
    if not where.even:
        return np.asarray(points[0])
    middle, sd = robust_sd(np.asarray(setting.samples[organ][::7], np.float64))
    loads = []
    for point in points:
        window = setting.window(point, radius_mm)
        near = np.linalg.norm(setting.points_mm(window) - point, axis=-1) <= radius_mm
        loads.append(float((np.abs(setting.samples[window][near] - middle) > STANDS_OUT * sd).mean()))
        if loads[-1] <= _GOOD:
            return np.asarray(point)
    best = int(np.argmin(loads))
    if loads[best] > _BAD:
        raise InvalidValue(
            f"every place for a lesion of radius {radius_mm:.1f} mm would cross vessels: make it smaller or name one"
        )
    return np.asarray(points[best])


def _free(setting: Setting, where: Where, organ: Mask, radius_mm: float) -> Mask:
    depth = depth_mm(organ, setting)
    free = (depth > where.depth * radius_mm + where.margin_mm) & (depth <= where.deepest_mm)
    crossed = setting.mask_or_none(*where.clear)
    if crossed is not None and crossed.any():
        free &= depth_mm(~crossed, setting) > radius_mm + where.margin_mm
    return np.asarray(free & organ)
