"""Placing lesions: ellipsoids wholly inside their organ, clear of what they must not touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64
from engine.ingest.phantom.model import Lesion, Painter, distance_mm, points_inside
from engine.ingest.phantom.solid import Ellipsoid, Point, Solid, Tissue


@dataclass(frozen=True, slots=True)
class LesionKind:
    """One row of a phantom's lesion table.

    Attributes:
        name: radiological kind.
        least_mm, most_mm: range of the longest radius.
        tissue: how it looks.
        core: share of its radius that `core_tissue` fills, if there is one.
        core_name: what the core is called in the truth.
    """

    name: str
    least_mm: float
    most_mm: float
    tissue: Tissue
    core: float = 0.0
    core_tissue: Tissue | None = None
    core_name: str = ""


@dataclass(frozen=True, slots=True)
class Organ:
    """Where lesions may lie: a solid between two corners, clear of other solids."""

    solid: Solid
    low_mm: Point
    high_mm: Point
    clear_of: Solid | None = None


def paint_lesions(
    painter: Painter, stem: str, kinds: Sequence[LesionKind], organs: Sequence[Organ], rng: np.random.Generator
) -> None:
    """Paint one lesion of each kind, in an organ drawn for each, apart from each other.

    They are painted last and lie wholly inside, so that their volumes are closed forms.
    """
    taken: list[tuple[Float64, float]] = []
    for n, kind in enumerate(kinds, start=1):
        radius = float(rng.uniform(kind.least_mm, kind.most_mm))
        radii = radius * np.array([1.0, *rng.uniform(0.82, 1.0, size=2)])
        organ = organs[int(rng.integers(len(organs)))]
        centre = _free_place(organ, taken, radius, rng)
        taken.append((centre, radius))
        _paint(painter, f"{stem}_{n}", f"{kind.name.capitalize()} {n}", kind, centre, radii, rng.uniform(-40, 40, 3))


def _free_place(organ: Organ, taken: list[tuple[Float64, float]], radius: float, rng: np.random.Generator) -> Float64:
    """The first of many candidates whose lesion touches nothing that it must not."""
    candidates = points_inside(organ.solid, organ.low_mm, organ.high_mm, 300, radius + 2.5, rng)
    if organ.clear_of is not None:
        candidates = candidates[distance_mm(organ.clear_of, candidates) > radius + 1.5]
    for centre in candidates:
        if all(np.linalg.norm(centre - other) > radius + size + 5 for other, size in taken):
            return np.asarray(centre)
    raise AssertionError("organs are chosen large enough for their lesions")


def _paint(
    painter: Painter, key: str, name: str, kind: LesionKind, centre: Float64, radii: Float64, turn_deg: Float64
) -> None:
    (x, y, z), (a, b, c), (u, v, w) = centre.tolist(), radii.tolist(), turn_deg.tolist()
    volume_ml = 4 / 3 * float(np.pi) * a * b * c / 1000
    parts = [(Solid((Ellipsoid((x, y, z), (a, b, c), (u, v, w)),)), kind.tissue)]
    parts_ml: tuple[tuple[str, float], ...] = ()
    if kind.core_tissue is not None:
        inner = Ellipsoid((x, y, z), (kind.core * a, kind.core * b, kind.core * c), (u, v, w))
        parts.append((Solid((inner,)), kind.core_tissue))
        parts_ml = ((kind.core_name, volume_ml * kind.core**3),)
    lesion = Lesion(key, kind.name, (x, y, z), (a, b, c), volume_ml, kind.tissue.value, parts_ml)
    painter.paint_lesion(lesion, name, parts)
