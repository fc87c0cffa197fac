"""A lesion as it is made, before it is scanned: layers of tissue, and how far they push what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from engine.core.array import Float32, Float64
from engine.core.grid import Grid
from scenarios.lesion.setting import Setting, Window

#: Signed distance (…) of points (…, 3), negative inside, in millimetres.
Distance = Callable[[Float64], Float64]

#: Cells along each axis that a voxel is divided into for its share.
_CELLS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One tissue of a lesion.

    Attributes:
        share: (a, b, c) how much of each voxel of the window it fills.
        contrast: its mean less that of the surroundings, in the unit of the volume.
        counts: it belongs to the lesion that is to be found; oedema does not.
        clears: structures within (vessels, sulci) go too; what is see-through keeps them.
        texture_sd: of what it is made uneven by, in the unit of the volume.
    """

    share: Float32
    contrast: float
    counts: bool = True
    clears: bool = True
    texture_sd: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A lesion in a window of the volume; later layers lie over earlier ones.

    Attributes:
        window: which voxels.
        layers: outermost first.
        pull_mm: (a, b, c, 3) from each place to where its tissue was before the lesion came; None: nothing moved.
        truth: share of the lesion where it is not its layers alone (a bone that lost height).
    """

    window: Window
    layers: tuple[Layer, ...]
    pull_mm: Float64 | None = None
    truth: Float32 | None = None


def share_of(distance: Distance, setting: Setting, window: Window) -> Float32:
    """How much of each voxel of a window lies inside, by cells of a third of its edges."""
    points = setting.points_mm(window)
    matrix = setting.grid.patient_from_voxel.matrix[:3, :3]
    middle = distance(points)
    share = (middle < 0).astype(np.float32)
    border = np.abs(middle) <= np.linalg.norm(matrix, axis=0).sum()  # twice half a diagonal: distances are first-order
    at, total = points[border], np.zeros(int(border.sum()))
    cell_mm = float(np.mean(setting.grid.spacing_mm)) / _CELLS
    steps = (np.arange(_CELLS) + 0.5) / _CELLS - 0.5
    for a, b, c in product(steps, steps, steps):
        total += np.clip(0.5 - distance(at + matrix @ (a, b, c)) / cell_mm, 0.0, 1.0)
    share[border] = total / _CELLS**3
    return share


def share_of_depth(depth_mm: Float64, grid: Grid) -> Float32:
    """As `share_of`, of a signed distance (a, b, c) that is known at voxels only."""
    return np.asarray(np.clip(0.5 - depth_mm / float(np.mean(grid.spacing_mm)), 0.0, 1.0), np.float32)
