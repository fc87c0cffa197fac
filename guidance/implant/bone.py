"""Bone as a signed distance: what symmetry, defects and implants are reckoned with.

Mirroring, moving and cutting are then a change of place and a greatest of two numbers, and surfaces lie between voxels.
"""

from __future__ import annotations

from dataclasses import dataclass

import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.core.array import Float32, Float64, frozen
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.volume import LabelMap, Quantity, Volume
from guidance.implant.kernels.sample import sample
from guidance.implant.refused import Doubt, ImplantRefused

#: Cortex and diploe of adults lie above it even in slices that are thicker than the bone.
BONE_HU = 250.0
#: Marrow and cells within bone up to twice this width count as bone: a part is solid.
CLOSE_MM = 2.0
#: Softens the steps of voxels in a distance, and those of slices: standard deviations, the larger counts. Of a curve as
#: a skull's less than a tenth of a millimetre is lost.
_SOFTEN_VOXELS = 0.8
_SOFTEN_SLICES = 0.25
#: A mask's border is made a slope before it is resampled.
_MASK_SIGMA_VOXELS = 0.7
#: Bone is looked for at this spacing before any part of it is looked at closely.
COARSE_MM = 1.0
#: Kept around it, so that distances reach beyond it.
_AROUND_MM = 12.0

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Signed distance to bone on a grid of cubes along the patient's axes: negative inside.

    Attributes:
        grid: isotropic, along the axes of the patient.
        signed_mm: (ni, nj, nk) float32, C order.
    """

    grid: Grid
    signed_mm: Float32

    def __post_init__(self) -> None:
        matrix = self.grid.patient_from_voxel.matrix
        if not np.allclose(matrix[:3, :3], np.eye(3) * matrix[0, 0]):
            raise InvalidValue("a field lies on cubes along the patient's axes")
        if self.signed_mm.shape != self.grid.shape:
            raise InvalidValue(f"distances are {self.signed_mm.shape}, the grid is {self.grid.shape}")
        object.__setattr__(self, "signed_mm", frozen(np.ascontiguousarray(self.signed_mm, np.float32)))

    @property
    def spacing_mm(self) -> float:
        """Edge of a cube."""
        return float(self.grid.patient_from_voxel.matrix[0, 0])

    @property
    def origin_mm(self) -> Float64:
        """(3,) centre of the first voxel."""
        return np.asarray(self.grid.patient_from_voxel.matrix[:3, 3])

    def at(self, points_mm: Float64) -> tuple[Float64, Float64]:
        """Distances (n,) at (n, 3) points and their gradients (n, 3); beyond the grid NaN and 0."""
        values, gradients = np.empty(len(points_mm)), np.empty((len(points_mm), 3))
        sample(
            self.signed_mm, self.origin_mm, self.spacing_mm, np.ascontiguousarray(points_mm, float), values, gradients
        )
        return values, gradients

    def surface_points(self) -> tuple[Float64, Float64]:
        """Points (n, 3) on the surface, one a voxel, and the outward normals (n, 3) there."""
        near = np.argwhere(np.abs(self.signed_mm) < 0.5 * self.spacing_mm)
        points = self.grid.patient_from_voxel.apply(near)
        for _ in range(2):
            values, gradients = self.at(points)
            steep = np.maximum((gradients**2).sum(axis=1), 0.25)
            points = points - np.nan_to_num(values / steep)[:, None] * gradients
        values, gradients = self.at(points)
        length = np.linalg.norm(gradients, axis=1)
        good = (np.abs(values) < 0.2 * self.spacing_mm) & (length > 0.3)
        return points[good], gradients[good] / length[good, None]


@dataclass(frozen=True, slots=True, eq=False)
class BoneScan:
    """A scan, and the level from which on it is bone.

    Attributes:
        grid: of the scan.
        samples: (ni, nj, nk) float32.
        level: at and above it is bone.
    """

    grid: Grid
    samples: Float32
    level: float

    def __post_init__(self) -> None:
        if self.samples.shape != self.grid.shape:
            raise InvalidValue(f"samples are {self.samples.shape}, the grid is {self.grid.shape}")
        object.__setattr__(self, "samples", frozen(np.asarray(self.samples, np.float32)))

    def field(self, grid: Grid, placed: Float64 | None = None) -> Field:
        """Signed distance to the largest connected bone on `grid`.

        `placed` (4, 4), which may mirror, says where the scan's bone is taken to lie: patient from patient.

        Raises:
            ImplantRefused: there is no bone.
        """
        mask = _whole(self._resampled(grid, placed) >= self.level, float(grid.spacing_mm[0]))
        if not mask.any():
            raise ImplantRefused(Doubt.NO_BONE, "there is no bone in this part of the scan")
        spacing_mm = float(grid.spacing_mm[0])
        soft_mm = max(_SOFTEN_VOXELS * spacing_mm, _SOFTEN_SLICES * float(self.grid.spacing_mm.max()))
        return Field(grid, signed_distance_mm(mask, spacing_mm, soft_mm / spacing_mm))

    def coarse_field(self) -> Field:
        """Signed distance over the whole of the bone, at one millimetre.

        Raises:
            ImplantRefused: there is no bone.
        """
        bright = np.argwhere(self.samples[::2, ::2, ::1] >= self.level) * (2, 2, 1)
        if not len(bright):
            raise ImplantRefused(Doubt.NO_BONE, f"nothing in the scan is above {self.level:g}: it shows no bone")
        points = self.grid.patient_from_voxel.apply(bright)
        return self.field(grid_over(points, COARSE_MM, _AROUND_MM, self.grid.frame_of_reference_uid))

    def sees(self, points_mm: Float64, margin_voxels: float = 1.5) -> Bools:
        """Which of (n, 3) points lie within the scan and not at its border."""
        voxels = self.grid.patient_from_voxel.inverse.apply(points_mm)
        last = np.array(self.grid.shape) - 1
        return np.asarray(((voxels >= margin_voxels) & (voxels <= last - margin_voxels)).all(axis=1))

    def _resampled(self, grid: Grid, placed: Float64 | None) -> Float32:
        back = np.eye(4) if placed is None else np.linalg.inv(placed)
        to_scan = self.grid.patient_from_voxel.inverse.matrix @ back @ grid.patient_from_voxel.matrix
        low = float(self.samples.min())
        return np.asarray(
            ndimage.affine_transform(
                self.samples, to_scan[:3, :3], to_scan[:3, 3], grid.shape, np.float32, order=1, cval=low
            )
        )


def bone_in_volume(volume: Volume, level_hu: float = BONE_HU) -> BoneScan:
    """The bone of a CT.

    Raises:
        ImplantRefused: the volume is no CT, whose values say nothing of bone.
    """
    if volume.quantity is not Quantity.HOUNSFIELD:
        raise ImplantRefused(Doubt.NO_BONE, "bone is told by Hounsfield units: take a CT, or a segmentation of bone")
    return BoneScan(volume.grid, np.asarray(volume.samples, np.float32), level_hu)


def bone_in_labels(label_map: LabelMap, labels: tuple[int, ...]) -> BoneScan:
    """The structures `labels` of a segmentation, as bone."""
    mask = np.isin(np.asarray(label_map.labels), labels).astype(np.float32)
    return BoneScan(label_map.grid, ndimage.gaussian_filter(mask, _MASK_SIGMA_VOXELS), 0.5)


def grid_over(points_mm: Float64, spacing_mm: float, around_mm: float, uid: str) -> Grid:
    """Cubes along the patient's axes that hold all (n, 3) points and what is around them."""
    low, high = points_mm.min(axis=0) - around_mm, points_mm.max(axis=0) + around_mm
    shape = np.ceil((high - low) / spacing_mm).astype(int) + 1
    matrix = np.diag([spacing_mm] * 3 + [1.0])
    matrix[:3, 3] = low
    return Grid.from_matrix((int(shape[0]), int(shape[1]), int(shape[2])), matrix, uid)


