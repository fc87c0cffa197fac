"""RT structure sets (PS3.3 A.19, C.8.8.5, C.8.8.6) drawn onto the volume they belong to.

- Contours of one plane are combined even-odd: holes, branches and keyholes (see `contour`).
- Planes along any axis of the volume are drawn on its own slices; oblique planes on a grid of their
  own, which is then moved onto the volume by nearest neighbour.
- A structure is drawn whole or not at all: one whose planes reach beyond the first or last slice is
  set aside with the reason, for a truncated structure looks like a small one.
- Overlaps: the smaller structure wins, every overlap is counted and said (see `overlay`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from engine.core.array import Float64
from engine.core.errors import FileProblem, InputRefused
from engine.core.grid import Grid
from engine.core.progress import Progress, part, silent
from engine.core.structure import Provenance, Rgb
from engine.core.volume import LabelMap, Volume
from engine.ingest import overlay
from engine.ingest.content import refused
from engine.ingest.contour import Plane, Window, crossing_pairs, filled, slices, usual_distance
from engine.ingest.dicom.file import Unreadable
from engine.ingest.dicom.object import code, data_set, first, items, reading
from engine.ingest.dicom.reference import series_of_structure_set
from engine.ingest.label_table import LabelEntry, structures
from engine.ingest.overlay import Part, Region
from engine.ingest.study import Reading

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
_VERSION = "1"
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
#: Contours of one plane agree in height to this, in slices; so much may a contour leave its plane.
_PLANE_TOLERANCE = 0.05
#: A plane may lie this far beyond the centre of the first or last slice, in slices.
_EDGE = 0.51


def read_structure_set(path: Path, reference: Volume | None, progress: Progress) -> Reading[LabelMap]:
    """A structure set as a label map on the grid of `reference`.

    Raises:
        InputRefused: damaged, no reference, of another scan, or no structure could be drawn whole.
    """
    if reference is None:
        raise refused(path, "contours need the volume that they were drawn on")
    parts, notes, problems = _drawable(path, reference, part(progress, 0.0, 0.2))
    with reading(path, "structure set"):
        label_map, more = overlay.composed(reference.grid, parts, part(progress, 0.2, 1.0))
    return Reading(label_map, (*notes, *more), problems)


def separate(path: Path, reference: Volume) -> tuple[LabelMap, ...]:
    """Every structure whole, in a label map of its own.

    Raises:
        InputRefused: as `read_structure_set`.
    """
    parts, _, _ = _drawable(path, reference, silent)
    return overlay.separate(reference.grid, parts)


def _drawable(
    path: Path, reference: Volume, progress: Progress
) -> tuple[list[Part], list[str], tuple[FileProblem, ...]]:
    with reading(path, "structure set"):
        found = data_set(path)
        if str(found.get("SOPClassUID", "")) != SOP_CLASS:
            raise Unreadable("not a structure set")
        notes = _belongs(found, reference)
        rois = _rois(found, reference.grid.frame_of_reference_uid)
        parts, problems = [], []
        rows = {row.label: row for row in structures((roi.label for roi in rois), _table(rois), _PROVENANCE)}
        for count, roi in enumerate(rois):
            progress(count / len(rois), "reading contours")
            drawing, reason = _drawing(roi, reference.grid)
            if drawing is None:
                problems.append(FileProblem(path, f"structure {roi.entry.name!r} is not drawn: {reason}"))
                continue
            notes += [f"structure {roi.entry.name!r}: {note}" for note in (*roi.notes, *drawing.notes)]
            parts.append(Part(rows[roi.label], drawing.size_mm3, partial(drawing.pieces, reference.grid)))
    if not parts:
        raise InputRefused("no structure can be drawn on this volume", problems)
    return parts, notes, tuple(problems)


_PROVENANCE = Provenance("dicom structure set", _VERSION)


# --- what the file says ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Roi:
    label: int
    entry: LabelEntry
    contours: tuple[Float64, ...]  # (points, 3) LPS mm, closed
    frame_of_reference_uid: str
    notes: tuple[str, ...] = ()
    trouble: str = ""  # why it cannot be drawn


def _belongs(found: Dataset, reference: Volume) -> list[str]:
    """That the structure set was drawn in this patient space; what had to be taken on trust.

    Raises:
        Unreadable: it names another scan.
    """
    series = series_of_structure_set(found)
    spaces = items(found, "ReferencedFrameOfReferenceSequence")
    frames = {str(space.get("FrameOfReferenceUID", "")) for space in spaces}
    frames |= {str(roi.get("ReferencedFrameOfReferenceUID", "")) for roi in items(found, "StructureSetROISequence")}
    frames -= {""}
    own_frame, own_series = reference.grid.frame_of_reference_uid, reference.source.series_uid
    if not (own_frame or own_series) or not (frames or series):
        return ["no frame of reference to compare: taken to lie in that of the volume"]
    if own_series and own_series in series:
        stray = bool(own_frame and frames and own_frame not in frames)
        return ["names this series but another frame of reference: taken by the series"] if stray else []
    if own_frame and own_frame in frames:
        return [f"{'drawn on another' if series else 'names no'} series: taken by its frame of reference"]
    raise Unreadable("it was drawn on another scan: neither its series nor its frame of reference is the volume's")


def _rois(found: Dataset, frame_of_reference_uid: str) -> list[_Roi]:
    named = {int(item.ROINumber): item for item in items(found, "StructureSetROISequence")}
    observed = {int(item.get("ReferencedROINumber", -1)): item for item in items(found, "RTROIObservationsSequence")}
    drawn: dict[int, list[Dataset]] = {}
    for item in items(found, "ROIContourSequence"):
        drawn.setdefault(int(item.get("ReferencedROINumber", -1)), []).append(item)
    numbers = [
        number for number in named if number in drawn and any(items(i, "ContourSequence") for i in drawn[number])
    ]
    keep = all(1 <= number <= 0xFFFF for number in numbers)
    known = {str(item.get("ReferencedFrameOfReferenceUID", "")) for item in named.values()}
    rois = []
    for order, number in enumerate(numbers, 1):
        item, observation = named[number], observed.get(number)
        roi = _roi(number if keep else order, item, observation, drawn[number])
        elsewhere = frame_of_reference_uid in known and roi.frame_of_reference_uid != frame_of_reference_uid
        rois.append(_Roi(roi.label, roi.entry, roi.contours, roi.frame_of_reference_uid, roi.notes,
                         "it lies in another frame of reference" if elsewhere else roi.trouble))  # fmt: skip
    return rois


def _roi(label: int, item: Dataset, observation: Dataset | None, drawn: list[Dataset]) -> _Roi:
    contours, seen = [], set()
    open_ones = doubles = damaged = 0
    for contour in (one for holder in drawn for one in items(holder, "ContourSequence")):
        points = np.array([float(number) for number in contour.get("ContourData") or ()])
        if str(contour.get("ContourGeometricType", "CLOSED_PLANAR")) not in _CLOSED:
            open_ones += 1
        elif points.size < 9 or points.size % 3 or not np.isfinite(points).all() or np.abs(points).max() > 1e5:
            damaged += 1
        elif points.tobytes() in seen:
            doubles += 1  # filling even-odd, a contour given twice would erase itself
        else:
            seen.add(points.tobytes())
            contours.append(points.reshape(-1, 3))
    told = (
        (open_ones, "open contours or points enclose nothing and are left out"),
        (damaged, "contours with fewer than three points or unusable coordinates are left out"),
        (doubles, "contours given twice are drawn once"),
    )
    name = str(item.get("ROIName", "")).strip() or f"Structure {label}"
    kind = code(first(observation, keyword="RTROIIdentificationCodeSequence"))
    entry = LabelEntry(name, _colour(drawn[0]), kind if kind is not None and kind.scheme == "SCT" else None)
    return _Roi(
        label,
        entry,
        tuple(contours),
        str(item.get("ReferencedFrameOfReferenceUID", "")),
        tuple(f"{count} {what}" for count, what in told if count),
        "" if contours else "it has no closed contour",
    )


def _colour(item: Dataset) -> Rgb | None:
    channels = [int(channel) for channel in item.get("ROIDisplayColor") or ()]
    return (channels[0], channels[1], channels[2]) if len(channels) == 3 and set(channels) <= set(range(256)) else None


def _table(rois: Sequence[_Roi]) -> dict[int, LabelEntry]:
    return {roi.label: roi.entry for roi in rois}


# --- planes ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A structure as planes along one axis of a grid.

    Attributes:
        grid: the grid whose slices the planes lie along: the volume's own, or one made for oblique planes.
        axis: the axis across the planes, 0 to 2.
        planes: by height along `axis`.
        window: rows and columns, in the other two axes, that the structure touches.
        size_mm3: its volume, nearly.
    """

    grid: Grid
    axis: int
    planes: tuple[Plane, ...]
    window: Window
    size_mm3: float
    notes: tuple[str, ...] = field(default=())

    def pieces(self, target: Grid) -> Iterator[tuple[Region, NDArray[np.bool_]]]:
        """Regions (k, j, i) of `target` with their masks."""
        if self.grid is target:
            for level, mask in slices(self.planes, self.window, self.grid.shape[self.axis]):
                yield self._placed(level, mask)
        else:
            yield from self._moved(target)

    def _placed(self, level: int, mask: NDArray[np.bool_]) -> tuple[Region, NDArray[np.bool_]]:
        across = slice(level, level + 1)
        rows = slice(self.window.row, self.window.row + self.window.rows)
        columns = slice(self.window.column, self.window.column + self.window.columns)
        region = [columns, rows]  # along the lower and the higher of the other two axes
        region.insert(self.axis, across)
        return (region[2], region[1], region[0]), np.expand_dims(mask, 2 - self.axis)

    def _moved(self, target: Grid) -> Iterator[tuple[Region, NDArray[np.bool_]]]:
        from engine.ingest import resampling  # its kernels are loaded only for oblique contours

        own = np.zeros(self.grid.shape[::-1], dtype=np.uint8)
        for level, mask in slices(self.planes, self.window, self.grid.shape[self.axis]):
            region, piece = self._placed(level, mask)
            own[region] |= piece
        start, shape = _box(self.grid, target)
        if min(shape) > 0:
            moved = resampling.nearest(own.T, self.grid, target.cropped(start, shape))
            i, j, k = (slice(a, a + n) for a, n in zip(start, shape, strict=True))
            yield (k, j, i), moved.T.astype(bool)


