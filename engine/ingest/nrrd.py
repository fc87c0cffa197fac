"""NRRD, attached and detached (http://teem.sourceforge.net/nrrd/format.html), and 3D Slicer's .seg.nrrd.

Spaces: left-posterior-superior as it stands, right-anterior-superior and left-anterior-superior turned
into it. Without a space the axes are taken as LPS, as ITK does, and `repairs` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.grid import Grid
from engine.core.progress import Progress
from engine.core.structure import Provenance
from engine.core.volume import LabelMap, Volume
from engine.ingest import overlay, sample_file
from engine.ingest.content import beside, refused
from engine.ingest.label_table import LabelEntry, SlicerSegment, from_slicer_fields, structures
from engine.ingest.label_volume import onto, present_labels, whole_labels
from engine.ingest.overlay import Part, Region
from engine.ingest.placement import MM_PER_UNIT
from engine.ingest.sample_file import SampleFile
from engine.ingest.study import Inventory, Reading, SeriesInfo, SeriesKind

_MAX_HEADER_BYTES = 8 << 20
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_DTYPES = {name: kind for kind, names in _TYPES.items() for name in names}
_ENCODINGS = {
    "raw": "raw",
    "gzip": "gzip",
    "gz": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
    "text": "ascii",
    "txt": "ascii",
    "ascii": "ascii",
}
_LPS_SIGNS = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
#: Kinds of an axis along which whole volumes follow each other; anything else that is no space is refused.
_PHASE_KINDS = ("list", "time", "none", "???", "")
_SPACE_KINDS = ("domain", "space")


class NrrdReader:
    """`Reader` of NRRD files."""

    name = "nrrd"

    def accepts(self, path: Path, head: bytes) -> bool:  # noqa: ARG002 - names are not trusted
        """Whether `head` starts with NRRD's magic."""
        return head.startswith(b"NRRD000")

    def inventory(self, paths: tuple[Path, ...], progress: Progress) -> Inventory:
        """One series a file."""
        found = sample_file.inventory(paths, parse, progress)
        return replace(found, series=tuple(_as_labels(info) for info in found.series))

    def read_volume(self, info: SeriesInfo, *, phase: int, progress: Progress) -> Reading[Volume]:
        """One phase of the file."""
        return sample_file.read_volume(parse(info.files[0]), phase, progress)

    def read_labels(self, info: SeriesInfo, reference: Volume | None, *, progress: Progress) -> Reading[LabelMap]:
        """The file as labels; the layers of a .seg.nrrd laid over each other (see `overlay`)."""
        file = parse(info.files[0])
        if file.phases == 1:
            return sample_file.read_labels(file, reference, progress)
        label_map, notes = overlay.composed(*_layers(file, progress), progress)
        if reference is not None:
            labels, moved = onto(file.path, np.asarray(label_map.labels), label_map.grid, reference.grid)
            label_map, notes = replace(label_map, grid=reference.grid, labels=labels), notes + moved
        return Reading(label_map, (*file.notes, *notes))


# --- header ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Header:
    path: Path
    fields: dict[str, str]  # "field: value", names in lower case
    pairs: dict[str, str]  # "key:=value"
    end: int  # byte after the blank line

    def numbers(self, name: str) -> list[float]:
        try:
            return [float(word) for word in self.fields.get(name, "").split()]
        except ValueError as error:
            raise refused(self.path, f"the field {name!r} does not hold numbers") from error

    def either(self, *names: str, default: str = "") -> str:
        return next((self.fields[name] for name in names if name in self.fields), default)


def _header(path: Path) -> _Header:
    with path.open("rb") as file:
        start = file.read(_MAX_HEADER_BYTES)
    if not start.startswith(b"NRRD000"):
        raise refused(path, "not a NRRD file")
    ends = [at + len(blank) for blank in (b"\n\n", b"\r\n\r\n") if (at := start.find(blank)) >= 0]
    end = min(ends, default=len(start))
    fields, pairs = {}, {}
    for line in start[:end].decode("utf-8", errors="replace").splitlines()[1:]:
        if line.startswith("#"):
            continue
        if ":=" in line and (": " not in line or line.index(":=") < line.index(": ")):
            key, value = line.split(":=", 1)
            pairs[key.strip()] = value
        elif ":" in line:
            key, value = line.split(":", 1)
            fields[key.strip().lower()] = value.strip()
    return _Header(path, fields, pairs, end)


