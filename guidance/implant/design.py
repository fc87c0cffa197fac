"""An implant for a hole in the vault of a skull: the other side's bone, mirrored, brought flush, with a gap around.

The part is a signed distance, as bone is: the mirrored bone, without what lies nearer to the patient's bone than the
clearance, in the directions of the hole. For research; no device.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import edt
import numpy as np
from scipy import ndimage

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.progress import Progress, silent
from engine.core.structure import Provenance, Structure
from engine.core.volume import LabelMap
from guidance.implant.alignment import RIM_MM, Alignment, Rim, align, unaligned
from guidance.implant.bone import BoneScan, Bools, Field, grid_over, largest_part, signed_distance_mm
from guidance.implant.marks import DEPTH_MM, Marks, engraved, lay_out
from guidance.implant.midplane import Midplane, find_midplane
from guidance.implant.refused import Doubt, ImplantRefused
from guidance.implant.vault import Defect, Vault, find_defect, vault_of
from guidance.implant.wall import Wall, wall_under

#: The part may reach this far around the directions in which bone is missing: the edge of a cut is seldom radial.
_AROUND_DEG = 6.0
#: Around the hole, in the grid that the part is made on.
_MARGIN_MM = RIM_MM + 4.0
#: What is thinner than twice this is no part of it, but a difference between both sides.
SLIVER_MM = 0.75
#: Bone whose normal is this near to radial is a table of the vault, and no edge of a cut.
_TABLE = 0.7
#: Bone this near to the part stands across the gap.
_ACROSS_GAP_MM = 4.0
#: Of the part itself, a surface that turns away less than this from the bone's is its face.
_FACE = 0.85
_CORE_MM = 2.0
#: Larger grids take gigabytes.
_MOST_VOXELS = 60_000_000

COLOUR = (86, 180, 233)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a part.

    Attributes:
        clearance_mm: gap to the patient's bone all round.
        least_wall_mm: thinner walls are warned of, and nothing is engraved that would leave less.
        spacing_mm: edge of the voxels that it is made of.
        aligned: bring the mirror image onto the rim; False leaves it where the midplane puts it.
        elastic: and follow what the rigid part leaves.
        marked: engrave side and direction.
    """

    clearance_mm: float = 0.5
    least_wall_mm: float = 2.0
    spacing_mm: float = 0.5
    aligned: bool = True
    elastic: bool = True
    marked: bool = True

    def __post_init__(self) -> None:
        if not 0.0 <= self.clearance_mm <= 3.0:
            raise InvalidValue(f"the clearance is 0 to 3 mm, got {self.clearance_mm:g}")
        if not 0.5 <= self.least_wall_mm <= 10.0:
            raise InvalidValue(f"the least wall is 0.5 to 10 mm, got {self.least_wall_mm:g}")
        if not 0.2 <= self.spacing_mm <= 1.0:
            raise InvalidValue(f"the part is made of voxels of 0.2 to 1 mm, got {self.spacing_mm:g}")


@dataclass(frozen=True, slots=True, eq=False)
class RimFit:
    """How the part meets the patient's bone.

    Attributes:
        step_mm: (n,) at bone across the gap, how far the part's outer face, carried on, runs above (+) or below it.
        gap_mm: (n,) from the part's edge to the bone.
        least_gap_mm: the least from anywhere of the part.
    """

    step_mm: Float64
    gap_mm: Float64
    least_gap_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Implant:
    """A part and what is known of it.

    Attributes:
        part: signed distance.
        bone: of the patient, on the same grid.
        plane, vault, defect: what it was made from.
        alignment: what was done to the plain mirror image.
        rim: how it meets the bone.
        wall: how thick it is, marks included.
        marks: what is engraved; None where there was no room or no wall for it.
        side: "L" or "R", of the patient.
    """

    part: Field
    bone: Field
    plane: Midplane
    vault: Vault
    defect: Defect
    alignment: Alignment
    rim: RimFit
    wall: Wall
    marks: Marks | None
    side: str

    @property
    def label_map(self) -> LabelMap:
        """The part as label 1."""
        made_by = Provenance("mirrored implant", "1", synthetic=True)
        structure = Structure(1, "implant", f"Implant {self.side}", None, COLOUR, 1.0, made_by)
        labels = np.asfortranarray((self.part.signed_mm < 0).astype(np.uint8))
        return LabelMap(self.part.grid, labels, (structure,))


