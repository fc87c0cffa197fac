"""NIfTI-1 and NIfTI-2, single file, plain or gzip: in and out.

Where the voxels are (nifti1.h, "3D image orientation"; the order is nibabel's):
- sform_code > 0 and the matrix usable: the sform;
- else qform_code > 0 and the quaternion usable: the qform;
- else voxel sizes alone, axes as ANALYZE has them (left, anterior, superior, centred).
One exception: where the sform leads to a template (codes 3 to 5) and the qform to the scanner or
another scan (1, 2), the qform, for patient millimetres must be the patient's. Whenever the two
disagree, `repairs` says by how much and which was used.

Intensities: scl_slope 0 or NaN means unscaled (nifti1.h, "data scaling"); an infinite intercept is refused.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.grid import Grid
from engine.core.progress import Progress, silent
from engine.core.structure import Structure
from engine.core.volume import LabelMap, Volume
from engine.ingest import sample_file
from engine.ingest.content import GZIP_MAGIC, Content, gunzipped_head, gzip_pieces, refused
from engine.ingest.label_table import LabelTable, from_caret_xml, to_caret_xml
from engine.ingest.placement import LPS_FROM_RAS, disagreement_mm, is_usable
from engine.ingest.processors import processors
from engine.ingest.sample_file import SampleFile
from engine.ingest.study import Inventory, Reading, SeriesInfo

#: Field: offset and struct format, for each version (nifti1.h, nifti2.h).
_FIELDS_1 = {
    "sizeof_hdr": (0, "i"),
    "dim": (40, "8h"),
    "intent_code": (68, "h"),
    "datatype": (70, "h"),
    "bitpix": (72, "h"),
    "pixdim": (76, "8f"),
    "vox_offset": (108, "f"),
    "scl_slope": (112, "f"),
    "scl_inter": (116, "f"),
    "xyzt_units": (123, "B"),
    "qform_code": (252, "h"),
    "sform_code": (254, "h"),
    "quatern": (256, "3f"),
    "qoffset": (268, "3f"),
    "srow": (280, "12f"),
    "magic": (344, "4s"),
}
_FIELDS_2 = {
    "sizeof_hdr": (0, "i"),
    "magic": (4, "8s"),
    "datatype": (12, "h"),
    "bitpix": (14, "h"),
    "dim": (16, "8q"),
    "pixdim": (104, "8d"),
    "vox_offset": (168, "q"),
    "scl_slope": (176, "d"),
    "scl_inter": (184, "d"),
    "qform_code": (344, "i"),
    "sform_code": (348, "i"),
    "quatern": (352, "3d"),
    "qoffset": (376, "3d"),
    "srow": (400, "12d"),
    "xyzt_units": (500, "i"),
    "intent_code": (504, "i"),
}
_HEADER_BYTES = {1: 348, 2: 540}
_DTYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_UNUSABLE_TYPES = {
    0: "no data type", 1: "single bits", 32: "complex numbers", 128: "RGB colour", 1536: "128-bit floats",
    1792: "complex numbers", 2048: "complex numbers", 2304: "RGBA colour",
}  # fmt: skip
_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 1e-3}  # NIFTI_UNITS_UNKNOWN, METER, MM, MICRON
_INTENT_LABEL, _INTENT_SYMMATRIX, _INTENT_VECTOR = 1002, 1005, 1007
_TEMPLATE_CODES, _PATIENT_CODES = (3, 4, 5), (1, 2)  # Talairach, MNI 152, other template; scanner, aligned
_MAX_EXTENSION_BYTES = 32 << 20


class NiftiReader:
    """`Reader` of NIfTI-1 and NIfTI-2 files."""

    name = "nifti"

    def accepts(self, path: Path, head: bytes) -> bool:  # noqa: ARG002 - names are not trusted
        """Whether `head` starts a NIfTI header, or one wrapped in gzip; ANALYZE 7.5 too, to refuse it with a reason."""
        start = gunzipped_head(head)
        if head.startswith(GZIP_MAGIC) and start.startswith(GZIP_MAGIC):
            return True
        return _version(start) is not None

    def inventory(self, paths: tuple[Path, ...], progress: Progress) -> Inventory:
        """One series a file."""
        return sample_file.inventory(paths, parse, progress)

    def read_volume(self, info: SeriesInfo, *, phase: int, progress: Progress) -> Reading[Volume]:
        """One phase of the file."""
        return sample_file.read_volume(parse(info.files[0]), phase, progress)

    def read_labels(self, info: SeriesInfo, reference: Volume | None, *, progress: Progress) -> Reading[LabelMap]:
        """The file as labels, named by its Caret extension or a table beside it."""
        return sample_file.read_labels(parse(info.files[0]), reference, progress)


# --- header ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Version:
    number: int
    order: str  # "<" or ">"


def _version(start: bytes) -> _Version | None:
    """Version and byte order by the header's own size, or by its magic where that is damaged."""
    for order in "<>":
        if len(start) >= 4:
            size = struct.unpack_from(order + "i", start)[0]
            for number, expected in _HEADER_BYTES.items():
                if size == expected:
                    return _Version(number, order)
    if start[344:347] in (b"n+1", b"ni1"):
        return _Version(1, "<" if 1 <= struct.unpack_from("<h", start, 40)[0] <= 7 else ">")
    if start[4:7] in (b"n+2", b"ni2"):
        return _Version(2, "<" if len(start) >= 24 and 1 <= struct.unpack_from("<q", start, 16)[0] <= 7 else ">")
    return None


