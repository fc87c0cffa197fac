"""MetaImage, attached (.mha) and detached (.mhd), as ITK reads and writes it (MetaIO).

Offsets and directions are LPS. `TransformMatrix` lists the direction of each axis in turn.
`AnatomicalOrientation` repeats what the matrix says and is not used, as in ITK.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.array import Float64
from engine.core.progress import Progress
from engine.core.volume import LabelMap, Volume
from engine.ingest import sample_file
from engine.ingest.content import GZIP_MAGIC, beside, refused
from engine.ingest.sample_file import SampleFile
from engine.ingest.study import Inventory, Reading, SeriesInfo

_MAX_HEADER_BYTES = 1 << 20
_DTYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
_MODALITIES = {"MET_MOD_CT": "CT", "MET_MOD_MR": "MR", "MET_MOD_US": "US", "MET_MOD_NM": "NM"}
#: One field under the names that MetaIO takes for it.
_MATRIX, _OFFSET = ("TransformMatrix", "Rotation", "Orientation"), ("Offset", "Position", "Origin")
_BIG_ENDIAN = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")


class MetaImageReader:
    """`Reader` of MetaImage files."""

    name = "metaimage"

    def accepts(self, path: Path, head: bytes) -> bool:  # noqa: ARG002 - names are not trusted
        """Whether `head` starts with the text fields of a MetaImage."""
        return head.lstrip().startswith((b"ObjectType", b"NDims")) and b"=" in head

    def inventory(self, paths: tuple[Path, ...], progress: Progress) -> Inventory:
        """One series a file."""
        return sample_file.inventory(paths, parse, progress)

    def read_volume(self, info: SeriesInfo, *, phase: int, progress: Progress) -> Reading[Volume]:
        """One phase of the file."""
        return sample_file.read_volume(parse(info.files[0]), phase, progress)

    def read_labels(self, info: SeriesInfo, reference: Volume | None, *, progress: Progress) -> Reading[LabelMap]:
        """The file as labels, named by a table beside it."""
        return sample_file.read_labels(parse(info.files[0]), reference, progress)


@dataclass(frozen=True, slots=True)
class _Header:
    path: Path
    fields: dict[str, str]
    end: int  # byte after the line ElementDataFile

    def text(self, *names: str, default: str = "") -> str:
        return next((self.fields[name] for name in names if name in self.fields), default)

    def flag(self, *names: str) -> bool:
        return self.text(*names, default="False")[:1] in ("T", "t", "1")

    def numbers(self, *names: str) -> list[float]:
        try:
            return [float(word) for word in self.text(*names).split()]
        except ValueError as error:
            raise refused(self.path, f"the field {names[0]} does not hold numbers") from error


def _header(path: Path) -> _Header:
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while file.tell() < _MAX_HEADER_BYTES and (line := file.readline(1 << 16)):
            key, equals, value = line.decode("utf-8", errors="replace").partition("=")
            if not equals:
                continue
            fields[key.strip()] = value.strip()
            if key.startswith("Seq_Frame") or key.strip() == "UltrasoundImageOrientation":
                raise refused(path, "a recorded sequence of tracked frames, not a volume")
            if key.strip() == "ElementDataFile":
                return _Header(path, fields, file.tell())
    raise refused(path, "the header does not end (no ElementDataFile)")


def parse(path: Path) -> SampleFile:
    """The header of a MetaImage file.

    Raises:
        InputRefused: damaged, or of a kind that is not a scalar volume.
    """
    header = _header(path)
    notes: list[str] = []
    if header.text("ObjectType", default="Image") != "Image":
        raise refused(path, f"a MetaIO {header.text('ObjectType')[:20]!r}, not an image")
    shape, phases = _shape(header, notes)
    if header.text("ElementType") not in _DTYPES:
        raise refused(path, f"unknown sample type {header.text('ElementType')[:30]!r}")
    dtype = np.dtype((">" if header.flag(*_BIG_ENDIAN) else "<") + _DTYPES[header.text("ElementType")])
    data, start = _data(header, shape[0] * shape[1] * shape[2] * phases * dtype.itemsize)
    return SampleFile(
        path, "metaimage", data, start, _encoding(header, data, start), 0, dtype, shape, phases,
        _matrix_lps(header, notes), modality=_MODALITIES.get(header.text("Modality"), ""),
        oriented=bool(header.text(*_MATRIX)), notes=tuple(notes),
    )  # fmt: skip


def _shape(header: _Header, notes: list[str]) -> tuple[tuple[int, int, int], int]:
    sizes = header.numbers("DimSize")
    if header.text("NDims") not in ("2", "3", "4") or len(sizes) != int(header.text("NDims")):
        raise refused(header.path, "its axes are not three of space and at most one of phases")
    if any(not size.is_integer() or not 1 <= size < 2**31 for size in sizes):
        raise refused(header.path, "the sizes of its axes are not counts")
    if header.text("ElementNumberOfChannels", default="1") != "1":
        raise refused(header.path, "several values a voxel (colour or vectors); a scan has one")
    if len(sizes) == 2:
        notes.append("a single two-dimensional image: read as a volume of one slice")
    counts = [int(size) for size in sizes] + [1, 1]
    return (counts[0], counts[1], counts[2]), counts[3]


def _data(header: _Header, claimed_bytes: int) -> tuple[Path, int]:
    name = header.text("ElementDataFile")
    if name.upper().startswith("LIST") or "%" in name:
        raise refused(header.path, "its samples lie in several files; save it as one")
    local = name.upper() == "LOCAL"
    data, start = (header.path, header.end) if local else (beside(header.path, name), 0)
    skip = header.text("HeaderSize", default="0")
    if skip == "-1":  # samples are the last bytes of the file
        return data, max(data.stat().st_size - claimed_bytes, 0)
    if not skip.isdigit() or len(skip) > 15:
        raise refused(header.path, "HeaderSize is not a count")
    return data, start + int(skip)


def _encoding(header: _Header, data: Path, start: int) -> str:
    if not header.flag("CompressedData"):
        return "raw" if header.text("BinaryData", default="True")[:1] in ("T", "t", "1") else "ascii"
    with data.open("rb") as file:
        file.seek(start)
        return "gzip" if file.read(2) == GZIP_MAGIC else "zlib"


def _matrix_lps(header: _Header, notes: list[str]) -> Float64:
    dimensions = int(header.text("NDims"))
    directions = _square(header, dimensions, notes)
    spacing = _vector(header, dimensions, "ElementSpacing", "ElementSize") or [1.0] * dimensions
    if not header.text("ElementSpacing", "ElementSize"):
        notes.append("no voxel sizes: 1 mm taken; lengths are not certain")
    if any(value <= 0 for value in spacing):
        notes.append("negative or zero voxel sizes: their absolute values are used")
    offset = _vector(header, dimensions, *_OFFSET) or [0.0] * dimensions
    if any(_vector(header, dimensions, "CenterOfRotation") or []):
        notes.append("CenterOfRotation is not used, as in ITK")
    matrix = np.eye(4)
    used = min(dimensions, 3)
    matrix[:used, :used] = directions[:used, :used] * np.abs(spacing[:used])
    matrix[:used, 3] = offset[:used]
    return matrix


def _square(header: _Header, dimensions: int, notes: list[str]) -> Any:
    """The axes' directions as columns."""
    numbers = header.numbers(*_MATRIX)
    if not numbers:
        notes.append("no orientation: axes taken as left, posterior, superior; sides are not certain")
        return np.eye(dimensions)
    if len(numbers) != dimensions**2:
        raise refused(header.path, f"TransformMatrix holds {len(numbers)} numbers, {dimensions**2} are needed")
    return np.reshape(numbers, (dimensions, dimensions)).T


def _vector(header: _Header, dimensions: int, *names: str) -> list[float]:
    numbers = header.numbers(*names)
    if numbers and len(numbers) != dimensions:
        raise refused(header.path, f"{names[0]} holds {len(numbers)} numbers, {dimensions} are needed")
    return numbers
