"""Simple bodies whose volume, area and distance are known in closed form: the truth of surface tests.

A body stands in patient millimetres and knows nothing of voxels. Distances are signed, negative
inside. `label_map` samples at voxel centres, the way a segmentation would.

Formulas: sphere and torus are elementary; the ellipsoid's area is Legendre's integral and its
distance Eberly's root search (D. Eberly, "Distance from a Point to an Ellipse, an Ellipsoid, or a
Hyperellipsoid", Geometric Tools, 2013).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import pi

import numpy as np
from numpy.typing import ArrayLike

from engine.core.anatomy import fallback_colour
from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.structure import Provenance, Structure
from engine.core.volume import LabelMap

Point = tuple[float, float, float]

#: Voxel centres evaluated at once when a body is sampled; keeps memory bounded on large grids.
_SLAB_POINTS = 1 << 20


@dataclass(frozen=True, slots=True)
class Body:
    """A solid with known answers.

    Attributes:
        name: lower_snake_case.
        volume_mm3, area_mm2: exact, of the solid and of its whole boundary.
        genus: handles of the boundary, summed over its components.
        components: connected pieces of the boundary.
        distance_mm: points (…, 3) in patient millimetres to signed distance (…), negative inside.
        bounds_mm: lower and upper corner of a box that holds the body.
    """

    name: str
    volume_mm3: float
    area_mm2: float
    genus: int
    components: int
    bounds_mm: tuple[Point, Point]
    distance_mm: Callable[[Float64], Float64] = field(repr=False, compare=False)

    @property
    def euler_characteristic(self) -> int:
        """Vertices minus edges plus faces of any closed mesh of the boundary."""
        return 2 * self.components - 2 * self.genus


def sphere(radius_mm: float, centre_mm: Point = (0.0, 0.0, 0.0)) -> Body:
    """A ball."""
    _positive(radius_mm=radius_mm)
    centre = np.array(centre_mm)
    return Body(
        "sphere",
        4 / 3 * pi * radius_mm**3,
        4 * pi * radius_mm**2,
        genus=0,
        components=1,
        bounds_mm=_box(centre, (radius_mm,) * 3),
        distance_mm=lambda points: _lengths(points - centre) - radius_mm,
    )


def shell(outer_mm: float, inner_mm: float, centre_mm: Point = (0.0, 0.0, 0.0)) -> Body:
    """A ball with a concentric ball taken out: two boundary components."""
    _positive(inner_mm=inner_mm, thickness_mm=outer_mm - inner_mm)
    centre = np.array(centre_mm)
    middle, half = (outer_mm + inner_mm) / 2, (outer_mm - inner_mm) / 2
    return Body(
        "shell",
        4 / 3 * pi * (outer_mm**3 - inner_mm**3),
        4 * pi * (outer_mm**2 + inner_mm**2),
        genus=0,
        components=2,
        bounds_mm=_box(centre, (outer_mm,) * 3),
        distance_mm=lambda points: np.abs(_lengths(points - centre) - middle) - half,
    )


def torus(ring_mm: float, tube_mm: float, centre_mm: Point = (0.0, 0.0, 0.0)) -> Body:
    """A ring about the z axis: `ring_mm` from the centre to the middle of a tube of radius `tube_mm`."""
    _positive(tube_mm=tube_mm, hole_mm=ring_mm - tube_mm)
    centre = np.array(centre_mm)

    def distance(points: Float64) -> Float64:
        p = points - centre
        return np.asarray(np.hypot(np.hypot(p[..., 0], p[..., 1]) - ring_mm, p[..., 2]) - tube_mm)

    reach = ring_mm + tube_mm
    return Body(
        "torus",
        2 * pi**2 * ring_mm * tube_mm**2,
        4 * pi**2 * ring_mm * tube_mm,
        genus=1,
        components=1,
        bounds_mm=_box(centre, (reach, reach, tube_mm)),
        distance_mm=distance,
    )


def ellipsoid(radii_mm: Point, centre_mm: Point = (0.0, 0.0, 0.0)) -> Body:
    """An ellipsoid with its axes along the patient's."""
    _positive(radius_mm=min(radii_mm))
    centre, radii = np.array(centre_mm), np.array(radii_mm)
    return Body(
        "ellipsoid",
        4 / 3 * pi * float(np.prod(radii)),
        _ellipsoid_area_mm2(radii),
        genus=0,
        components=1,
        bounds_mm=_box(centre, radii),
        distance_mm=lambda points: _ellipsoid_distance(points - centre, radii),
    )


