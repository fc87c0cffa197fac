"""Round lesions: lumpy ellipsoids, and such with spikes. All in millimetres about their middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64

#: Directions that a blob's diameter is measured along.
_DIRECTIONS = 600
_WAVES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """A lumpy ellipsoid.

    Attributes:
        axes_mm: (3, 3) from millimetres to the unit ball: turn and radii.
        waves: (n, 5) wave vector, phase and height of each lump over the unit ball.
        radius_mm: of a ball about its middle that holds it.
    """

    axes_mm: Float64
    waves: Float64
    radius_mm: float

    def distance(self, offsets_mm: Float64) -> Float64:
        """Signed distance (…) of offsets (…, 3) from its middle, to first order near its surface."""
        q = offsets_mm @ self.axes_mm.T
        norm = np.linalg.norm(q, axis=-1)
        unit = q / np.maximum(norm, 1e-9)[..., None]
        scale = np.linalg.norm(unit @ self.axes_mm, axis=-1)  # |gradient of the ellipsoid's level| there
        return np.asarray((norm - _reach(unit, self.waves)) / np.maximum(scale, 1e-9))

    def scaled(self, by: float) -> Blob:
        """The same shape, larger or smaller."""
        return Blob(self.axes_mm / by, self.waves, self.radius_mm * by)


def blob(size_mm: float, rng: np.random.Generator, *, lumps: float = 0.1, slim: float = 0.75) -> Blob:
    """A blob whose largest diameter is `size_mm`.

    Args:
        size_mm: diameter.
        rng: of its shape.
        lumps: how far its surface goes in and out, as a share of the radius (standard deviation).
        slim: least ratio of its shorter axes to its longest.
    """
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    radii = np.array([1.0, *rng.uniform(slim, 1.0, 2)])
    vectors = rng.normal(size=(_WAVES, 3))
    vectors *= (rng.uniform(1.2, 4.5, _WAVES) / np.linalg.norm(vectors, axis=1))[:, None]
    heights = np.full(_WAVES, lumps * np.sqrt(2 / _WAVES))
    waves = np.column_stack([vectors, rng.uniform(0, 2 * np.pi, _WAVES), heights])
    unit = directions(_DIRECTIONS)
    reach = _reach(unit, waves)[:, None] * (unit * radii)
    along = reach @ unit.T
    widest = float((along.max(axis=0) - along.min(axis=0)).max())
    scale = size_mm / widest
    axes = np.diag(1 / (radii * scale)) @ turn.T
    return Blob(axes, waves, float(np.linalg.norm(reach, axis=1).max()) * scale)


def directions(count: int) -> Float64:
    """Unit vectors (count, 3) spread evenly over the sphere (golden-angle spiral)."""
    n = np.arange(count) + 0.5
    z, turn = 1 - 2 * n / count, np.pi * (1 + 5**0.5) * n
    side = np.sqrt(1 - z * z)
    return np.column_stack([side * np.cos(turn), side * np.sin(turn), z])


def spikes(size_mm: float, count: int, rng: np.random.Generator) -> tuple[Float64, Float64]:
    """Ends (count, 3) and thickness at the root (count,) of spikes, about the middle of a blob."""
    unit = rng.normal(size=(count, 3))
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    return unit * (size_mm * rng.uniform(0.7, 1.25, count))[:, None], rng.uniform(0.09, 0.17, count) * size_mm


def spike_distance(offsets_mm: Float64, ends_mm: Float64, thick_mm: Float64) -> Float64:
    """Signed distance (…) to the nearest of cones that taper from the middle to their ends."""
    nearest = np.full(offsets_mm.shape[:-1], np.inf)
    for end, thick in zip(ends_mm, thick_mm, strict=True):
        t = np.clip(offsets_mm @ end / (end @ end), 0.0, 1.0)
        away = np.linalg.norm(offsets_mm - t[..., None] * end, axis=-1)
        nearest = np.minimum(nearest, away - thick * (1.0 - 0.85 * t))
    return nearest


def _reach(unit: Float64, waves: Float64) -> Float64:
    """How far out the surface lies along unit vectors (…, 3), as a share of the ellipsoid's radius."""
    return np.asarray(1.0 + np.cos(unit @ waves[:, :3].T + waves[:, 3]) @ waves[:, 4])