def _box(grid: Grid, target: Grid) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """First voxel and number of voxels of `target` that `grid` can reach."""
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in grid.shape])).reshape(3, -1).T
    voxels = target.patient_from_voxel.inverse.apply(grid.patient_from_voxel.apply(corners))
    low = np.clip(np.floor(voxels.min(axis=0)), 0, target.shape).astype(int)
    high = np.clip(np.ceil(voxels.max(axis=0)) + 1, 0, target.shape).astype(int)
    count = high - low
    return (int(low[0]), int(low[1]), int(low[2])), (int(count[0]), int(count[1]), int(count[2]))


def _drawing(roi: _Roi, grid: Grid) -> tuple[_Drawing | None, str]:
    """How to draw a structure, or why it cannot be."""
    if roi.trouble:
        return None, roi.trouble
    along = _along_axis(roi.contours, grid)
    notes: tuple[str, ...] = ()
    if along is None:
        oblique = _own_grid(roi.contours, grid)
        if oblique is None:
            return None, "its contours are not flat and parallel"
        notes = ("its planes are oblique to the volume: moved onto it by nearest neighbour",)
        reach = _beyond(roi.contours, grid)
        if reach:
            return None, reach
        grid, along = oblique, 2
    planes = _planes(roi.contours, grid, along)
    outside = [p for p in planes if not -_EDGE <= p.height <= grid.shape[along] - 1 + _EDGE]
    if outside:
        return None, f"{len(outside)} of its {len(planes)} planes lie beyond the first or last slice"
    window, cut = _window(planes, grid, along)
    if window is None:
        return None, "it lies beside the volume"
    in_plane = grid.voxel_volume_mm3 * usual_distance(planes)
    size = in_plane * sum(int(np.count_nonzero(filled(plane.polygons, window))) for plane in planes)
    return _Drawing(grid, along, planes, window, size, (*notes, *cut, *_told(planes, window, grid, along))), ""


