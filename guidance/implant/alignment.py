"""The mirrored bone, brought flush with the rim of a hole.

No head is symmetric to the millimetre. Where bone is left around the hole, the mirror image is moved onto it: first
rigidly, then by what is left, carried from the rim into the hole by a thin-plate spline in space (as
`guidance.register.deformation`), which follows both tables of the bone and so its thickness too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.interpolate import RBFInterpolator

from engine.core.array import Float32, Float64
from guidance.implant.bone import Field
from guidance.implant.refused import Doubt, ImplantRefused
from guidance.register.rigid_fit import turn

#: Bone this far from the hole takes part.
RIM_MM = 20.0
LEAST_POINTS = 200
_MANY = 6000
_REACHES_MM = (8.0, 4.0)
_SAME_SIDE = 0.5
#: Holds back what the rim leaves open, such as sliding along a vault that is a ball: as this share of the points would.
_HELD = 0.02
#: What is left is averaged over cells, and smoothed by this (RBFInterpolator).
_CELL_MM = 5.0
_SMOOTHING = 1.0
_LATTICE_MM = 4.0
#: Left beyond this is no difference in shape but another bone.
_MOST_LEFT_MM = 4.0
_FAR_MM = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Rim:
    """Bone around a hole: points (n, 3) on both tables, and outward normals (n, 3)."""

    points_mm: Float64
    normals: Float64


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Where the mirrored bone is asked for instead of at a point.

    Attributes:
        about_mm: (3,) that the turn is about.
        turn_rad, shift_mm: (3,) the rigid part, from the patient to the mirrored bone.
        spline: the rest, or None.
    """

    about_mm: Float64
    turn_rad: Float64
    shift_mm: Float64
    spline: RBFInterpolator | None

    def moved(self, points_mm: Float64) -> Float64:
        """(n, 3) places in the mirrored bone of (n, 3) points in the patient."""
        rigid = (points_mm - self.about_mm) @ turn(self.turn_rad).T + self.about_mm + self.shift_mm
        return np.asarray(rigid if self.spline is None else rigid - self.spline(points_mm))

    def field(self, mirrored: Field) -> Field:
        """The mirrored bone in the patient, on the same grid."""
        voxels = _voxels_moved(self, mirrored)
        values = ndimage.map_coordinates(mirrored.signed_mm, voxels, np.float32, order=1, cval=_FAR_MM)
        return Field(mirrored.grid, values)


def unaligned() -> Alignment:
    """The plain mirror image."""
    return Alignment(np.zeros(3), np.zeros(3), np.zeros(3), None)


def align(mirrored: Field, rim: Rim, *, elastic: bool = True) -> Alignment:
    """What brings the mirrored bone onto the rim.

    Raises:
        ImplantRefused: too little bone is left around the hole.
    """
    step = max(1, len(rim.points_mm) // _MANY)
    points, normals = rim.points_mm[::step], rim.normals[::step]
    if len(points) < LEAST_POINTS:
        raise ImplantRefused(Doubt.OPEN_RIM, "too little bone is left around the hole to bring the mirror image to")
    rigid = _rigid(mirrored, points, normals)
    if not elastic:
        return rigid
    off, gradients = mirrored.at(rigid.moved(points))
    good = np.isfinite(off) & (np.abs(off) < _MOST_LEFT_MM) & ((gradients * normals).sum(axis=1) > _SAME_SIDE)
    if good.sum() < LEAST_POINTS:
        return rigid
    places, left = _averaged(points[good], off[good, None] * gradients[good], gradients[good])
    spline = RBFInterpolator(places, left, kernel="linear", degree=0, smoothing=_SMOOTHING)
    return Alignment(rigid.about_mm, rigid.turn_rad, rigid.shift_mm, spline)


def _rigid(mirrored: Field, points: Float64, normals: Float64) -> Alignment:
    about, turned, shift = points.mean(axis=0), np.zeros(3), np.zeros(3)
    radius = float(np.sqrt(((points - about) ** 2).sum(axis=1).mean()))
    scale = np.array([radius] * 3 + [1.0] * 3)
    for reach_mm in (*_REACHES_MM, 0.0):
        for _ in range(15):
            moved = (points - about) @ turn(turned).T
            off, gradients = mirrored.at(moved + about + shift)
            matched = np.isfinite(off) & ((gradients * (normals @ turn(turned).T)).sum(axis=1) > _SAME_SIDE)
            if not matched.any():
                break
            reach = reach_mm or max(1.0, 4.685 * 1.4826 * float(np.median(np.abs(off[matched]))))
            off = np.nan_to_num(off)
            weights = np.where(matched, np.maximum(1 - (off / reach) ** 2, 0.0) ** 2, 0.0)
            moves = np.concatenate([np.cross(moved, gradients), gradients], axis=1)
            normal = (moves * weights[:, None]).T @ moves + np.diag(_HELD * weights.sum() * scale**2)
            pull = (moves * (weights * off)[:, None]).sum(axis=0)
            held = _HELD * weights.sum() * scale**2 * np.concatenate([turned, shift])
            step = -np.linalg.solve(normal, pull + held)
            turned, shift = turned + step[:3], shift + step[3:]
            if np.abs(step[:3]).max() < 1e-5 and np.abs(step[3:]).max() < 1e-3:
                break
    return Alignment(about, turned, shift, None)


def _averaged(points: Float64, left: Float64, gradients: Float64) -> tuple[Float64, Float64]:
    """One value for each cell of the rim and each way that its surface faces."""
    facing = np.rint(gradients).astype(int)
    key = np.column_stack([np.floor(points / _CELL_MM).astype(int), facing])
    _, cell, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)

    def mean(values: Float64) -> Float64:
        sums = np.zeros((len(count), 3))
        np.add.at(sums, cell.ravel(), values)
        return np.asarray(sums / count[:, None])

    return mean(points), mean(left)


def _voxels_moved(alignment: Alignment, mirrored: Field) -> Float32:
    """(3, ni, nj, nk) places in the mirrored field, the spline taken from a coarse lattice."""
    shape, spacing = mirrored.grid.shape, mirrored.spacing_mm
    step = max(1, round(_LATTICE_MM / spacing))
    axes = [np.arange(0, n + step, step) for n in shape]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    moved = alignment.moved(lattice * spacing + mirrored.origin_mm)
    coarse = ((moved - mirrored.origin_mm) / spacing).reshape(*(len(axis) for axis in axes), 3)
    out = np.empty((3, *shape), np.float32)
    for axis in range(3):
        out[axis] = ndimage.affine_transform(
            coarse[..., axis].astype(np.float32), np.full(3, 1.0 / step), 0.0, shape, np.float32, order=1
        )
    return out