def parse(path: Path) -> SampleFile:
    """The header of a NIfTI file.

    Raises:
        InputRefused: not NIfTI, damaged, or of a kind that is not a scalar volume.
    """
    with Content(path) as content:
        packed = content.encoding == "gzip"
        start = content.read(_HEADER_BYTES[2])
        if packed and start.startswith(GZIP_MAGIC):
            raise refused(path, "compressed twice; decompress it once")
        version = _version(start)
        if version is None:
            raise refused(path, "not a NIfTI file")
        size = _HEADER_BYTES[version.number]
        if len(start) < size:
            raise refused(path, f"truncated: the header has {len(start)} of {size} bytes")
        header = _fields(start, version)
        notes = _check_magic(path, header, version)
        offset = _vox_offset(path, header, size + 4, notes)
        rest = content.read(min(max(offset - len(start), 0), _MAX_EXTENSION_BYTES))
    dtype = _dtype(path, header, version)
    shape, phases = _shape(path, header, notes)
    table = _table((start + rest)[size:offset], version.order)
    matrix, oriented = _matrix_lps(path, header, shape, notes)
    slope, intercept = _scaling(path, header, notes)
    return SampleFile(
        path, "nifti", path, 0, "gzip" if packed else "raw", offset, dtype, shape, phases, matrix,
        slope=slope, intercept=intercept, table=table, oriented=oriented,
        says_labels=header["intent_code"] == _INTENT_LABEL, notes=tuple(notes),
    )  # fmt: skip


def _fields(start: bytes, version: _Version) -> dict[str, Any]:
    values = {}
    for name, (offset, form) in (_FIELDS_1 if version.number == 1 else _FIELDS_2).items():
        found = struct.unpack_from(version.order + form, start, offset)
        values[name] = found[0] if len(found) == 1 else found
    values["quatern_step"] = float(np.finfo(np.float32 if version.number == 1 else np.float64).eps)
    return values


def _check_magic(path: Path, header: dict[str, Any], version: _Version) -> list[str]:
    magic = header["magic"][:3]
    if magic in (b"ni1", b"ni2"):
        raise refused(path, "a two-file NIfTI (.hdr with .img); save it as a single .nii file")
    if magic != f"n+{version.number}".encode():
        raise refused(path, "no NIfTI magic number: ANALYZE 7.5, which does not say left from right, or damaged")
    if header["sizeof_hdr"] != _HEADER_BYTES[version.number]:
        return [f"sizeof_hdr is {header['sizeof_hdr']}; read as NIfTI-{version.number} by its magic number"]
    return []


def _vox_offset(path: Path, header: dict[str, Any], least: int, notes: list[str]) -> int:
    stated = header["vox_offset"]
    if not math.isfinite(stated) or stated < 0 or stated != int(stated) or 0 < stated < least:
        raise refused(path, f"samples cannot start at byte {stated:g} (vox_offset)")
    if stated == 0:
        notes.append(f"vox_offset is 0; samples read from byte {least}")
    return int(stated) or least


def _dtype(path: Path, header: dict[str, Any], version: _Version) -> np.dtype[Any]:
    code = header["datatype"]
    if code in _UNUSABLE_TYPES:
        raise refused(path, f"its samples are {_UNUSABLE_TYPES[code]}; a scan has one real number a voxel")
    if code not in _DTYPES:
        raise refused(path, f"unknown data type {code}")
    return np.dtype(version.order + _DTYPES[code])