def _along_axis(contours: Sequence[Float64], grid: Grid) -> int | None:
    """The axis of `grid` that is constant in every contour; slices first."""
    voxels = [grid.patient_from_voxel.inverse.apply(contour) for contour in contours]
    for axis in (2, 1, 0):
        if all(np.ptp(points[:, axis]) <= 2 * _PLANE_TOLERANCE for points in voxels):
            return axis
    return None


def _own_grid(contours: Sequence[Float64], grid: Grid) -> Grid | None:
    """A grid along oblique planes, as fine as the volume; None where contours are not flat and parallel."""
    largest = max(contours, key=lambda points: float(np.linalg.norm(_area_vector(points))))
    normal = _area_vector(largest)
    if np.linalg.norm(normal) < 1e-6:
        return None
    normal = normal / np.linalg.norm(normal)
    if any(np.ptp(points @ normal) > 0.2 for points in contours):  # mm
        return None
    along = grid.directions[:, int(np.argmin(np.abs(grid.directions.T @ normal)))]
    across = along - (along @ normal) * normal
    across = across / np.linalg.norm(across)
    axes = np.column_stack([across, np.cross(normal, across), normal])
    points = np.concatenate(contours) @ axes
    step = float(grid.spacing_mm.min())
    heights = np.unique(np.round([points_ @ normal for contour in contours for points_ in contour[:1]], 2))
    margin = np.array([1.0, 1.0, float(np.diff(heights).max(initial=float(grid.spacing_mm.max())) / step) + 1])
    low = points.min(axis=0) - margin * step
    shape = np.ceil((points.max(axis=0) + margin * step - low) / step).astype(int) + 1
    if np.prod(shape, dtype=float) > 8 * grid.voxel_count + 1e6:
        return None
    matrix = np.eye(4)
    matrix[:3, :3] = axes * step
    matrix[:3, 3] = axes @ low
    return Grid.from_matrix((int(shape[0]), int(shape[1]), int(shape[2])), matrix, grid.frame_of_reference_uid)