def design_implant(
    scan: BoneScan, wish: Wish = Wish(), seed_mm: Float64 | None = None, progress: Progress = silent
) -> Implant:
    """An implant for the largest hole in the vault, or for that near a (3,) seed.

    Raises:
        ImplantRefused: with the doubt, and what would help.
        Cancelled: from `progress`.
    """
    progress(0.0, "finding bone")
    coarse = scan.coarse_field()
    progress(0.2, "finding the midplane")
    plane = find_midplane(scan, coarse)
    progress(0.4, "finding the hole")
    vault = vault_of(coarse, plane)
    defect = find_defect(vault, seed_mm)
    return implant_for(scan, plane, vault, defect, wish, _grid(coarse, plane, vault, defect, wish), progress)


def implant_for(
    scan: BoneScan, plane: Midplane, vault: Vault, defect: Defect, wish: Wish, grid: Grid, progress: Progress = silent
) -> Implant:
    """An implant for a defect that was found, on a grid around it.

    Raises:
        ImplantRefused: no rim to align with, or nothing is left of the part.
        Cancelled: from `progress`.
    """
    progress(0.45, "mirroring bone")
    bone, mirrored = scan.field(grid), scan.field(grid, plane.mirror)
    tables = _tables(bone, vault)
    progress(0.6, "bringing it to the rim")
    alignment = unaligned()
    if wish.aligned:
        core = _core(bone, mirrored, vault, defect)
        alignment = align(mirrored, _rim(bone, tables, core), elastic=wish.elastic)
    filling = alignment.field(mirrored)
    progress(0.75, "cutting")
    part = _cut(scan, bone, filling, vault, defect, wish)
    wall = _wall(part, bone, filling, vault)
    marks = _marks(vault, filling, wall, wish)
    if marks is not None:
        progress(0.85, "engraving")
        part = _engraved(part, filling, vault, marks)
        wall = _wall(part, bone, filling, vault)
    progress(0.9, "measuring")
    rim = _rim_fit(part, bone, filling, tables, vault)
    middle = wall.points_mm.mean(axis=0)
    side = "L" if float(plane.side_mm(middle[None, :])[0]) > 0 else "R"
    return Implant(part, bone, plane, vault, defect, alignment, rim, wall, marks, side)


def _grid(coarse: Field, plane: Midplane, vault: Vault, defect: Defect, wish: Wish) -> Grid:
    """Around the mirrored bone that lies in the directions of the hole."""
    points = coarse.grid.patient_from_voxel.apply(np.argwhere(coarse.signed_mm < 0))
    points = points @ plane.mirror[:3, :3].T + plane.mirror[:3, 3]
    points = points[vault.within(points, defect.widened(2.0))]
    grid = grid_over(points, wish.spacing_mm, _MARGIN_MM, coarse.grid.frame_of_reference_uid)
    if grid.voxel_count > _MOST_VOXELS:
        raise InvalidValue(f"a hole of this size takes larger voxels than {wish.spacing_mm:g} mm")
    return grid


def _tables(bone: Field, vault: Vault) -> Rim:
    """The outer and inner faces of the vault, without the edges of holes."""
    points, normals = bone.surface_points()
    radial = np.abs((normals * vault.outward(points)).sum(axis=1)) > _TABLE
    return Rim(points[radial], normals[radial])


def _core(bone: Field, mirrored: Field, vault: Vault, defect: Defect) -> Bools:
    """Mirrored bone that clearly fills the hole."""
    candidates = (mirrored.signed_mm < 0) & (bone.signed_mm > _CORE_MM)
    return _only_within(candidates, bone.grid, vault, defect.directions)


def _only_within(mask: Bools, grid: Grid, vault: Vault, directions: Bools, seen_by: BoneScan | None = None) -> Bools:
    """The largest part of a mask in given directions; of what a scan shows, where one is given."""
    at = np.argwhere(mask)
    points = grid.patient_from_voxel.apply(at)
    inside = vault.within(points, directions)
    kept = at[inside if seen_by is None else inside & seen_by.sees(points)]
    out = np.zeros(mask.shape, bool)
    out[kept[:, 0], kept[:, 1], kept[:, 2]] = True
    return largest_part(out)


def _rim(bone: Field, tables: Rim, core: Bools) -> Rim:
    spacing = bone.spacing_mm
    bits = np.ascontiguousarray(~core, np.uint8)
    away = edt.edt(bits, anisotropy=(spacing,) * 3, black_border=False)
    at = np.rint((tables.points_mm - bone.origin_mm) / spacing).astype(int)
    near = away[at[:, 0], at[:, 1], at[:, 2]] < RIM_MM
    return Rim(tables.points_mm[near], tables.normals[near])


