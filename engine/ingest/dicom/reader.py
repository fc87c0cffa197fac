"""DICOM folders and files in: what is there, and one series as a volume.

What is repaired and what is refused stands in docs/ingest.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import FileProblem, InputRefused
from engine.core.progress import Progress, part, silent
from engine.core.volume import LabelMap, Quantity, Source, Volume
from engine.ingest.dicom.file import Unreadable, looks_like_dicom
from engine.ingest.dicom.geometry import NotAStack, Stack, assemble, plan_stack
from engine.ingest.dicom.header import Header, read_header
from engine.ingest.dicom.phase import Phases, levels_of, shown
from engine.ingest.dicom.pixels import AIR_HU, Decoded, Frame, decode_frames
from engine.ingest.dicom.series import DicomSeries, sort_into_series
from engine.ingest.study import Inventory, Reading, SeriesInfo, SeriesKind, by_file

#: A CT whose darkest value is above this holds no air: masked, clipped, or not in HU.
_AIRLESS_HU = -300.0


class DicomReader:
    """`Reader` of DICOM images, segmentations and structure sets."""

    name = "dicom"

    def accepts(self, path: Path, head: bytes) -> bool:  # noqa: ARG002 - names are not trusted
        """Whether `head` begins a Part 10 file or a bare data set."""
        return looks_like_dicom(head)

    def inventory(self, paths: tuple[Path, ...], progress: Progress) -> Inventory:
        """All series of `paths` from their headers, largest volume first."""
        headers: list[Header] = []
        problems: list[FileProblem] = []
        for done, path in enumerate(paths):
            if done % 16 == 0:
                progress(done / len(paths), "reading headers")
            try:
                headers.append(read_header(path))
            except Unreadable as reason:
                problems.append(FileProblem(path, str(reason)))
        series = sorted(sort_into_series(headers), key=_volumes_first)
        problems += [problem for one in series for problem in one.set_aside]
        return Inventory(tuple(series), by_file(problems))

    def read_volume(self, info: SeriesInfo, *, phase: int, progress: Progress) -> Reading[Volume]:
        """One phase of a series.

        Raises:
            InputRefused: not a volume, no such phase, or nothing readable in it.
        """
        series = _with_frames(info)
        if series.kind is not SeriesKind.VOLUME:
            raise InputRefused(f"series {info.uid} is not a volume but {_article(series.kind)}", series.set_aside)
        frames = _chosen(series, phase)
        decoded = decode_frames(frames, part(progress, 0.0, 0.9))
        return _volume(series, frames, decoded, phase, part(progress, 0.9, 1.0))

    def read_labels(self, info: SeriesInfo, reference: Volume | None, *, progress: Progress) -> Reading[LabelMap]:
        """A segmentation object or structure set, on the grid of `reference` where given.

        Raises:
            InputRefused: not a segmentation, or one that does not belong to `reference`.
        """
        if info.kind is SeriesKind.LABELS:
            from engine.ingest.dicom.segmentation_object import read_segmentation

            return read_segmentation(info.files[0], reference, progress)
        if info.kind is SeriesKind.CONTOURS:
            from engine.ingest.dicom.structure_set import read_structure_set

            return read_structure_set(info.files[0], reference, progress)
        problems = info.set_aside if isinstance(info, DicomSeries) else ()
        raise InputRefused(f"series {info.uid} is not a segmentation but {_article(info.kind)}", problems)


def _volumes_first(series: DicomSeries) -> tuple[bool, int]:
    return series.kind is not SeriesKind.VOLUME, -series.voxel_count


def _article(kind: SeriesKind) -> str:
    return {SeriesKind.VOLUME: "an image", SeriesKind.UNUSABLE: "unusable", SeriesKind.CONTOURS: "contours"}.get(
        kind, f"a {kind}"
    )


def _with_frames(info: SeriesInfo) -> DicomSeries:
    """`info` with what its headers said; they are read again where they did not come along."""
    if isinstance(info, DicomSeries):
        return info
    found = DicomReader().inventory(info.files, silent).choose(info.uid)
    if not isinstance(found, DicomSeries):
        raise InputRefused(f"series {info.uid} is no longer there")
    return found


def _chosen(series: DicomSeries, phase: int) -> list[Frame]:
    members = series.divided.members
    if not 0 <= phase < len(members):
        count = "1 phase (0)" if len(members) == 1 else f"{len(members)} phases (0 to {len(members) - 1})"
        raise InputRefused(f"phase {phase} does not exist; the series has {count}")
    return [series.frames[index] for index in members[phase]]


def _volume(
    series: DicomSeries, frames: list[Frame], decoded: Decoded, phase: int, progress: Progress
) -> Reading[Volume]:
    """Stack what was decoded, saying all that was done."""
    problems = by_file((*series.set_aside, *_failures(decoded)))
    kept = [index for index in range(len(frames)) if index not in decoded.failed]
    if not kept:
        raise InputRefused("no slice of the series could be read", problems)
    kept, doubles = _without_doubles(frames, kept, decoded.samples, problems)
    stack = _stacked(frames, kept, problems)
    samples = decoded.samples if len(kept) == len(frames) else _taken(decoded.samples, kept)
    header = frames[kept[0]][0]
    quantity = _quantity([frames[index] for index in kept])
    background = float(AIR_HU) if quantity is Quantity.HOUNSFIELD else decoded.lowest
    array = assemble(stack, samples, background, progress)
    source = Source("dicom", header.modality, header.study_uid, series.uid, header.description)
    repairs = (
        *series.notes,
        *_phase_note(series.divided, phase),
        *doubles,
        *stack.repairs,
        *_value_notes(header, decoded, quantity, [plane.rescale.unit for _, plane in frames]),
        *_rescale_note(frames, quantity),
        *_place_note(frames),
    )
    return Reading(Volume(stack.grid, array.T, quantity, source), repairs, problems)


def _failures(decoded: Decoded) -> list[FileProblem]:
    """What could not be decoded, and for each file how many frames."""
    counts = Counter(decoded.failed.values())
    return [replace(p, reason=f"{p.reason} ({count} frames)") if count > 1 else p for p, count in counts.items()]


def _taken(samples: NDArray[Any], kept: list[int]) -> NDArray[Any]:
    """`samples[kept]`, without a copy where they are in one run."""
    first, last = kept[0], kept[-1]
    return samples[first : last + 1] if last - first + 1 == len(kept) else samples[kept]


def _stacked(frames: Sequence[Frame], kept: list[int], problems: tuple[FileProblem, ...]) -> Stack:
    header = frames[kept[0]][0]
    if header.pixels is None:
        raise InputRefused("no slice of the series could be read", problems)
    size = (header.pixels.columns, header.pixels.rows)
    places = {frames[index][0].frame_of_reference_uid for index in kept}
    try:
        return plan_stack([frames[index][1] for index in kept], size, places.pop() if len(places) == 1 else "")
    except NotAStack as reason:
        raise InputRefused(f"the slices do not make a volume: {reason}", problems) from None


def _without_doubles(
    frames: Sequence[Frame], kept: list[int], samples: NDArray[Any], problems: tuple[FileProblem, ...]
) -> tuple[list[int], tuple[str, ...]]:
    """One slice a position: identical doubles are dropped, different ones refused."""
    levels = levels_of([frames[index][1] for index in kept])
    first: dict[int, int] = {}
    different: dict[int, list[int]] = defaultdict(list)
    for index, level in zip(kept, levels, strict=True):
        original = first.setdefault(int(level), index)
        if not np.array_equal(samples[original], samples[index]):
            different[original].append(index)
    if different:
        clashes = [_clash([frames[index] for index in (one, *others)]) for one, others in different.items()]
        raise InputRefused(
            "different slices lie at the same position, and nothing in their headers tells which belong together: "
            "of the files listed leave one for each position in the folder, or export the series again",
            by_file((*(clash for group in clashes for clash in group), *problems)),
        )
    dropped = len(kept) - len(first)
    if not dropped:
        return kept, ()
    return sorted(first.values()), (f"{dropped} duplicate slice{'s' if dropped > 1 else ''} dropped (same pixels)",)


#: What may help to choose between slices that clash; times of day are never shown.
_TELLING = ("acquisition", "instance", "echo", "temporal position", "image type")


def _clash(frames: list[Frame]) -> list[FileProblem]:
    """For each file of slices that differ at one position: where that is, and what its header says of it."""
    place = ", ".join(f"{value:.2f}" for value in frames[0][1].position_mm or ())
    telling = [name for name in _TELLING if len({plane.marks.get(name) for _, plane in frames}) > 1]
    clashes = []
    for header, plane in frames:
        told = [f"frame {plane.frame + 1}"] if header.frames > 1 else []
        told += [f"{name} {shown(plane.marks[name])}" for name in telling if name in plane.marks]
        reason = f"one of {len(frames)} different slices at ({place}) mm" + (f": {', '.join(told)}" if told else "")
        clashes.append(FileProblem(header.path, reason))
    return clashes


def _phase_note(divided: Phases, phase: int) -> tuple[str, ...]:
    if len(divided.members) == 1:
        count = len(divided.incomplete)
        slices = (
            "1 slice lies where another does and was" if count == 1 else f"{count} slices lie where others do and were"
        )
        note = f"{slices} set aside: told apart by {divided.mark}, only the others cover every position"
        return (note,) if count else ()
    return (f"phase {phase} of {len(divided.members)} (0 to {len(divided.members) - 1}), told apart by {divided.mark}",)


# What the values mean ---------------------------------------------------------------------------


def _quantity(frames: Sequence[Frame]) -> Quantity:
    """HU for CT unless its rescale says otherwise (PS3.3 C.8.2.1); Bq/ml for PET that says so."""
    header = frames[0][0]
    units = {plane.rescale.unit for _, plane in frames}
    if header.modality == "CT" and units <= {"HU", ""}:
        return Quantity.HOUNSFIELD
    if header.modality == "PT" and header.units == "BQML":
        return Quantity.ACTIVITY
    return Quantity.ARBITRARY


def _value_notes(header: Header, decoded: Decoded, quantity: Quantity, units: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if decoded.padded:
        background = f"{AIR_HU} HU" if header.modality == "CT" else "the slice's lowest value"
        notes.append(f"{decoded.padded} padding samples set to {background}")
    if decoded.kept_padding:
        notes.append("the stated padding value lies among tissue values and was left alone")
    if header.pixels is not None and header.pixels.inverted:
        notes.append("stored for inverted display (MONOCHROME1); values are kept as they are")
    if header.modality == "CT" and quantity is not Quantity.HOUNSFIELD:
        notes.append(f"values are not HU but {', '.join(sorted(set(units) - {''}))}")
    if quantity is Quantity.HOUNSFIELD and decoded.lowest > _AIRLESS_HU:
        notes.append(f"no value lies below {decoded.lowest:.0f} HU: this CT is masked, clipped, or not in HU")
    return tuple(notes)


def _rescale_note(frames: Sequence[Frame], quantity: Quantity) -> tuple[str, ...]:
    rescales = {(plane.rescale.slope, plane.rescale.intercept) for _, plane in frames}
    if quantity is Quantity.HOUNSFIELD and len(rescales) > 1:
        return ("rescale differs between slices of this CT; each slice has its own applied",)
    return ()


def _place_note(frames: Sequence[Frame]) -> tuple[str, ...]:
    places = {header.frame_of_reference_uid for header, _ in frames}
    if len(places) > 1:
        return ("every slice states a frame of reference of its own; they were read as one, without a name",)
    return ()
