"""A chest CT without contrast: lungs with vessels, airways, heart, great vessels, skeleton, nodules.

Dimensions are those of an adult of middle build; HU are means that radiology texts give (lung -860,
fat -100, muscle 55, blood 42, cortical bone 900). z = 0 lies a little below the carina.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.ingest.phantom.lesion import LesionKind, Organ, paint_lesions
from engine.ingest.phantom.model import Model, Painter, points_inside, widened
from engine.ingest.phantom.solid import (
    Box,
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
    CARTILAGE,
    FAT,
    MUSCLE,
    SKIN,
    blade,
    both,
    mirrored,
    paint_spine,
    rib,
    rod,
    table,
    wall_point,
)
from engine.ingest.phantom.tree import curve, tree, tube

LUNG = Tissue(-862, fine=22, coarse=14, per_mm_back=0.35)
BLOOD = Tissue(42, fine=2)
HEART = Tissue(44, fine=3)
SOFT = Tissue(48, fine=4)
AIR = Tissue(-998)

_TRUNK = Loft(
    (
        Section(-156, 0, 4, 150, 150, 112, 116),
        Section(-90, 0, 4, 158, 158, 116, 120),
        Section(-20, 0, 4, 166, 166, 120, 124),
        Section(50, 0, 4, 174, 174, 114, 126),
        Section(105, 0, 6, 180, 180, 96, 122),
        Section(156, 0, 10, 172, 172, 76, 104),
    ),
    exponent=2.5,
)

_CAVITY = Loft(
    (
        Section(-156, 0, 2, 129, 129, 82, 84),
        Section(-90, 0, 2, 132, 132, 88, 88),
        Section(-30, 0, 2, 129, 129, 91, 90),
        Section(25, 0, 2, 120, 120, 86, 88),
        Section(70, 0, 4, 104, 104, 72, 82),
        Section(100, 0, 8, 82, 82, 56, 70),
        Section(122, 0, 14, 58, 58, 40, 52),
        Section(136, 0, 20, 30, 30, 22, 30),
        Section(142, 0, 22, 4, 4, 4, 4),
    ),
    exponent=2.5,
)

#: Thoracic vertebrae T1 to T12 and the first lumbar: level, and how far back the kyphosis puts them.
_LEVELS = (128, 108, 88, 67, 46, 24, 2, -21, -45, -70, -96, -122, -149)
_BACK = (48, 54, 58, 61, 63, 64, 64, 63, 61, 58, 55, 52, 49)

#: Centre, width, depth and height of each vertebral body, from the first thoracic one down.
VERTEBRAE = tuple(
    ((0.0, float(back), float(level)), 28 + 0.9 * n, 19 + 0.8 * n, 16 + 0.45 * n)
    for n, (level, back) in enumerate(zip(_LEVELS, _BACK, strict=True))
)

#: Ribs 1 to 12: fall from back to front in mm, and where they end in degrees from the back.
_RIBS = (
    (26, 150), (38, 152), (52, 152), (64, 152), (74, 150), (82, 148),
    (86, 145), (84, 136), (76, 124), (60, 108), (46, 84), (26, 56),
)  # fmt: skip

#: Where the cartilages of ribs 1 to 7 meet the sternum.
_STERNAL_LEVELS = (88, 60, 40, 22, 5, -12, -28)

_HEART = (
    Ellipsoid((34, -30, -44), (52, 38, 44), (0, 24, -32)),
    Ellipsoid((-16, -26, -30), (30, 34, 42)),
    Ellipsoid((2, 8, -8), (40, 24, 26)),
    Ellipsoid((12, -50, -22), (36, 24, 38)),
)
_DOMES = (
    Ellipsoid((-64, 4, -160), (82, 92, 100)),
    Ellipsoid((68, 4, -168), (76, 90, 92)),
    Ellipsoid((0, -24, -170), (84, 74, 96)),
)
_TRACHEA = curve([(-2, 0, 156), (-2, 7, 110), (-3, 14, 75), (-3, 19, 46)], [9.2, 9.0, 8.8, 8.8])
_BRONCHI = {
    "lung_left": curve([(-3, 19, 46), (20, 23, 27), (46, 21, 8)], [7.0, 6.6, 6.0], 3),
    "lung_right": curve([(-3, 19, 46), (-22, 21, 27), (-46, 20, 10)], [7.8, 7.4, 6.4], 3),
}
_AORTA = curve(
    [(-6, -26, -6), (-18, -30, 28), (-14, -24, 58), (10, -6, 82), (25, 18, 79), (27, 36, 62), (25, 40, 20),
     (21, 40, -60), (12, 36, -156)],
    [15, 16, 15.5, 14, 13.5, 13, 12.5, 12, 11.5],
)  # fmt: skip
_PULMONARY = {
    "trunk": curve([(14, -50, -2), (20, -42, 28), (22, -18, 38)], [14, 14, 13]),
    "lung_left": curve([(22, -18, 38), (38, 2, 40), (52, 16, 30)], [12, 11, 9]),
    "lung_right": curve([(22, -18, 36), (-6, -6, 29), (-34, 2, 24), (-52, 8, 16)], [12, 10.5, 10, 8.5]),
}
_BRANCHES = [
    *curve([(0, -12, 90), (-18, -6, 118), (-34, 0, 156)], [6.5, 6, 5.5]),
    *curve([(12, -4, 92), (16, 0, 120), (18, 2, 156)], [4.5, 4, 4]),
    *curve([(24, 14, 88), (28, 12, 120), (40, 6, 156)], [5.2, 5, 5]),
]
_VEINS = [
    *curve([(-34, -6, 156), (-34, -10, 110), (-34, -16, 60), (-28, -18, 5)], [7, 9, 10, 11]),
    *curve([(48, -22, 140), (30, -36, 106), (0, -36, 92), (-32, -14, 80)], [6.5, 7, 7, 7]),
    *curve([(-22, 8, -156), (-22, 2, -60), (-20, -8, -40)], [13, 12, 12]),
]


@dataclass(frozen=True, slots=True)
class Blood:
    """How blood looks in each part of the circulation; the aorta's wall is told by its rim."""

    pulmonary: Tissue
    returning: Tissue
    heart: Tissue
    arteries: Tissue
    aorta: Tissue
    veins: Tissue


