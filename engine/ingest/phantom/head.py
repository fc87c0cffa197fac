"""A head after contrast, as T1 MR and as CT: folded brain, ventricles, skull, face, vessels, tumour with oedema.

One anatomy, two looks: `_LOOKS` gives each tissue its T1 signal (arbitrary units, white matter 560)
and its HU. z = 0 lies at the level of the sella; the brain's middle is some 20 mm above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from engine.ingest.phantom.lesion import LesionKind, Organ, paint_lesions
from engine.ingest.phantom.model import Model, Painter, points_inside, widened
from engine.ingest.phantom.solid import (
    Box,
    Cone,
    Ellipsoid,
    Folds,
    HalfSpace,
    Loft,
    Point,
    Primitive,
    Section,
    Solid,
    Tissue,
)
from engine.ingest.phantom.torso import both, vertebra
from engine.ingest.phantom.tree import curve, tree

Matter = Literal[
    "air", "skin", "fat", "muscle", "bone", "marrow", "csf", "dura", "grey", "white", "cerebellum", "eye", "lens",
    "mucosa", "oedema", "tumour", "necrosis", "artery", "vein", "cord",
]  # fmt: skip

#: T1 after contrast, and CT after contrast.
_LOOKS: dict[Matter, tuple[Tissue, Tissue]] = {
    "air": (Tissue(8), Tissue(-998)),
    "skin": (Tissue(360, fine=14), Tissue(40)),
    "fat": (Tissue(820, fine=30, coarse=15), Tissue(-98, fine=5)),
    "muscle": (Tissue(330, fine=22, coarse=12), Tissue(58, fine=6)),
    "bone": (Tissue(45, fine=8), Tissue(1080, fine=70)),
    "marrow": (Tissue(430, fine=50, coarse=30), Tissue(520, fine=80, coarse=40)),
    "csf": (Tissue(120, fine=6), Tissue(6, fine=1)),
    "dura": (Tissue(470), Tissue(70)),
    "grey": (Tissue(415, fine=10), Tissue(38, fine=1)),
    "white": (Tissue(560, fine=8, coarse=6), Tissue(29, fine=1)),
    "cerebellum": (Tissue(440, fine=16), Tissue(37, fine=1)),
    "eye": (Tissue(130, fine=5), Tissue(8)),
    "lens": (Tissue(290), Tissue(75)),
    "mucosa": (Tissue(560, fine=40), Tissue(55, fine=5)),
    "oedema": (Tissue(372, fine=10), Tissue(19, fine=1)),
    "tumour": (Tissue(820, fine=28), Tissue(78, fine=2)),
    "necrosis": (Tissue(215, fine=14), Tissue(16, fine=1)),
    "artery": (Tissue(760), Tissue(190)),
    "vein": (Tissue(840), Tissue(150)),
    "cord": (Tissue(500, fine=8), Tissue(34)),
}
_LOOK_NAMES = ("mr", "ct")

_CRANIUM = ((0.0, 4.0, 18.0), (77.0, 97.0, 78.0))
_CAVITY = (
    Ellipsoid((0, 4, 20), (63, 83, 65)),
    Ellipsoid((0, 46, -24), (52, 38, 34)),
    *both(Ellipsoid((42, -12, -14), (23, 38, 24))),
)
_CEREBRUM = (
    Ellipsoid((0, 2, 23), (60.5, 80, 59)),
    *both(Ellipsoid((42, -10, -10), (20, 36, 22), (0, 0, 6))),
)
_CEREBELLUM = Solid((*both(Ellipsoid((23, 50, -27), (27, 27, 19))), Ellipsoid((0, 52, -25), (14, 26, 18))), blend_mm=5)
_STEM = curve(
    [(0, 14, 6), (0, 16, -12), (0, 20, -28), (0, 27, -54), (0, 32, -80), (0, 34, -124)], [15, 14, 14, 8, 6, 6]
)
_FACE = Loft(
    (
        Section(-130, 0, 14, 58, 58, 58, 56),
        Section(-112, 0, 8, 58, 58, 74, 60),
        Section(-94, 0, 2, 60, 60, 92, 68),
        Section(-70, 0, 0, 66, 66, 94, 80),
        Section(-40, 0, 0, 72, 72, 96, 94),
        Section(-10, 0, 2, 76, 76, 97, 99),
        Section(14, 0, 4, 77, 77, 96, 97),
    ),
    exponent=2.5,
)


def build_mr(rng: np.random.Generator) -> Model:
    """The head as T1 MR shows it."""
    return _Head("mr").build(rng)


def build_ct(rng: np.random.Generator) -> Model:
    """The head as CT shows it."""
    return _Head("ct").build(rng)


def build_ct_plain(rng: np.random.Generator) -> Model:
    """The head as CT shows it without contrast: blood in vessels is a little denser than brain."""
    return _Head("ct", {"artery": Tissue(42), "vein": Tissue(54), "dura": Tissue(50)}).build(rng)


def _cranium(inset_mm: float) -> Ellipsoid:
    centre, (a, b, c) = _CRANIUM
    return Ellipsoid(centre, (a - inset_mm, b - inset_mm, c - inset_mm))


def _grown(parts: tuple[Primitive, ...], by_mm: float) -> tuple[Primitive, ...]:
    return tuple(
        Ellipsoid(p.centre_mm, (p.radii_mm[0] + by_mm, p.radii_mm[1] + by_mm, p.radii_mm[2] + by_mm), p.turn_deg)
        for p in parts
        if isinstance(p, Ellipsoid)
    )


class _Head:
    """Paints one head in one look, from the skin inwards."""

    def __init__(self, look: Literal["mr", "ct"], other: Mapping[Matter, Tissue] | None = None) -> None:
        self._painter = Painter()
        self._other = other or {}
        self._look = _LOOK_NAMES.index(look)

    def build(self, rng: np.random.Generator) -> Model:
        outer = self._paint_soft_parts()
        self._paint_face(outer)
        self._paint_skull()
        white = self._paint_brain()
        self._paint_depths()
        self._paint_vessels(rng)
        self._paint_tumour(white, rng)
        return self._painter.model()

    def _paint(self, what: Solid | Sequence[Primitive], matter: Matter, key: str) -> Solid:
        solid = what if isinstance(what, Solid) else Solid(tuple(what))
        return self._painter.paint(solid, self._other.get(matter, _LOOKS[matter][self._look]), key)

    def _paint_soft_parts(self) -> Solid:
        nose = (Cone((0, -92, -4), (0, -112, -34), 6, 11), *both(Ellipsoid((8, -102, -38), (7, 8, 7))))
        ears = both(Ellipsoid((80, 18, -18), (5, 15, 28), (0, 14, 10)))
        lips = Ellipsoid((0, -94, -70), (24, 9, 11))

        def head(inset_mm: float) -> Solid:
            return Solid((_cranium(inset_mm), _FACE.inset(inset_mm)), blend_mm=8)

        outer = self._paint(Solid((head(0), *nose, lips), blend_mm=6), "skin", "soft_tissue")
        self._paint(ears, "skin", "soft_tissue")
        self._paint(Solid((head(2.2),)), "fat", "fat")
        self._paint(Solid((_FACE.inset(9),), cuts=(HalfSpace((0, 0, -1), 20.0),), carve_mm=4), "muscle", "soft_tissue")
        temporalis = both(Ellipsoid((66, -28, -8), (7, 34, 36), (0, -6, 4)))
        self._paint(Solid(tuple(temporalis), clips=(head(3.5),)), "muscle", "soft_tissue")
        cheeks = both(Ellipsoid((48, -62, -52), (14, 18, 20)), Ellipsoid((40, 8, -70), (9, 30, 26)))
        self._paint(Solid(tuple(cheeks), clips=(head(4),)), "fat", "fat")
        return outer

    def _paint_face(self, outer: Solid) -> None:
        paint = self._paint
        paint(both(Cone((33, -68, -8), (16, -26, -12), 17, 6)), "fat", "fat")
        maxilla = (Ellipsoid((0, -66, -46), (40, 26, 26)), Ellipsoid((0, -74, -14), (20, 16, 22)))
        paint(Solid(maxilla, clips=(outer,), blend_mm=6), "bone", "skull")
        rims = both(
            *curve(
                [(14, -84, 4), (32, -86, 12), (48, -76, 4), (50, -68, -12), (36, -80, -24), (16, -82, -20)], [5] * 6, 3
            )
        )
        arches = both(*curve([(46, -70, -24), (62, -46, -28), (68, -22, -28), (60, -6, -26)], [6, 4, 3.6, 5], 3))
        paint([*rims, *arches], "bone", "skull")
        jaw = both(
            *curve([(54, -8, -30), (52, -12, -62), (46, -30, -88), (26, -68, -98), (0, -82, -100)], [5, 7, 8, 8, 9], 4)
        )
        paint(jaw, "bone", "skull")
        paint([*_thinner(jaw, 3.0)], "marrow", "skull")
        teeth = both(*curve([(28, -46, -72), (24, -66, -72), (12, -80, -72), (0, -84, -72)], [5.5] * 4, 3))
        paint(teeth, "bone", "skull")
        tongue = (Ellipsoid((0, -48, -80), (20, 32, 15)),)
        paint(tongue, "muscle", "soft_tissue")
        cavity = Solid((Ellipsoid((0, -66, -40), (15, 28, 22)), Ellipsoid((0, -80, -16), (9, 12, 18))), blend_mm=4)
        paint(cavity, "air", "airways")
        turbinates = (
            Box((0, -66, -36), (0.9, 24, 20), 0.5),
            *both(Ellipsoid((8, -62, -46), (3, 20, 5)), Ellipsoid((7, -62, -34), (2.4, 17, 4))),
        )
        paint(Solid(turbinates, clips=(cavity,)), "mucosa", "soft_tissue")
        paint(both(Ellipsoid((28, -66, -42), (11, 15, 15)), Ellipsoid((8, -84, 14), (8, 4, 9))), "air", "airways")
        paint([Ellipsoid((0, -32, -22), (11, 11, 9)), *both(Ellipsoid((9, -62, -12), (4, 18, 9)))], "air", "airways")
        throat = curve([(0, -36, -44), (0, -18, -56), (0, -12, -82), (0, -16, -124)], [9, 8, 8, 8])
        paint([*_flattened(throat, 1.6)], "air", "airways")
        paint(both(Ellipsoid((33, -76, -8), (12.2, 12.4, 12.2))), "eye", "soft_tissue")
        paint(both(Ellipsoid((33, -84, -8), (4.6, 2.4, 4.6))), "lens", "soft_tissue")
        optic = both(*curve([(31, -64, -9), (22, -40, -10), (6, -16, -6)], [2.2, 2, 2]))
        paint(optic, "white", "white_matter")
        spine = [vertebra((0.0, 18.0, z), 24, 17, 13, 24.0) for z in (-72.0, -90.0, -108.0, -126.0)]
        paint(Solid(tuple(spine)), "bone", "vertebra")
        marrow = [Ellipsoid((0, 18, z), (10, 7, 5)) for z in (-72.0, -90.0, -108.0)]
        paint([*marrow], "marrow", "vertebra")

    def _paint_skull(self) -> None:
        base = (
            Ellipsoid((0, -6, -30), (48, 46, 16)),
            *both(Ellipsoid((42, 16, -34), (26, 14, 13), (0, 0, -24)), Ellipsoid((56, 28, -42), (11, 13, 18))),
        )
        vault = Solid((_cranium(6.5), *_grown((_CAVITY[1], _CAVITY[2], _CAVITY[3]), 6.0)), blend_mm=4)
        above = Solid((vault,), clips=(HalfSpace((0, 0, -1), 62.0),))
        self._paint(above, "bone", "skull")
        self._paint(Solid(base, clips=(_FACE.inset(8),), blend_mm=6), "bone", "skull")
        diploe = Solid((_cranium(8.6),), cuts=(_cranium(11.4),), clips=(HalfSpace((0, 0, -1), 6.0),))
        self._paint(diploe, "marrow", "skull")
        clivus = (Cone((0, -8, -22), (0, 8, -48), 7, 5),)
        self._paint(clivus, "marrow", "skull")
        cells = both(*(Ellipsoid((56 + dx, 28 + dy, -46 + dz), (3, 3, 3.4)) for dx, dy, dz in _MASTOID))
        self._paint(cells, "air", "airways")
        self._paint(both(Cone((72, 12, -22), (50, 12, -24), 3, 3)), "air", "airways")

    def _paint_brain(self) -> Solid:
        """The cavity filled with fluid, the folded cerebrum in it; returns its white matter."""
        sinus = Ellipsoid((0, -32, -22), (14, 14, 13))
        cavity = Solid(_CAVITY, cuts=(sinus,), blend_mm=8, carve_mm=3)
        canal = curve([(0, 27, -50), (0, 32, -80), (0, 34, -130)], [12, 9.5, 9.5])
        self._paint(canal, "csf", "csf")
        self._paint(cavity, "csf", "csf")
        centre, radii = (0.0, 2.0, 18.0), (62.0, 80.0, 60.0)
        cleft = Solid((Box((0, 0, 40), (1.1, 90, 62), 0.5),), cuts=(Ellipsoid((0, 2, 16), (30, 46, 24)),))
        stem_room = Solid(tuple(widened(_STEM[5:14], 3.0)))
        below = (Ellipsoid((0, 50, -28), (54, 34, 24)), stem_room)

        def folded(half_mm: float, inset_mm: float, core: float) -> Solid:
            deep = Ellipsoid(centre, (core * radii[0], core * radii[1], core * radii[2]))
            sulci = Solid((Folds(centre, radii, half_mm),), cuts=(deep,), carve_mm=5)
            mass = Solid(_grown(_CEREBRUM, -inset_mm), blend_mm=5)
            return Solid((mass,), cuts=(sulci, cleft, *below), clips=(cavity,), carve_mm=1.2)

        dura = Solid(
            (Box((0, 10, 62), (0.9, 92, 60), 0.4),), cuts=(Ellipsoid((0, 0, 14), (30, 50, 32)),), clips=(cavity,)
        )
        self._paint(folded(0.8, 0.0, 0.60), "grey", "grey_matter")
        white = self._paint(folded(3.5, 3.2, 0.54), "white", "white_matter")
        self._paint(dura, "dura", "csf")
        return white

    def _paint_depths(self) -> None:
        paint = self._paint
        paint(Solid(tuple(_STEM), blend_mm=2), "white", "white_matter")
        paint([*_STEM[-9:]], "cord", "spinal_cord")
        leaves = Solid((Folds((0.0, 30.0, -26.0), (9.0, 9.0, 6.0), 0.6),), clips=(_CEREBELLUM,))
        paint(_CEREBELLUM, "cerebellum", "grey_matter")
        paint(Solid((leaves,), cuts=(Ellipsoid((0, 46, -26), (40, 18, 11)),)), "csf", "csf")
        paint(
            both(Ellipsoid((19, 46, -26), (15, 15, 8)), Cone((10, 30, -24), (18, 42, -26), 7, 8)),
            "white",
            "white_matter",
        )
        deep = both(
            Ellipsoid((11, 10, 16), (8, 14, 9)),
            Ellipsoid((14, -20, 26), (5, 11, 9)),
            Ellipsoid((25, -4, 14), (5.5, 15, 10)),
        )
        paint(deep, "grey", "grey_matter")
        fluid = both(
            *curve([(7, -34, 20), (9, -24, 28), (10, 0, 34), (16, 26, 30), (24, 34, 16)], [3.5, 6, 5, 6, 6.5]),
            *curve([(24, 34, 16), (32, 16, -2), (34, -8, -10)], [6, 4, 3]),
            *curve([(24, 34, 16), (22, 54, 14), (18, 64, 13)], [5.5, 4, 2]),
        )
        paint(Solid(tuple(fluid), blend_mm=3), "csf", "csf")
        paint(
            [
                Box((0, 6, 14), (1.9, 12, 9), 1.5),
                Ellipsoid((0, 36, -22), (7, 5, 9)),
                Cone((0, 20, 4), (0, 32, -14), 1.4, 1.8),
            ],
            "csf",
            "csf",
        )
        plexus = both(*curve([(12, 10, 31), (20, 32, 18)], [1.8, 2.8]))
        paint(plexus, "dura", "csf")

    def _paint_vessels(self, rng: np.random.Generator) -> None:
        arteries = both(
            *curve([(26, 4, -124), (24, 2, -60), (16, -6, -34), (12, -12, -14)], [3, 2.8, 2.5, 2.3]),
            *curve([(12, -12, -14), (26, -16, -8), (42, -14, -2), (52, 0, 8)], [2.2, 2.1, 2.0, 1.7]),
            *curve(
                [(12, -12, -14), (3, -26, -4), (2.4, -46, 18), (2.4, -30, 44), (2.4, 6, 50)], [1.9, 1.7, 1.6, 1.5, 1.3]
            ),
            *curve([(0, 4, -16), (20, 14, -10), (24, 40, -4), (14, 66, 6)], [1.9, 1.8, 1.6, 1.3]),
            *curve([(14, 12, -124), (12, 14, -70), (0, 8, -46)], [1.9, 1.9, 1.9]),
            *curve([(12, -12, -14), (8, 0, -14), (5, 4, -15)], [1.2, 1.2, 1.2]),
        )
        basilar = curve([(0, 8, -46), (0, 4, -30), (0, 4, -16)], [2.2, 2.1, 2.1])
        self._paint([*arteries, *basilar], "artery", "arteries")
        self._paint_surface_tree("artery", "arteries", rng, 1.6, 46)
        self._paint_surface_tree("vein", "veins", rng, 1.4, 40)
        sagittal = curve(
            [(0, -76, 30), (0, -58, 62), (0, -22, 80.5), (0, 24, 81), (0, 62, 63), (0, 84, 28), (0, 84, 2)],
            [2, 2.6, 3.2, 3.8, 4.2, 4.4, 4.6],
        )
        lateral = both(
            *curve(
                [(0, 84, 2), (36, 70, -6), (54, 40, -14), (46, 24, -40), (34, 10, -60), (36, 4, -124)],
                [4, 4, 4, 4, 4.4, 5],
            )
        )
        straight = curve([(0, 40, 18), (0, 62, 8), (0, 84, 2)], [2, 2.2, 2.6])
        galen = both(*curve([(0, 40, 18), (3, 10, 22), (6, -12, 24)], [1.6, 1.3, 1]))
        self._paint([*sagittal, *lateral, *straight, *galen], "vein", "veins")

    def _paint_surface_tree(
        self,
        matter: Matter,
        key: str,
        rng: np.random.Generator,
        radius_mm: float,
        count: int,
    ) -> None:
        """Branches over both hemispheres, just outside the brain: from the Sylvian fissure, or from the vertex."""
        rind = Solid(_grown(_CEREBRUM, 1.0), cuts=_grown(_CEREBRUM, -4.0), blend_mm=5)
        for side in (-1.0, 1.0):
            low, high = sorted((side * 14, side * 66))
            targets = points_inside(rind, (low, -80, 2), (high, 84, 76), count, 0.4, rng)
            start: Point = (side * 52, 0, 8) if matter == "artery" else (side * 6, 20, 79)
            rods = tree(start, radius_mm, targets, rng, least_mm=0.55)
            self._paint(Solid(tuple(rods), clips=(Solid(_CAVITY, blend_mm=8),)), matter, key)

    def _paint_tumour(self, white: Solid, rng: np.random.Generator) -> None:
        """A ring-enhancing mass in the white matter of one hemisphere, within its oedema."""
        side = float(rng.choice([-1, 1]))
        y = float(rng.uniform(-26, 34))
        radius = float(rng.uniform(12, 16))
        region: Point = (side * 33, y, 34.0)
        core = Solid((Ellipsoid(region, (radius + 7, radius + 7, radius + 7)),))
        a, b = rng.uniform(0.9, 1.25, 2).tolist()
        swelling = Solid(
            (
                Ellipsoid((side * 32, y + 6, 36), (20 * a, 30 * b, 22 * a)),
                Ellipsoid((side * 34, y - 10, 30), (18 * b, 24 * a, 17 * b)),
            ),
            clips=(white,),
            blend_mm=8,
        )
        self._paint(swelling, "oedema", "oedema")
        wall, dead = _LOOKS["tumour"][self._look], _LOOKS["necrosis"][self._look]
        kind = LesionKind("ring-enhancing tumour", radius, radius, wall, 0.72, dead, "necrosis")
        low: Point = (region[0] - 30, y - 30, 4)
        high: Point = (region[0] + 30, y + 30, 64)
        paint_lesions(self._painter, "tumour", [kind], [Organ(core, low, high)], rng)


#: Air cells of the mastoid about its middle.
_MASTOID = tuple((dx, dy, dz) for dx in (-5, 0, 5) for dy in (-6, 0, 6) for dz in (-6, 1, 8))

if set(_LOOKS) != set(get_args(Matter)):  # a missing look would only show when that tissue is painted
    raise AssertionError("every matter has a look")


def _thinner(rods: list[Primitive], by_mm: float) -> list[Cone]:
    return widened([r for r in rods if isinstance(r, Cone)], -by_mm)


def _flattened(rods: list[Cone], flatness: float) -> list[Cone]:
    return [
        Cone(r.start_mm, r.stop_mm, r.start_radius_mm * 1.4, r.stop_radius_mm * 1.4, (0, 1, 0), flatness) for r in rods
    ]
