"""Faces of head scans: whether a volume shows one, and the half-space in front of the brain that is blanked.

A plane touches the hull of the brain from in front and below, some millimetres off, and all before it goes: nose, eyes,
mouth, jaw. All of the brain lies behind it by construction, however well or badly the head is turned: where
the head is nodded the plane may leave some of the face, never take some of the brain. Ears stay.

The brain is what bone encloses (CT), or the largest piece of bright tissue once the scalp's ties to it are cut (MR).
Where neither gives something of a brain's size and shape, nothing is known, and nothing is cut.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from scipy import ndimage

from engine.core.array import Float64
from engine.core.errors import InputRefused
from engine.core.progress import Progress
from engine.core.volume import Quantity, Volume
from engine.ingest.deidentify.instance import SetAside
from engine.ingest.deidentify.pixels import blanked
from engine.ingest.open import read_volume, take_inventory
from engine.ingest.study import SeriesKind

_STEP_MM = 3.0
#: The plane faces forwards and down by this angle: along it lie brow, tip of the nose and chin of an upright head.
_DOWN_DEG = 40.0
_OFF_BRAIN_MM = 6.0
_BONE_HU, _SOFT_HU, _TISSUE_HU = 250.0, (-15.0, 140.0), -250.0
_BRAIN_ML = (500.0, 2300.0)
_LENGTHS_MM = (75.0, 230.0)
#: Share of its bounding box that a brain fills; an ellipsoid fills 0.52.
_ROUND = 0.4
#: Share of the surface of a brain that bone is near to.
_SHELLED = 0.5
#: Less tissue before the plane is no face: one that was removed before, or a scan that ends above it.
_FACE_ML = 150.0
_BOX_ML = _STEP_MM**3 / 1000.0


class Looked(Enum):
    """What is known where no face is."""

    NOT = "not looked at, or nothing that could be judged"
    NO_FACE = "no face"


@dataclass(frozen=True, slots=True)
class FacePlane:
    """The half-space `normal · p > offset_mm` of the patient, a unit normal (3,) in LPS."""

    normal: tuple[float, float, float]
    offset_mm: float

    def before_mm(self, points_mm: Float64) -> Float64:
        """How far points (…, 3) lie before the plane; negative behind it."""
        return np.asarray(points_mm @ np.asarray(self.normal) - self.offset_mm, np.float64)


def face_in_frames(files: Sequence[tuple[Path, str]], progress: Progress) -> dict[str, FacePlane | Looked]:
    """What is known of a face in each frame of reference, from its largest volumes.

    Args:
        files: with the UID of the frame of reference of each; those without one cannot be looked at.
    """
    by_frame: dict[str, list[Path]] = defaultdict(list)
    for path, frame in files:
        if frame:
            by_frame[frame].append(path)
    found: dict[str, FacePlane | Looked] = {}
    for done, (frame, paths) in enumerate(by_frame.items()):
        progress(done / len(by_frame), "looking for faces")
        found[frame] = _face_among(paths)
    return found


def _face_among(paths: Sequence[Path]) -> FacePlane | Looked:
    best: FacePlane | Looked = Looked.NOT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for info in take_inventory(paths).series[:3]:
            if info.kind is not SeriesKind.VOLUME:
                continue
            try:
                seen = find_face(read_volume(info).value)
            except InputRefused:
                continue
            if isinstance(seen, FacePlane):
                return seen
            best = seen if best is Looked.NOT else best
    return best


def find_face(volume: Volume) -> FacePlane | Looked:
    """The plane before which the face lies; `NO_FACE` where there is a head without one, or no head at all."""
    samples, corner_mm = _upright(volume)
    if min(samples.shape) * _STEP_MM < _LENGTHS_MM[0] / 2:
        return Looked.NOT
    ct = volume.quantity is Quantity.HOUNSFIELD
    tissue = _body(samples > (_TISSUE_HU if ct else _between(samples)))
    brain = _brain_in_bone(samples) if ct else _brain_in_scalp(samples, tissue)
    if brain is None:
        return Looked.NO_FACE if ct else Looked.NOT
    angle = np.deg2rad(_DOWN_DEG)
    normal = (0.0, -float(np.cos(angle)), -float(np.sin(angle)))
    along = sum(n * (c + _STEP_MM * i) for n, c, i in zip(normal, corner_mm, np.indices(samples.shape), strict=True))
    plane = FacePlane(normal, float(along[brain].max()) + _OFF_BRAIN_MM)
    sides = np.flatnonzero(brain.any(axis=(1, 2)))
    tissue[: sides[0]], tissue[sides[-1] :] = False, False
    face_ml = np.count_nonzero(tissue & (along > plane.offset_mm)) * _BOX_ML
    return plane if face_ml >= _FACE_ML else Looked.NO_FACE


def without_face(path: Path, dataset: FileDataset, plane: FacePlane) -> None:
    """Blank what lies before the plane in the pixels of `dataset`, as it was read from `path`.

    Raises:
        SetAside: its pixels or their places cannot be had.
    """
    if "PixelData" not in dataset:
        return
    if "Rows" not in dataset or int(dataset.get("NumberOfFrames", 1) or 1) > 1:
        raise SetAside("a face in several frames of one file, which is not removed")
    blanked(path, dataset, lambda points_mm: plane.before_mm(points_mm) > 0)


def _upright(volume: Volume) -> tuple[NDArray[np.float32], Float64]:
    """Samples on a grid of `_STEP_MM` along the patient's axes, and the place (3,) of the first."""
    grid, samples = volume.grid, np.asarray(volume.samples)
    matrix = np.asarray(grid.patient_from_voxel.matrix)
    every = tuple(max(1, int(_STEP_MM / step)) for step in grid.spacing_mm)
    coarse = samples[:: every[0], :: every[1], :: every[2]].astype(np.float32)
    matrix = matrix @ np.diag([*map(float, every), 1.0])
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in coarse.shape], indexing="ij")).reshape(3, -1).T
    corners = ends @ matrix[:3, :3].T + matrix[:3, 3]
    low, high = corners.min(axis=0), corners.max(axis=0)
    shape = tuple(int(n) for n in np.ceil((high - low) / _STEP_MM) + 1)
    inverse = np.linalg.inv(matrix)
    outside = -1000.0 if volume.quantity is Quantity.HOUNSFIELD else 0.0
    out = ndimage.affine_transform(
        coarse,
        inverse[:3, :3] * _STEP_MM,
        inverse[:3, :3] @ low + inverse[:3, 3],
        output_shape=shape,
        order=1,
        cval=outside,
    )
    return out, low


