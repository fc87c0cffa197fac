"""Distance from points to a surface, and from surface to surface by sampling: the measure that bounds are checked by.

Exact point-triangle distances (Ericson, "Real-Time Collision Detection", 2004, section 5.1.5) over a uniform grid,
searched outwards shell by shell until nothing nearer can remain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.surface import Surface
from engine.mesh.kernels_bits import inlined, kernel
from engine.mesh.kernels_slabs import Slabs

Int64 = NDArray[np.int64]

#: Cells along the longest side at most.
_MOST_CELLS = 256


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far two surfaces lie apart, from sampled points.

    Attributes:
        there_mm: largest distance of a point of the first from the second.
        back_mm: largest distance of a point of the second from the first.
        rms_mm: root mean square over both.
        p95_mm: 95th percentile over both.
    """

    there_mm: float
    back_mm: float
    rms_mm: float
    p95_mm: float

    @property
    def hausdorff_mm(self) -> float:
        """The larger of both directions."""
        return max(self.there_mm, self.back_mm)


def distances_mm(points_mm: Float64, surface: Surface) -> Float64:
    """Distance of each of (n, 3) patient points to the nearest point of `surface`, (n,) millimetres.

    Raises:
        InvalidValue: the surface has no triangles.
    """
    if not surface.triangle_count:
        raise InvalidValue("nothing is near a surface without triangles")
    corners = surface.vertices_mm.astype(np.float64)[surface.faces]
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    mean_size = float((corners.max(axis=1) - corners.min(axis=1)).max(axis=1).mean())
    size_mm = max(2 * mean_size, float((high - low).max()) / _MOST_CELLS, 1e-6)
    shape = ((high - low) / size_mm).astype(np.int64) + 1
    start = _count_triangles(corners, low, size_mm, shape)
    members = _list_triangles(corners, low, size_mm, shape, start)
    points, out = np.ascontiguousarray(points_mm, np.float64), np.empty(len(points_mm))
    with Slabs() as slabs:
        slabs.over(
            len(points),
            lambda first, last: _nearest(
                points[first:last], corners, low, size_mm, shape, start, members, out[first:last]
            ),
        )
    return out


def sample_points(surface: Surface, count: int, rng: np.random.Generator) -> Float64:
    """`count` points spread evenly over the area of `surface`, (count, 3) millimetres."""
    corners = surface.vertices_mm.astype(np.float64)[surface.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = corners[rng.choice(len(corners), count, p=area / area.sum())]
    # Square root: even over the triangle's area (Osada et al., "Shape distributions", 2002).
    root, share = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - root, root * (1 - share), root * share], axis=1)
    return np.asarray(np.einsum("nc,ncx->nx", weights, chosen))


def deviation_mm(first: Surface, second: Surface, samples: int, rng: np.random.Generator) -> Deviation:
    """How far two surfaces lie apart: `samples` points on each, and every vertex in use.

    Raises:
        FrameMismatch: the surfaces live in different frames.
        InvalidValue: one has no triangles.
    """
    if first.frame != second.frame:
        raise FrameMismatch(f"cannot compare surfaces in {first.frame} and {second.frame}")
    there = distances_mm(_probes(first, samples, rng), second)
    back = distances_mm(_probes(second, samples, rng), first)
    both = np.concatenate([there, back])
    return Deviation(
        float(there.max()), float(back.max()), float(np.sqrt((both**2).mean())), float(np.percentile(both, 95))
    )


def _probes(surface: Surface, samples: int, rng: np.random.Generator) -> Float64:
    if not surface.triangle_count:
        raise InvalidValue("a surface without triangles has no points")
    used = surface.vertices_mm[np.unique(surface.faces)].astype(np.float64)
    return np.concatenate([used, sample_points(surface, samples, rng)])


@inlined
def _cell_range(corners: Any, low: Any, size: Any, shape: Any, f: Any, box: Any) -> None:
    for axis in range(3):
        least = min(corners[f, 0, axis], corners[f, 1, axis], corners[f, 2, axis])
        most = max(corners[f, 0, axis], corners[f, 1, axis], corners[f, 2, axis])
        box[axis, 0] = min(max(np.int64((least - low[axis]) / size), 0), shape[axis] - 1)
        box[axis, 1] = min(max(np.int64((most - low[axis]) / size), 0), shape[axis] - 1)


@kernel
def _count_triangles(corners: Any, low: Any, size: Any, shape: Any) -> Any:
    """Running count of the triangles whose boxes touch each cell of the grid: where each cell's list starts."""
    start = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int64)
    box = np.empty((3, 2), np.int64)
    for f in range(corners.shape[0]):
        _cell_range(corners, low, size, shape, f, box)
        for z in range(box[2, 0], box[2, 1] + 1):
            for y in range(box[1, 0], box[1, 1] + 1):
                for x in range(box[0, 0], box[0, 1] + 1):
                    start[(z * shape[1] + y) * shape[0] + x + 1] += 1
    return np.cumsum(start)