def _shape(path: Path, header: dict[str, Any], notes: list[str]) -> tuple[tuple[int, int, int], int]:
    dim = header["dim"]
    if not 1 <= dim[0] <= 7:
        raise refused(path, f"dim[0] is {dim[0]}; it counts 1 to 7 axes")
    sizes = [int(n) for n in dim[1 : dim[0] + 1]]
    if min(sizes) < 1:
        raise refused(path, f"an axis of {min(sizes)} voxels")
    if len(sizes) < 2 or sizes[1:] == [1]:
        raise refused(path, "one-dimensional; a scan has at least two axes")
    if any(n > 1 for n in sizes[4:]):
        raise refused(path, f"{max(sizes[4:])} values a voxel (vectors or tensors); a scan has one")
    if header["intent_code"] in (_INTENT_SYMMATRIX, _INTENT_VECTOR) and len(sizes) > 3 and sizes[3] > 1:
        raise refused(path, "vectors or matrices, says its intent code; a scan has one number a voxel")
    if header["bitpix"] != 8 * np.dtype(_DTYPES[header["datatype"]]).itemsize:
        notes.append(f"bitpix is {header['bitpix']}, which the data type contradicts; the data type is used")
    if len(sizes) == 2:
        notes.append("a single two-dimensional image: read as a volume of one slice")
    full = [*sizes, 1, 1]
    return (full[0], full[1], full[2]), full[3] if len(sizes) > 3 else 1


def _scaling(path: Path, header: dict[str, Any], notes: list[str]) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if math.isinf(slope):
        raise refused(path, "the intensity slope is infinite")
    if slope == 0 or math.isnan(slope):
        if math.isnan(slope) or (intercept != 0 and not math.isnan(intercept)):
            notes.append(f"intensity slope is {slope:g} (intercept {intercept:g}): samples taken unscaled")
        return 1.0, 0.0
    if not math.isfinite(intercept):
        raise refused(path, f"the intensity intercept is {intercept:g}")
    return slope, intercept


def _table(after_header: bytes, order: str) -> LabelTable:
    """The label table among the header extensions, whatever code their writer gave them (0 and 30 are in use)."""
    if after_header[:1] in (b"", b"\x00"):
        return {}
    position = 4
    while position + 8 <= len(after_header):
        size = struct.unpack_from(order + "i", after_header, position)[0]
        if size < 8:
            break
        table = from_caret_xml(after_header[position + 8 : position + size])
        if table:
            return table
        position += size
    return {}


# --- place -----------------------------------------------------------------------------------------


def _matrix_lps(
    path: Path, header: dict[str, Any], shape: tuple[int, int, int], notes: list[str]
) -> tuple[Float64, bool]:
    """Voxel to LPS, and whether the file says so."""
    unit = _MM_PER_UNIT.get(header["xyzt_units"] & 0x07)
    if unit is None:
        raise refused(path, f"unknown unit of length {header['xyzt_units'] & 0x07}")
    if unit != 1.0:
        notes.append(f"lengths stated in {'metres' if unit > 1 else 'micrometres'}; converted to millimetres")
    scale = np.diag([unit, unit, unit, 1.0])
    stated = _matrix_ras(header, shape, notes)
    matrix = _analyze(header, shape, notes) if stated is None else stated
    return LPS_FROM_RAS @ scale @ matrix, stated is not None


def _matrix_ras(header: dict[str, Any], shape: tuple[int, int, int], notes: list[str]) -> Float64 | None:
    sform = _stated(header, "sform_code", _sform(header), notes)
    qform = _stated(header, "qform_code", _qform(header), notes)
    if sform is None and qform is None:
        notes.append(
            "no usable orientation: axes taken as left, anterior, superior, centred on the image (ANALYZE); "
            "left and right are not certain"
        )
        return None
    if sform is not None:
        _compare_sizes(header, sform, notes)
    if sform is None or qform is None:
        return qform if sform is None else sform
    template = header["sform_code"] in _TEMPLATE_CODES and header["qform_code"] in _PATIENT_CODES
    apart = disagreement_mm(shape, sform, qform)
    if apart > 0.01 * np.linalg.norm(sform[:3, :3], axis=0).min():
        why = "the patient's own space rather than a template's" if template else "as the standard prefers"
        notes.append(f"sform and qform lie up to {apart:.3g} mm apart: {'qform' if template else 'sform'} used, {why}")
        return qform if template else sform
    return sform


