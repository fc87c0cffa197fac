"""Files sorted into series: one geometry each, labels and contours one object each.

A Series Instance UID promises less than a volume: localizers, reformats and several matrix sizes share
it in practice. Slices are therefore divided by size, spacing, orientation and frame of reference; the largest
part keeps the UID, others take it with a suffix.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engine.core.errors import FileProblem
from engine.ingest.dicom.geometry import NotAStack, plan_stack
from engine.ingest.dicom.header import Header
from engine.ingest.dicom.phase import Phases, levels_of, phase_names, separate_stacks, split_phases
from engine.ingest.dicom.pixels import Frame
from engine.ingest.dicom.plane import Plane
from engine.ingest.orientation import Orientation, orientation_of
from engine.ingest.study import MAX_VOXELS, SeriesInfo, SeriesKind, by_file

#: Direction cosines nearer than this are one orientation: 0.06 degrees, GDCM's own tolerance.
_SAME_DIRECTION = 1e-3


@dataclass(frozen=True, slots=True)
class DicomSeries(SeriesInfo):
    """A series with what its headers said, so that reading it need not parse them again.

    Attributes:
        frames: its planes along the normal, every phase; empty unless it is a volume.
        divided: how slices were told into phases; indices into `frames`.
        set_aside: its files that cannot be used or are not whole, and why.
        notes: what the user should know of how it was made.
    """

    frames: tuple[Frame, ...] = field(default=(), repr=False, compare=False)
    divided: Phases = field(default=Phases("", ()), repr=False, compare=False)
    set_aside: tuple[FileProblem, ...] = field(default=(), repr=False, compare=False)
    notes: tuple[str, ...] = field(default=(), repr=False, compare=False)


def sort_into_series(headers: Sequence[Header]) -> tuple[DicomSeries, ...]:
    """All series among `headers`."""
    by_uid: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        by_uid[header.series_uid or _stand_in_uid(header)].append(header)
    return tuple(series for uid, members in by_uid.items() for series in _divide(uid, members))


def _stand_in_uid(header: Header) -> str:
    """An identifier for files that state no series: stable, and telling nothing of where they lie."""
    place = f"{header.path.parent.resolve()}|{header.sop_class}|{header.study_uid}"
    return "unnamed-" + hashlib.sha256(place.encode()).hexdigest()[:12]


def _divide(uid: str, headers: list[Header]) -> Iterable[DicomSeries]:
    """The series under one UID: volumes by geometry, labels and contours by file, the rest by kind."""
    volumes = [header for header in headers if header.kind is SeriesKind.VOLUME]
    parts = [_volume(stack) for group in _by_geometry(volumes) for stack in _stacks(group)]
    for header in headers:
        if header.kind in (SeriesKind.LABELS, SeriesKind.CONTOURS):
            parts.append(_listed([header], header.kind))
    for kind in (SeriesKind.LOCALIZER, SeriesKind.SECONDARY, SeriesKind.UNUSABLE):
        members = [header for header in headers if header.kind is kind]
        parts += [_listed(members, kind)] if members else []
    parts.sort(key=lambda part: (part.kind is not SeriesKind.VOLUME, -part.voxel_count * part.phases))
    parts = _with_lost_files(parts)
    several = sum(part.kind is SeriesKind.VOLUME for part in parts) > 1
    for number, part in enumerate(parts):
        own = uid if number == 0 else f"{uid}#{number + 1}"
        notes = (_share_note(part, parts),) if several and part.kind is SeriesKind.VOLUME else ()
        yield _named(part, own, notes)


def _with_lost_files(parts: list[DicomSeries]) -> list[DicomSeries]:
    """Unusable files of a series that has a volume are that volume's problems, not a series of their own."""
    if not parts or parts[0].kind is not SeriesKind.VOLUME:
        return parts
    lost = tuple(p for part in parts if part.kind is SeriesKind.UNUSABLE for p in part.set_aside)
    kept = [part for part in parts if part.kind is not SeriesKind.UNUSABLE]
    return [replace(kept[0], set_aside=kept[0].set_aside + lost), *kept[1:]]


def _share_note(part: DicomSeries, parts: list[DicomSeries]) -> str:
    total = sum(len(p.frames) for p in parts)
    stacks = sum(p.kind is SeriesKind.VOLUME for p in parts)
    return (
        f"the series holds {stacks} stacks that differ in size, spacing, orientation or acquisition; "
        f"this is one of {len(part.frames)} of its {total} slices"
    )


def _named(part: DicomSeries, uid: str, notes: tuple[str, ...]) -> DicomSeries:
    return replace(part, uid=uid, notes=notes + part.notes)


# Volumes ----------------------------------------------------------------------------------------


def _by_geometry(headers: list[Header]) -> list[list[Frame]]:
    """Frames divided by matrix, spacing, frame of reference and orientation."""
    groups: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
    directions: list[np.ndarray] = []
    frames_of_reference = {header.frame_of_reference_uid for header in headers}
    # Some anonymisers give every file a frame of reference of its own, which then divides nothing.
    divides = len(frames_of_reference) < len(headers)
    for header in headers:
        for plane in header.planes:
            direction = _direction(plane, directions)
            spacing = tuple(round(value, 4) for value in plane.spacing_mm or ())
            pixels = header.pixels
            size = (pixels.rows, pixels.columns) if pixels else ()
            has_place = plane.position_mm is not None
            frame_of_reference = header.frame_of_reference_uid if divides else ""
            groups[(size, spacing, direction, frame_of_reference, has_place)].append((header, plane))
    return list(groups.values())