def _between(samples: NDArray[np.float32]) -> float:
    """The level that parts air from tissue best (Otsu), from a histogram without its brightest hundredth."""
    counts, edges = np.histogram(samples, 128, (0.0, max(1e-6, float(np.percentile(samples, 99)))))
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)[:-1]
    above = below[-1] + counts[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    return float(edges[1 + int(np.nan_to_num(apart).argmax())]) * 0.7


def _body(tissue: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest piece, without tables and cushions."""
    return _largest(ndimage.binary_opening(tissue))


def _brain_in_bone(samples: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    bone = samples > _BONE_HU
    enclosed = np.zeros(samples.shape, np.int8)
    for axis in range(3):
        for side in (slice(None), slice(None, None, -1)):
            turned = tuple(side if n == axis else slice(None) for n in range(3))
            enclosed += np.logical_or.accumulate(bone[turned], axis=axis)[turned]
    soft = (samples > _SOFT_HU[0]) & (samples < _SOFT_HU[1]) & (enclosed >= 5)
    core = _largest(ndimage.binary_erosion(soft, iterations=2))
    brain = ndimage.binary_dilation(core, iterations=3, mask=~bone)
    if not _like_a_brain(brain):
        return None
    rim = brain & ~ndimage.binary_erosion(brain)
    near = ndimage.binary_dilation(bone, iterations=3)
    shelled = np.count_nonzero(rim & near) >= _SHELLED * np.count_nonzero(rim)
    return np.asarray(brain, np.bool_) if shelled else None


def _brain_in_scalp(samples: NDArray[np.float32], head: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    level = _between(samples)
    bright = (samples > level) & head
    for cuts in (2, 3, 4):
        core = _largest(ndimage.binary_erosion(bright, iterations=cuts))
        grown = ndimage.binary_dilation(core, iterations=cuts + 1)
        brain = ndimage.binary_closing(grown, iterations=3) & ndimage.binary_fill_holes(head)  # with its furrows
        if _like_a_brain(brain):
            return np.asarray(brain, np.bool_)
    return None


def _like_a_brain(brain: NDArray[np.bool_]) -> bool:
    volume = np.count_nonzero(brain)
    if not _BRAIN_ML[0] <= volume * _BOX_ML <= _BRAIN_ML[1]:
        return False
    (box,) = ndimage.find_objects(brain.astype(np.int8))
    lengths = np.array([(axis.stop - axis.start) for axis in box])
    whole = bool(np.all(lengths * _STEP_MM >= _LENGTHS_MM[0]) and np.all(lengths * _STEP_MM <= _LENGTHS_MM[1]))
    return whole and bool(volume >= _ROUND * float(np.prod(lengths)))


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    if count == 0:
        return np.zeros_like(mask)
    sizes: NDArray[Any] = np.bincount(labels.reshape(-1))
    sizes[0] = 0
    return np.asarray(labels == int(sizes.argmax()), np.bool_)
