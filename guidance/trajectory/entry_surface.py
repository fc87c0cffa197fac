"""The surface that a tool goes in through: skin of a head or a body, or bone laid bare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from engine.core.array import Float64
from engine.core.frame import Frame
from engine.core.surface import Surface
from guidance.margins.kernels.ways import first_crossings
from guidance.margins.surface_tree import SurfaceTree
from guidance.trajectory.outer_shell import outer_shell

#: A burr hole's radius: the normal at an entry is that of the surface about it, not of a single triangle.
PATCH_MM = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class WaysOut:
    """Where straight ways from within reach the surface.

    Attributes:
        counts: (n,) how often each goes through it: one that leaves, enters and leaves again counts 3.
        lengths_mm: (n,) to where it does so first; infinite where it never does.
    """

    counts: NDArray[np.int64]
    lengths_mm: Float64


class EntrySurface:
    """The outer shell of a closed surface, asked where ways go in and how steeply. Never changes.

    Cavities within, and smaller bodies beside, are no way in: of several shells the one that encloses most is taken.

    Raises:
        InvalidValue: no triangles, or it is open.
    """

    def __init__(self, surface: Surface) -> None:
        surface = outer_shell(surface)
        self.tree = SurfaceTree(surface)
        corners = self.tree.arrays.corners.astype(np.float64)
        #: (f, 3) of twice a triangle's area.
        self._normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        self._middles = cKDTree(corners.mean(axis=1), balanced_tree=False)
        self._reach_mm = float(np.linalg.norm(np.ptp(surface.vertices_mm, axis=0))) + 1.0

    @property
    def frame(self) -> Frame:
        """The patient frame that it is in."""
        return self.tree.frame

    def ways_out(self, from_mm: Float64, directions: Float64) -> WaysOut:
        """Straight ways from a (3,) place along (n, 3) unit vectors, as far as the surface reaches."""
        counts, fractions = np.empty(len(directions), np.int64), np.empty(len(directions))
        first_crossings(self.tree.arrays, from_mm, directions * self._reach_mm, counts, fractions)
        return WaysOut(counts, fractions * self._reach_mm)

    def inward(self, points_mm: Float64) -> Float64:
        """(n, 3) unit normals into the body, near (n, 3) points: the mean of the surface about each.

        Of a fold such as an ear only the side that the point lies on counts.
        """
        inward = np.empty((len(points_mm), 3))
        for n, point in enumerate(points_mm):
            own = self._normals[self.tree.near_point(point).triangle]
            around = self._normals[self._middles.query_ball_point(point, PATCH_MM)]
            total = around[around @ own > 0].sum(axis=0)
            mean = total if total @ own > 0 else own
            inward[n] = -mean / max(float(np.linalg.norm(mean)), float(np.finfo(np.float64).tiny))
        return inward
