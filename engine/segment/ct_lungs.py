"""Lungs in a CT, at coarse resolution: told from bowel gas, split into the patient's left and right.

All masks are (x, y, z) in patient order: +x is the patient's left.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engine.segment.ct_body import PADDING_HU, Body
from engine.segment.overview import Overview
from engine.segment.steps.components import kept, largest
from engine.segment.steps.distance import squared_distance_mm2
from engine.segment.steps.morphology import closed, dilated, eroded

#: Midway between parenchyma (-850) and tissue (0 to 50).
LUNG_HU = -400
#: Averaged over 3 mm nothing in a lung but airways and bullae lies below; gas in bowel does.
GAS_HU = -950
#: A space with this share of gas in its core is not lung, unless it is larger than any bowel gas. The core, because
#: a bowel's wall and content blur into its edge: over all of it a third may be gas, and two thirds in the core, where
#: a lung has next to none, and one with emphysema up to half.
GAS_SHARE = 0.5
CORE_MM = 3.0
HUGE_ML = 1500.0
#: A whole lung is larger, even collapsed; less counts where the scan's end cuts it off.
LUNG_ML = 120.0
CUT_LUNG_ML = 15.0
#: Vessels and fissures up to twice this wide belong to the lung that surrounds them.
CLOSE_MM = 6.0
#: A second part this large beside the first is the other lung.
OTHER_LUNG_SHARE = 0.02
#: Lungs that touch come apart by eroding this far; each part is at least `SPLIT_SHARE` of the other.
SPLIT_MM = (0.0, 3.0, 5.0, 8.0, 12.0, 16.0)
SPLIT_SHARE = 0.15
#: Their centres lie at least this far apart across the body.
APART_MM = 40.0
#: A slice has lost a side of the body where more of its edge than this is the end of the picture.
CUT_EDGE_MM = 30.0
#: Where this share of the slices has, the middle of what is left is not the middle of the patient.
CUT_SLICES = 0.3


@dataclass(frozen=True, slots=True)
class Lungs:
    """Left and right lung of the patient, vessels within them included; empty where not found.

    Attributes:
        left, right: bool, coarse, (x, y, z).
        sided: whether the sides are known; where they are not, `left` holds the one lung in view.
    """

    left: torch.Tensor
    right: torch.Tensor
    sided: bool = True

    @property
    def both(self) -> torch.Tensor:
        """The union of the two."""
        return self.left | self.right


def lung_air(hu: torch.Tensor, body: Body, view: Overview) -> torch.Tensor:
    """Air spaces that are lung, with the airways that lead into them."""
    ends = torch.zeros_like(body.hull)
    ends[:, :, 0] = True
    ends[:, :, -1] = True

    def lung(
        sizes: torch.Tensor, gas: torch.Tensor, core: torch.Tensor, core_gas: torch.Tensor, at_end: torch.Tensor
    ) -> torch.Tensor:
        share = torch.where(core > 0, core_gas / core, gas / sizes)
        airy = (share < GAS_SHARE) & (sizes >= view.voxels(LUNG_ML))
        cut = (share < GAS_SHARE / 2) & (sizes >= view.voxels(CUT_LUNG_ML)) & (at_end > 0)
        return (sizes >= view.voxels(HUGE_ML)) | airy | cut

    spaces, gas = body.hull & (hu < LUNG_HU), hu < GAS_HU
    core = eroded(spaces, CORE_MM, view.spacing_mm)
    return kept(spaces, lung, [gas, core, gas & core, ends])


def split_lungs(hu: torch.Tensor, air: torch.Tensor, airways: torch.Tensor, body: Body, view: Overview) -> Lungs:
    """Left and right lung from their common air space.

    Two lungs tell each other's sides. One is told by the middle of the body, unless the picture ends before the body
    does: a field of view about one lung holds more of the body on its inner side.

    Args:
        hu: coarse HU.
        air: what `lung_air` found.
        airways: trachea and bronchi, which hold the lungs together.
        body: the patient.
        view: the geometry.
    """
    parenchyma = air & ~dilated(airways, 2.0, view.spacing_mm)
    seeds = _seeds(parenchyma, view)
    sided = True
    if seeds is None:
        left, right = _one_sided(parenchyma, body)
        sided = not _is_cut_sideways(hu, parenchyma, body, view)
        if not sided:
            left, right = left | right, torch.zeros_like(left)
    else:
        nearer_left = _nearer(*seeds, parenchyma, view)
        left, right = parenchyma & nearer_left, parenchyma & ~nearer_left
    blocked = airways | ~body.hull
    left = left | (closed(left, CLOSE_MM, view.spacing_mm) & ~blocked & ~right)
    right = right | (closed(right, CLOSE_MM, view.spacing_mm) & ~blocked & ~left)
    return Lungs(left, right, sided)


def _seeds(parenchyma: torch.Tensor, view: Overview) -> tuple[torch.Tensor, torch.Tensor] | None:
    """A part of each lung, left first; None where there is one lung."""
    for depth_mm in SPLIT_MM:
        core = eroded(parenchyma, depth_mm, view.spacing_mm) if depth_mm else parenchyma
        first = largest(core)
        second = largest(core & ~first)
        share = OTHER_LUNG_SHARE if not depth_mm else SPLIT_SHARE
        if int(second.sum()) < max(share * int(first.sum()), view.voxels(CUT_LUNG_ML)):
            continue
        apart_mm = [(_mean(first, axis) - _mean(second, axis)) * view.spacing_mm[axis] for axis in range(3)]
        # Side by side, even in a patient who lies turned, and not one lobe over the other or in front of it.
        if abs(apart_mm[0]) >= max(APART_MM, abs(apart_mm[1]) / 2, abs(apart_mm[2]) / 2):
            return (first, second) if apart_mm[0] > 0 else (second, first)
    return None


def _nearer(left: torch.Tensor, right: torch.Tensor, within: torch.Tensor, view: Overview) -> torch.Tensor:
    """Where the left seed is nearer than the right, in the box that `within` spans; false beyond."""
    box = tuple(
        slice(int(held[0]), int(held[-1]) + 1)
        for axis in range(3)
        for held in [
            within.any(dim=(axis + 1) % 3, keepdim=True).any(dim=(axis + 2) % 3, keepdim=True).reshape(-1).nonzero()
        ]
    )
    to_left, to_right = (squared_distance_mm2(~seed[box], view.spacing_mm) for seed in (left, right))
    nearer = torch.zeros_like(left)
    nearer[box] = to_left <= to_right
    return nearer


def _one_sided(parenchyma: torch.Tensor, body: Body) -> tuple[torch.Tensor, torch.Tensor]:
    nothing = torch.zeros_like(parenchyma)
    if not bool(parenchyma.any()):
        return nothing, nothing
    levels = parenchyma.any(dim=0).any(dim=0)
    on_left = _mean(parenchyma, 0) > _mean(body.hull & levels, 0)
    return (parenchyma, nothing) if on_left else (nothing, parenchyma)


def _is_cut_sideways(hu: torch.Tensor, lung: torch.Tensor, body: Body, view: Overview) -> bool:
    """Whether the body goes on beyond the picture, or beyond its round part, to the patient's left or right."""
    levels = lung.any(dim=0).any(dim=0)
    if not bool(levels.any()):
        return False
    hull, beyond = body.hull[:, :, levels], (hu <= PADDING_HU)[:, :, levels]
    edge = hull[0].sum(dim=0) + hull[-1].sum(dim=0)
    edge += (hull[1:] & beyond[:-1]).sum(dim=(0, 1)) + (hull[:-1] & beyond[1:]).sum(dim=(0, 1))
    return float((edge * view.spacing_mm[1] > CUT_EDGE_MM).to(torch.float32).mean()) > CUT_SLICES


def _mean(mask: torch.Tensor, axis: int) -> float:
    profile = mask.sum(dim=[other for other in range(3) if other != axis]).to(torch.float64)
    along = torch.arange(len(profile), dtype=torch.float64, device=mask.device)
    return float((profile * along).sum() / profile.sum().clamp(min=1))
