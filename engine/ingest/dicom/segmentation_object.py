"""DICOM segmentations (PS3.3 A.51 and C.8.20): binary, fractional and label map, as one label map.

- Fractional segments are cut at one half of their maximum, and `repairs` says so.
- Overlapping segments: the smaller wins, every overlap is counted and said (see `overlay`);
  `separate` gives each segment whole.
- Frames may be missing (empty slices are left out) and in any order; each is placed by its own
  position. The result is on the grid of the volume when there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from engine.core.array import Float64
from engine.core.grid import Grid
from engine.core.progress import Progress, part
from engine.core.structure import Provenance, Structure
from engine.core.volume import LabelMap, Volume
from engine.ingest import overlay
from engine.ingest.dicom.codestream import CODECS, RLE, decode, run_lengths
from engine.ingest.dicom.file import Unreadable
from engine.ingest.dicom.object import code, colour_of_cielab, data_set, first, items, numbers, reading
from engine.ingest.dicom.reference import series_of_segmentation
from engine.ingest.label_table import LabelEntry, structures
from engine.ingest.label_volume import onto
from engine.ingest.overlay import Part, Region
from engine.ingest.placement import placed
from engine.ingest.study import MAX_INFLATION, MAX_VOXELS, Reading

SOP_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_VERSION = "1"
_DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
_UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "")
#: Fraction of the maximum at which a fractional segment counts as present.
FRACTION_THRESHOLD = 0.5
#: Positions of planes agree to this fraction of their distance.
_LEVEL_TOLERANCE = 0.02
#: No patient is longer; frames further apart are damaged positions.
_MAX_SPAN_MM = 3000.0


def read_segmentation(path: Path, reference: Volume | None, progress: Progress) -> Reading[LabelMap]:
    """A segmentation as one label map, on the grid of `reference` when given, on its own otherwise.

    Raises:
        InputRefused: damaged, not a segmentation, or of another frame of reference than `reference`.
    """
    with reading(path, "segmentation"):
        plan = _plan(path, reference.grid if reference is not None else None)
        label_map, notes = overlay.composed(plan.grid, plan.parts, part(progress, 0.1, 0.9))
        notes = [*plan.notes, *notes, *_other_series(plan, reference)]
        if reference is not None:
            labels, moved = onto(path, np.asarray(label_map.labels), label_map.grid, reference.grid)
            label_map, notes = LabelMap(reference.grid, labels, label_map.structures), notes + moved
        progress(1.0, "drawing structures")
        return Reading(label_map, tuple(notes))


def separate(path: Path) -> tuple[LabelMap, ...]:
    """Every segment whole, in a label map of its own, all on the segmentation's own grid.

    Raises:
        InputRefused: as `read_segmentation`.
    """
    with reading(path, "segmentation"):
        plan = _plan(path, None)
        return overlay.separate(plan.grid, plan.parts)


def _other_series(plan: _Plan, reference: Volume | None) -> list[str]:
    if reference is None or not plan.series_uids or reference.source.series_uid in ("", *plan.series_uids):
        return []
    return ["made on another series of the same frame of reference"]


# --- what the file says ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    grid: Grid
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    series_uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Frame:
    index: int
    segments: tuple[int, ...]  # numbers of the segments that it may show
    position_mm: Float64
    level: int = -1  # slice of the grid


def _plan(path: Path, reference: Grid | None) -> _Plan:
    found = data_set(path)
    if str(found.get("SOPClassUID", "")) not in SOP_CLASSES:
        raise Unreadable("not a segmentation")
    pixels = _pixels(found)
    entries = _entries(found)
    frames, orientation = _frames(found, pixels, tuple(entries))
    spacing, between = _measures(found)
    levels, step, notes = _levels(frames, orientation, between, reference)
    grid = _grid(path, found, pixels, frames, orientation, spacing, levels, step)
    placed_frames = [replace(frame, level=int(level)) for frame, level in zip(frames, levels, strict=True)]
    parts, more = _parts(pixels, placed_frames, entries)
    return _Plan(grid, parts, (*notes, *more), series_of_segmentation(found))


def _entries(found: Dataset) -> dict[int, LabelEntry]:
    entries = {}
    for item in items(found, "SegmentSequence"):
        number = int(item.SegmentNumber)
        kind = code(first(item, keyword="SegmentedPropertyTypeCodeSequence"))
        name = str(item.get("SegmentLabel", "")).strip() or (kind.meaning if kind else "") or f"Segment {number}"
        if 1 <= number <= 0xFFFF:
            colour = colour_of_cielab(item.get("RecommendedDisplayCIELabValue"))
            entries[number] = LabelEntry(name, colour, kind)
    if not entries:
        raise Unreadable("no segment is described")
    return entries


def _frames(found: Dataset, pixels: _Pixels, numbers_: tuple[int, ...]) -> tuple[list[_Frame], Float64]:
    """The frames with their places, and the orientation (6,) that they share."""
    shared = first(found, keyword="SharedFunctionalGroupsSequence")
    groups = items(found, "PerFrameFunctionalGroupsSequence")
    if len(groups) != pixels.frames:
        raise Unreadable(f"{pixels.frames} frames, {len(groups)} described")
    frames, orientations = [], []
    for index, group in enumerate(groups):
        position = numbers(first(group, shared, keyword="PlanePositionSequence"), "ImagePositionPatient", 3)
        orientation = numbers(first(group, shared, keyword="PlaneOrientationSequence"), "ImageOrientationPatient", 6)
        if position is None or orientation is None:
            raise Unreadable(f"frame {index + 1} has no place in the patient")
        orientations.append(orientation)
        frames.append(_Frame(index, _segments_of(group, shared, pixels, numbers_), position))
    if np.abs(np.array(orientations) - orientations[0]).max() > 1e-3:
        raise Unreadable("its frames are not parallel")
    return frames, _orthonormal(orientations[0])


def _segments_of(group: Dataset, shared: Dataset | None, pixels: _Pixels, every: tuple[int, ...]) -> tuple[int, ...]:
    if pixels.is_label_map:
        return every
    identification = first(group, shared, keyword="SegmentIdentificationSequence")
    number = int(identification.ReferencedSegmentNumber) if identification is not None else 0
    if number not in every:
        raise Unreadable(f"a frame belongs to segment {number}, which is not described")
    return (number,)


def _orthonormal(orientation: Float64) -> Float64:
    row, column = orientation[:3], orientation[3:]
    if abs(np.linalg.norm(row) - 1) > 0.01 or abs(np.linalg.norm(column) - 1) > 0.01 or abs(row @ column) > 0.01:
        raise Unreadable("its orientation is not two unit vectors at right angles")
    row = row / np.linalg.norm(row)
    column = column - (column @ row) * row
    return np.concatenate([row, column / np.linalg.norm(column)])


def _measures(found: Dataset) -> tuple[Float64, float]:
    """Spacing along i and j, and the stated distance of slices (0 where none)."""
    shared = first(found, keyword="SharedFunctionalGroupsSequence")
    group = first(found, keyword="PerFrameFunctionalGroupsSequence")
    measures = first(shared, group, keyword="PixelMeasuresSequence")
    spacing = numbers(measures, "PixelSpacing", 2)
    if spacing is None or (spacing <= 0).any():
        raise Unreadable("no pixel spacing")
    between = numbers(measures, "SpacingBetweenSlices", 1)
    if between is None:
        between = numbers(measures, "SliceThickness", 1)
    return spacing[::-1], abs(float(between[0])) if between is not None else 0.0


# --- place -----------------------------------------------------------------------------------------


def _levels(
    frames: Sequence[_Frame], orientation: Float64, between_mm: float, reference: Grid | None
) -> tuple[NDArray[np.int64], float, list[str]]:
    """The slice of each frame, counted from the lowest, and the distance of slices in millimetres."""
    normal = np.cross(orientation[:3], orientation[3:])
    heights = np.array([frame.position_mm @ normal for frame in frames])
    offsets = np.array([frame.position_mm for frame in frames]) - np.outer(heights, normal)
    if np.abs(offsets - offsets[0]).max() > 0.05:
        raise Unreadable("its frames are shifted against each other")
    distinct = np.unique(np.round(heights, 3))
    gaps = np.diff(distinct)
    along = _step_of(reference, normal)
    for step in [step for step in (between_mm, along, float(gaps.min(initial=np.inf))) if 0 < step < np.inf]:
        levels = (heights - heights.min()) / step
        if np.abs(levels - np.rint(levels)).max() <= _LEVEL_TOLERANCE * max(1.0, min(levels.max(), 10)):
            return np.rint(levels).astype(np.int64), step, []
    if not gaps.size:
        return np.zeros(len(frames), np.int64), 1.0, ["a single slice of unstated thickness: 1 mm taken"]
    step = float(gaps.min())
    levels = np.rint((heights - heights.min()) / step).astype(np.int64)
    if len(np.unique(levels)) != distinct.size or gaps.max() > 1.5 * step:
        raise Unreadable(f"its slices are unevenly spaced ({step:.3g} to {gaps.max():.3g} mm)")
    worst = float(np.abs((heights - heights.min()) - levels * step).max())
    return levels, step, [f"slices unevenly spaced: moved by up to {worst:.2g} mm to even spacing"]


def _step_of(reference: Grid | None, normal: Float64) -> float:
    """Slice distance of a reference whose slices are parallel, 0 otherwise."""
    if reference is None:
        return 0.0
    step = reference.patient_from_voxel.matrix[:3, 2]
    return float(np.linalg.norm(step)) if abs(abs(step @ normal) - np.linalg.norm(step)) < 1e-3 else 0.0


def _grid(
    path: Path,
    found: Dataset,
    pixels: _Pixels,
    frames: Sequence[_Frame],
    orientation: Float64,
    spacing: Float64,
    levels: NDArray[np.int64],
    step: float,
) -> Grid:
    matrix = np.eye(4)
    matrix[:3, 0] = orientation[:3] * spacing[0]
    matrix[:3, 1] = orientation[3:] * spacing[1]
    matrix[:3, 2] = np.cross(orientation[:3], orientation[3:]) * step
    matrix[:3, 3] = frames[int(np.argmin(levels))].position_mm
    shape = (pixels.columns, pixels.rows, int(levels.max()) + 1)
    voxels = shape[0] * shape[1] * shape[2]
    if voxels > min(MAX_VOXELS, 8 * path.stat().st_size * MAX_INFLATION) or shape[2] * step > _MAX_SPAN_MM:
        raise Unreadable(f"its frames span {shape[2]} slices of {step:.3g} mm: more than any scan")
    return placed(path, shape, matrix, str(found.get("FrameOfReferenceUID", "")))


# --- pixels ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pixels:
    """The frames' samples, decoded one at a time."""

    rows: int
    columns: int
    frames: int
    kind: str  # "BINARY", "FRACTIONAL", "LABELMAP"
    bits: int
    maximum: int
    fragments: tuple[bytes, ...] | bytes  # one a frame, or all frames as they follow each other
    syntax: str

    @property
    def is_label_map(self) -> bool:
        return self.kind == "LABELMAP"

    def frame(self, index: int) -> NDArray[Any]:
        """(rows, columns) as stored.

        Raises:
            Unreadable: damaged.
        """
        count = self.rows * self.columns
        if isinstance(self.fragments, bytes):
            return self._plain(self.fragments, index * count).reshape(self.rows, self.columns)
        data = self.fragments[index]
        if self.syntax == _DEFLATED_FRAMES:
            return self._plain(_inflated_frame(data, (count * self.bits + 7) // 8), 0).reshape(self.rows, self.columns)
        if self.syntax == RLE:
            unpacked = run_lengths(data, count, max(self.bits // 8, 1))
            return self._plain(unpacked, 0).reshape(self.rows, self.columns)
        return np.asarray(decode(CODECS[self.syntax], data, self.rows, self.columns, None))

    def _plain(self, data: bytes, first_sample: int) -> NDArray[Any]:
        count = self.rows * self.columns
        if self.bits == 1:
            start, stop = first_sample // 8, (first_sample + count + 7) // 8
            bits = np.unpackbits(np.frombuffer(data, np.uint8)[start:stop], bitorder="little")
            return bits[first_sample % 8 : first_sample % 8 + count]
        kind = np.dtype("<u2" if self.bits == 16 else "u1")
        return np.frombuffer(data, kind, count, first_sample * kind.itemsize)


def _inflated_frame(data: bytes, size: int) -> bytes:
    found = bytes(imagecodecs.deflate_decode(data, raw=True, out=size))
    if len(found) < size:
        raise Unreadable(f"truncated: a frame inflates to {len(found)} of {size} bytes")
    return found


def _pixels(found: Dataset) -> _Pixels:
    rows, columns, frames = int(found.Rows), int(found.Columns), int(found.get("NumberOfFrames") or 1)
    bits = int(found.BitsAllocated)
    label_map = str(found.SOPClassUID) == SOP_CLASSES[1]
    kind = "LABELMAP" if label_map else str(found.get("SegmentationType", "BINARY"))
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP") or bits not in (1, 8, 16) or (label_map and bits == 1):
        raise Unreadable(f"a {kind[:16]} segmentation of {bits} bits a sample")
    if min(rows, columns, frames) < 1:
        raise Unreadable("no rows, columns or frames")
    syntax = str(found.file_meta.get("TransferSyntaxUID", "")) if hasattr(found, "file_meta") else ""
    data = bytes(found.get("PixelData") or b"")
    needed = (rows * columns * frames * bits + 7) // 8
    if syntax in _UNCOMPRESSED:
        if len(data) < needed:
            raise Unreadable(f"truncated: {needed} bytes of pixels stated, {len(data)} there")
        fragments: tuple[bytes, ...] | bytes = data
    else:
        if (syntax not in CODECS and syntax not in (RLE, _DEFLATED_FRAMES)) or (syntax == RLE and bits == 1):
            raise Unreadable(f"{bits}-bit samples in transfer syntax {syntax[:64]} are not read")
        if needed > len(data) * MAX_INFLATION:
            raise Unreadable(f"its header claims {needed} bytes, more than {len(data)} compressed bytes can hold")
        fragments = tuple(generate_frames(data, number_of_frames=frames))
        if len(fragments) != frames:
            raise Unreadable(f"{frames} frames stated, {len(fragments)} there")
    return _Pixels(rows, columns, frames, kind, bits, int(found.get("MaximumFractionalValue") or 1), fragments, syntax)


# --- parts -----------------------------------------------------------------------------------------


def _parts(
    pixels: _Pixels, frames: Sequence[_Frame], entries: dict[int, LabelEntry]
) -> tuple[tuple[Part, ...], list[str]]:
    """The segments that hold voxels, and what was cut."""
    voxels = _voxels(pixels, frames)
    notes = []
    if pixels.kind == "FRACTIONAL":
        notes.append(f"fractional segments cut at {FRACTION_THRESHOLD:g} of their maximum")
    if unknown := sorted(set(voxels) - set(entries)):
        entries = entries | {number: LabelEntry(f"Segment {number}") for number in unknown}
        notes.append(f"segments {', '.join(map(str, unknown[:10]))} hold voxels but are not described")
    if empty := sorted(set(entries) - set(voxels)):
        shown = ", ".join(repr(entries[number].name) for number in empty[:10])
        notes.append(f"segments without a voxel are left out: {shown}")
    rows = structures(voxels, entries, Provenance("dicom segmentation", _VERSION, (("type", pixels.kind.lower()),)))
    return tuple(_part(pixels, frames, row, voxels[row.label]) for row in rows), notes


def _part(pixels: _Pixels, frames: Sequence[_Frame], row: Structure, voxels: int) -> Part:
    own = [frame for frame in frames if pixels.is_label_map or row.label in frame.segments]
    return Part(row, float(voxels), partial(_drawn, pixels, own, row.label))


def _voxels(pixels: _Pixels, frames: Sequence[_Frame]) -> dict[int, int]:
    """Number of voxels of each segment that has any."""
    counts: dict[int, int] = {}
    for frame in frames:
        samples = pixels.frame(frame.index)
        if pixels.is_label_map:
            found = np.bincount(samples.reshape(-1))
            pairs = [(int(label), int(found[label])) for label in np.flatnonzero(found) if label]
        else:
            pairs = [(frame.segments[0], int(np.count_nonzero(_present(pixels, samples))))]
        for label, count in pairs:
            counts[label] = counts.get(label, 0) + count
    return {label: count for label, count in counts.items() if count}


def _present(pixels: _Pixels, samples: NDArray[Any]) -> NDArray[np.bool_]:
    if pixels.kind == "FRACTIONAL" and pixels.bits > 1:
        return np.asarray(samples >= FRACTION_THRESHOLD * pixels.maximum)
    return np.asarray(samples != 0)


def _drawn(pixels: _Pixels, frames: Sequence[_Frame], label: int) -> Iterator[tuple[Region, NDArray[np.bool_]]]:
    for frame in frames:
        samples = pixels.frame(frame.index)
        mask = np.equal(samples, label) if pixels.is_label_map else _present(pixels, samples)
        level = slice(frame.level, frame.level + 1)
        yield (level, slice(None), slice(None)), mask[None]
