"""The vault of a skull as a map of directions, and the holes in it.

Directions from a point under the vertex are laid out flat about it (azimuthal, equidistant). In a direction there is
bone or there is none; what is missing on one side and there on the other is a defect that a mirror image can fill. The
map of the mirror image is the map, flipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engine.core.array import Float64, Int32
from guidance.implant.bone import Bools, Field, largest_part
from guidance.implant.midplane import Midplane
from guidance.implant.refused import Doubt, ImplantRefused

#: The point that directions go out from lies this far below the vertex: about the middle of an adult's vault.
BELOW_VERTEX_MM = 75.0
#: Down to here the vault is looked at; beyond lie face, base and neck.
LOWEST_DEG = 110.0
#: Without a seed, holes are looked for whose middle lies no lower than this.
LOWEST_MIDDLE_DEG = 95.0
STEP_DEG = 1.25
#: Smaller holes are sutures, foramina, burr holes.
LEAST_HOLE_CM2 = 3.0
#: Of a hole, at most this share may be missing on the other side too.
MOST_MISSING = 0.05
#: A seed may lie this far beside the hole that it means.
SEED_MM = 12.0
#: Bone this near the middle is none of the vault.
_LEAST_RADIUS_MM = 35.0


@dataclass(frozen=True, slots=True, eq=False)
class Vault:
    """Directions about the middle of a vault.

    Attributes:
        middle_mm: (3,) on the midplane.
        superior, anterior, left: (3,) unit, at right angles.
        bone: (n, n) where a direction meets bone; anterior along the first axis, left along the second.
    """

    middle_mm: Float64
    superior: Float64
    anterior: Float64
    left: Float64
    bone: Bools

    def cells(self, points_mm: Float64) -> Float64:
        """(n, 2) places in the map of (n, 3) points."""
        relative = points_mm - self.middle_mm
        up, ahead, aside = relative @ self.superior, relative @ self.anterior, relative @ self.left
        flat = np.hypot(ahead, aside)
        angle = np.rad2deg(np.arctan2(flat, up)) / STEP_DEG
        flat = np.maximum(flat, 1e-9)
        return np.column_stack([angle * ahead / flat, angle * aside / flat]) + len(self.bone) // 2

    def within(self, points_mm: Float64, directions: Bools) -> Bools:
        """Which of (n, 3) points lie in given directions of the map."""
        cells = np.rint(self.cells(points_mm)).astype(int)
        inside = ((cells >= 0) & (cells < len(self.bone))).all(axis=1)
        cells = np.clip(cells, 0, len(self.bone) - 1)
        return np.asarray(inside & directions[cells[:, 0], cells[:, 1]])

    def outward(self, points_mm: Float64) -> Float64:
        """(n, 3) unit vectors away from the middle."""
        relative = points_mm - self.middle_mm
        return np.asarray(relative / np.maximum(np.linalg.norm(relative, axis=1, keepdims=True), 1e-9))

    @property
    def angle_deg(self) -> Float64:
        """(n, n) how far each direction is from straight up."""
        half = len(self.bone) // 2
        axis = (np.arange(len(self.bone)) - half) * STEP_DEG
        return np.asarray(np.hypot(axis[:, None], axis[None, :]))


@dataclass(frozen=True, slots=True, eq=False)
class Defect:
    """A hole in a vault whose other side is whole.

    Attributes:
        directions: (n, n) of the vault's map, where bone is missing that the other side has.
        area_cm2: at the radius of the vault, roughly.
        missing: share of the hole that the other side lacks too.
    """

    directions: Bools
    area_cm2: float
    missing: float

    def widened(self, degrees: float) -> Bools:
        """Its directions, and those around."""
        reach = ndimage.distance_transform_edt(~self.directions)
        return np.asarray(reach * STEP_DEG <= degrees)


def vault_of(bone: Field, plane: Midplane) -> Vault:
    """The map of directions of a head about its midplane.

    Its long axis is taken to be that of the patient, laid into the plane.
    """
    points = bone.grid.patient_from_voxel.apply(np.argwhere(bone.signed_mm < 0))
    points = np.concatenate([points, points @ plane.mirror[:3, :3].T + plane.mirror[:3, 3]])
    superior = np.array([0.0, 0.0, 1.0]) - plane.normal[2] * plane.normal
    superior /= np.linalg.norm(superior)
    anterior = np.cross(plane.normal, superior)
    heights = (points - plane.point_mm) @ superior
    top = float(np.percentile(heights, 99.95))
    upper = points[heights > top - BELOW_VERTEX_MM]
    ahead = (upper - plane.point_mm) @ anterior
    middle = (
        plane.point_mm + (top - BELOW_VERTEX_MM) * superior + anterior * (float(ahead.min()) + float(ahead.max())) / 2
    )
    size = 2 * int(np.ceil(LOWEST_DEG / STEP_DEG)) + 1
    blank = Vault(middle, superior, anterior, plane.normal, np.zeros((size, size), bool))
    mine = points[: len(points) // 2]
    mine = mine[np.linalg.norm(mine - middle, axis=1) > _LEAST_RADIUS_MM]
    cells = np.rint(blank.cells(mine)).astype(int)
    cells = cells[((cells >= 0) & (cells < size)).all(axis=1)]
    met = blank.bone.copy()
    met[cells[:, 0], cells[:, 1]] = True
    met = ndimage.binary_closing(np.pad(met, 4), iterations=2)[4:-4, 4:-4]
    return Vault(middle, superior, anterior, plane.normal, met)


def find_defect(vault: Vault, seed_mm: Float64 | None = None) -> Defect:
    """The largest hole, or that at a seed, which the other side of the head can fill.

    Raises:
        ImplantRefused: there is no such hole, it is open, or it lacks its counterpart.
    """
    looked_at = vault.angle_deg <= LOWEST_DEG
    hole = ~vault.bone & looked_at
    fillable = hole & vault.bone[:, ::-1]
    fillable = ndimage.binary_opening(fillable, iterations=2)
    parts, count = ndimage.label(fillable)
    areas = np.array([_area_cm2(vault, parts == n + 1) for n in range(count)])
    large = [n + 1 for n in range(count) if areas[n] >= LEAST_HOLE_CM2]
    chosen = _at_seed(vault, parts, large, seed_mm) if seed_mm is not None else _by_size(vault, parts, large, areas)
    if not chosen:
        raise _none(vault, hole, seed_mm)
    holes, _ = ndimage.label(hole)
    doubts = []
    for part in chosen:
        directions = np.asarray(parts == part)
        try:
            return _checked(vault, directions, np.isin(holes, np.unique(holes[directions])))
        except ImplantRefused as refused:
            doubts.append(refused)
    raise doubts[0]


def _checked(vault: Vault, directions: Bools, whole: Bools) -> Defect:
    """The defect, if the whole hole that it lies in has a rim all round and bone on the other side."""
    missing = _area_cm2(vault, whole & ~vault.bone[:, ::-1]) / max(_area_cm2(vault, whole), 1e-9)
    if (vault.angle_deg[whole] > LOWEST_DEG - STEP_DEG).any():
        raise ImplantRefused(
            Doubt.OPEN_RIM, "the hole has no rim all round: it runs into the base of the skull or out of the scan"
        )
    if missing > MOST_MISSING:
        raise ImplantRefused(
            Doubt.ACROSS_MIDLINE,
            f"of {100 * missing:.0f} % of the hole the other side is missing too: it crosses the midline, and there is "
            "nothing to mirror",
        )
    return Defect(directions, _area_cm2(vault, directions), float(missing))


def _area_cm2(vault: Vault, directions: Bools) -> float:
    angle = np.deg2rad(vault.angle_deg)
    shrunk = np.sinc(angle / np.pi)  # the map draws what is far from straight up too wide
    step_cm = np.deg2rad(STEP_DEG) * BELOW_VERTEX_MM / 10.0
    return float((shrunk * directions).sum() * step_cm**2)


def _by_size(vault: Vault, parts: Int32, large: list[int], areas: Float64) -> list[int]:
    above = [part for part in large if vault.angle_deg[parts == part].mean() <= LOWEST_MIDDLE_DEG]
    return sorted(above, key=lambda part: -float(areas[part - 1]))


def _at_seed(vault: Vault, parts: Int32, large: list[int], seed_mm: Float64) -> list[int]:
    place = vault.cells(seed_mm[None, :])[0]
    reach = np.rad2deg(SEED_MM / BELOW_VERTEX_MM) / STEP_DEG
    away = {part: float(np.linalg.norm(np.argwhere(parts == part) - place, axis=1).min()) for part in large}
    return sorted((part for part in large if away[part] <= reach), key=away.__getitem__)[:1]


def _none(vault: Vault, hole: Bools, seed_mm: Float64 | None) -> ImplantRefused:
    """Why there is no hole to fill."""
    both = largest_part(hole & hole[:, ::-1] & (vault.angle_deg < LOWEST_MIDDLE_DEG))
    if _area_cm2(vault, both) >= LEAST_HOLE_CM2 and vault.angle_deg[both].mean() < 75.0:
        return ImplantRefused(
            Doubt.ACROSS_MIDLINE,
            "the hole lies across the midline: it is on both sides, and there is nothing to mirror",
        )
    where = "near the seed" if seed_mm is not None else "in the vault"
    return ImplantRefused(
        Doubt.NO_DEFECT, f"no hole of {LEAST_HOLE_CM2:g} cm² or more {where} that the other side could fill"
    )
