"""The shapes phantoms are made of: implicit solids in patient millimetres, independent of any grid.

A `Primitive` is one closed form. A `Solid` combines parts: smooth union of what it adds, smoothly
carved by what it cuts, kept inside what clips it (I. Quilez, "Smooth minimum", 2013, quadratic
kind). A `Layer` paints a solid with a tissue; later layers win. `compiled` flattens a list of
layers into the arrays that the kernels walk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Float64
from engine.core.errors import InvalidValue

Point = tuple[float, float, float]

ELLIPSOID, CONE, LOFT, BOX, HALF_SPACE, FOLDS = range(6)
ADDED, CUT, CLIPPED = range(3)

#: Numbers a primitive may need (the box takes them all); its kind stands behind them.
KIND = 16


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """Axes turned by `turn_deg` about x, then y, then z."""

    centre_mm: Point
    radii_mm: Point
    turn_deg: Point = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Cone:
    """A round-ended rod from one radius to another, `flatness` times thinner along `flat_along`."""

    start_mm: Point
    stop_mm: Point
    start_radius_mm: float
    stop_radius_mm: float
    flat_along: Point = (0.0, 0.0, 1.0)
    flatness: float = 1.0


@dataclass(frozen=True, slots=True)
class Section:
    """One level of a loft: a superellipse with its own reach in four directions."""

    z_mm: float
    x_mm: float
    y_mm: float
    right_mm: float
    left_mm: float
    front_mm: float
    back_mm: float


@dataclass(frozen=True, slots=True)
class Loft:
    """Sections along z, lowest first, joined by monotone cubics; flat at both ends.

    The outline at each level is |x/a|^n + |y/b|^n = 1 with n = `exponent`.
    """

    sections: tuple[Section, ...]
    exponent: float = 2.0

    def inset(self, mm: float, *, back_mm: float | None = None) -> Loft:
        """Every reach shorter by `mm` (longer where negative), at the back by `back_mm` if given."""
        back = mm if back_mm is None else back_mm

        def shrunk(s: Section) -> Section:
            right, left, front = (max(0.1, reach - mm) for reach in (s.right_mm, s.left_mm, s.front_mm))
            return replace(s, right_mm=right, left_mm=left, front_mm=front, back_mm=max(0.1, s.back_mm - back))

        return replace(self, sections=tuple(shrunk(s) for s in self.sections))


@dataclass(frozen=True, slots=True)
class Box:
    """A box with rounded edges, turned as `Ellipsoid` is."""

    centre_mm: Point
    half_mm: Point
    rounding_mm: float = 0.0
    turn_deg: Point = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class HalfSpace:
    """Everything below `offset_mm` along `normal` (unit length)."""

    normal: Point
    offset_mm: float


@dataclass(frozen=True, slots=True)
class Folds:
    """Sheets `2 half_mm` thick that run from a centre outwards, like the sulci of a brain.

    They are the zero level of the scene's fold field, looked up on the direction from the centre
    with the distance raised to a small power, so that sheets stand upright on the brain's surface.
    """

    centre_mm: Point
    radii_mm: Point
    half_mm: float


Primitive = Ellipsoid | Cone | Loft | Box | HalfSpace | Folds


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """(added parts joined) without (cut parts) within (all clips).

    Attributes:
        blend_mm: width over which added parts flow into each other.
        carve_mm: the same for the edges that cuts and clips leave.
    """

    adds: tuple[Primitive | Solid, ...]
    cuts: tuple[Primitive | Solid, ...] = ()
    clips: tuple[Primitive | Solid, ...] = ()
    blend_mm: float = 0.0
    carve_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class Tissue:
    """What a layer looks like before the scanner: HU for CT, relative signal for MR.

    Attributes:
        value: mean.
        fine, coarse: standard deviation of texture at about 3 mm and 14 mm.
        rim_mm, rim_value: a skin of another value just inside the surface, none where 0.
        per_mm_back: change of the value for each mm towards the back, about y = 0.
    """

    value: float
    fine: float = 0.0
    coarse: float = 0.0
    rim_mm: float = 0.0
    rim_value: float = 0.0
    per_mm_back: float = 0.0


@dataclass(frozen=True, slots=True)
class Layer:
    """A solid painted with a tissue; `label` 0 is shown but not labelled."""

    solid: Solid
    tissue: Tissue
    label: int = 0


class SceneArrays(NamedTuple):
    """A compiled scene. P primitives, K loft sections, S solids with I items, L layers.

    Attributes:
        numbers (P, 17): what each primitive needs, and its kind.
        sections (K, 13): z, six reaches, their six slopes.
        items (I, 2): primitive index, or -1 - solid index; added, cut or clipped.
        first_item (S + 1,): where each solid's items start.
        solids (S, 3): blend, carve, margin in mm; the margin is how far from its surface a solid
            must stay before a whole block may be called in or out.
        layers (L, 9): solid, label, the fields of `Tissue`, whether any part of it is thin.
        background: value where no layer is.
        texture (n, n, n), folds (m, m, m): periodic fields, unit variance and millimetres.
    """

    numbers: Float64
    sections: Float64
    items: NDArray[np.int32]
    first_item: NDArray[np.int32]
    solids: Float64
    layers: Float64
    background: float
    texture: Float32
    folds: Float32


def compiled(
    layers: Sequence[Layer], background: float, texture: Float32, folds: Float32 | None = None, folds_step_mm: float = 1
) -> SceneArrays:
    """Flatten `layers` for the kernels. `folds` is sampled every `folds_step_mm`.

    Raises:
        InvalidValue: a loft with fewer than two sections or sections out of order.
    """
    table = _Table(folds_step_mm)
    painted = [table.add_solid(layer.solid) for layer in layers]
    for index, layer in zip(painted, layers, strict=True):
        # A rim is drawn up to its depth, and first-order distances may err by half near curved ends.
        table.margin[index] = max(table.margin[index], 1.5 * layer.tissue.rim_mm)
    table.spread_margins()
    rows = [
        (index, layer.label, *_tissue_row(layer.tissue), _is_thin(layer.solid))
        for index, layer in zip(painted, layers, strict=True)
    ]
    return SceneArrays(
        numbers=np.array(table.numbers, dtype=np.float64).reshape(-1, KIND + 1),
        sections=np.array(table.sections, dtype=np.float64).reshape(-1, 13),
        items=np.array(table.items, dtype=np.int32).reshape(-1, 2),
        first_item=np.array([*table.first_item, len(table.items)], dtype=np.int32),
        solids=np.array([table.blend, table.carve, table.margin], dtype=np.float64).T.copy(),
        layers=np.array(rows, dtype=np.float64).reshape(-1, 9),
        background=background,
        texture=texture,
        folds=np.zeros((2, 2, 2), np.float32) if folds is None else folds,
    )


#: A voxel may hold both faces of anything thinner than this radius.
_THIN_MM = 3.0


def _is_thin(solid: Solid) -> bool:
    """Whether a voxel's distance to the surface says little about how much of it the solid covers."""
    for part in (*solid.adds, *solid.cuts, *solid.clips):
        match part:
            case Solid():
                thin = _is_thin(part)
            case Cone():
                thin = min(part.start_radius_mm, part.stop_radius_mm) < _THIN_MM * part.flatness
            case Box():
                thin = min(part.half_mm) < _THIN_MM
            case Ellipsoid():
                thin = min(part.radii_mm) < _THIN_MM
            case _:
                thin = isinstance(part, Folds)
        if thin:
            return True
    return False


