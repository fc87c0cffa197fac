"""Filling what a mask encloses."""

from __future__ import annotations

import torch

from engine.core.errors import InvalidValue
from engine.segment.steps.components import touching


def fill_holes(mask: torch.Tensor, *, connectivity: int = 6) -> torch.Tensor:
    """`mask` with every background region that does not reach the border of the volume."""
    background = ~mask
    return ~touching(background, background & border(mask), connectivity=connectivity)


def fill_holes_in_slices(mask: torch.Tensor, axis: int = 2) -> torch.Tensor:
    """As `fill_holes`, in each slice across `axis` on its own."""
    if axis not in (0, 1, 2):
        raise InvalidValue(f"axis is 0, 1 or 2, got {axis}")
    turned = mask.movedim(axis, 2)
    background = ~turned
    sides = border(turned, axes=(0, 1))
    filled = ~touching(background, background & sides, connectivity=4)
    return filled.movedim(2, axis)


def border(mask: torch.Tensor, axes: tuple[int, ...] = (0, 1, 2)) -> torch.Tensor:
    """The first and last voxels along `axes`, as a mask of the same shape."""
    edge = torch.zeros_like(mask, dtype=torch.bool)
    for axis in axes:
        edge.select(axis, 0).fill_(True)
        edge.select(axis, -1).fill_(True)
    return edge