def _stacks(frames: list[Frame]) -> list[list[Frame]]:
    if _lacks(frames[0][1]):
        return [frames]
    return [[frames[index] for index in members] for members in separate_stacks([plane for _, plane in frames])]


def _direction(plane: Plane, known: list[np.ndarray]) -> int:
    """The number of this plane's orientation among those met so far, -1 for none."""
    if plane.orientation is None:
        return -1
    orientation = np.asarray(plane.orientation)
    for number, other in enumerate(known):
        if np.abs(other - orientation).max() <= _SAME_DIRECTION:
            return number
    known.append(orientation)
    return len(known) - 1


def _volume(frames: list[Frame]) -> DicomSeries:
    """A series of frames of one geometry; unusable, with reasons, where they make no volume."""
    header, plane = frames[0]
    lacks = _lacks(plane)
    if lacks or header.pixels is None:
        return _refused(frames, f"states no {lacks}")
    levels = levels_of([plane for _, plane in frames])
    in_order = [frames[index] for index in np.argsort(levels, kind="stable")]
    phases = split_phases([plane for _, plane in in_order])
    shape = (header.pixels.columns, header.pixels.rows)
    if shape[0] * shape[1] * len(phases.members[0]) > MAX_VOXELS:
        return _refused(frames, f"{len(phases.members[0])} slices of {shape[0]} x {shape[1]} are beyond any scan")
    try:
        stack = plan_stack(_one_each([in_order[index][1] for index in phases.members[0]]), shape, "")
    except NotAStack as reason:
        return _refused(frames, str(reason))
    ni, nj, nk = stack.grid.shape
    di, dj, dk = (float(value) for value in stack.grid.spacing_mm)
    listed = _listed(_headers(frames), SeriesKind.VOLUME, plane)
    incomplete = f"lies where a slice of a complete set does; told apart by {phases.mark}"
    return replace(
        listed,
        files=tuple(dict.fromkeys(header.path for header, _ in in_order)),
        shape=(ni, nj, nk),
        spacing_mm=(di, dj, dk),
        phases=len(phases.members),
        phase_names=phase_names([plane for _, plane in in_order], phases),
        frames=tuple(in_order),
        divided=phases,
        set_aside=(
            *listed.set_aside,
            *(FileProblem(in_order[index][0].path, incomplete) for index in phases.incomplete),
        ),
    )


def _headers(frames: Sequence[Frame]) -> list[Header]:
    """The header of each file among `frames`, once."""
    return list({header.path: header for header, _ in frames}.values())


def _lacks(plane: Plane) -> str:
    """What geometry a plane does not state, in words."""
    parts = {
        "usable image position": plane.position_mm,
        "usable image orientation": plane.orientation,
        "usable pixel spacing": plane.spacing_mm,
    }
    return " or ".join(name for name, value in parts.items() if value is None)


def _one_each(planes: list[Plane]) -> list[Plane]:
    """One plane a position: duplicates are judged by their pixels, later."""
    levels = levels_of(planes)
    return [planes[int(np.flatnonzero(levels == level)[0])] for level in range(int(levels.max()) + 1)]


def _refused(frames: list[Frame], reason: str) -> DicomSeries:
    part = _listed(_headers(frames), SeriesKind.UNUSABLE, frames[0][1])
    counts = Counter(header.path for header, _ in frames)
    problems = tuple(
        FileProblem(header.path, reason + _share(counts[header.path], header.frames)) for header in _headers(frames)
    )
    return replace(part, shape=(*part.shape[:2], len(frames)), set_aside=by_file(part.set_aside + problems))


def _share(count: int, frames: int) -> str:
    return f" ({count} of its {frames} frames)" if count < frames else ""


# Everything else --------------------------------------------------------------------------------


def _listed(headers: list[Header], kind: SeriesKind, plane: Plane | None = None) -> DicomSeries:
    """A series as its headers name and count it; `plane` stands for its slices."""
    header = headers[0]
    plane = plane or next(iter(header.planes), None)
    columns, rows = (header.pixels.columns, header.pixels.rows) if header.pixels else (0, 0)
    depth = sum(max(header.frames, 1) for header in headers) if header.pixels else 0
    return DicomSeries(
        uid=header.series_uid,
        kind=kind,
        format="dicom",
        modality=header.modality,
        description=header.description,
        study_uid=header.study_uid,
        files=tuple(header.path for header in headers),
        shape=(columns, rows, depth),
        spacing_mm=(0.0, 0.0, 0.0),
        series_number=header.series_number,
        date=header.date,
        orientation=_orientation(plane),
        thickness_mm=plane.thickness_mm if plane is not None else None,
        set_aside=tuple(FileProblem(h.path, h.unusable or h.lack) for h in headers if h.unusable or h.lack),
    )


def _orientation(plane: Plane | None) -> Orientation | None:
    if plane is None or plane.orientation is None:
        return None
    return orientation_of(plane.orientation[:3], plane.orientation[3:])