def _tissue_row(t: Tissue) -> tuple[float, ...]:
    return (t.value, t.fine, t.coarse, t.rim_mm, t.rim_value, t.per_mm_back)


@dataclass
class _Table:
    """Solids in the order they can be evaluated: a part before what it is part of."""

    folds_step_mm: float
    numbers: list[list[float]] = field(default_factory=list)
    sections: list[list[float]] = field(default_factory=list)
    items: list[tuple[int, int]] = field(default_factory=list)
    first_item: list[int] = field(default_factory=list)
    blend: list[float] = field(default_factory=list)
    carve: list[float] = field(default_factory=list)
    margin: list[float] = field(default_factory=list)
    index: dict[Solid, int] = field(default_factory=dict)

    def add_solid(self, solid: Solid) -> int:
        if solid in self.index:
            return self.index[solid]
        roles = ((ADDED, solid.adds), (CUT, solid.cuts), (CLIPPED, solid.clips))
        rows = [(self._item(part), role) for role, parts in roles for part in parts]
        self.first_item.append(len(self.items))
        self.items += rows
        self.blend.append(solid.blend_mm)
        self.carve.append(solid.carve_mm)
        self.margin.append(0.0)
        self.index[solid] = len(self.blend) - 1
        return self.index[solid]

    def spread_margins(self) -> None:
        """A part must be known as far from its surface as the wholes that blend it need."""
        stops = [*self.first_item[1:], len(self.items)]
        for solid in reversed(range(len(self.blend))):
            reach = self.margin[solid] + max(self.blend[solid], self.carve[solid])
            for item, _ in self.items[self.first_item[solid] : stops[solid]]:
                if item < 0:
                    self.margin[-1 - item] = max(self.margin[-1 - item], reach)

    def _item(self, part: Primitive | Solid) -> int:
        if isinstance(part, Solid):
            return -1 - self.add_solid(part)
        kind, numbers = self._row(part)
        self.numbers.append([*numbers, *[0.0] * (KIND - len(numbers)), float(kind)])
        return len(self.numbers) - 1

    def _row(self, part: Primitive) -> tuple[int, list[float]]:
        match part:
            case Ellipsoid(centre, radii, turn):
                return ELLIPSOID, [*centre, *_axes(turn), *radii]
            case Cone(start, stop, start_radius, stop_radius, along, flatness):
                return CONE, [*start, *stop, start_radius, stop_radius, *_unit(along), flatness]
            case Loft(sections, exponent):
                first = len(self.sections)
                self.sections += _section_rows(sections)
                return LOFT, [exponent, float(first), float(len(sections))]
            case Box(centre, half, rounding, turn):
                return BOX, [*centre, *_axes(turn), *half, rounding]
            case HalfSpace(normal, offset):
                return HALF_SPACE, [*_unit(normal), offset]
            case Folds(centre, radii, half_mm):
                return FOLDS, [*centre, *radii, half_mm, self.folds_step_mm]


