"""How well two masks agree: overlap, surface distances, volumes.

Surface distances weigh every voxel of a mask's boundary alike; spacing enters in millimetres.
Definitions and their pitfalls: Reinke et al., "Understanding metric-related pitfalls in image
analysis validation", Nature Methods 21, 2024.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine.core.errors import InvalidValue
from engine.segment.steps.distance import squared_distance_mm2


def dice(a: torch.Tensor, b: torch.Tensor) -> float:
    """2 |a ∩ b| / (|a| + |b|) of two masks of one shape; NaN where both are empty."""
    _check(a, b)
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else math.nan


def volume_ml(mask: torch.Tensor, voxel_volume_mm3: float) -> float:
    """Volume of a mask."""
    return int(mask.sum()) * voxel_volume_mm3 / 1000


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceDistances:
    """Distances from each boundary voxel of one mask to the nearest of the other.

    Attributes:
        a_to_b_mm: sorted, one for each boundary voxel of a; infinite where b is empty.
        b_to_a_mm: the same from b.
    """

    a_to_b_mm: torch.Tensor
    b_to_a_mm: torch.Tensor

    @property
    def hausdorff_mm(self) -> float:
        """The greatest distance either way; NaN where both masks are empty."""
        return self.percentile_mm(100.0)

    @property
    def hausdorff95_mm(self) -> float:
        """The greater of the two 95th percentiles; NaN where both masks are empty."""
        return self.percentile_mm(95.0)

    @property
    def mean_mm(self) -> float:
        """Mean over the boundary voxels of both."""
        both = torch.cat([self.a_to_b_mm, self.b_to_a_mm])
        return float(both.mean()) if len(both) else math.nan

    def percentile_mm(self, percent: float) -> float:
        """The greater of the two percentiles: the least distance that covers this share of a boundary."""
        if not 0 < percent <= 100:
            raise InvalidValue(f"a percentile lies above 0 and at most at 100, got {percent}")
        sides = [side for side in (self.a_to_b_mm, self.b_to_a_mm) if len(side)]
        if not sides:
            return math.nan
        if len(sides) == 1:
            return math.inf
        return max(float(side[math.ceil(percent / 100 * len(side)) - 1]) for side in sides)

    def dice_at(self, tolerance_mm: float) -> float:
        """Surface Dice: the share of both boundaries within `tolerance_mm` of the other; NaN if both are empty."""
        count = len(self.a_to_b_mm) + len(self.b_to_a_mm)
        near = sum(int((side <= tolerance_mm * (1 + 1e-6)).sum()) for side in (self.a_to_b_mm, self.b_to_a_mm))
        return near / count if count else math.nan


def surface_distances(a: torch.Tensor, b: torch.Tensor, spacing_mm: Sequence[float]) -> SurfaceDistances:
    """Distances between the boundaries of two masks, (ni, nj, nk) bool, at `spacing_mm` along i, j, k."""
    _check(a, b)
    edge_a, edge_b = boundary(a), boundary(b)
    return SurfaceDistances(_distances(edge_a, edge_b, spacing_mm), _distances(edge_b, edge_a, spacing_mm))


def boundary(mask: torch.Tensor) -> torch.Tensor:
    """The voxels of a mask with a face to the background or to the end of the volume."""
    padded = torch.nn.functional.pad(mask, (1, 1, 1, 1, 1, 1))
    core = torch.ones_like(mask)
    for axis in range(3):
        for start in (0, 2):
            window = [slice(1, -1)] * 3
            window[axis] = slice(start, start + mask.shape[axis])
            core &= padded[tuple(window)]
    return mask & ~core


def _distances(edge: torch.Tensor, other: torch.Tensor, spacing_mm: Sequence[float]) -> torch.Tensor:
    if not bool(other.any()):
        return torch.full((int(edge.sum()),), math.inf)
    return squared_distance_mm2(~other, spacing_mm)[edge].sqrt().sort().values


def _check(a: torch.Tensor, b: torch.Tensor) -> None:
    if a.shape != b.shape or a.dtype != torch.bool or b.dtype != torch.bool:
        raise InvalidValue(
            f"two masks of one shape are compared, got {tuple(a.shape)} {a.dtype} and {tuple(b.shape)} {b.dtype}"
        )
