"""Contrast in a CT: whether there is any, where heart and great vessels lie, and what else is filled.

Whatever contrast fills (blood, or a bowel whose content was made dense by mouth) is even inside and falls off at its
edge; spongy bone is uneven, and rises at its edge to a cortex. That tells an aorta from a vertebra of the same density,
which a threshold cannot. Means are taken over several cells, so that noise does not break up what is barely bright.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engine.segment.overview import Overview
from engine.segment.steps.around import FACES, box, highest, moments, rays
from engine.segment.steps.components import kept, touching
from engine.segment.steps.morphology import dilated, eroded

#: A mean that contrast reaches: blood without it stays under 70, a portal-venous liver at 120. Undiluted contrast in a
#: vein and tagged bowel reach 800; denser is bone or metal.
FILLED_HU = (130, 800)
#: Single cells in contrast fall below that by noise, but not below this.
DIM_HU = 80
#: Half the side of the box that a core fills. Vessels narrower than that show no core; they are found by what they
#: hang on.
CORE_MM = 5.0
CORE_ML = 2.0
#: Standard deviation over the cells of such a box, beyond that of noise, of which contrast has little more (some 10 HU
#: at 3 mm); trabeculae, no denser (100 to 250 HU: Pickhardt et al., Ann Intern Med 158:588, 2013), vary by about 30.
EVEN_HU = 25.0
#: Noise is measured in every such cell along each axis.
THIN = 4
#: A core's edge is where density leaves its mean by this much: down to muscle from contrast, up to cortex from marrow.
EDGE_HU = 70
EDGE_MM = 24.0
#: A core with a greater share of its edges up to something denser is bone: a tube that lies on a spine has one of four
#: such sides, a vertebral body all.
DENSER_SHARE = 1 / 3
#: A bowel has gas right at its content on more than this share of its edges; a vessel has a wall and fat there.
GAS_SHARE = 0.03
#: How far from its core what is filled may reach.
REACH_MM = 7.5
#: Blood, muscle and bowel wall without contrast; the edge of what is filled lies midway.
PLAIN_HU = 50
#: Great vessels lie this near to the body's midline, the heart reaches further; kidneys, which are
#: as bright and as even, and femoral heads do not come this near.
MIDLINE_MM = 40.0
HEART_MM = 70.0
MIDLINE_SHARE = 0.6
#: The heart stands above this part of the lungs' height. Great vessels lead there, or out of the scan above.
BASE_SHARE = 0.4
#: Slices at the top of a scan: a vessel that leaves it is seen in all of them.
TOP = 3


@dataclass(frozen=True, slots=True)
class Contrast:
    """What contrast fills, (x, y, z) in patient order, and how dense it is.

    Attributes:
        vessels: heart and great vessels.
        bowel: what touches gas as no vessel does.
        organs: what else is as bright and even but leads to no heart: kidneys, bladder, bowel without gas; never bone.
        mean_hu: mean density of the vessels, or of the others where no vessel was found.
        most_hu: the highest mean among all of it.
    """

    vessels: torch.Tensor
    bowel: torch.Tensor
    organs: torch.Tensor
    mean_hu: int
    most_hu: int

    @property
    def others(self) -> torch.Tensor:
        """All that is filled and no vessel."""
        return self.bowel | self.organs

    @property
    def edge_hu(self) -> int:
        """Midway between the vessels and what surrounds them."""
        return (self.mean_hu + PLAIN_HU) // 2


def cortex_hu(mean_hu: int) -> int:
    """Denser than this is bone and not contrast of about `mean_hu`."""
    return round(mean_hu * 1.25) + 100


def find_contrast(
    hu: torch.Tensor, tissue: torch.Tensor, gas: torch.Tensor, lungs: torch.Tensor, view: Overview
) -> Contrast | None:
    """Find what contrast fills.

    Args:
        hu: coarse HU, (x, y, z) in patient order.
        tissue: the body without its gas and lungs.
        gas: gas in the body that is in no lung and no airway.
        lungs: both lungs.
        view: the geometry.

    Returns:
        None where there is none.
    """
    level, filled, gassy = _filled(hu, tissue, gas, view)
    if not bool(filled.any()):
        return None
    ways = [_near_midline(tissue, lungs, view), _near_heart(lungs)]
    trunks = kept(filled & ~gassy, lambda n, near, up: (near >= MIDLINE_SHARE * n) & (up > 0), ways)
    named = trunks if bool(trunks.any()) else filled
    vessels, bowel, organs = (
        tissue & _with_edges(hu, cores, filled & ~cores, level, view)
        for cores in (trunks, gassy, filled & ~gassy & ~trunks)
    )
    return Contrast(
        vessels,
        bowel & ~vessels,
        organs & ~vessels & ~bowel,
        round(float(level[named].to(torch.float64).mean())),
        int(level[filled].max()),
    )


def _filled(
    hu: torch.Tensor, tissue: torch.Tensor, gas: torch.Tensor, view: Overview
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The mean density about each even cell, the cores of all that is filled, and those of it that touch gas."""
    limit = (EVEN_HU**2 + _noise(hu, tissue) ** 2) ** 0.5
    cells = eroded(tissue & (hu >= DIM_HU), max(view.spacing_mm), view.spacing_mm).nonzero()
    cells, mean = _even(hu, cells, FACES, limit)
    less, more, airy = _edges(hu, gas, cells, mean, view.spacing_mm)
    branches = _at(cells[more <= less], mean[more <= less], hu)
    less, more, airy = (_at(cells, counts, hu) for counts in (less, more, airy))
    cores = _at(*_even(hu, cells, box([int(CORE_MM / s) for s in view.spacing_mm]), limit), hu)
    level = torch.where(cores > 0, cores, branches)

    def soft(n: torch.Tensor, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        return (n >= view.voxels(CORE_ML)) & (up <= DENSER_SHARE * (up + down))

    filled = kept(cores > 0, soft, [less, more])
    return level, filled, kept(filled, lambda _, down, gases: gases > GAS_SHARE * down, [less, airy])


def _even(
    hu: torch.Tensor, cells: torch.Tensor, steps: list[tuple[int, ...]], limit_hu: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The cells about which density is even and that of contrast, and its mean about them, int16."""
    mean, spread = moments(hu, cells, steps)
    even = (mean >= FILLED_HU[0]) & (mean <= FILLED_HU[1]) & (spread <= limit_hu)
    return cells[even], mean[even].round().to(torch.int16)


def _noise(hu: torch.Tensor, tissue: torch.Tensor) -> float:
    """Standard deviation of noise: that of the most even quarter of soft tissue, by a thinned-out sample."""
    thin = torch.zeros_like(tissue)
    thin[::THIN, ::THIN, ::THIN] = True
    cells = (tissue & thin & (hu >= 0) & (hu < DIM_HU)).nonzero()
    spread = moments(hu, cells, FACES)[1]
    return float(spread.kthvalue(1 + len(spread) // 4).values) if len(spread) else 0.0


def _edges(
    hu: torch.Tensor, gas: torch.Tensor, cells: torch.Tensor, mean: torch.Tensor, spacing_mm: tuple[float, float, float]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """On how many of its six sides each cell sees its core end in less, in more, and in gas; (n,) int16."""
    less, more, airy = (torch.zeros_like(mean) for _ in range(3))
    for values, gases in zip(rays(hu, cells, EDGE_MM, spacing_mm), rays(gas, cells, EDGE_MM, spacing_mm), strict=True):
        inside = torch.ones_like(gas[tuple(cells.T)])
        edge, in_gas = ~inside, ~inside
        for value, is_gas in zip(values, gases, strict=True):
            down, up = inside & (value <= mean - EDGE_HU), inside & (value >= mean + EDGE_HU)
            in_gas |= (edge | down) & is_gas  # at the edge, which both share a cell of, or right behind it
            less += down
            more += up
            edge, inside = down, inside & ~down & ~up
        airy += in_gas
    return less, more, airy


def _at(cells: torch.Tensor, values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A volume that holds `values` in `cells`, and 0 elsewhere."""
    out = torch.zeros_like(like)
    out[tuple(cells.T)] = values
    return out


def _with_edges(
    hu: torch.Tensor, cores: torch.Tensor, others: torch.Tensor, level: torch.Tensor, view: Overview
) -> torch.Tensor:
    """Cores, their narrower branches, and what is about them, down to midway to plain tissue and not up to cortex."""
    if not bool(cores.any()):
        return cores
    # What is about other cores is theirs: an even liver as dense as the vein that it touches.
    cores = touching((level > 0) & ~dilated(others, REACH_MM, view.spacing_mm), cores)
    reach = [max(1, int(REACH_MM / s)) for s in view.spacing_mm]
    mean = highest(torch.where(cores, level, 0), reach)
    like = (2 * hu >= mean + PLAIN_HU) & (hu < mean + EDGE_HU)
    return dilated(cores, REACH_MM, view.spacing_mm) & like


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


def _near_heart(lungs: torch.Tensor) -> torch.Tensor:
    """The levels of heart and great vessels; the top of a scan that shows no lung."""
    levels = lungs.any(dim=0).any(dim=0).nonzero()
    first = int(levels[0]) + round(BASE_SHARE * int(levels[-1] - levels[0])) if len(levels) else lungs.shape[2] - TOP
    at = torch.zeros_like(lungs)
    at[:, :, max(first, 0) :] = True
    return at