def _compare_sizes(header: dict[str, Any], sform: Float64, notes: list[str]) -> None:
    """State a voxel size that the sform contradicts: other programs may show the file in another size."""
    sizes, stated = np.linalg.norm(sform[:3, :3], axis=0), np.array(header["pixdim"][1:4], dtype=np.float64)
    if not np.allclose(stated, sizes, rtol=0.01):
        shown = [" x ".join(f"{value:.4g}" for value in values) for values in (stated, sizes)]
        notes.append(f"voxel sizes {shown[0]} in pixdim, {shown[1]} in the sform: the sform is used")


def _stated(header: dict[str, Any], code: str, matrix: Float64 | None, notes: list[str]) -> Float64 | None:
    """`matrix` where its code says that it counts and it is usable."""
    if header[code] <= 0:
        return None
    if matrix is None or not is_usable(matrix):
        notes.append(f"the {code[:5]} is not finite or not invertible and is not used")
        return None
    return matrix


def _sform(header: dict[str, Any]) -> Float64:
    return np.vstack([np.reshape(header["srow"], (3, 4)), [0, 0, 0, 1]]).astype(np.float64)


def _qform(header: dict[str, Any]) -> Float64 | None:
    """nifti1.h, "METHOD 2". None where it cannot be built.

    The scalar part is the root of what the others leave of 1: near half a turn that is nothing but
    the rounding of float32, and taken as 0, as nibabel does.
    """
    b, c, d = (float(value) for value in header["quatern"])
    sizes = np.array(header["pixdim"][1:4], dtype=np.float64)
    norm = b * b + c * c + d * d
    if not math.isfinite(norm) or norm > 1.01 or not np.isfinite(sizes).all() or (sizes <= 0).any():
        return None
    if norm > 1.0:
        b, c, d = (value / math.sqrt(norm) for value in (b, c, d))
    rest = 1.0 - (b * b + c * c + d * d)
    a = math.sqrt(rest) if rest >= 3 * header["quatern_step"] else 0.0
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * sizes * [1, 1, -1 if header["pixdim"][0] < 0 else 1]
    matrix[:3, 3] = header["qoffset"]
    return matrix


def _analyze(header: dict[str, Any], shape: tuple[int, int, int], notes: list[str]) -> Float64:
    sizes = np.array(header["pixdim"][1:4], dtype=np.float64)
    bad = ~np.isfinite(sizes) | (sizes == 0)
    if bad.any():
        notes.append(f"voxel sizes {header['pixdim'][1:4]} are not usable: 1 mm taken; lengths are not certain")
    sizes = np.where(bad, 1.0, np.abs(sizes))
    matrix = np.diag([-sizes[0], sizes[1], sizes[2], 1.0])
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return matrix


# --- out -------------------------------------------------------------------------------------------

_CODE_OF_DTYPE = {np.dtype(kind): code for code, kind in _DTYPES.items()}
#: A qform that misses a corner by more is left out: readers then take the sform.
_QFORM_ERROR_MM = 1e-2
_EXTENSION_CODE = 0  # as TotalSegmentator writes its label table


def write_nifti(
    path: Path,
    grid: Grid,
    samples: NDArray[Any],
    structures: Iterable[Structure] = (),
    *,
    threads: int | None = None,
    progress: Progress = silent,
) -> None:
    """Write samples as NIfTI-1; gzip where the name ends in .gz. The same input gives the same bytes.

    The sform is exact to float32; the qform is written where it can hold the grid (sheared ones it
    cannot, nor, in float32, some turned by nearly half a turn). A label map
    carries its `structures` as a Caret label table, which TotalSegmentator's readers understand.

    Args:
        path: where to; replaced in one step, so that no half-written file is ever seen.
        grid: place of the samples; its frame of reference has no place in NIfTI.
        samples: (ni, nj, nk) integers or floats, best with i fastest.
        structures: what the labels mean.
        threads: that deflate; all cores when None.
        progress: told the fraction of bytes packed.

    Raises:
        ValueError: shape or type do not fit.
    """
    if tuple(samples.shape) != grid.shape or max(grid.shape) > 0x7FFF:
        raise ValueError(f"samples are {samples.shape}, the grid {grid.shape}; NIfTI-1 holds up to 32767 an axis")
    native = samples.dtype.newbyteorder("<")
    if native not in _CODE_OF_DTYPE:
        raise ValueError(f"NIfTI has no type for {samples.dtype}")
    rows = tuple(structures)
    extension = _extension(rows)
    body = np.asarray(samples, dtype=native, order="F")
    offset = 352 + len(extension)
    header = _header_bytes(grid, native, offset, is_labels=bool(rows))
    flags = b"\x01\x00\x00\x00" if extension else bytes(4)
    stream = memoryview(body.reshape(-1, order="F").view(np.uint8).data)
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as file:
            for piece in _pieces(path, header + flags + extension, stream, threads):
                file.write(piece)
                progress(min(file.tell() / max(offset + len(stream), 1), 1.0), "writing")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _pieces(path: Path, head: bytes, stream: memoryview, threads: int | None) -> Iterable[bytes | memoryview]:
    if path.suffix.lower() != ".gz":
        return (head, stream)
    return gzip_pieces(head, stream, threads=threads or processors())


