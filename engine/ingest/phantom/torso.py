"""What chest and abdomen share: tissues, vertebrae, ribs, the patient table."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from engine.core.array import Float64
from engine.ingest.phantom.model import Painter
from engine.ingest.phantom.solid import Box, Cone, Ellipsoid, HalfSpace, Loft, Point, Primitive, Section, Solid, Tissue
from engine.ingest.phantom.tree import tube

SKIN = Tissue(15)
FAT = Tissue(-102, fine=6, coarse=5)
MUSCLE = Tissue(56, fine=7, coarse=5)
BONE = Tissue(260, fine=45, coarse=15, rim_mm=1.5, rim_value=880)
SPONGY = Tissue(215, fine=40, coarse=15, rim_mm=1.2, rim_value=620)
CARTILAGE = Tissue(92, fine=8)
DISC = Tissue(78, fine=5)
FLUID = Tissue(14, fine=2)
CORD = Tissue(36, fine=2)


def mirrored(part: Primitive) -> Primitive:
    """The same on the other side of the patient."""

    def flip(p: Point) -> Point:
        return (-p[0], p[1], p[2])

    match part:
        case Cone():
            return replace(
                part, start_mm=flip(part.start_mm), stop_mm=flip(part.stop_mm), flat_along=flip(part.flat_along)
            )
        case Ellipsoid() | Box():
            x, y, z = part.turn_deg
            return replace(part, centre_mm=flip(part.centre_mm), turn_deg=(x, -y, -z))
        case HalfSpace():
            return replace(part, normal=flip(part.normal))
        case Loft():
            sections = (replace(s, x_mm=-s.x_mm, right_mm=s.left_mm, left_mm=s.right_mm) for s in part.sections)
            return replace(part, sections=tuple(sections))
        case _:
            return replace(part, centre_mm=flip(part.centre_mm))


def both(*parts: Primitive) -> list[Primitive]:
    """The parts and their mirror images."""
    return [*parts, *(mirrored(part) for part in parts)]


def vertebra(centre_mm: Point, width_mm: float, depth_mm: float, height_mm: float, wings_mm: float) -> Solid:
    """Body, pedicles, laminae, spinous and transverse processes about an open canal.

    `centre_mm` is the middle of the body; `wings_mm` the reach of the transverse processes.
    """
    x, y, z = centre_mm
    back = y + depth_mm / 2
    half = height_mm / 2
    waist = 0.93

    def level(dz: float, scale: float) -> Section:
        w, d = scale * width_mm / 2, scale * depth_mm / 2
        return Section(z + dz, x, y, w, w, d, d)

    body = Loft((level(-half, 1), level(0, waist), level(half, 1)), exponent=2.5)
    side = 0.34 * width_mm
    arch = both(
        Cone((x + side, back - 2, z + 0.2 * half), (x + side + 1, back + 14, z), 4.8, 4.5),
        Cone((x + side + 1, back + 14, z - 1), (x, back + 25, z - 5), 4.5, 4.5),
        Cone((x + side, back + 12, z + 1), (x + wings_mm, back + 18, z + 4), 4.6, 3.8),
        Cone((x + side, back + 13, z - 0.6 * half), (x + side, back + 13, z + 0.7 * half), 5.0, 5.0),
    )
    spine = Cone((x, back + 24, z - 5), (x, back + 44, z - 18), 4.6, 4.4, (1, 0, 0), 1.5)
    canal = Cone((x, back + 9.5, z - 40), (x, back + 9.5, z + 40), 8.2, 8.2)
    return Solid((body, *arch, spine), cuts=(canal,), blend_mm=1.5, carve_mm=1.0)


def paint_spine(painter: Painter, vertebrae: list[tuple[Point, float, float, float, float]]) -> None:
    """Discs, vertebrae and the cord in its canal. Vertebrae from top to bottom, as `vertebra` takes them."""
    column = [Cone(a[0], b[0], 0.47 * (a[1] + a[2]) / 2, 0.47 * (b[1] + b[2]) / 2) for a, b in pairwise(vertebrae)]
    painter.paint(column, DISC, "soft_tissue")
    canal: list[Point] = [(c[0], c[1] + depth / 2 + 9.5, c[2]) for c, _, depth, _, _ in vertebrae]
    canal = [(canal[0][0], canal[0][1], canal[0][2] + 40), *canal, (canal[-1][0], canal[-1][1], canal[-1][2] - 40)]
    painter.paint(tube(canal, [7.8] * len(canal)), FLUID, "soft_tissue")
    painter.paint(tube(canal, [4.6] * len(canal)), CORD, "spinal_cord")
    for row in vertebrae:
        painter.paint(vertebra(*row), SPONGY, "bone")


def wall_point(cavity: Loft, z_mm: float, turn_deg: float, out_mm: float) -> Point:
    """A point `out_mm` outside a loft at one level, `turn_deg` from the back towards the left."""
    rows = np.array([[s.z_mm, s.x_mm, s.y_mm, s.left_mm, s.front_mm, s.back_mm] for s in cavity.sections])
    x, y, left, front, back = (float(np.interp(z_mm, rows[:, 0], rows[:, c])) for c in range(1, 6))
    s, c = np.sin(np.radians(turn_deg)), np.cos(np.radians(turn_deg))
    deep = (back if c > 0 else front) + out_mm
    power = 2 / cavity.exponent
    return (
        x + (left + out_mm) * float(np.sign(s) * abs(s) ** power),
        y + deep * float(np.sign(c) * abs(c) ** power),
        z_mm,
    )


def rib(cavity: Loft, head_mm: Point, drop_mm: float, end_deg: float, out_mm: float = 5.0) -> list[Cone]:
    """A left rib: from the spine round the back, then falling by `drop_mm` to where it ends in front."""
    x, y, z = head_mm
    turns = np.linspace(26.0, end_deg, max(4, round((end_deg - 26) / 9)))
    fall = (turns - 26) / max(124.0, end_deg - 26)
    levels = z - drop_mm * (fall + 0.25 * np.sin(np.pi * fall) * fall)
    levels = z - (z - levels) * (drop_mm / max(z - float(levels[-1]), 1e-6))
    points: list[Point] = [head_mm, (x + 15, y + 17, z + 3)]
    points += [wall_point(cavity, float(level), float(turn), out_mm) for level, turn in zip(levels, turns, strict=True)]
    rods = []
    for a, b in pairwise(points):
        outward = (a[0] + b[0], 1.4 * (a[1] + b[1]), 0.0)
        slender = a is points[0]
        rods.append(Cone(a, b, 4.6 if slender else 6.0, 5.0 if slender else 6.0, outward, 1.0 if slender else 1.7))
    return rods


def rod(a: Float64, b: Float64, start_radius_mm: float, stop_radius_mm: float) -> Cone:
    """A rod between two points (3,)."""
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    return Cone((ax, ay, az), (bx, by, bz), start_radius_mm, stop_radius_mm)


def blade(a: Float64, b: Float64, root: Float64, radius_mm: float, flatness: float) -> list[Cone]:
    """A flat triangular plate of bone: rods from one corner, `root`, to points along the side from `a` to `b`."""
    normal = np.cross(a - root, b - root)
    u, v, w = (normal / np.linalg.norm(normal)).tolist()
    count = max(2, round(float(np.linalg.norm(b - a)) / (1.5 * radius_mm)) + 1)
    ends = [a + t * (b - a) for t in np.linspace(0, 1, count)]
    return [replace(rod(root, e, radius_mm, radius_mm), flat_along=(u, v, w), flatness=flatness) for e in ends]


def table(top_mm: float) -> list[tuple[Solid, Tissue]]:
    """A cradle of carbon fibre about foam under a mattress; `top_mm` is where the mattress begins."""
    clips = (HalfSpace((1, 0, 0), 205.0), HalfSpace((-1, 0, 0), 205.0), HalfSpace((0, -1, 0), -(top_mm - 62)))

    def sheet(top: float, thick: float) -> Solid:
        def cylinder(bottom: float) -> Cone:
            return Cone((0, bottom - 430, -400), (0, bottom - 430, 400), 430, 430)

        return Solid((cylinder(top + thick),), cuts=(cylinder(top),), clips=clips)

    return [
        (sheet(top_mm, 9), Tissue(-925, fine=4)),
        (sheet(top_mm + 9, 2), Tissue(-240)),
        (sheet(top_mm + 11, 26), Tissue(-955, fine=3)),
        (sheet(top_mm + 37, 2), Tissue(-240)),
    ]