def parse(path: Path) -> SampleFile:
    """The header of a NRRD file.

    Raises:
        InputRefused: damaged, or of a kind that is not a scalar volume.
    """
    header = _header(path)
    notes: list[str] = []
    sizes = _sizes(header)
    axes, phase_axis = _axes(header, sizes)
    shape = [sizes[axis] for axis in axes] + [1] * (3 - len(axes))
    if len(axes) == 2:
        notes.append("a single two-dimensional image: read as a volume of one slice")
    phases = sizes[phase_axis] if phase_axis is not None else 1
    matrix = _matrix_lps(header, axes, notes)
    dtype = _dtype(header, notes)
    encoding = _ENCODINGS.get(header.either("encoding").lower())
    if encoding is None:
        raise refused(path, f"unknown encoding {header.either('encoding')[:20]!r}")
    data, start, offset = _data(header, encoding, int(np.prod(shape, dtype=object)) * phases * dtype.itemsize)
    segments = from_slicer_fields(header.pairs)
    table = {segment.value: segment.entry for segment in segments if phases == 1}
    return SampleFile(
        path, "nrrd", data, start, encoding, offset, dtype, (shape[0], shape[1], shape[2]), phases, matrix,
        phase_fastest=phase_axis == 0, oriented=_is_oriented(header), table=table, says_labels=bool(segments),
        notes=tuple(notes),
    )  # fmt: skip


def _sizes(header: _Header) -> list[int]:
    sizes = header.numbers("sizes")
    if not 2 <= len(sizes) <= 4 or str(len(sizes)) != header.either("dimension"):
        raise refused(header.path, f"{len(sizes)} axes; a scan has 3, or 4 with time")
    if any(not size.is_integer() or not 1 <= size < 2**31 for size in sizes):
        raise refused(header.path, "the sizes of its axes are not counts")
    return [int(size) for size in sizes]


def _axes(header: _Header, sizes: list[int]) -> tuple[list[int], int | None]:
    """The spatial axes and the axis of phases."""
    kinds = header.either("kinds").lower().split() or [""] * len(sizes)
    directions = _directions(header)
    if len(kinds) != len(sizes) or (directions and len(directions) != len(sizes)):
        raise refused(header.path, "kinds or space directions do not fit the number of axes")
    other = [
        axis for axis in range(len(sizes))
        if (directions and directions[axis] is None) or (kinds[axis] not in (*_SPACE_KINDS, "", "???"))
    ]  # fmt: skip
    if not other and len(sizes) == 4:
        other = [3]
    for axis in other:
        if kinds[axis] not in (*_PHASE_KINDS, *_SPACE_KINDS) and sizes[axis] > 1:
            raise refused(header.path, f"{sizes[axis]} values a voxel ({kinds[axis][:20]}); a scan has one")
    axes = [axis for axis in range(len(sizes)) if axis not in other]
    if len(axes) not in (2, 3) or len(other) > 1 or (other and other[0] not in (0, len(sizes) - 1)):
        raise refused(header.path, "its axes are not three of space and at most one of phases, first or last")
    return axes, other[0] if other else None


def _directions(header: _Header) -> list[Float64 | None]:
    vectors = []
    for word in header.either("space directions").replace(", ", ",").split():
        vectors.append(None if word.lower() == "none" else _vector(header, word))
    return vectors


def _vector(header: _Header, word: str) -> Float64:
    try:
        vector = np.array([float(number) for number in word.strip("()").split(",")])
    except ValueError as error:
        raise refused(header.path, "a vector in its header does not hold numbers") from error
    if vector.shape != (3,):
        raise refused(header.path, f"a space of {vector.size} dimensions; a scan has 3")
    return vector


def _matrix_lps(header: _Header, axes: list[int], notes: list[str]) -> Float64:
    space = header.either("space").lower().removesuffix("-time")
    signs = _LPS_SIGNS.get(space)
    directions = _directions(header)
    steps = [directions[axis] for axis in axes] if directions else _from_spacings(header, axes, notes)
    if signs is None and directions:
        notes.append(
            "the header names no patient space: axes taken as left, posterior, superior; sides are not certain"
        )
    columns = [step for step in steps if step is not None]
    if len(columns) == 2:
        normal = np.cross(columns[0], columns[1])
        columns.append(normal / max(float(np.linalg.norm(normal)), 1e-12))
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(columns).T
    origin = header.either("space origin").replace(" ", "")
    matrix[:3, 3] = _vector(header, origin) if origin else 0.0
    if not origin and directions:
        notes.append("no space origin: the first voxel is taken to lie at 0, 0, 0")
    return np.diag([*(signs or (1, 1, 1)), 1.0]) @ np.diag([*_unit_scale(header), 1.0]) @ matrix


def _is_oriented(header: _Header) -> bool:
    return bool(_directions(header)) and header.either("space").lower().removesuffix("-time") in _LPS_SIGNS


def _from_spacings(header: _Header, axes: list[int], notes: list[str]) -> list[Float64]:
    spacings = header.numbers("spacings")
    usable = len(spacings) > max(axes) and all(np.isfinite(spacings[axis]) and spacings[axis] != 0 for axis in axes)
    sizes = [abs(spacings[axis]) for axis in axes] if usable else [1.0] * len(axes)
    what = "" if usable else "no voxel sizes: 1 mm taken; "
    notes.append(f"{what}no orientation: axes taken as left, posterior, superior; sides are not certain")
    return [np.eye(3)[row] * size for row, size in enumerate(sizes)]