@kernel
def _list_triangles(corners: Any, low: Any, size: Any, shape: Any, start: Any) -> Any:
    """The triangles of each cell, cell after cell."""
    members, cursor = np.empty(start[-1], np.int32), start.copy()
    box = np.empty((3, 2), np.int64)
    for f in range(corners.shape[0]):
        _cell_range(corners, low, size, shape, f, box)
        for z in range(box[2, 0], box[2, 1] + 1):
            for y in range(box[1, 0], box[1, 1] + 1):
                for x in range(box[0, 0], box[0, 1] + 1):
                    cell = (z * shape[1] + y) * shape[0] + x
                    members[cursor[cell]] = f
                    cursor[cell] += 1
    return members


@kernel
def _nearest(
    points: Any,
    corners: Any,
    low: Any,
    size: Any,
    shape: Any,
    start: Any,
    members: Any,
    out: Any,
) -> None:
    for p in range(points.shape[0]):
        out[p] = np.sqrt(_nearest_squared(points[p], corners, low, size, shape, start, members))


@inlined
def _nearest_squared(point: Any, corners: Any, low: Any, size: Any, shape: Any, start: Any, members: Any) -> Any:
    home = np.empty(3, np.int64)
    for axis in range(3):
        home[axis] = min(max(np.int64(np.floor((point[axis] - low[axis]) / size)), 0), shape[axis] - 1)
    best = np.inf
    for reach in range(shape.max() + 1):
        for z in range(max(home[2] - reach, 0), min(home[2] + reach, shape[2] - 1) + 1):
            for y in range(max(home[1] - reach, 0), min(home[1] + reach, shape[1] - 1) + 1):
                rim = abs(z - home[2]) == reach or abs(y - home[1]) == reach
                step = 1 if rim or reach == 0 else 2 * reach
                for x in range(home[0] - reach, home[0] + reach + 1, step):
                    if 0 <= x < shape[0]:
                        cell = (z * shape[1] + y) * shape[0] + x
                        for at in range(start[cell], start[cell + 1]):
                            best = min(best, _triangle_squared(point, corners[members[at]]))
        # All within this cube of cells has been seen; for a point outside the grid the cube reaches further still.
        outside = np.inf
        for axis in range(3):
            below = point[axis] - (low[axis] + (home[axis] - reach) * size)
            above = low[axis] + (home[axis] + reach + 1) * size - point[axis]
            if home[axis] - reach > 0:
                outside = min(outside, max(below, 0.0))
            if home[axis] + reach < shape[axis] - 1:
                outside = min(outside, max(above, 0.0))
        if best <= outside * outside:
            break
    return best


@inlined
def _triangle_squared(p: Any, corners: Any) -> Any:
    """Squared distance of `p` from a triangle, by the region of its plane that `p` projects into."""
    abx, aby, abz = corners[1, 0] - corners[0, 0], corners[1, 1] - corners[0, 1], corners[1, 2] - corners[0, 2]
    acx, acy, acz = corners[2, 0] - corners[0, 0], corners[2, 1] - corners[0, 1], corners[2, 2] - corners[0, 2]
    apx, apy, apz = p[0] - corners[0, 0], p[1] - corners[0, 1], p[2] - corners[0, 2]
    d1, d2 = abx * apx + aby * apy + abz * apz, acx * apx + acy * apy + acz * apz
    bb, cc, bc = abx * abx + aby * aby + abz * abz, acx * acx + acy * acy + acz * acz, abx * acx + aby * acy + abz * acz
    d3, d4, d5, d6 = d1 - bb, d2 - bc, d1 - bc, d2 - cc
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    v = w = 0.0
    if d1 <= 0 and d2 <= 0:
        pass
    elif d3 >= 0 and d4 <= d3:
        v = 1.0
    elif d6 >= 0 and d5 <= d6:
        w = 1.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        v = d1 / bb if bb > 0 else 0.0
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        w = d2 / cc if cc > 0 else 0.0
    elif va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        along = (d4 - d3) + (d5 - d6)
        w = (d4 - d3) / along if along > 0 else 0.0
        v = 1.0 - w
    else:
        whole = va + vb + vc
        v, w = (vb / whole, vc / whole) if whole > 0 else (0.0, 0.0)
    x, y, z = apx - v * abx - w * acx, apy - v * aby - w * acy, apz - v * abz - w * acz
    return x * x + y * y + z * z
