"""The patient in a CT: table, clothes and air told from the body, at coarse resolution.

All masks are (x, y, z) in patient order (see `engine.segment.overview`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engine.core.errors import NotApplicable
from engine.segment.overview import Overview
from engine.segment.steps.components import kept, touching
from engine.segment.steps.holes import border
from engine.segment.steps.morphology import dilated, opened

#: Between air (-1000 HU) and fat (-100 HU), nearer to fat: blankets and foam stay out.
TISSUE_HU = -300
#: Below any lung parenchyma averaged over 3 mm, above air at the edge of calibration.
AIR_HU = -920
#: Nothing measured lies below: scanners pad with -1500, -2000, -2048, -3024.
PADDING_HU = -1100
#: Tables, blankets and head holders are thinner than twice this; limbs are not.
DETACH_MM = 5.0
#: What opening took from the body's own edges is given back this far.
RESTORE_MM = 3.0
#: Smaller detached parts than this are not limbs.
LIMB_ML = 40.0
#: A volume whose dense parts are thinner than that, but for this share, shows no body.
THICK = 0.35
#: A gas space belongs to the body when this share of its edge is tissue.
ENCLOSED = 0.6


@dataclass(frozen=True, slots=True)
class Body:
    """The patient at coarse resolution.

    Attributes:
        tissue: skin and all that is denser than lung.
        hull: tissue with the gas spaces it encloses (lungs, airways, bowel).
        outside: air and padding around the patient, never part of the hull.
    """

    tissue: torch.Tensor
    hull: torch.Tensor
    outside: torch.Tensor


def find_body(hu: torch.Tensor, view: Overview) -> Body:
    """Find the patient.

    Args:
        hu: coarse HU, (x, y, z).
        view: its geometry.

    Raises:
        NotApplicable: nothing the size of a body part is as dense as tissue.
    """
    dense = hu >= TISSUE_HU
    core = _limbs(hu, opened(dense, DETACH_MM, view.spacing_mm), view)
    if int(core.sum()) < THICK * int(dense.sum()):
        raise NotApplicable(
            "no body found: little of what is denser than air is thicker than a table; "
            "the pipeline 'threshold' works on any volume"
        )
    tissue = dense & dilated(core, RESTORE_MM, view.spacing_mm)
    outside = _outside(hu, tissue)
    hull = tissue | _enclosed(tissue, outside)
    return Body(tissue, hull, ~hull)


def _limbs(hu: torch.Tensor, thick: torch.Tensor, view: Overview) -> torch.Tensor:
    """The trunk or head, and other parts as large as a limb and as dense as flesh."""

    def flesh(sizes: torch.Tensor, sums: torch.Tensor) -> torch.Tensor:
        return (sizes >= view.voxels(LIMB_ML)) & (sums > -150 * sizes) & (sums < 400 * sizes)

    return kept(thick, flesh, [hu])


def _outside(hu: torch.Tensor, tissue: torch.Tensor) -> torch.Tensor:
    """Air that reaches the sides of its axial slice, and padding.

    The flood passes through air alone, not through lung: a lung cut by the edge of a zoomed field
    of view stays inside. Slice by slice, so that an open mouth does not let the air in.
    """
    padding = touching(hu <= PADDING_HU, border(tissue, axes=(0, 1)), connectivity=4)
    air = (hu < AIR_HU) & ~tissue & ~padding
    seeds = air & (border(air, axes=(0, 1)) | (_neighbours(padding) > 0))
    return padding | touching(air, seeds, connectivity=4)


def _enclosed(tissue: torch.Tensor, outside: torch.Tensor) -> torch.Tensor:
    """Spaces in axial slices that are edged by tissue more than by anything else.

    Clothing, mattress and the blur around the skin are edged by outside air and go; lungs, gas and
    a lung cut by the field of view stay.
    """

    def held(_: torch.Tensor, inner: torch.Tensor, outer: torch.Tensor) -> torch.Tensor:
        return inner >= ENCLOSED * (inner + outer)

    edges = [_neighbours(tissue), _neighbours(outside)]
    return kept(~tissue & ~outside, held, edges, connectivity=4)


def _neighbours(mask: torch.Tensor) -> torch.Tensor:
    """How many of the four neighbours within its slice each voxel has in the mask, uint8."""
    count = torch.zeros_like(mask, dtype=torch.uint8)
    count[1:] += mask[:-1]
    count[:-1] += mask[1:]
    count[:, 1:] += mask[:, :-1]
    count[:, :-1] += mask[:, 1:]
    return count
