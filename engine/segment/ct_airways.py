"""Trachea and bronchi in a CT: a seed in the trachea, then growth with a guard against leaks.

The trachea is a round gas tube along the body's axis above the lungs' middle. Growth floods at
rising thresholds and stops before the volume leaps, which is when it breaks into parenchyma
(explosion control after Mori et al., "Automated extraction and visualization of bronchus from 3D
CT images of lung", CVRMed 1995).
"""

from __future__ import annotations

import math

import torch

from engine.segment.overview import Overview
from engine.segment.steps.components import kept
from engine.segment.steps.flood import flooded

#: Gas averaged over 3 mm, with some wall in it.
TUBE_HU = -750
#: Cross-section of a trachea, child to adult with some widening.
TUBE_MM2 = (40.0, 900.0)
#: Spread of a section against that of a disc of the same area; a disc has 1.
ROUND = 1.8
#: The tube runs at least this far along the body and lies this near to the middle of the lungs.
TUBE_LENGTH_MM = 20.0
MIDDLE_MM = 60.0
#: Thresholds of the flood; parenchyma with emphysema begins near the upper end.
LEVELS = tuple(range(-1000, -839, 10))
#: A leap is a level that adds this factor and this many ml at once.
LEAP = 1.5
LEAP_ML = 8.0
#: No airway tree that CT resolves is larger.
TREE_ML = 220.0


def find_trachea(hu: torch.Tensor, hull: torch.Tensor, lungs: torch.Tensor, view: Overview) -> torch.Tensor:
    """The trachea's gas at coarse resolution, empty where there is none.

    Args:
        hu: coarse HU, (x, y, z) in patient order.
        hull: the body with its gas.
        lungs: the lungs' air space.
        view: the geometry.
    """
    nothing = torch.zeros_like(hull)
    if not bool(lungs.any()):
        return nothing
    x, y, z = _coordinates(hull)
    tubes = kept(hull & (hu < TUBE_HU), _round_section(view), [x, y, x * x, y * y], connectivity=4)
    middle_x, middle_z = _mean(lungs, x), _mean(lungs, z)
    return kept(tubes, _longest(view, middle_x, middle_z), [x, z, z * z], connectivity=26)


def grow_airways(hu: torch.Tensor, seeds: torch.Tensor, voxel_ml: float) -> tuple[torch.Tensor, int] | None:
    """Flood from the trachea down the bronchi.

    Args:
        hu: (ni, nj, nk) int16, about 1.5 mm: finer holds more noise, coarser fewer bronchi.
        seeds: gas of the trachea on that grid.
        voxel_ml: volume of a voxel.

    Returns:
        The lumen and the threshold it was grown at; None where no level held.
    """
    reached, volumes = flooded(hu, seeds & (hu <= LEVELS[-1]), LEVELS, round(TREE_ML / voxel_ml))
    ends = _before_leap([volume * voxel_ml for volume in volumes])
    if ends is None:
        return None
    return (reached > 0) & (reached <= ends + 1), LEVELS[ends]


def _before_leap(volumes_ml: list[float]) -> int | None:
    """Index of the last level before the volume leaps."""
    last = None
    for index, volume in enumerate(volumes_ml):
        if index and volume > volumes_ml[index - 1] * LEAP + LEAP_ML and volumes_ml[index - 1] > LEAP_ML:
            break
        if volume > 0:
            last = index
    return last


def _round_section(view: Overview):  # type: ignore[no-untyped-def]
    pixel_mm2 = view.spacing_mm[0] * view.spacing_mm[1]

    def choose(n: torch.Tensor, x: torch.Tensor, y: torch.Tensor, xx: torch.Tensor, yy: torch.Tensor) -> torch.Tensor:
        area_mm2 = n * pixel_mm2
        spread_mm2 = _variance(n, x, xx) * view.spacing_mm[0] ** 2 + _variance(n, y, yy) * view.spacing_mm[1] ** 2
        disc_mm2 = area_mm2 / (2 * math.pi)
        return (area_mm2 >= TUBE_MM2[0]) & (area_mm2 <= TUBE_MM2[1]) & (spread_mm2 <= ROUND * disc_mm2 + pixel_mm2)

    return choose


def _longest(view: Overview, middle_x: float, middle_z: float):  # type: ignore[no-untyped-def]
    def choose(n: torch.Tensor, x: torch.Tensor, z: torch.Tensor, zz: torch.Tensor) -> torch.Tensor:
        length_mm = torch.sqrt(12 * _variance(n, z, zz)) * view.spacing_mm[2]
        off_mm = (x / n - middle_x).abs() * view.spacing_mm[0]
        fits = (length_mm >= TUBE_LENGTH_MM) & (off_mm <= MIDDLE_MM) & (z / n > middle_z)
        score = torch.where(fits, length_mm - off_mm, -torch.inf)
        return fits & (score == score.max()) if len(score) else fits

    return choose


def _variance(n: torch.Tensor, sums: torch.Tensor, squares: torch.Tensor) -> torch.Tensor:
    mean = sums.to(torch.float64) / n
    return (squares.to(torch.float64) / n - mean * mean).clamp(min=0)


def _coordinates(mask: torch.Tensor) -> list[torch.Tensor]:
    """Indices along x, y, z as int32 of the mask's shape, without memory of their own."""
    axes = [torch.arange(n, dtype=torch.int32, device=mask.device) for n in mask.shape]
    return [axis.reshape([-1 if a == d else 1 for a in range(3)]).expand(mask.shape) for d, axis in enumerate(axes)]


def _mean(mask: torch.Tensor, coordinate: torch.Tensor) -> float:
    return float(coordinate[mask].to(torch.float64).mean())
