"""A surface made of labels, brought to where the distance that the labels were made from is 0."""

from __future__ import annotations

import numpy as np

from engine.core.surface import Surface
from guidance.implant.bone import Field

_STEPS = 8
#: A vertex stays in its own cell of eight voxels, this far from the next: so that no two meet.
_INSET_VOXELS = 0.02


def settled(surface: Surface, part: Field) -> Surface:
    """`surface`, whose vertices lie each in a cell of the field's grid, with them on the field's surface.

    What steps of voxels leave in a surface goes, and it lies between voxels as the distance does.
    """
    points = surface.vertices_mm.astype(np.float64)
    cells = np.floor((points - part.origin_mm) / part.spacing_mm)
    low = part.origin_mm + (cells + _INSET_VOXELS) * part.spacing_mm
    high = part.origin_mm + (cells + 1.0 - _INSET_VOXELS) * part.spacing_mm
    for _ in range(_STEPS):
        values, gradients = part.at(points)
        steep = np.maximum((gradients**2).sum(axis=1), 0.1)
        points = np.clip(points - (np.nan_to_num(values) / steep)[:, None] * gradients, low, high)
    return Surface(surface.frame, points.astype(np.float32), surface.faces)
