"""An abdomen CT in the portal-venous phase: liver with lesions and vessels, spleen, kidneys, bowel, skeleton.

HU are those of a scan some 70 s after injection (liver 110, spleen 122, renal cortex 195, portal vein
172, aorta 150). z = 0 lies at the third lumbar vertebra.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from engine.ingest.phantom.lesion import LesionKind, Organ, paint_lesions
from engine.ingest.phantom.model import Model, Painter, points_inside, widened
from engine.ingest.phantom.solid import (
    Cone,
    Ellipsoid,
    HalfSpace,
    Loft,
    Point,
    Primitive,
    Section,
    Solid,
    Tissue,
)
from engine.ingest.phantom.torso import (
    BONE,
    FAT,
    FLUID,
    MUSCLE,
    SKIN,
    SPONGY,
    blade,
    both,
    mirrored,
    paint_spine,
    rib,
    table,
)
from engine.ingest.phantom.tree import curve, tree

LIVER = Tissue(110, fine=5, coarse=3)
SPLEEN = Tissue(122, fine=4, coarse=2)
KIDNEY = Tissue(152, fine=6, rim_mm=7.0, rim_value=196)
AORTA = Tissue(152, fine=2)
ARTERY = Tissue(150, fine=2)
PORTAL = Tissue(172, fine=2)
VEIN = Tissue(142, fine=4)
PANCREAS = Tissue(96, fine=9, coarse=4)
BOWEL_WALL = Tissue(86, fine=5)
CHYME = Tissue(22, fine=10, coarse=6)
STOOL = Tissue(18, fine=55, coarse=35)
GAS = Tissue(-992)
LUNG = Tissue(-850, fine=25, coarse=14)

_TRUNK = Loft(
    (
        Section(-162, 0, 4, 178, 178, 112, 112),
        Section(-70, 0, 4, 170, 170, 120, 108),
        Section(20, 0, 4, 162, 162, 114, 110),
        Section(90, 0, 4, 160, 160, 114, 116),
        Section(162, 0, 4, 158, 158, 114, 120),
    ),
    exponent=2.5,
)
_CAVITY = _TRUNK.inset(34, back_mm=30)
_RIB_WALL = _TRUNK.inset(29, back_mm=24)
_DOMES = (
    Ellipsoid((-62, 4, 10), (78, 88, 124)),
    Ellipsoid((64, 4, 6), (72, 86, 112)),
    Ellipsoid((0, -20, 0), (84, 76, 112)),
)
_LOW_BELLY = HalfSpace((0, 0, 1), 30.0)

#: T10 to L5: level, and how far back the lordosis puts them.
_LEVELS = (141, 115, 88, 59, 28, -4, -37, -70)
_BACK = (62, 61, 59, 56, 53, 51, 52, 57)

#: Centre, width, depth and height of each vertebral body, from the tenth thoracic one down.
VERTEBRAE = tuple(
    ((0.0, float(back), float(level)), 36 + 1.6 * n, 27 + 0.9 * n, 21 + 0.75 * n)
    for n, (level, back) in enumerate(zip(_LEVELS, _BACK, strict=True))
)

_IVC = curve([(-24, 32, -162), (-23, 30, -60), (-22, 26, 40), (-18, 14, 118)], [9, 12, 12, 13])
_KIDNEYS = {
    "kidney_right": (Ellipsoid((-66, 54, 6), (25, 27, 52), (8, 10, 18)), (-50.0, 44.0, 6.0)),
    "kidney_left": (Ellipsoid((66, 54, 22), (25, 27, 54), (8, -10, -18)), (50.0, 44.0, 22.0)),
}
_GALLBLADDER = Ellipsoid((-50, -54, 14), (14, 17, 30), (20, 10, 0))
_STOMACH = curve([(38, 12, 108), (70, -8, 88), (62, -44, 52), (20, -66, 24), (-22, -46, 22)], [22, 36, 30, 19, 11], 4)
_PORTAL_TRUNK = curve([(-10, -8, -70), (-10, -2, 10), (-26, 2, 44), (-52, 2, 60)], [5, 6.5, 8, 8])


def build(rng: np.random.Generator) -> Model:
    """The abdomen; `rng` lays out vessels, small bowel and lesions."""
    painter = Painter()
    for solid, tissue in table(134.0):
        painter.paint(solid, tissue)
    belly = _paint_wall(painter)
    liver = _liver(belly)
    painter.paint(liver, LIVER, "liver")
    _paint_other_organs(painter, belly)
    _paint_gut(painter, belly, rng)
    _paint_vessels(painter, liver, rng)
    _paint_skeleton(painter)
    _paint_lesions(painter, liver, rng)
    return painter.model()


def _paint_wall(painter: Painter) -> Solid:
    """Skin, fat, muscle, lung bases; returns the inside of the belly."""
    painter.paint([_TRUNK], SKIN, "soft_tissue")
    painter.paint([_TRUNK.inset(2.2)], FAT, "fat")
    painter.paint([_TRUNK.inset(20, back_mm=20)], MUSCLE, "soft_tissue")
    painter.paint([_CAVITY], FAT, "fat")
    domes = Solid(_DOMES, blend_mm=14)
    # Muscle on the inside of the wall stays outside the lungs; what is above the domes is chest.
    chest = Solid((_CAVITY.inset(-4),), cuts=(domes,), clips=(HalfSpace((0, 0, -1), -30.0),))
    column = Loft((Section(30, 0, 58, 28, 28, 30, 40), Section(162, 0, 60, 30, 30, 34, 40)))
    heart = Ellipsoid((14, -34, 160), (62, 46, 40))
    for key, side in (("lung_right", -1), ("lung_left", 1)):
        lung = Solid((chest,), cuts=(column, heart), clips=(HalfSpace((-side, 0, 0), -3.0),), carve_mm=4)
        painter.paint(lung, LUNG, key)
    painter.paint(Solid((Ellipsoid((14, -34, 162), (58, 42, 38)),), cuts=(domes,)), Tissue(125, fine=4), "heart")
    rind = Solid((_DOMES[0], _DOMES[1], _DOMES[2]), clips=(_CAVITY,), blend_mm=14)
    painter.paint(rind, MUSCLE, "soft_tissue")
    inner = tuple(Ellipsoid(e.centre_mm, (e.radii_mm[0] - 3, e.radii_mm[1] - 3, e.radii_mm[2] - 3)) for e in _DOMES)
    inside = Solid((Solid(inner, blend_mm=14), Solid((_CAVITY,), clips=(_LOW_BELLY,))), clips=(_CAVITY,), blend_mm=4)
    painter.paint(inside, FAT, "fat")
    back = both(
        Ellipsoid((34, 88, -20), (30, 19, 190)),
        Ellipsoid((76, 76, -10), (24, 11, 68), (0, 0, -22)),
        *curve([(32, 56, 60), (42, 52, -20), (56, 40, -90), (82, 0, -162)], [8, 17, 22, 20]),
        Ellipsoid((120, 62, -138), (48, 34, 60), (0, 0, -30)),
        Ellipsoid((96, 10, -150), (30, 40, 50)),
    )
    painter.paint(Solid(tuple(back), clips=(_TRUNK.inset(8),), blend_mm=2), MUSCLE, "soft_tissue")
    rectus = both(Ellipsoid((36, -92, -40), (34, 9, 170)))
    painter.paint(Solid(tuple(rectus), clips=(_TRUNK.inset(16),)), MUSCLE, "soft_tissue")
    return Solid((inside,), cuts=tuple(back), carve_mm=2)


def _liver(belly: Solid) -> Solid:
    right = Ellipsoid((-76, 4, 46), (74, 84, 84), (0, 8, 0))
    left = Ellipsoid((4, -40, 72), (84, 42, 40), (0, 12, 0))
    room = (
        Solid(tuple(widened(_IVC, 0.5))),
        Solid((_GALLBLADDER,)),
        Ellipsoid((-62, 60, 0), (36, 37, 62), (8, 10, 18)),
        Ellipsoid((0, 58, 60), (40, 36, 200)),
        Ellipsoid((-4, 6, 10), (44, 40, 40)),
        Solid(tuple(widened(_STOMACH, 4.0))),
    )
    return Solid((right, left), cuts=room, clips=(belly,), blend_mm=18, carve_mm=7)


def _paint_other_organs(painter: Painter, belly: Solid) -> None:
    spleen = Solid(
        (Ellipsoid((102, 44, 72), (30, 46, 56), (12, 0, -22)),),
        cuts=(Ellipsoid((72, 22, 70), (26, 40, 50)), Ellipsoid((66, 56, 22), (34, 36, 62))),
        clips=(belly,),
        carve_mm=8,
    )
    painter.paint(spleen, SPLEEN, "spleen")
    for key, (kidney, hilum) in _KIDNEYS.items():
        sinus = Ellipsoid(hilum, (15, 13, 25), (8, 0, 0))
        painter.paint(Solid((kidney,), cuts=(sinus,), carve_mm=5), KIDNEY, key)
        painter.paint([Ellipsoid((hilum[0] * 1.04, hilum[1] + 2, hilum[2]), (6, 5, 14))], FLUID, "soft_tissue")
    pancreas = curve([(-28, -12, 12), (-16, -20, 26), (16, -12, 36), (52, 14, 52), (82, 28, 60)], [13, 11, 9, 8, 7])
    painter.paint(Solid(tuple(pancreas), blend_mm=4), PANCREAS, "soft_tissue")
    adrenals = both(Cone((34, 40, 74), (46, 50, 62), 2.6, 2.2), Cone((36, 40, 74), (34, 52, 62), 2.6, 2.0))
    painter.paint(adrenals, Tissue(70), "soft_tissue")
    painter.paint([_GALLBLADDER], Tissue(60, fine=3), "soft_tissue")
    bile = Ellipsoid(_GALLBLADDER.centre_mm, (12.2, 15.2, 28.2), _GALLBLADDER.turn_deg)
    painter.paint([bile], Tissue(9, fine=2), "soft_tissue")


def _paint_gut(painter: Painter, belly: Solid, rng: np.random.Generator) -> None:
    loops = _small_bowel(rng)
    _paint_hollow(painter, belly, loops, 2.2, CHYME, None)
    duodenum = curve(
        [(-22, -46, 22), (-46, -22, 12), (-46, 0, -18), (-14, 8, -30), (22, -8, -16)], [11, 12, 12, 12, 11]
    )
    _paint_hollow(painter, belly, duodenum, 2.4, CHYME, None)
    ascending = curve([(-98, 12, -150), (-106, 12, -90), (-106, 6, -40), (-92, -34, -22)], [20, 24, 22, 19], 4)
    transverse = curve(
        [(-92, -34, -22), (-44, -76, -44), (18, -80, -48), (76, -58, -6), (100, 4, 18)], [18, 17, 17, 17, 15], 4
    )
    descending = curve([(100, 4, 18), (110, 22, -50), (98, 14, -120), (78, 0, -162)], [14, 14, 13, 14], 4)
    for colon, gas_mm in ((ascending, -2.0), (transverse, -78.0), (descending, None)):
        _paint_hollow(painter, belly, colon, 2.6, STOOL, gas_mm)
    _paint_hollow(painter, belly, _STOMACH, 4.0, CHYME, -44.0)


def _paint_hollow(
    painter: Painter, belly: Solid, rods: list[Cone], wall_mm: float, content: Tissue, gas_mm: float | None
) -> None:
    """A wall, what it holds, and gas that has risen to the front of `gas_mm`."""
    painter.paint(Solid(tuple(rods), clips=(belly,), blend_mm=3), BOWEL_WALL, "soft_tissue")
    lumen = Solid(tuple(widened(rods, -wall_mm)), clips=(belly,), blend_mm=3)
    painter.paint(lumen, content, "soft_tissue")
    if gas_mm is not None:
        painter.paint(Solid((lumen,), clips=(HalfSpace((0, 1, 0), gas_mm),)), GAS, "bowel_gas")


def _small_bowel(rng: np.random.Generator) -> list[Cone]:
    """One long tube wound through the middle of the belly: each bend is the nearest place not yet visited."""
    room = Solid((Ellipsoid((4, -30, -88), (86, 50, 74)),))
    places = list(points_inside(room, (-84, -80, -162), (92, 20, -14), 110, 3.0, rng))
    path = [places.pop(0)]
    while places:
        gaps = np.linalg.norm(np.array(places) - path[-1], axis=1)
        path.append(places.pop(int(gaps.argmin())))
    points: list[Point] = [(p[0], p[1], p[2]) for p in (np.asarray(q).tolist() for q in path)]
    return curve(points, rng.uniform(9.0, 13.0, len(points)).tolist(), 3)


def _paint_vessels(painter: Painter, liver: Solid, rng: np.random.Generator) -> None:
    low, high = (-150.0, -90.0, -50.0), (90.0, 95.0, 135.0)
    portal = tree((-52, 2, 60), 6.5, points_inside(liver, low, high, 150, 5.0, rng), rng, least_mm=0.7)
    hepatic = tree((-20, 16, 104), 7.0, points_inside(liver, low, high, 90, 5.0, rng), rng, least_mm=0.8)
    painter.paint(Solid((*portal,), clips=(liver,)), PORTAL, "veins")
    painter.paint(Solid((*hepatic,), clips=(liver,)), Tissue(160, fine=2), "veins")
    splenic = curve([(84, 34, 64), (46, 16, 46), (8, 2, 34), (-14, 0, 26)], [4.5, 5, 5.5, 6])
    painter.paint([*_PORTAL_TRUNK, *splenic], PORTAL, "veins")
    iliac_veins = both(*curve([(18, 40, -92), (40, 36, -124), (56, 26, -162)], [7, 7, 7]))
    renal_veins = [
        *curve([(-22, 28, 8), (-52, 46, 6)], [5, 5]),
        *curve([(-18, 26, 22), (10, 18, 24), (52, 46, 22)], [5, 4, 5]),
    ]
    painter.paint([*_IVC, *iliac_veins, *renal_veins], VEIN, "veins")
    branches = [
        *curve([(4, 26, 52), (2, 8, 46), (-2, -10, 0), (-4, -20, -70)], [4.4, 4.0, 3.6, 2.6]),
        *curve([(4, 26, 66), (4, 10, 68), (-30, 0, 62)], [4, 3.6, 2.6]),
        *curve([(4, 10, 68), (40, 16, 66), (84, 32, 70)], [3.4, 3, 2.6]),
        *curve([(4, 34, 20), (34, 42, 22), (54, 48, 22)], [3.4, 3, 2.6]),
        *curve([(4, 34, 16), (-30, 40, 8), (-54, 48, 6)], [3.4, 3, 2.6]),
    ]
    iliacs = both(*curve([(3, 30, -56), (24, 26, -96), (42, 18, -130), (56, 8, -162)], [7.5, 6, 5.5, 5.2]))
    painter.paint([*branches, *iliacs], ARTERY, "arteries")
    aorta = curve([(8, 40, 162), (6, 38, 90), (4, 34, 20), (3, 30, -60)], [12, 11.5, 10, 8.5])
    painter.paint(aorta, AORTA, "aorta")


def _paint_skeleton(painter: Painter) -> None:
    spine = [(*row, 34.0 + 1.2 * n) for n, row in enumerate(VERTEBRAE)]
    paint_spine(painter, [((0.0, 63.0, 166.0), 35, 26, 20, 33.0), *spine])
    sacrum = (
        Ellipsoid((0, 70, -112), (46, 15, 30), (-26, 0, 0)),
        Ellipsoid((0, 84, -146), (34, 12, 28), (-14, 0, 0)),
    )
    painter.paint(Solid(sacrum, blend_mm=10), SPONGY, "bone")
    ribs: list[Primitive] = []
    for level, back, drop, end in ((166, 63, 78, 130), (141, 62, 72, 112), (115, 61, 58, 88), (88, 59, 30, 58)):
        ribs += rib(_RIB_WALL, (17.0, back + 8.0, level + 8.0), drop, end, out_mm=2.0)
    painter.paint(both(*ribs), BONE, "bone")
    for side in (1, -1):
        wing = _iliac_wing()
        parts = wing if side > 0 else [mirrored(part) for part in wing]
        painter.paint(Solid(tuple(parts), blend_mm=4), BONE, "bone")


def _iliac_wing() -> list[Primitive]:
    """The left wing: from the crest down to above the hip, thick at its edge and at the sacroiliac joint."""
    crest = [
        (42.0, 80, -104),
        (58.0, 80, -84),
        (90.0, 66, -66),
        (122.0, 24, -64),
        (134.0, -14, -80),
        (126.0, -40, -110),
    ]
    root = np.array([84.0, 16, -170])
    edge = [np.array(p) for p in crest]
    parts: list[Primitive] = [*curve(crest, [7, 7, 6.5, 6.5, 7, 7.5], 3)]
    for a, b in pairwise(edge):
        parts += blade(a, b, root, 7.0, 2.0)
    return parts


#: Radii in mm and HU of what is common in livers.
_LESIONS = (
    LesionKind("cyst", 7.0, 11.0, Tissue(6, fine=1)),
    LesionKind("cyst", 4.0, 6.0, Tissue(7, fine=1)),
    LesionKind(
        "metastasis", 12.0, 17.0, Tissue(66, fine=5, rim_mm=2.0, rim_value=88), 0.45, Tissue(38, fine=3), "necrosis"
    ),
    LesionKind("metastasis", 7.0, 10.0, Tissue(62, fine=5)),
    LesionKind("haemangioma", 8.0, 12.0, Tissue(84, fine=4, rim_mm=2.5, rim_value=152)),
)


def _paint_lesions(painter: Painter, liver: Solid, rng: np.random.Generator) -> None:
    organ = Organ(liver, (-150.0, -90.0, -50.0), (90.0, 95.0, 135.0), Solid(tuple(_PORTAL_TRUNK)))
    paint_lesions(painter, "lesion", _LESIONS, [organ], rng)