_PLAIN = Blood(BLOOD, BLOOD, HEART, BLOOD, Tissue(43, fine=2, rim_mm=1.2, rim_value=54), BLOOD)

#: Some 15 s after injection: the pulmonary arteries are full, the rest of the circulation fills.
_ANGIOGRAM = Blood(
    Tissue(360, fine=5),
    Tissue(250, fine=5),
    Tissue(270, fine=9, coarse=8),
    Tissue(190, fine=4),
    Tissue(195, fine=4),
    Tissue(300, fine=25, coarse=20),
)


def build(rng: np.random.Generator) -> Model:
    """The thorax without contrast; `rng` lays out vessels, bronchi and nodules."""
    return _build(rng, _PLAIN)


def build_angiogram(rng: np.random.Generator) -> Model:
    """The same thorax as a pulmonary angiogram; its pulmonary arteries are a structure of their own."""
    return _build(rng, _ANGIOGRAM)


def _build(rng: np.random.Generator, blood: Blood) -> Model:
    painter = Painter()
    for solid, tissue in table(137.0):
        painter.paint(solid, tissue)
    _paint_wall(painter)
    _paint_mediastinum(painter, blood)
    _paint_below_the_diaphragm(painter)
    lungs = {"lung_right": _lung(-1), "lung_left": _lung(1)}
    airways = {key: _bronchial_tree(key, lung, rng) for key, lung in lungs.items()}
    for key, lung in lungs.items():
        _paint_lung(painter, key, lung, airways[key], blood, rng)
    _paint_skeleton(painter)
    _paint_great_vessels(painter, blood)
    _paint_airways(painter, airways)
    walls = Solid(tuple(widened([*airways["lung_left"], *airways["lung_right"]], 1.0)))
    organs = [Organ(lung, *_lung_box(key), clear_of=walls) for key, lung in lungs.items()]
    paint_lesions(painter, "nodule", _NODULES, organs, rng)
    return painter.model()


