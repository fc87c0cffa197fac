"""A file of samples on one grid: what NIfTI, NRRD and MetaImage have in common once their headers are read.

A format's module turns a header into a `SampleFile`; from there on the path is one: check the claim,
decompress, place, scale, name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import FileProblem, InputRefused
from engine.core.grid import Grid
from engine.core.progress import Progress, part
from engine.core.structure import Provenance
from engine.core.volume import LabelMap, Quantity, Source, Volume
from engine.ingest.content import Content, check_claim, refused
from engine.ingest.intensity import intensities, looks_like_labels
from engine.ingest.label_table import LabelEntry, sidecar_table
from engine.ingest.label_volume import label_reading
from engine.ingest.orientation import orientation_of
from engine.ingest.placement import placed
from engine.ingest.study import MAX_VOXELS, Inventory, Reading, SeriesInfo, SeriesKind

VERSION = "1"

#: Read to tell labels from intensities: enough to pass the empty margin of most label maps.
_WINDOW_BYTES, _WINDOWS = 1 << 22, 16


@dataclass(frozen=True, slots=True)
class SampleFile:
    """Everything a header says that reading needs.

    Attributes:
        path: the file itself, with the header.
        format: name of the format, for `Source`.
        data: file that holds the samples; `path` unless detached.
        start: byte of `data` where the stream begins.
        encoding: "raw", "gzip", "zlib", "bzip2", "ascii"; None for raw or gzip as its first bytes say.
        offset: bytes of the decompressed stream before the first sample.
        dtype: of a stored sample, byte order included.
        shape: of one phase.
        phases: number of volumes.
        phase_fastest: whether the phase is the fastest axis (NRRD lists) instead of the slowest.
        matrix_lps: (4, 4) voxel to LPS millimetres.
        slope, intercept: intensity scaling.
        table: what the header says of labels.
        modality: DICOM modality, where the header states one.
        oriented: whether the file says how its axes lie in the patient.
        says_labels: whether the header says that it is a label map.
        notes: what had to be assumed or changed so far.
    """

    path: Path
    format: str
    data: Path
    start: int
    encoding: str | None
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, int, int]
    phases: int
    matrix_lps: Float64
    phase_fastest: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    table: Mapping[int, LabelEntry] = field(default_factory=dict)
    modality: str = ""
    oriented: bool = True
    says_labels: bool = False
    notes: tuple[str, ...] = ()

    @property
    def voxels(self) -> int:
        """Of one phase."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def grid(self) -> Grid:
        """Where the samples are; these formats name no frame of reference.

        Raises:
            InputRefused: nowhere sensible.
        """
        return placed(self.path, self.shape, self.matrix_lps)

    def check(self) -> None:
        """Refuse what the file cannot hold.

        Raises:
            InputRefused: see `content.check_claim`, `placement.placed`.
        """
        together = self.voxels * (self.phases if self.phase_fastest or self.encoding == "ascii" else 1)
        if together > MAX_VOXELS:
            raise refused(self.path, f"the header claims {together:.3g} voxels; at most {MAX_VOXELS} are read")
        packed = self.encoding != "raw" if self.encoding is not None else _is_packed(self.data, self.start)
        # A digit and a separator are the least that a sample takes as text.
        item_bytes = 2 if self.encoding == "ascii" else self.dtype.itemsize
        check_claim(
            self.data,
            self.voxels * self.phases * item_bytes,
            compressed=packed and self.encoding != "ascii",
            offset=self.start + self.offset - (1 if self.encoding == "ascii" else 0),
        )
        _ = self.grid


Parse = Callable[[Path], SampleFile]


def _is_packed(path: Path, start: int) -> bool:
    with Content(path, start) as content:
        return content.encoding != "raw"


# --- inventory -------------------------------------------------------------------------------------


