"""A surface that is asked, many times a second, how far away it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Float64, Int32, frozen
from engine.core.errors import InvalidValue
from engine.core.frame import Frame
from engine.core.surface import Surface
from guidance.margins.kernels.build import NODE_FLOATS, build
from guidance.margins.kernels.margins import Tree, near_axis, near_point

#: Triangles of a leaf, at most.
_LEAF = 6
#: A search ends when nothing can be nearer by more than this: the distance to much of a ball's surface is alike from
#: its middle, and telling those apart would take a look at every triangle.
SEARCH_MM = 0.05


@dataclass(frozen=True, slots=True)
class Near:
    """Where a surface is nearest.

    Attributes:
        distance_mm: negative within; of a line, the least along it.
        surface_mm: (3,) the nearest point of the surface.
        tool_mm: (3,) the point that was asked for; of a line, the one that is nearest or deepest.
        error_mm: bound on how far `distance_mm` is from the exact distance to the triangles; it is never too small.
        triangle: of the tree, a hint for the next search.
    """

    distance_mm: float
    surface_mm: Float64
    tool_mm: Float64
    error_mm: float
    triangle: int


class SurfaceTree:
    """A closed surface in a tree of oriented boxes. Never changes; may be asked from many threads.

    Raises:
        InvalidValue: no triangles, or the surface is not closed, so that it has no inside.
    """

    def __init__(self, surface: Surface) -> None:
        if not surface.triangle_count:
            raise InvalidValue("nothing is near a surface without triangles")
        self.frame: Frame = surface.frame
        self.error_mm = surface.error_mm
        corners = surface.vertices_mm.astype(np.float64)[surface.faces]
        n = len(corners)
        depth = max(0, int(np.ceil(np.log2(n / _LEAF))))
        order = np.arange(n, dtype=np.int32)
        nodes = np.empty(((2 << depth) - 1, NODE_FLOATS), np.float32)
        build(depth, corners, order, np.empty(n), nodes)
        ordered = np.ascontiguousarray(surface.faces[order])
        #: For kernels.
        self.arrays = Tree(
            frozen(nodes),
            frozen(np.ascontiguousarray(surface.vertices_mm[ordered])),
            frozen(_across_edges(ordered)),
            frozen(ordered),
            frozen(_vertex_normals(corners[order], ordered, len(surface.vertices_mm))),
            (1 << depth) - 1,
            surface.error_mm,
        )

    @property
    def triangle_count(self) -> int:
        """Triangles held."""
        return len(self.arrays.corners)

    def near_point(self, point_mm: Float64, hint: int = -1) -> Near:
        """Where the surface is nearest to a (3,) point of its frame."""
        found = np.empty(3)
        triangle, distance_mm = near_point(self.arrays, point_mm, SEARCH_MM, hint, 0.0, 0.0, found)
        return Near(distance_mm, found, point_mm, SEARCH_MM, triangle)

    def near_axis(self, from_mm: Float64, to_mm: Float64, near: Near) -> Near:
        """Where the surface is nearest to a straight line, or the line deepest in it; `near` is that of `from_mm`."""
        found = np.empty(3)
        triangle, t, distance_mm, error_mm = near_axis(
            self.arrays, from_mm, to_mm, near.distance_mm, SEARCH_MM, 0.5, near.triangle, found
        )
        return Near(distance_mm, found, from_mm + t * (to_mm - from_mm), error_mm, triangle)

    def normal_near(self, point_mm: Float64) -> Float64:
        """(3,) outward unit normal of the triangle that is nearest to a point."""
        a, b, c = self.arrays.corners[self.near_point(point_mm).triangle].astype(np.float64)
        normal = np.cross(b - a, c - a)
        return np.asarray(normal / max(float(np.linalg.norm(normal)), float(np.finfo(np.float64).tiny)))


def _across_edges(faces: Int32) -> Int32:
    """(n, 3) the triangle across each edge from corner k to the next.

    Raises:
        InvalidValue: an edge without exactly one partner that runs the other way.
    """
    n = len(faces)
    start, end = faces.astype(np.int64), np.roll(faces, -1, axis=1).astype(np.int64)
    key: NDArray[np.int64] = (start << 32 | end).ravel()
    back: NDArray[np.int64] = (end << 32 | start).ravel()
    order = np.argsort(key)
    place = np.searchsorted(key, back, sorter=order)
    partner = order[np.minimum(place, len(order) - 1)]
    open_edges = int(np.count_nonzero(key[partner] != back))
    if open_edges:
        raise InvalidValue(f"{open_edges} edges of the surface have no neighbour: it is open and has no inside")
    return (partner // 3).reshape(n, 3).astype(np.int32)


def _vertex_normals(corners: Float64, faces: Int32, vertices: int) -> Float32:
    """(v, 3) normals of faces weighted by their angles at each vertex."""
    a, b = np.roll(corners, -1, axis=1) - corners, np.roll(corners, -2, axis=1) - corners
    normals = np.cross(a[:, 0], b[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    lengths = np.linalg.norm(a, axis=2) * np.linalg.norm(b, axis=2)
    cosine = np.einsum("nki,nki->nk", a, b) / np.maximum(lengths, np.finfo(np.float64).tiny)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    total = np.zeros((vertices, 3))
    for k in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(faces[:, k], normals[:, axis] * angle[:, k], vertices)
    return total.astype(np.float32)
