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
#: A branch of a vessel holds less cortex than this share of its voxels.
CORTEX_SHARE = 0.02
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


def part_blood(
    dense: torch.Tensor, zone: torch.Tensor, near: torch.Tensor, hu: torch.Tensor, cortex_hu: int
) -> torch.Tensor:
    """The dense voxels that are contrast in vessels: in the large ones, and the branches off them.

    Args:
        dense: (ni, nj, nk) bool, bone and contrast.
        zone: large vessels.
        near: the zone, one coarse cell wider.
        hu: (ni, nj, nk) int16.
        cortex_hu: denser is bone.
    """
    cortex = hu > cortex_hu
    trunk = dense & zone & ~cortex

    def branch(sizes: torch.Tensor, bony: torch.Tensor, touching: torch.Tensor) -> torch.Tensor:
        return (touching > 0) & (bony < CORTEX_SHARE * sizes)

    return trunk | kept(dense & ~trunk, branch, [cortex, near], connectivity=6)


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