def inventory(paths: tuple[Path, ...], parse: Parse, progress: Progress) -> Inventory:
    """One series a file, from its header and, where that leaves it open, a glance at its samples."""
    series: list[SeriesInfo] = []
    problems: list[FileProblem] = []
    for count, path in enumerate(paths):
        progress(count / len(paths), "looking at files")
        try:
            series.append(_info(parse(path)))
        except InputRefused as error:
            problems += error.problems or [FileProblem(path, error.summary)]
        except OSError as error:
            problems.append(FileProblem(path, f"cannot be opened: {error.strerror or 'unknown reason'}"))
    series.sort(key=lambda info: -info.voxel_count)
    return Inventory(tuple(series), tuple(problems))


def _info(file: SampleFile) -> SeriesInfo:
    file.check()
    grid = file.grid
    spacing = grid.spacing_mm
    labels = file.phases == 1 and (file.says_labels or bool(file.table) or _glance(file))
    return SeriesInfo(
        uid=_identifier(file.path),
        kind=SeriesKind.LABELS if labels else SeriesKind.VOLUME,
        format=file.format,
        modality=file.modality,
        description="",  # free text of these headers may hold names and dates
        files=(file.path,) if file.data.samefile(file.path) else (file.path, file.data),
        shape=file.shape,
        spacing_mm=(float(spacing[0]), float(spacing[1]), float(spacing[2])),
        phases=file.phases,
        orientation=orientation_of(grid.directions[:, 0], grid.directions[:, 1]) if file.oriented else None,
    )


def _identifier(path: Path) -> str:
    """Stable for one file in one place; tells nothing of its name."""
    return hashlib.blake2s(f"{path.resolve()}|{path.stat().st_size}".encode(), digest_size=10).hexdigest()