def turned(turn_deg: Point) -> Float64:
    """(3, 3) rotation about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x, dtype=np.float64)


def _axes(turn_deg: Point) -> list[float]:
    return [float(v) for v in turned(turn_deg).T.ravel()]


def _unit(vector: Point) -> list[float]:
    v = np.asarray(vector, dtype=np.float64)
    return [float(x) for x in v / np.linalg.norm(v)]


def _section_rows(sections: Sequence[Section]) -> Iterable[list[float]]:
    """Rows of z, six reaches and six slopes (Fritsch-Carlson, so that no reach overshoots)."""
    levels = np.array([s.z_mm for s in sections])
    if len(levels) < 2 or (np.diff(levels) <= 0).any():
        raise InvalidValue(f"a loft needs two or more sections of rising z, got {levels.tolist()}")
    reaches = np.array([[s.x_mm, s.y_mm, s.right_mm, s.left_mm, s.front_mm, s.back_mm] for s in sections])
    steps = np.diff(levels)[:, None]
    secants = np.diff(reaches, axis=0) / steps
    slopes = np.zeros_like(reaches)
    slopes[0], slopes[-1] = secants[0], secants[-1]
    before, after = secants[:-1], secants[1:]
    rising = before * after > 0
    w_before, w_after = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        harmonic = (w_before + w_after) / (w_before / before + w_after / after)
    slopes[1:-1] = np.where(rising, harmonic, 0.0)
    return np.concatenate([levels[:, None], reaches, slopes], axis=1).tolist()  # type: ignore[no-any-return]
