"""Head, brain and intensity bias in an MR, at about 2 mm in patient order.

The brain is cut free of skull and scalp by eroding until what is left lies deep in the head, and
grown back (after Lemieux et al., "Fast, accurate, and reproducible automatic segmentation of the
brain in T1-weighted volume MRI data", Magn. Reson. Med. 42, 1999).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engine.segment.overview import Overview
from engine.segment.steps.blur import blurred
from engine.segment.steps.components import largest
from engine.segment.steps.holes import fill_holes, fill_holes_in_slices
from engine.segment.steps.morphology import closed, dilated, eroded, opened
from engine.segment.thresholds import otsu

#: Signal over background begins at this share of the lowest of two Otsu thresholds.
SIGNAL_SHARE = 0.4
#: Receive fields vary over hand's breadths, tissue over less.
BIAS_MM = 25.0
#: What lies nearer to the skin than this is scalp and skull.
SCALP_MM = 12.0
#: A brain candidate has at most this share there.
SCALP_SHARE = 0.035
#: Erosions that cut brain from scalp, and how far towards the next class the threshold may rise.
CUTS_MM = (2.5, 3.0, 3.5, 4.0, 5.0, 6.0)
RAISES = (0.0, 0.1, 0.2)
BRAIN_ML = (700.0, 2000.0)
#: A head is at least this wide in every direction.
HEAD_MM = 100.0


@dataclass(frozen=True, slots=True)
class Foreground:
    """What gives signal, its bias field, and the evened intensity (1 on average)."""

    mask: torch.Tensor
    bias: torch.Tensor
    even: torch.Tensor


def find_foreground(samples: torch.Tensor, view: Overview) -> Foreground | None:
    """The body part with its cavities; None where nothing stands out from the background."""
    cuts = otsu(samples, 3)
    if not cuts:
        return None
    mask = largest(opened(samples > SIGNAL_SHARE * cuts[0], min(3.0, _thinnest(view)), view.spacing_mm))
    if not bool(mask.any()):
        return None
    mask = fill_holes_in_slices(closed(mask, 8.0, view.spacing_mm), axis=2)
    inside = mask.to(torch.float32)
    bias = blurred(samples * inside, BIAS_MM, view.spacing_mm) / blurred(inside, BIAS_MM, view.spacing_mm).clamp(1e-3)
    bias = bias.clamp(min=1e-3 * float(bias.max()))
    return Foreground(mask, bias, torch.where(mask, samples / bias, 0.0))


def find_brain(found: Foreground, view: Overview) -> torch.Tensor | None:
    """The brain of a T1-weighted head; None where there is none that can be trusted."""
    extents_mm = [n * s for n, s in zip(_extent(found.mask), view.spacing_mm, strict=True)]
    cuts = otsu(found.even[found.mask], 4)
    if min(extents_mm) < HEAD_MM or len(cuts) != 3:
        return None
    core = _deep_core(found, cuts, view)
    if core is None:
        return None
    kernel, cut_mm = core
    within = found.mask & (found.even > 0.8 * cuts[0]) & (found.even < 1.25 * cuts[2])
    brain = largest(opened(dilated(kernel, cut_mm + 2.0, view.spacing_mm) & within, 2.0, view.spacing_mm))
    brain = fill_holes(closed(brain, 10.0, view.spacing_mm) & found.mask)
    volume_ml = int(brain.sum()) * view.voxel_ml
    plausible = BRAIN_ML[0] <= volume_ml <= BRAIN_ML[1]
    return brain if plausible and _brighter_inside(found.even, brain, view) else None


def _deep_core(found: Foreground, cuts: list[float], view: Overview) -> tuple[torch.Tensor, float] | None:
    """The largest part that erosion leaves deep in the head, and by how much it was eroded."""
    scalp = dilated(~found.mask, SCALP_MM, view.spacing_mm)
    best: tuple[int, torch.Tensor, float] | None = None
    for share in RAISES:
        low = cuts[0] + share * (cuts[1] - cuts[0])
        tissue = found.mask & (found.even > low) & (found.even < 1.25 * cuts[2])
        for cut_mm in CUTS_MM:
            core = largest(eroded(tissue, cut_mm, view.spacing_mm))
            count = int(core.sum())
            if count and int((core & scalp).sum()) <= SCALP_SHARE * count:
                regrown = int((dilated(core, cut_mm, view.spacing_mm) & tissue).sum())
                if best is None or regrown > best[0]:
                    best = (regrown, core, cut_mm)
                break
    return None if best is None else best[1:]


def _brighter_inside(even: torch.Tensor, brain: torch.Tensor, view: Overview) -> bool:
    """Whether white matter, which lies deep, is brighter than the rim: T1, and not T2 or FLAIR."""
    deep = eroded(brain, 15.0, view.spacing_mm)
    rim = brain & ~eroded(brain, 5.0, view.spacing_mm)
    return bool(deep.any()) and float(even[deep].median()) > 1.05 * float(even[rim].median())


def _extent(mask: torch.Tensor) -> list[int]:
    return [int(mask.movedim(axis, 0).reshape(mask.shape[axis], -1).any(dim=1).sum()) for axis in range(3)]


def _thinnest(view: Overview) -> float:
    """Half the thinnest extent: opening by more would leave nothing."""
    return min(n * s for n, s in zip(view.shape, view.spacing_mm, strict=True)) / 4