def _glance(file: SampleFile) -> bool:
    """Whether the first samples that are not empty look like labels."""
    if (file.slope, file.intercept) != (1.0, 0.0) or file.dtype.kind not in "iuf" or file.encoding == "ascii":
        return False
    try:
        with Content(file.data, file.start, file.encoding) as content:
            content.skip(file.offset)
            left = file.voxels * file.dtype.itemsize
            for _ in range(_WINDOWS):
                piece = content.read(min(_WINDOW_BYTES, left))
                window = np.frombuffer(piece, file.dtype, len(piece) // file.dtype.itemsize)
                left -= len(piece)
                if left <= 0 or np.count_nonzero(window) > 1000:
                    return bool(window.size) and looks_like_labels(window)
    except InputRefused:
        return False  # damaged: reading it will say so
    return False


# --- samples ---------------------------------------------------------------------------------------


def stored_samples(file: SampleFile, phase: int, progress: Progress) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The samples of one phase as stored, (ni, nj, nk) with i fastest, and notes about the stream.

    Raises:
        InputRefused: no such phase, truncated, damaged, or more than the file can hold.
    """
    if not 0 <= phase < file.phases:
        raise refused(file.path, f"no phase {phase}; there are {file.phases}, counted from 0")
    file.check()
    if file.encoding == "ascii":
        return _from_text(file, phase), ()
    first, count = (0, file.voxels * file.phases) if file.phase_fastest else (phase * file.voxels, file.voxels)
    buffer = np.empty(count * file.dtype.itemsize, dtype=np.uint8)
    notes: tuple[str, ...] = ()
    with Content(file.data, file.start, file.encoding) as content:
        content.skip(file.offset + first * file.dtype.itemsize)
        content.fill(buffer, progress)
        later = 0 if file.phase_fastest else (file.phases - 1 - phase) * len(buffer)
        left = content.drain()
        if left > later:
            notes = ("the file holds more than its header says; the rest is not used",)
        elif left < later:
            notes = ("later phases of the file are cut off",)
        elif content.trailing:
            notes = ("bytes after the compressed data are not used",)
    return _one_phase(file, buffer.view(file.dtype), phase), notes


def _one_phase(file: SampleFile, flat: NDArray[Any], phase: int) -> NDArray[Any]:
    if file.phase_fastest:
        flat = np.ascontiguousarray(flat[phase :: file.phases])
    return flat.reshape(file.shape, order="F")


def _from_text(file: SampleFile, phase: int) -> NDArray[Any]:
    """Samples written as text, separated by blanks (NRRD "ascii")."""
    with Content(file.data, file.start, "raw") as content:
        text = content.read(file.data.stat().st_size)
    total = file.voxels * file.phases
    try:
        flat = np.array(text.split()[: total + 1], dtype=np.float64)
        kind = file.dtype.newbyteorder("=")
        if kind.kind in "iu":
            limits = np.iinfo(kind)  # NaN compares false; float64 rounds 2^63 - 1 up, so stay below
            whole = np.array_equal(flat, np.rint(flat))
            if not (whole and flat.min() >= limits.min and flat.max() <= min(limits.max, 2**53)):
                raise refused(file.path, f"its text holds values that {kind} cannot")
        with np.errstate(over="ignore"):  # infinity, which is repaired and counted
            flat = flat.astype(kind)
    except ValueError as error:
        raise refused(file.path, "its samples are not numbers") from error
    if flat.size != total:
        raise refused(file.path, f"{min(flat.size, total + 1)} samples are there, {total} stated")
    if not file.phase_fastest:
        flat = flat[phase * file.voxels : (phase + 1) * file.voxels]
    return _one_phase(file, flat, phase)


# --- values ----------------------------------------------------------------------------------------


def read_volume(file: SampleFile, phase: int, progress: Progress) -> Reading[Volume]:
    """One phase as a volume; a sheared grid is resampled to a right-angled one and said so.

    Raises:
        InputRefused: see `stored_samples`, `intensities`.
    """
    stored, notes = stored_samples(file, phase, part(progress, 0.0, 0.8))
    made = intensities(file.path, stored, file.slope, file.intercept, file.modality)
    grid, samples, more = _squared(file.path, file.grid, made.samples)
    progress(1.0, "reading")
    modality = "CT" if made.quantity is Quantity.HOUNSFIELD else file.modality
    volume = Volume(grid, samples, made.quantity, Source(format=file.format, modality=modality))
    which = (f"phase {phase} of {file.phases} (0 to {file.phases - 1})",) if file.phases > 1 else ()
    return Reading(volume, (*file.notes, *which, *notes, *made.notes, *more))


def _squared(path: Path, grid: Grid, samples: NDArray[Any]) -> tuple[Grid, NDArray[Any], tuple[str, ...]]:
    if grid.is_orthogonal:
        return grid, samples, ()
    from engine.ingest import resampling  # its kernels are loaded only for the few sheared files

    target = resampling.rigid_cover(path, grid)
    moved = resampling.trilinear(samples, grid, target, float(samples.min()))
    result = np.rint(moved.T).astype(np.int16).T if samples.dtype == np.int16 else moved
    axes = np.clip(np.abs(grid.directions.T @ grid.directions - np.eye(3)).max(), 0, 1)
    return (
        target,
        result,
        (
            f"axes sheared by {np.degrees(np.arcsin(axes)):.1f}° (a tilted gantry): resampled to a right-angled "
            "grid of {} x {} x {} voxels, trilinear; added corners hold the least value".format(*target.shape),
        ),
    )


def read_labels(
    file: SampleFile, reference: Volume | None, progress: Progress, pipeline: str | None = None
) -> Reading[LabelMap]:
    """The file as a label map, on the grid of `reference` when given.

    Raises:
        InputRefused: see `stored_samples`, `label_reading`.
    """
    if file.phases > 1:
        raise refused(file.path, f"a label map has one phase, this file has {file.phases}")
    stored, notes = stored_samples(file, 0, progress)
    if (file.slope, file.intercept) != (1.0, 0.0):
        made = intensities(file.path, stored, file.slope, file.intercept)
        stored, notes = made.samples, (*notes, *(note for note in made.notes if "Hounsfield" not in note))
    table = file.table or sidecar_table(file.path)
    provenance = Provenance(pipeline or f"{file.format} label map", VERSION)
    return label_reading(file.path, file.grid, stored, table, provenance, reference, (*file.notes, *notes))