def _extension(rows: tuple[Structure, ...]) -> bytes:
    """One header extension, padded to 16 bytes as the standard asks."""
    if not rows:
        return b""
    text = to_caret_xml(rows)
    size = (len(text) + 8 + 15) // 16 * 16
    return struct.pack("<ii", size, _EXTENSION_CODE) + text.ljust(size - 8, b"\x00")


def _header_bytes(grid: Grid, dtype: np.dtype[Any], offset: int, *, is_labels: bool) -> bytes:
    matrix = LPS_FROM_RAS @ grid.patient_from_voxel.matrix
    quaternion, handedness = _quaternion(grid)
    pixdim = tuple(np.array((handedness, *grid.spacing_mm, 1, 1, 1, 1), dtype=np.float32).tolist())
    as_read = {
        "quatern": np.array(quaternion, dtype=np.float32),
        "pixdim": pixdim,
        "qoffset": matrix[:3, 3],
        "quatern_step": 2**-23,
    }
    qform = _qform(as_read)
    holds = qform is not None and disagreement_mm(grid.shape, matrix, qform) < _QFORM_ERROR_MM
    values: dict[str, Any] = {
        "sizeof_hdr": 348,
        "dim": (3, *grid.shape, 1, 1, 1, 1),
        "intent_code": _INTENT_LABEL if is_labels else 0,
        "datatype": _CODE_OF_DTYPE[dtype],
        "bitpix": dtype.itemsize * 8,
        "pixdim": pixdim,
        "vox_offset": offset,
        "scl_slope": 1.0,
        "scl_inter": 0.0,
        "xyzt_units": 2,
        "qform_code": 1 if holds else 0,
        "sform_code": 1,
        "quatern": quaternion,
        "qoffset": tuple(matrix[:3, 3]),
        "srow": tuple(matrix[:3].reshape(-1)),
        "magic": b"n+1\x00",
    }
    header = bytearray(348)
    for name, (position, form) in _FIELDS_1.items():
        value = values[name]
        struct.pack_into("<" + form, header, position, *(value if isinstance(value, tuple) else (value,)))
    return bytes(header)


def _quaternion(grid: Grid) -> tuple[tuple[float, float, float], float]:
    """b, c, d of the rotation and the sign of its third axis (qfac); nifti_mat44_to_quatern."""
    rotation = LPS_FROM_RAS[:3, :3] @ grid.directions
    handedness = 1.0 if np.linalg.det(rotation) > 0 else -1.0
    u, _, v = np.linalg.svd(rotation * [1, 1, handedness])
    r = u @ v
    # The largest of the four squared components is at least a quarter, so that no root loses digits.
    squares = np.array([1 + r[0, 0] + r[1, 1] + r[2, 2], 1 + r[0, 0] - r[1, 1] - r[2, 2],
                        1 - r[0, 0] + r[1, 1] - r[2, 2], 1 - r[0, 0] - r[1, 1] + r[2, 2]])  # fmt: skip
    table = np.array(
        [
            [squares[0], r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]],
            [r[2, 1] - r[1, 2], squares[1], r[1, 0] + r[0, 1], r[0, 2] + r[2, 0]],
            [r[0, 2] - r[2, 0], r[1, 0] + r[0, 1], squares[2], r[2, 1] + r[1, 2]],
            [r[1, 0] - r[0, 1], r[0, 2] + r[2, 0], r[2, 1] + r[1, 2], squares[3]],
        ]
    )
    row = table[int(np.argmax(squares))]
    quaternion = row / np.linalg.norm(row)
    quaternion = quaternion if quaternion[0] >= 0 else -quaternion
    return (float(quaternion[1]), float(quaternion[2]), float(quaternion[3])), handedness