def _paint_wall(painter: Painter) -> None:
    """Skin, fat, the muscle sheet that holds the ribs, and the muscles on it."""
    painter.paint([_TRUNK], SKIN, "soft_tissue")
    painter.paint([_TRUNK.inset(2.2)], FAT, "fat")
    muscles = both(
        Ellipsoid((27, 102, -40), (23, 15, 175)),
        Ellipsoid((40, 106, 92), (48, 8, 74), (0, 0, -8)),
        Ellipsoid((140, 30, -20), (9, 62, 105), (0, -4, -12)),
        Ellipsoid((100, 84, 74), (50, 13, 62), (0, 0, -33)),
        Ellipsoid((104, 98, 76), (46, 8, 60), (0, 0, -33)),
        Ellipsoid((144, 46, 84), (22, 34, 56), (0, 0, -20)),
        Ellipsoid((72, -84, 52), (64, 11, 50), (0, 14, 30)),
        Ellipsoid((94, -66, 66), (42, 9, 40), (0, 20, 42)),
        Ellipsoid((134, 14, 142), (40, 44, 40)),
        Ellipsoid((62, 60, 142), (62, 34, 26)),
    )
    trunk = _TRUNK.inset(7)
    painter.paint(Solid(tuple(muscles), clips=(trunk,), blend_mm=3), MUSCLE, "soft_tissue")
    painter.paint(Solid((_CAVITY.inset(-10.5),), clips=(trunk,), carve_mm=8), MUSCLE, "soft_tissue")
    neck = Loft((Section(112, 0, 16, 44, 44, 40, 56), Section(156, 0, 16, 58, 58, 52, 70)))
    painter.paint(Solid((neck,), clips=(trunk,)), MUSCLE, "soft_tissue")


def _mediastinum() -> Solid:
    core = Loft(
        (
            Section(-156, 0, 20, 50, 60, 104, 46),
            Section(-70, 4, 18, 44, 56, 108, 44),
            Section(-40, 4, 18, 36, 44, 98, 44),
            Section(5, 0, 12, 38, 36, 76, 44),
            Section(45, 0, 10, 40, 40, 76, 42),
            Section(82, 0, 12, 40, 40, 64, 40),
            Section(112, 2, 14, 42, 42, 50, 42),
            Section(142, 0, 14, 44, 44, 46, 42),
        )
    )
    column = Loft(
        tuple(
            Section(level, 0, back + 8, 25, 25, 24, 34)
            for level, back in sorted(zip((158, *_LEVELS, -158), (44, *_BACK, 48), strict=True))
        )
    )
    pericardium = [
        Ellipsoid(e.centre_mm, (e.radii_mm[0] + 5, e.radii_mm[1] + 5, e.radii_mm[2] + 5), e.turn_deg) for e in _HEART
    ]
    hila = both(Ellipsoid((42, 14, 22), (14, 14, 20)))
    return Solid((core, column, *pericardium, *hila), blend_mm=10)


_MEDIASTINUM = _mediastinum()


def _lung(side: int) -> Solid:
    """What is left of the chest cavity on one side of the mediastinum, above the diaphragm."""
    own_side = HalfSpace((-side, 0, 0), -2.5)
    domes = Solid(_DOMES, blend_mm=12)
    return Solid((_CAVITY.inset(2.5),), cuts=(_MEDIASTINUM, domes), clips=(own_side,), carve_mm=5)


def _paint_mediastinum(painter: Painter, blood: Blood) -> None:
    painter.paint(Solid((_MEDIASTINUM,), clips=(_CAVITY,)), FAT, "fat")
    painter.paint(Solid(_HEART, blend_mm=9), blood.heart, "heart")
    gullet = curve([(2, 26, 156), (4, 32, 80), (6, 38, 20), (10, 30, -80), (22, 8, -150)], [7, 7, 7.5, 8, 9])
    painter.paint(gullet, SOFT, "soft_tissue")
    nodes = (
        Ellipsoid((-14, 4, 52), (4, 3, 6)),
        Ellipsoid((6, 16, 34), (6, 3, 5)),
        Ellipsoid((-22, -12, 70), (3, 3, 5)),
    )
    painter.paint(nodes, SOFT, "soft_tissue")
    thyroid = both(Ellipsoid((16, 4, 150), (9, 11, 20)))
    painter.paint(thyroid, Tissue(105, fine=4), "soft_tissue")