def signed_distance_mm(mask: Bools, spacing_mm: float, soft_voxels: float = _SOFTEN_VOXELS) -> Float32:
    """Distance to the border between voxels of `mask` and others, negative inside, softened."""
    bits = np.ascontiguousarray(mask, np.uint8)
    outside = edt.edt(1 - bits, anisotropy=(spacing_mm,) * 3, black_border=False)
    inside = edt.edt(bits, anisotropy=(spacing_mm,) * 3, black_border=False)
    half = np.float32(0.5 * spacing_mm)
    signed = np.where(mask, half - inside, outside - half).astype(np.float32)
    return np.asarray(ndimage.gaussian_filter(signed, soft_voxels))


def largest_part(mask: Bools) -> Bools:
    """The largest connected part of a mask; nothing of nothing."""
    parts, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(parts == sizes.argmax())


def _whole(mask: Bools, spacing_mm: float) -> Bools:
    """The largest part, with what is narrow within it."""
    bits = np.ascontiguousarray(largest_part(mask), np.uint8)
    if not bits.any():
        return mask
    near = edt.edt(1 - bits, anisotropy=(spacing_mm,) * 3, black_border=False) <= CLOSE_MM
    back = edt.edt(np.ascontiguousarray(near, np.uint8), anisotropy=(spacing_mm,) * 3, black_border=False) > CLOSE_MM
    return np.asarray(back | bits.astype(bool))
