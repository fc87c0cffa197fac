"""Bone in a CT: which dense components are bone, and where its marrow lies."""

from __future__ import annotations

import torch

from engine.segment.ct_voxels import BONE, SOFT
from engine.segment.overview import Overview
from engine.segment.steps.components import kept, relabelled
from engine.segment.steps.morphology import closed

#: Smaller dense specks are calcification, contrast or noise.
SPECK_ML = 0.25
#: A component whose mean is lower has no cortex.
CORTEX_MEAN_HU = 200
#: A branch of a vessel or the rim of a bowel holds less cortex than this share of its voxels, and less of them lie deep
#: inside: of a tube of 15 mm a ninth, of a vertebral body a quarter.
CORTEX_SHARE = 0.02
THICK_SHARE = 0.1
#: A coarse cell with this share of bone (of 255) is part of its shell.
SHELL_SHARE = 64
#: Gaps in cortex are closed up to twice this width.
CLOSE_MM = 2.5
#: Marrow with trabeculae is denser than muscle, and lies between cortex at most twice this apart;
#: spaces that bone encloses all round may hold fat.
MARROW_HU = 100
MARROW_MM = 8.0
ENCLOSED_HU = -150
#: A space that bone encloses and that is larger is no marrow: the brain.
MARROW_ML = 80.0


def without_specks(codes: torch.Tensor, hu: torch.Tensor, voxel_ml: float) -> torch.Tensor:
    """`codes` with dense components that are too small or too faint for bone made soft tissue, in place.

    Args:
        codes: (ni, nj, nk) uint8, as `engine.segment.ct_voxels.tissue` gives.
        hu: (ni, nj, nk) int16.
        voxel_ml: volume of a voxel.
    """

    def speck(sizes: torch.Tensor, sums: torch.Tensor) -> torch.Tensor:
        return (sizes * voxel_ml < SPECK_ML) | (sums < CORTEX_MEAN_HU * sizes)

    return relabelled(codes, BONE, SOFT, speck, [hu], connectivity=26)


def part_contrast(
    codes: torch.Tensor,
    hu: torch.Tensor,
    zone: torch.Tensor,
    near: torch.Tensor,
    thick: torch.Tensor,
    span_hu: tuple[int, int],
    held: float,
) -> torch.Tensor:
    """The voxels that contrast fills: those of a zone, and dense parts beside it that are thin and without cortex.

    Args:
        codes: (ni, nj, nk) uint8, as `engine.segment.ct_voxels.tissue` gives.
        hu: (ni, nj, nk) int16.
        zone: what contrast fills.
        near: the zone, one coarse cell wider.
        thick: the inside of what is dense at coarse resolution, where thick slices leave no cortex to be seen.
        span_hu: what is less than the first and looks like soft tissue is that; what is more than the second is bone.
        held: more than this share of a part lies `near`: none of a vessel's branches need, most of a bowel's rim.
    """
    cortex = hu > span_hu[1]
    dense = codes == BONE
    filled = zone & ~cortex & (dense | ((codes == SOFT) & (hu >= span_hu[0])))

    def beside(sizes: torch.Tensor, bony: torch.Tensor, inner: torch.Tensor, touching: torch.Tensor) -> torch.Tensor:
        return (touching > held * sizes) & (bony < CORTEX_SHARE * sizes) & (inner < THICK_SHARE * sizes)

    return filled | kept(dense & ~filled, beside, [cortex, thick, near], connectivity=6)


def marrow(share: torch.Tensor, hu: torch.Tensor, blocked: torch.Tensor, view: Overview) -> torch.Tensor:
    """What bone holds inside: trabecular bone and marrow, not the spinal canal, not the brain.

    Args:
        share: share of bone in each coarse cell, uint8, (x, y, z) in patient order.
        hu: coarse HU.
        blocked: lungs and other places where no bone is.
        view: the geometry.
    """
    shell = share >= SHELL_SHARE
    solid = closed(shell, MARROW_MM, view.spacing_mm)
    spaces = ~closed(shell, CLOSE_MM, view.spacing_mm)

    def enclosed(sizes: torch.Tensor, sums: torch.Tensor) -> torch.Tensor:
        return (sizes <= view.voxels(MARROW_ML)) & (sums >= ENCLOSED_HU * sizes)

    inside = (solid & (hu >= MARROW_HU)) | kept(spaces, enclosed, [hu])
    return inside & ~shell & ~blocked
