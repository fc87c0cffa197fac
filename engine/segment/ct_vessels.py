"""Contrast-filled vessels in a CT: whether there is contrast, and where the large vessels lie.

Blood is brightest inside and even; bone is brightest at its shell. That tells a heart or an aorta
from a vertebra of the same density, which a threshold cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engine.segment.overview import Overview
from engine.segment.steps.components import kept
from engine.segment.steps.morphology import dilated, eroded

#: Blood without contrast stays under 70, bone marrow mostly under 130.
BRIGHT_HU = 130
MEAN_HU = 140
#: Vessels narrower than twice this show no core; they are found by what they hang on.
CORE_MM = 5.0
CORE_ML = 2.0
#: Blood is even: standard deviation over 3 mm cells in a core.
EVEN_HU = 35.0
#: Cortex is brighter than what it surrounds by this much, and looked for this far along each axis.
SHELL_HU = 100
SHELL_MM = 16.0
#: Bone has cortex on most of its six sides; an aorta that lies on a spine has it on one or two.
SHELL_SIDES = 2.2
#: Great vessels lie this near to the body's midline, the heart reaches further; kidneys, which are
#: as bright and as even, and femoral heads do not come this near.
MIDLINE_MM = 40.0
HEART_MM = 70.0
#: The heart stands above this part of the lungs' height.
BASE_SHARE = 0.4
MIDLINE_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Contrast:
    """What contrast fills, (x, y, z) in patient order, and how dense it is.

    Attributes:
        vessels: heart and great vessels.
        organs: what is as bright and even but lies elsewhere: kidneys, bladder; never bone.
        mean_hu: mean density of the vessels, or of the organs where no vessel was found.
    """

    vessels: torch.Tensor
    organs: torch.Tensor
    mean_hu: int

    @property
    def cortex_hu(self) -> int:
        """Denser than this is bone and not contrast."""
        return round(self.mean_hu * 1.25) + 100


def find_contrast(hu: torch.Tensor, tissue: torch.Tensor, lungs: torch.Tensor, view: Overview) -> Contrast | None:
    """Find what contrast fills.

    Args:
        hu: coarse HU, (x, y, z) in patient order.
        tissue: the body without its gas and lungs.
        lungs: both lungs.
        view: the geometry.

    Returns:
        None where there is none.
    """
    bright = tissue & (hu >= BRIGHT_HU)
    cores = eroded(bright, CORE_MM, view.spacing_mm)
    if not bool(cores.any()):
        return None
    values = hu.to(torch.int32)
    sides = _shell_sides(hu, view)

    def even(n: torch.Tensor, total: torch.Tensor, squares: torch.Tensor, shell: torch.Tensor) -> torch.Tensor:
        mean = total.to(torch.float64) / n
        variance = squares.to(torch.float64) / n - mean * mean
        smooth = (variance <= EVEN_HU**2) & (shell <= SHELL_SIDES * n)
        return (n >= view.voxels(CORE_ML)) & (mean >= MEAN_HU) & smooth

    filled = kept(cores, even, [values, values * values, sides])
    trunks = kept(filled, lambda n, near: near >= MIDLINE_SHARE * n, [_near_midline(tissue, lungs, view)])
    named = trunks if bool(trunks.any()) else filled
    if not bool(named.any()):
        return None
    reach_mm = CORE_MM + view.spacing_mm[0] / 2
    vessels, organs = (dilated(core, reach_mm, view.spacing_mm) & bright for core in (trunks, filled & ~trunks))
    return Contrast(vessels, organs & ~vessels, round(float(values[named].to(torch.float64).mean())))


def _shell_sides(hu: torch.Tensor, view: Overview) -> torch.Tensor:
    """On how many of its six sides each voxel has something denser by `SHELL_HU` near, uint8."""
    count = torch.zeros_like(hu, dtype=torch.uint8)
    for axis, spacing in enumerate(view.spacing_mm):
        n = hu.shape[axis]
        for towards in (1, -1):
            near = torch.zeros_like(count, dtype=torch.bool)
            for step in range(1, min(round(SHELL_MM / spacing), n - 1) + 1):
                low, high = hu.narrow(axis, 0, n - step), hu.narrow(axis, step, n - step)
                if towards > 0:
                    near.narrow(axis, 0, n - step).logical_or_(high - low >= SHELL_HU)
                else:
                    near.narrow(axis, step, n - step).logical_or_(low - high >= SHELL_HU)
            count += near
    return count


def _near_midline(tissue: torch.Tensor, lungs: torch.Tensor, view: Overview) -> torch.Tensor:
    """Where heart and great vessels may be, slice by slice from the body's own middle."""
    x = torch.arange(tissue.shape[0], dtype=torch.float64, device=tissue.device)[:, None]
    profile = (tissue | lungs).sum(dim=1).to(torch.float64)
    middle = (profile * x).sum(dim=0) / profile.sum(dim=0).clamp(min=1)
    reach_mm = torch.full_like(middle, MIDLINE_MM)
    levels = lungs.any(dim=0).any(dim=0).nonzero()
    if len(levels):
        low, high = int(levels[0]), int(levels[-1])
        reach_mm[low + round(BASE_SHARE * (high - low)) : high + 1] = HEART_MM
    near = (x - middle[None, :]).abs() * view.spacing_mm[0] <= reach_mm[None, :]
    return near[:, None, :].expand(tissue.shape)
