"""The pixels of one file: its frames as they are looked at, and parts of them blanked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRLittleEndian

from engine.core.array import Float64
from engine.core.progress import silent
from engine.ingest.deidentify.instance import SetAside
from engine.ingest.dicom.file import Unreadable
from engine.ingest.dicom.header import Header, read_header
from engine.ingest.dicom.pixels import decode_frames
from engine.ingest.dicom.plane import axes

_LOOKED_AT = 8  # frames of a file of many, evenly
_AIR_HU = -1000.0
_NO_PIXELS: tuple[NDArray[np.generic], ...] = ()


def frames_of(path: Path, dataset: FileDataset) -> tuple[NDArray[np.generic], ...] | None:
    """Some frames of a file (rows, columns[, samples]); none where it has no pixels, None where they cannot be read."""
    if "PixelData" not in dataset:
        return _NO_PIXELS
    if int(dataset.get("BitsAllocated", 0) or 0) == 1:  # segmentations: drawn by programs
        return _NO_PIXELS
    try:
        header = read_header(path)
        chosen = np.unique(np.linspace(0, len(header.planes) - 1, _LOOKED_AT).astype(int)) if header.pixels else ()
        frames = [(header, header.planes[n]) for n in chosen if header.planes]
        decoded = decode_frames(frames, silent) if frames else None
        if decoded is not None and not decoded.failed:
            return tuple(decoded.samples)
    except Unreadable:
        pass
    try:
        samples = dataset.pixel_array
    except Exception:
        return None
    colours = int(dataset.get("SamplesPerPixel", 1) or 1) > 1
    several = samples.ndim > (3 if colours else 2)
    return tuple(samples[:: max(1, len(samples) // _LOOKED_AT)]) if several else (samples,)


def blanked(path: Path, dataset: FileDataset, where: Callable[[Float64], NDArray[np.bool_]]) -> None:
    """Air in the pixels of a file of one frame wherever `where` says so of their places (rows, columns, 3) in LPS mm.

    Files without a pixel there stay as they are; others are no longer compressed.

    Raises:
        SetAside: its pixels or their places cannot be had.
    """
    header, real = _decoded(path)
    mask = where(_places_mm(header))
    if not mask.any():
        return
    pixels, plane = header.pixels, header.planes[0]
    if pixels is None or pixels.kind != "integer" or pixels.bits_allocated not in (8, 16):
        raise SetAside("a face in pixels of a kind that is not rewritten")
    slope, intercept = plane.rescale.slope, plane.rescale.intercept
    air = _AIR_HU if header.modality == "CT" else min(0.0, float(real.min()))
    stored = np.rint((np.where(mask, air, real).astype(np.float64) - intercept) / slope)
    lowest = -(1 << pixels.bits_stored - 1) if pixels.signed else 0
    stored = np.clip(stored, lowest, lowest + (1 << pixels.bits_stored) - 1)
    kind = f"{'i' if pixels.signed else 'u'}{pixels.bits_allocated // 8}"
    data = stored.astype(f"<{kind}").tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.set_original_encoding(False, True)
    dataset.HighBit = pixels.bits_stored - 1
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if pixels.bits_allocated == 16 else "OB"
    dataset["PixelData"].is_undefined_length = False


def _decoded(path: Path) -> tuple[Header, NDArray[np.generic]]:
    try:
        header = read_header(path)
    except Unreadable as error:
        raise SetAside("a face in pixels that cannot be read") from error
    if len(header.planes) != 1 or header.pixels is None:
        raise SetAside("a face in pixels that cannot be read")
    decoded = decode_frames([(header, header.planes[0])], silent)
    if decoded.failed:
        raise SetAside("a face in pixels that cannot be read")
    return header, decoded.samples[0]


def _places_mm(header: Header) -> Float64:
    """Where the pixels' centres are: (rows, columns, 3)."""
    plane, pixels = header.planes[0], header.pixels
    if plane.position_mm is None or plane.orientation is None or plane.spacing_mm is None or pixels is None:
        raise SetAside("a face in pixels of which nobody says where they are")
    along_row, down, _ = axes(plane.orientation)
    i, j = plane.spacing_mm
    columns = np.arange(pixels.columns)[None, :, None] * i * along_row
    rows = np.arange(pixels.rows)[:, None, None] * j * down
    return np.asarray(np.asarray(plane.position_mm) + rows + columns, np.float64)
