"""Stored integers to a `LabelMap`: whole, small, named, and on the grid of the volume they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.grid import Grid
from engine.core.structure import Provenance
from engine.core.volume import LabelMap, Volume
from engine.ingest.content import refused
from engine.ingest.intensity import looks_like_labels
from engine.ingest.label_table import LabelEntry, structures
from engine.ingest.study import Reading

#: Largest distance from a whole number at which a stored value is still that label: what is left of
#: resampling or scaling rounding (0.9999), and far from any partial-volume fraction.
_WHOLE_TOLERANCE = 1e-2


def whole_labels(path: Path, stored: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """`stored` as uint8 or uint16 of the same memory order, with what had to be done.

    Raises:
        InputRefused: negative, not finite or not whole numbers, or more than 65535 different labels.
    """
    notes: list[str] = []
    flat = stored.reshape(-1, order="F")
    if flat.dtype.kind == "f":
        flat, notes = _rounded(path, flat)
    low, high = int(flat.min()), int(flat.max())
    if low < 0:
        raise refused(path, f"not a label map: holds negative values (down to {low})")
    if high > 0xFFFF:
        flat, more = _renumbered(path, flat)
        notes += more
        high = int(flat.max())
    kind = np.uint8 if high <= 0xFF else np.uint16
    return flat.astype(kind, copy=False).reshape(stored.shape, order="F"), notes


def _rounded(path: Path, flat: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    if not (np.isfinite(flat.min()) and np.isfinite(flat.max())):
        raise refused(path, "not a label map: holds NaN or infinite values")
    if abs(float(flat.max())) >= 2**31 or abs(float(flat.min())) >= 2**31:
        raise refused(path, "not a label map: holds values of 2^31 and more")
    whole = np.rint(flat)
    off = float(np.abs(whole - flat).max())
    if off > _WHOLE_TOLERANCE:
        raise refused(path, "not a label map: holds values between whole numbers")
    notes = [f"labels up to {off:.2g} from a whole number rounded to it"] if off > 0 else []
    return whole.astype(np.int32), notes


def _renumbered(path: Path, flat: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    values, index = np.unique(flat, return_inverse=True)
    if values[0] != 0:
        values, index = np.insert(values, 0, 0), index + 1
    if values.size > 0x10000:
        raise refused(path, f"not a label map: holds {values.size} different values")
    shown = ", ".join(f"{value} is now {label}" for label, value in enumerate(values[1:6].tolist(), 1))
    return index.astype(np.uint16), [f"labels beyond 65535 renumbered in order of their values: {shown}, …"]


#: A slice with no more values than this is taken for labels at its owner's word.
FEW_LABELS = 64


def label_reading(
    path: Path,
    grid: Grid,
    stored: NDArray[Any],
    table: Mapping[int, LabelEntry],
    provenance: Provenance,
    reference: Volume | None,
    notes: tuple[str, ...] = (),
) -> Reading[LabelMap]:
    """A label map from stored samples, on the grid of `reference` when there is one.

    Raises:
        InputRefused: not labels, or nothing of them lies inside `reference`.
    """
    if not table and _is_an_image(stored):
        raise refused(path, "an image and not a label map: neighbouring samples differ nearly everywhere")
    labels, more = whole_labels(path, stored)
    repairs = [*notes, *more]
    if any("renumbered" in note for note in more) and table:
        table = {}
        repairs.append("its label table counts by the old numbers and is not used")
    if reference is not None:
        labels, moved = onto(path, labels, grid, reference.grid)
        grid, repairs = reference.grid, repairs + moved
    elif not grid.is_orthogonal:
        labels, grid = _squared(path, labels, grid)
        repairs.append(f"sheared axes: moved to a right-angled {_described(grid)} grid by nearest neighbour")
    present = present_labels(labels)
    if not present:
        repairs.append("the segmentation holds no labelled voxel")
    return Reading(LabelMap(grid, labels, structures(present, table, provenance)), tuple(repairs))


def _is_an_image(stored: NDArray[Any]) -> bool:
    """Many values and no two alike side by side; few values may be labels however they lie."""
    middle = stored[:, :, stored.shape[2] // 2]
    return len(np.unique(middle)) > FEW_LABELS and not looks_like_labels(middle)


def present_labels(labels: NDArray[Any]) -> list[int]:
    """The labels that occur, ascending, without 0."""
    counts = np.zeros(0x10000, dtype=np.int64)
    flat = labels.reshape(-1, order="F")
    for start in range(0, flat.size, 1 << 22):  # bincount works on int64 copies: keep them small
        part = np.bincount(flat[start : start + (1 << 22)])
        counts[: part.size] += part
    return [int(label) for label in np.flatnonzero(counts) if label]


def onto(path: Path, labels: NDArray[Any], grid: Grid, target: Grid) -> tuple[NDArray[Any], list[str]]:
    """`labels` on `target`, and what that took.

    Raises:
        InputRefused: the frames of reference differ, or no labelled voxel lies inside `target`.
    """
    notes: list[str] = []
    if grid.frame != target.frame:
        if grid.frame_of_reference_uid and target.frame_of_reference_uid:
            raise refused(path, "its frame of reference is not that of the volume: it belongs to another scan")
        grid = Grid.from_matrix(grid.shape, grid.patient_from_voxel.matrix, target.frame_of_reference_uid)
        notes.append("no frame of reference to compare: taken to lie in that of the volume")
    if grid.close(target):
        return labels, notes
    moved = _moved(labels, grid, target)
    before, after = int(np.count_nonzero(labels)), int(np.count_nonzero(moved))
    if before and not after:
        raise refused(path, "no labelled voxel lies inside the volume: it belongs to another scan")
    if _shares_lattice(grid, target):  # a crop or a larger field: every voxel has its own counterpart
        lost = before - after
        return moved, [
            *notes,
            f"{lost} of {before} labelled voxels lie outside the volume and are lost",
        ] if lost else notes
    ratio = after * target.voxel_volume_mm3 / (before * grid.voxel_volume_mm3) if before else 1.0
    notes.append(
        f"labels moved from their own {_described(grid)} grid to the volume's {_described(target)} by nearest "
        f"neighbour; labelled volume is {100 * ratio:.1f} % of what it was"
    )
    return moved, notes


def _squared(path: Path, labels: NDArray[Any], grid: Grid) -> tuple[NDArray[Any], Grid]:
    from engine.ingest import resampling  # its kernels are loaded only where grids differ

    target = resampling.rigid_cover(path, grid)
    return resampling.nearest(labels, grid, target), target


def _shares_lattice(grid: Grid, target: Grid) -> bool:
    """Whether voxels of one are voxels of the other, whatever the order and direction of the axes."""
    between = grid.patient_from_voxel.inverse.matrix @ target.patient_from_voxel.matrix
    corner = np.abs(between[:3] @ [*target.shape, 1.0])
    whole = np.abs(between - np.rint(between)).max(axis=1)[:3] * np.maximum(corner, 1) < 0.05
    return bool(whole.all() and (np.abs(np.rint(between[:3, :3])).sum(axis=0) == 1).all())


def _moved(labels: NDArray[Any], grid: Grid, target: Grid) -> NDArray[Any]:
    from engine.ingest import resampling  # its kernels are loaded only where grids differ

    return resampling.nearest(labels, grid, target)


def _described(grid: Grid) -> str:
    return "{} x {} x {}".format(*grid.shape)