def _cut(scan: BoneScan, bone: Field, filling: Field, vault: Vault, defect: Defect, wish: Wish) -> Field:
    """The filling without the bone and a gap, without slivers, in one piece, where the scan shows the patient."""
    spacing = bone.spacing_mm
    raw = np.maximum(filling.signed_mm, np.float32(wish.clearance_mm) - bone.signed_mm)
    mask = _only_within(raw < 0, bone.grid, vault, defect.widened(_AROUND_DEG), scan)
    bits = np.ascontiguousarray(mask, np.uint8)
    kept = largest_part(edt.edt(bits, anisotropy=(spacing,) * 3, black_border=False) > SLIVER_MM)
    if not kept.any():
        raise ImplantRefused(Doubt.TOO_THIN, "the other side has no bone that is thick enough to fill the hole with")
    around = edt.edt(np.ascontiguousarray(~kept, np.uint8), anisotropy=(spacing,) * 3, black_border=False)
    opened = largest_part(mask & (around <= SLIVER_MM + 0.5 * spacing))
    opened = ndimage.binary_fill_holes(opened)
    allowed = signed_distance_mm(opened, spacing) - np.float32(spacing)
    filled = np.where(opened, np.minimum(raw, -0.1 * spacing), raw)
    return _in_one_piece(Field(bone.grid, np.maximum(filled, allowed).astype(np.float32)))


def _in_one_piece(part: Field) -> Field:
    """Without crumbs: only they lie where the part is not."""
    inside = part.signed_mm < 0
    crumbs = inside & ~largest_part(inside)
    return replace(part, signed_mm=np.where(crumbs, np.float32(0.5 * part.spacing_mm), part.signed_mm))


def _wall(part: Field, bone: Field, filling: Field, vault: Vault) -> Wall:
    """Under the outer face, along the normals of the bone that it was made from: edges and grooves have others."""
    points, normals = part.surface_points()
    _, outward = filling.at(points)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    outer = ((normals * outward).sum(axis=1) > _FACE) & ((outward * vault.outward(points)).sum(axis=1) > 0.0)
    if not outer.any():
        raise ImplantRefused(Doubt.TOO_THIN, "nothing of the part is left beside the gap")
    return wall_under(part, bone, points[outer], outward[outer])


def _marks(vault: Vault, filling: Field, wall: Wall, wish: Wish) -> Marks | None:
    """Where the face is farthest from its rim, if the wall there can spare it."""
    if not wish.marked:
        return None
    points = wall.points_mm
    room = np.where(np.isfinite(wall.from_edge_mm), wall.from_edge_mm, 0.0)
    at = int(room.argmax())
    close = np.linalg.norm(points - points[at], axis=1) < 0.5 * room[at]
    outward = filling.at(points[close])[1].mean(axis=0)
    outward /= np.linalg.norm(outward)
    marks = lay_out(vault, points[at], outward, float(room[at]) - wish.clearance_mm)
    if marks is None or wall.thickness_mm[marks.off_strokes_mm(points) < 0.5].min() - DEPTH_MM < wish.least_wall_mm:
        return None
    return marks


def _engraved(part: Field, filling: Field, vault: Vault, marks: Marks) -> Field:
    voxels = np.argwhere(np.abs(part.signed_mm) < 2.0)
    points = part.grid.patient_from_voxel.apply(voxels)
    near = np.linalg.norm(points - marks.middle_mm, axis=1) < 3.0 * marks.letter_mm
    voxels, points = voxels[near], points[near]
    below, gradients = filling.at(points)
    is_outer = (gradients * vault.outward(points)).sum(axis=1) > 0.0
    outer_mm = np.where(is_outer, np.nan_to_num(below, nan=-99.0), -99.0).astype(np.float32)
    at = (voxels[:, 0], voxels[:, 1], voxels[:, 2])
    signed = part.signed_mm.copy()
    signed[at] = engraved(marks, points, signed[at], outer_mm)
    return _in_one_piece(replace(part, signed_mm=signed))


def _rim_fit(part: Field, bone: Field, filling: Field, tables: Rim, vault: Vault) -> RimFit:
    outward = (tables.normals * vault.outward(tables.points_mm)).sum(axis=1) > 0.0
    points = tables.points_mm[outward]
    away, _ = part.at(points)
    across = points[np.nan_to_num(away, nan=np.inf) < _ACROSS_GAP_MM]
    step, _ = filling.at(across)
    surface, normals = part.surface_points()
    gap, _ = bone.at(surface)
    edge = np.abs((normals * vault.outward(surface)).sum(axis=1)) < 0.5
    facing = edge & (gap < _ACROSS_GAP_MM)
    return RimFit(-step[np.isfinite(step)], gap[facing], float(np.nanmin(gap)))
