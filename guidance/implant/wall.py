"""How thick a part is: from each place of its outer face straight in through the wall, until it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64, frozen
from guidance.implant.bone import Field

#: No wall of a skull is thicker.
MOST_MM = 30.0
#: So near to the patient's bone, a wall is thin because it ends.
EDGE_MM = 4.0
_STEP = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """Thicknesses of a part.

    Attributes:
        points_mm: (n, 3) on its outer face.
        thickness_mm: (n,) there.
        from_edge_mm: (n,) how far from there to the patient's bone: near it a part ends in its edge.
    """

    points_mm: Float64
    thickness_mm: Float64
    from_edge_mm: Float64

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_mm", frozen(self.points_mm))
        object.__setattr__(self, "thickness_mm", frozen(self.thickness_mm))
        object.__setattr__(self, "from_edge_mm", frozen(self.from_edge_mm))

    @property
    def least_mm(self) -> float:
        """The thinnest place."""
        return float(self.thickness_mm.min())

    @property
    def least_inside_mm(self) -> float:
        """The thinnest place that is no part of the edge."""
        return float(self.thickness_mm[self.from_edge_mm > EDGE_MM].min(initial=MOST_MM))

    def percentile_mm(self, share: float) -> float:
        """What so many of a hundred places are thinner than."""
        return float(np.percentile(self.thickness_mm, share))

    def thinner_than(self, limit_mm: float) -> float:
        """Share of the outer face that is thinner than a limit."""
        return float((self.thickness_mm < limit_mm).mean())


def wall_under(part: Field, bone: Field, points_mm: Float64, outward: Float64) -> Wall:
    """Thickness of `part` under (n, 3) points of its surface, against (n, 3) unit directions out of it.

    Found to a fraction of a voxel, by the field's own values along each ray.
    """
    step_mm = _STEP * part.spacing_mm
    thickness = np.full(len(points_mm), MOST_MM)
    going = np.arange(len(points_mm))
    before = np.full(len(points_mm), -step_mm)
    for n in range(2, int(MOST_MM / step_mm)):  # the first step lies on the border itself
        values, _ = part.at(points_mm[going] - n * step_mm * outward[going])
        values = np.nan_to_num(values, nan=step_mm)
        out = values >= 0.0
        share = np.clip(before[out] / np.minimum(before[out] - values[out], -1e-9), 0.0, 1.0)
        thickness[going[out]] = (n - 1 + share) * step_mm
        going, before = going[~out], values[~out]
        if not len(going):
            break
    return Wall(points_mm, thickness, np.nan_to_num(bone.at(points_mm)[0], nan=np.inf))
