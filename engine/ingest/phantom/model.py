"""A phantom before it is scanned: layers in painting order, the labels they carry, the lesions in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.core.anatomy import ANATOMY
from engine.core.array import Float64
from engine.ingest.phantom import kernel
from engine.ingest.phantom.solid import Cone, Layer, Point, Primitive, Solid, Tissue, compiled


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion with its exact size.

    Attributes:
        key: its structure in the label map.
        kind: radiological kind, "solid nodule", "ground-glass nodule", …
        centre_mm, radii_mm: the ellipsoid it is.
        volume_ml: exact; None where it is not a plain ellipsoid.
        value: mean HU or signal before blur and noise.
        parts_ml: exact volumes of parts inside it, by name.
    """

    key: str
    kind: str
    centre_mm: Point
    radii_mm: Point
    volume_ml: float | None
    value: float
    parts_ml: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """Layers, bottom first; keys of labels 1, 2, …; names of keys that the anatomy table does not hold itself."""

    layers: tuple[Layer, ...]
    keys: tuple[str, ...]
    names: tuple[tuple[str, str], ...]
    lesions: tuple[Lesion, ...]

    def without_lesions(self) -> Model:
        """The same body before it fell ill: lesions and the oedema about them are painted last, and left out."""
        ill = {lesion.key for lesion in self.lesions} | {"oedema"}
        keys = tuple(key for key in self.keys if key not in ill)
        if keys != self.keys[: len(keys)]:
            raise AssertionError("lesions are painted after all else")
        names = tuple(row for row in self.names if row[0] not in ill)
        return Model(tuple(layer for layer in self.layers if layer.label <= len(keys)), keys, names, ())


@dataclass
class Painter:
    """Collects layers; gives each structure key the next label when it is first painted."""

    layers: list[Layer] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    lesions: list[Lesion] = field(default_factory=list)

    def paint(self, what: Solid | Sequence[Primitive], tissue: Tissue, key: str = "") -> Solid:
        """Paint `what` over all that is there; an empty `key` shows it without a label."""
        solid = what if isinstance(what, Solid) else Solid(tuple(what))
        if key and key not in self.keys:
            self.keys.append(key)
        self.layers.append(Layer(solid, tissue, self.keys.index(key) + 1 if key else 0))
        return solid

    def paint_lesion(self, lesion: Lesion, name: str, parts: Sequence[tuple[Solid, Tissue]]) -> None:
        """Paint a lesion's parts, outermost first, all under its own label."""
        for solid, tissue in parts:
            self.paint(solid, tissue, lesion.key)
        self.names[lesion.key] = name
        self.lesions.append(lesion)

    def model(self) -> Model:
        """What was painted."""
        return Model(tuple(self.layers), tuple(self.keys), tuple(self.names.items()), tuple(self.lesions))


def anatomy_key(key: str) -> str:
    """The row of the anatomy table for a structure key: "nodule_3" is a "nodule"."""
    stem, _, number = key.rpartition("_")
    return stem if number.isdigit() and stem in ANATOMY else key


def distance_mm(solid: Solid, points_mm: Float64) -> Float64:
    """Signed distance (n,) of points (n, 3) to a solid, negative inside, to first order."""
    scene = compiled([Layer(solid, Tissue(0))], 0.0, np.zeros((2, 2, 2), np.float32))
    out = np.empty(len(points_mm))
    kernel.distances(scene, int(scene.layers[0, 0]), np.ascontiguousarray(points_mm), out)
    return out


def points_inside(
    solid: Solid, low: Point, high: Point, count: int, depth_mm: float, rng: np.random.Generator
) -> Float64:
    """`count` points (count, 3) at least `depth_mm` inside a solid that lies between two corners."""
    found: list[Float64] = []
    while sum(map(len, found)) < count:
        candidates = rng.uniform(low, high, size=(8 * count, 3))
        found.append(candidates[distance_mm(solid, candidates) < -depth_mm])
    return np.concatenate(found)[:count]


def widened(rods: Sequence[Cone], by_mm: float) -> list[Cone]:
    """The same rods, thicker by `by_mm` all round: a wall about a lumen."""
    return [
        Cone(r.start_mm, r.stop_mm, r.start_radius_mm + by_mm, r.stop_radius_mm + by_mm, r.flat_along, r.flatness)
        for r in rods
    ]