def two_touching_spheres(radius_mm: float, centre_mm: Point = (0.0, 0.0, 0.0)) -> tuple[Body, Body]:
    """Two equal balls that share one point at the centre, side by side along x."""
    x, y, z = centre_mm
    return sphere(radius_mm, (x - radius_mm, y, z)), sphere(radius_mm, (x + radius_mm, y, z))


def label_map(bodies: Sequence[Body], grid: Grid) -> LabelMap:
    """Body n of `bodies` as label n + 1 where a voxel's centre lies in it; later bodies win.

    Raises:
        InvalidValue: no bodies, or more than a uint8 can count.
    """
    if not 1 <= len(bodies) <= 255:
        raise InvalidValue(f"a label map of bodies holds 1 to 255 of them, got {len(bodies)}")
    labels = np.zeros(grid.shape[::-1], dtype=np.uint8)  # k, j, i: i fastest
    for start, points in _centres(grid):
        for label, body in enumerate(bodies, start=1):
            labels[start : start + len(points)][body.distance_mm(points) <= 0] = label
    provenance = Provenance("phantom body", "1", synthetic=True)
    structures = tuple(
        Structure(n, f"{body.name}_{n}", f"{body.name.capitalize()} {n}", None, fallback_colour(n), 1.0, provenance)
        for n, body in enumerate(bodies, start=1)
    )
    return LabelMap(grid, labels.T, structures)


def _centres(grid: Grid) -> Iterator[tuple[int, Float64]]:
    """Runs of slices as (first k, patient positions (k, j, i, 3))."""
    ni, nj, nk = grid.shape
    run = max(1, _SLAB_POINTS // (ni * nj))
    for start in range(0, nk, run):
        k, j, i = np.mgrid[start : min(start + run, nk), :nj, :ni]
        yield start, grid.patient_from_voxel.apply(np.stack([i, j, k], axis=-1))


def _lengths(vectors: ArrayLike) -> Float64:
    return np.asarray(np.linalg.norm(vectors, axis=-1))


def _box(centre: Float64, half: ArrayLike) -> tuple[Point, Point]:
    reach = np.asarray(half, dtype=np.float64)
    low, high = (centre - reach).tolist(), (centre + reach).tolist()
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def _positive(**lengths_mm: float) -> None:
    for name, value in lengths_mm.items():
        if not value > 0:
            raise InvalidValue(f"{name} must be positive, got {value}")


def _ellipsoid_area_mm2(radii: Float64) -> float:
    """Surface of an ellipsoid: its area element over the unit sphere, integrated to rounding.

    The integrand is smooth and periodic in longitude, so the trapezoid rule there and
    Gauss-Legendre in the cosine of latitude converge geometrically.
    """
    a, b, c = radii
    u, weights = np.polynomial.legendre.leggauss(200)
    v = np.arange(400) * (2 * pi / 400)
    s = np.sqrt(1 - u**2)[:, None]
    density = np.sqrt((b * c * s * np.cos(v)) ** 2 + (a * c * s * np.sin(v)) ** 2 + (a * b * u[:, None]) ** 2)
    return float((weights[:, None] * density).sum() * (2 * pi / 400))


def _ellipsoid_distance(points: Float64, radii: Float64) -> Float64:
    """Signed distance to an ellipsoid about the origin.

    The nearest point is x_i = r_i² p_i / (t + r_i²), where t is the largest root of
    Σ (r_i p_i / (t + r_i²))² = 1; the sum falls with t, so bisection finds it.
    """
    p = np.abs(points)
    squares = radii**2
    smallest = squares.min()
    low = -smallest + np.sqrt(smallest) * np.take(p, int(radii.argmin()), axis=-1)
    high = -smallest + _lengths(radii * p)
    for _ in range(60):
        middle = (low + high) / 2
        total = ((radii * p / np.maximum(middle[..., None] + squares, 1e-300)) ** 2).sum(axis=-1)
        low, high = np.where(total > 1, middle, low), np.where(total > 1, high, middle)
    nearest = squares * p / np.maximum(high[..., None] + squares, 1e-300)
    nearest = _on_the_flat_axis(nearest, radii)
    inside = ((p / radii) ** 2).sum(axis=-1) < 1
    return np.where(inside, -1.0, 1.0) * _lengths(p - nearest)


def _on_the_flat_axis(nearest: Float64, radii: Float64) -> Float64:
    """Complete points deep inside, where t reaches its pole and the shortest axis takes up the rest."""
    axis = int(radii.argmin())
    others = np.delete(np.arange(3), axis)
    rest = 1 - ((nearest[..., others] / radii[others]) ** 2).sum(axis=-1)
    completed = nearest.copy()
    completed[..., axis] = radii[axis] * np.sqrt(np.clip(rest, 0.0, None))
    return completed