def _paint_below_the_diaphragm(painter: Painter) -> None:
    belly = Solid(_DOMES, clips=(_CAVITY.inset(1.0),), blend_mm=12)
    painter.paint(belly, MUSCLE, "soft_tissue")
    inner = Solid(
        tuple(Ellipsoid(e.centre_mm, (e.radii_mm[0] - 3, e.radii_mm[1] - 3, e.radii_mm[2] - 3)) for e in _DOMES),
        clips=(_CAVITY.inset(3.0),),
        blend_mm=12,
    )
    painter.paint(inner, FAT, "fat")
    liver = (Ellipsoid((-64, 2, -160), (76, 84, 96)), Ellipsoid((10, -32, -162), (62, 44, 62), (0, -14, 0)))
    painter.paint(Solid(liver, clips=(inner,), blend_mm=16, carve_mm=3), Tissue(58, fine=5, coarse=2), "liver")
    painter.paint(
        Solid((Ellipsoid((98, 38, -144), (28, 44, 46), (0, 0, -24)),), clips=(inner,)), Tissue(50, fine=5), "spleen"
    )
    stomach = Ellipsoid((72, -12, -146), (38, 46, 52), (0, 0, 14))
    painter.paint(Solid((stomach,), clips=(inner,), carve_mm=4), SOFT, "soft_tissue")
    content = Solid((Ellipsoid((72, -12, -146), (34, 42, 48), (0, 0, 14)),), clips=(inner,), carve_mm=4)
    painter.paint(content, Tissue(24, fine=9, coarse=5), "soft_tissue")
    painter.paint(Solid((content,), clips=(HalfSpace((0, 1, 0), -24.0),)), AIR, "bowel_gas")


def _bronchial_tree(key: str, lung: Solid, rng: np.random.Generator) -> list[Cone]:
    """Lobar to subsegmental bronchi: lumen rods from the end of a main bronchus."""
    low, high = _lung_box(key)
    targets = points_inside(lung, low, high, 22, 16.0, rng)
    return tree(_BRONCHI[key][-1].stop_mm, 5.2, targets, rng, least_mm=1.0)


def _lung_box(key: str) -> tuple[Point, Point]:
    return ((0, -100, -150), (135, 105, 142)) if key == "lung_left" else ((-135, -100, -150), (0, 105, 142))


def _paint_lung(
    painter: Painter, key: str, lung: Solid, airway: list[Cone], blood: Blood, rng: np.random.Generator
) -> None:
    painter.paint(lung, LUNG, key)
    side = 1 if key == "lung_left" else -1
    fissures: list[Primitive] = [Box((side * 70, 4, 4), (90, 160, 0.45), 0, (44, 0, side * 6))]
    if key == "lung_right":
        fissures.append(Box((-80, -72, 6), (70, 66, 0.4), 0, (4, 4, 0)))
    painter.paint(Solid((fissures[0],), clips=(lung,)), Tissue(-640), key)
    if len(fissures) > 1:
        before_the_oblique = Box((-70, -106, 110), (90, 160, 152), 0, (44, 0, -6))
        painter.paint(Solid((fissures[1],), clips=(lung, before_the_oblique)), Tissue(-680), key)
    low, high = _lung_box(key)
    artery = tree(_PULMONARY[key][-1].stop_mm, 7.6, points_inside(lung, low, high, 420, 2.5, rng), rng)
    vein = tree((side * 40, 12, -4), 6.8, points_inside(lung, low, high, 340, 2.5, rng), rng)
    if blood is _PLAIN:
        painter.paint(Solid((*artery, *vein), clips=(lung,)), BLOOD, key)
    else:
        painter.paint(Solid((*vein,), clips=(lung,)), blood.returning, key)
        painter.paint(Solid((*artery,), clips=(lung,)), blood.pulmonary, "pulmonary_arteries")
    painter.paint(Solid(tuple(widened(airway, 0.9)), clips=(lung,)), Tissue(-60), key)