def _area_vector(points: Float64) -> Float64:
    """Twice the area of a polygon along its normal (Newell)."""
    centred = points - points.mean(axis=0)
    return np.asarray(np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0))


def _beyond(contours: Sequence[Float64], grid: Grid) -> str:
    """Whether oblique contours leave the volume."""
    voxels = grid.patient_from_voxel.inverse.apply(np.concatenate(contours))
    out = (voxels < -0.5 - 1e-3) | (voxels > np.array(grid.shape) - 0.5 + 1e-3)
    return f"{int(out.any(axis=1).sum())} of its points lie outside the volume" if out.any() else ""


def _planes(contours: Sequence[Float64], grid: Grid, axis: int) -> tuple[Plane, ...]:
    """Contours gathered by plane, lowest first."""
    others = [other for other in range(3) if other != axis]
    placed = []
    for contour in contours:
        voxels = grid.patient_from_voxel.inverse.apply(contour)
        placed.append((float(np.median(voxels[:, axis])), voxels[:, others]))
    placed.sort(key=lambda one: one[0])
    planes: list[tuple[float, list[Float64]]] = []
    for height, polygon in placed:
        if planes and height - planes[-1][0] <= 2 * _PLANE_TOLERANCE:
            planes[-1][1].append(polygon)
        else:
            planes.append((height, [polygon]))
    return tuple(Plane(height, tuple(polygons)) for height, polygons in planes)


def _window(planes: Sequence[Plane], grid: Grid, axis: int) -> tuple[Window | None, tuple[str, ...]]:
    """The pixels that the structure touches, and whether some of it lies beside the volume."""
    sizes = np.array([size for other, size in enumerate(grid.shape) if other != axis])
    points = np.concatenate([polygon for plane in planes for polygon in plane.polygons])
    least, most = points.min(axis=0), points.max(axis=0)
    low = np.clip(np.floor(least) - 1, 0, sizes).astype(int)
    high = np.clip(np.ceil(most) + 2, 0, sizes).astype(int)
    if (high <= low).any():
        return None, ()
    beyond = float(max((-0.5 - least).max(), (most - (sizes - 0.5)).max()))
    notes = (f"cut at the edge of the volume, beyond which it reaches {beyond:.1f} voxels",) if beyond > 0.5 else ()
    return Window(int(low[1]), int(low[0]), int(high[1] - low[1]), int(high[0] - low[0])), notes


def _told(planes: Sequence[Plane], window: Window, grid: Grid, axis: int) -> list[str]:
    """What the user should know of how planes became slices."""
    notes = []
    step_mm = float(grid.spacing_mm[axis])
    heights = np.array([plane.height for plane in planes])
    off = float(np.abs(heights - np.rint(heights)).max())
    distance = usual_distance(planes)
    if len(planes) > 1 and abs(distance - 1) > 0.1:
        notes.append(f"contours every {distance * step_mm:.3g} mm, slices every {step_mm:.3g} mm: shapes interpolated")
    elif off > 2 * _PLANE_TOLERANCE:
        notes.append(f"contours up to {off * step_mm:.2g} mm off the slices: shapes interpolated")
    crossing = sum(crossing_pairs(plane.polygons, window) for plane in planes)
    if crossing:
        notes.append(f"{crossing} pairs of its contours cross; what two of them share counts as outside")
    return notes