def _unit_scale(header: _Header) -> list[float]:
    units = header.either("space units").replace('"', " ").split() or ["mm"] * 3
    scale = [MM_PER_UNIT.get(unit) for unit in units]
    if len(scale) != 3 or None in scale:
        raise refused(header.path, f"unknown unit of length {header.either('space units')[:40]}")
    return [value for value in scale if value is not None]


def _dtype(header: _Header, notes: list[str]) -> np.dtype[Any]:
    kind = _DTYPES.get(header.either("type").lower())
    if kind is None:
        raise refused(header.path, f"unknown sample type {header.either('type')[:30]!r}")
    endian = header.either("endian").lower()
    dtype = np.dtype((">" if endian == "big" else "<") + kind)
    if dtype.itemsize > 1 and endian not in ("little", "big") and header.either("encoding").lower() not in _ASCII:
        notes.append("byte order not stated: little endian taken")
    return dtype


_ASCII = ("text", "txt", "ascii")


def _data(header: _Header, encoding: str, claimed_bytes: int) -> tuple[Path, int, int]:
    """The file of samples, where its stream starts, and what to skip once decoded."""
    name = header.either("data file", "datafile")
    if name.upper().startswith("LIST") or "%" in name:
        raise refused(header.path, "its samples lie in several files; save it as one")
    data, start = (beside(header.path, name), 0) if name else (header.path, header.end)
    lines = _skip(header, "line skip", "lineskip")
    if lines:
        start += _bytes_of_lines(data, start, lines)
    skip = _skip(header, "byte skip", "byteskip", least=-1)
    if skip == -1:
        if encoding != "raw":
            raise refused(header.path, "byte skip -1 with packed samples")
        return data, max(data.stat().st_size - claimed_bytes, 0), 0
    return data, start, skip


def _skip(header: _Header, *names: str, least: int = 0) -> int:
    text = header.either(*names, default="0")
    if not text.lstrip("-").isdigit() or len(text) > 15 or int(text) < least:
        raise refused(header.path, f"{names[0]} is not a count")
    return int(text)


def _bytes_of_lines(data: Path, start: int, lines: int) -> int:
    with data.open("rb") as file:
        file.seek(start)
        for _ in range(lines):
            if not file.readline(1 << 20):
                break
        return file.tell() - start


# --- segmentation layers ---------------------------------------------------------------------------


def _as_labels(info: SeriesInfo) -> SeriesInfo:
    """A segmentation of several layers is one label map, not a volume in time."""
    if info.phases > 1 and from_slicer_fields(_header(info.files[0]).pairs):
        return replace(info, kind=SeriesKind.LABELS, phases=1)
    return info


def _layers(file: SampleFile, progress: Progress) -> tuple[Grid, Sequence[Part]]:
    """The segments of a layered segmentation as parts.

    Raises:
        InputRefused: not a segmentation.
    """
    segments = from_slicer_fields(_header(file.path).pairs)
    if not segments:
        raise refused(file.path, f"a label map has one phase, this file has {file.phases}")
    layers = [_layer(file, number, progress) for number in range(file.phases)]
    named = {(segment.layer, segment.value): segment for segment in segments}
    for number, layer in enumerate(layers):
        for value in present_labels(layer):
            named.setdefault((number, value), SlicerSegment(number, value, LabelEntry(f"Label {value}")))
    found = [segment for segment in named.values() if segment.layer < file.phases]
    values = [segment.value for segment in found]
    labels = values if len(set(values)) == len(values) else list(range(1, len(values) + 1))
    table = {label: segment.entry for label, segment in zip(labels, found, strict=True)}
    rows = {row.label: row for row in structures(labels, table, Provenance("nrrd segmentation", sample_file.VERSION))}
    return file.grid, [
        Part(rows[label], float(np.count_nonzero(layers[segment.layer] == segment.value)), _drawer(layers, segment))
        for label, segment in zip(labels, found, strict=True)
    ]


def _layer(file: SampleFile, number: int, progress: Progress) -> NDArray[Any]:
    stored, _ = sample_file.stored_samples(file, number, progress)
    labels, _ = whole_labels(file.path, stored)
    return labels


def _drawer(layers: list[NDArray[Any]], segment: SlicerSegment) -> Any:
    def draw() -> list[tuple[Region, NDArray[np.bool_]]]:
        return [((slice(None), slice(None), slice(None)), np.equal(layers[segment.layer].T, segment.value))]

    return draw


def separate(path: Path, progress: Progress) -> tuple[LabelMap, ...]:
    """Every segment of a layered .seg.nrrd whole, in a label map of its own, on the file's own grid.

    Raises:
        InputRefused: not such a file.
    """
    return overlay.separate(*_layers(parse(path), progress))