def _paint_skeleton(painter: Painter) -> None:
    spine = [(*row, 30.0 - 0.4 * n) for n, row in enumerate(VERTEBRAE)]
    paint_spine(painter, [((0.0, 44.0, 147.0), 28, 18, 15, 26.0), *spine])
    sternum = (
        Box((0, -64, 80), (27, 6.5, 23), 5, (-18, 0, 0)),
        Box((0, -88, 8), (17, 5.5, 50), 4.5, (-9, 0, 0)),
        Box((0, -96, -56), (8, 3.5, 16), 3, (0, 0, 0)),
    )
    cartilages: list[Primitive] = []
    ribs: list[Primitive] = []
    for n, (drop, end) in enumerate(_RIBS):
        rods = rib(_CAVITY, (15.0, float(_BACK[n]) + 6, float(_LEVELS[n]) + 8), drop, end)
        ribs += rods
        if n < len(_STERNAL_LEVELS):
            level = _STERNAL_LEVELS[n]
            a, front = rods[-1].stop_mm, wall_point(_CAVITY, level, 172, 6)
            mid = wall_point(_CAVITY, (a[2] + level) / 2, (end + 172) / 2, 6)
            cartilages += tube([a, mid, (max(front[0], 14.0), front[1], level)], [5.6, 5.4, 5.0])
        elif n < 10:
            cartilages += tube([rods[-1].stop_mm, wall_point(_CAVITY, rods[-1].stop_mm[2] + 22, end + 16, 6)], [5, 4])
    painter.paint(both(*cartilages), CARTILAGE, "soft_tissue")
    painter.paint(both(*ribs), BONE, "bone")
    painter.paint(Solid(sternum, blend_mm=3), Tissue(190, fine=35, rim_mm=1.2, rim_value=600), "bone")
    clavicle = curve([(15, -66, 98), (48, -76, 112), (90, -58, 126), (132, -18, 134), (160, 8, 142)], [8, 6, 6, 6, 7])
    painter.paint(both(*clavicle, Ellipsoid((150, 14, 164), (25, 25, 25))), BONE, "bone")
    for side in (1, -1):
        _paint_scapula(painter, side)


def _paint_scapula(painter: Painter, side: int) -> None:
    """A thin triangular blade on the back of the ribs, its spine, and the socket of the shoulder."""
    low, high, socket = np.array([84.0, 101, 14]), np.array([70.0, 104, 124]), np.array([138.0, 58, 122])
    parts: list[Primitive] = [
        *blade(high, socket, low, 6.0, 3.2),
        rod(low, socket, 4.2, 6.0),
        rod(low, high, 3.4, 3.0),
        rod(np.array([74.0, 108, 98]), np.array([128.0, 88, 130]), 4.0, 7.0),
        rod(np.array([128.0, 88, 130]), np.array([158.0, 48, 148]), 7.0, 6.5),
        Ellipsoid((140, 56, 124), (9, 12, 18), (0, 0, -35)),
    ]
    parts = parts if side > 0 else [mirrored(part) for part in parts]
    painter.paint(Solid(tuple(parts), blend_mm=2), BONE, "bone")


def _paint_great_vessels(painter: Painter, blood: Blood) -> None:
    painter.paint(_VEINS, blood.veins, "veins")
    pulmonary = "arteries" if blood is _PLAIN else "pulmonary_arteries"
    painter.paint([rod for rods in _PULMONARY.values() for rod in rods], blood.pulmonary, pulmonary)
    painter.paint(_BRANCHES, blood.arteries, "arteries")
    painter.paint(_AORTA, blood.aorta, "aorta")


def _paint_airways(painter: Painter, airways: dict[str, list[Cone]]) -> None:
    main = [*_TRACHEA, *_BRONCHI["lung_left"], *_BRONCHI["lung_right"]]
    painter.paint(widened(main, 1.7), SOFT, "soft_tissue")
    painter.paint([*main, *airways["lung_left"], *airways["lung_right"]], AIR, "airways")


_GROUND_GLASS = Tissue(-640, fine=16)
_NODULES = (
    LesionKind("solid nodule", 9.0, 13.0, Tissue(38)),
    LesionKind("solid nodule", 5.0, 8.0, Tissue(32)),
    LesionKind("solid nodule", 3.0, 4.5, Tissue(28)),
    LesionKind("part-solid nodule", 8.0, 11.0, Tissue(-610, fine=16), 0.48, Tissue(22), "solid part"),
    LesionKind("ground-glass nodule", 6.5, 10.0, _GROUND_GLASS),
    LesionKind("calcified nodule", 3.0, 4.0, Tissue(420)),
)
