"""The pixels of DICOM frames, decoded on all cores into one preallocated array.

Each frame is read, decoded, stripped of bits that are not its own, freed of padding and rescaled while
it is in cache. Whole-number values that fit stay int16; anything else becomes float32.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import FileProblem
from engine.core.progress import Progress
from engine.ingest.dicom.codestream import CODECS, RLE, decode, run_lengths
from engine.ingest.dicom.elements import UNDEFINED, Malformed
from engine.ingest.dicom.file import Unreadable, inflate
from engine.ingest.dicom.header import Header, PixelFormat
from engine.ingest.dicom.plane import Plane, Rescale
from engine.ingest.processors import processors

_INT16 = np.iinfo(np.int16)

#: Air outside the scanner's field of view: what padding becomes in CT.
AIR_HU = -1024
#: Padding whose real value lies in this range is a mistake of the writer: it would erase tissue.
_TISSUE_HU = (-900.0, 3000.0)

Frame = tuple[Header, Plane]


class _NeedsFloat(Exception):
    """A value does not fit 16 bits."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came of reading frames.

    Attributes:
        samples: (frames, rows, columns) int16 or float32; frames that failed hold nothing of use.
        failed: reason by index of each frame that could not be read.
        lowest, highest: real values over all frames that were read, padding left out.
        padded: number of samples that were padding and became background.
        kept_padding: whether a stated padding value lay among tissue values and was left alone.
    """

    samples: NDArray[Any]
    failed: dict[int, FileProblem]
    lowest: float
    highest: float
    padded: int
    kept_padding: bool


@dataclass(frozen=True, slots=True)
class _Outcome:
    lowest: float
    highest: float
    padded: int = 0
    kept_padding: bool = False


def decode_frames(frames: Sequence[Frame], progress: Progress) -> Decoded:
    """Read frames of equal size, in their order.

    Raises:
        Cancelled: through `progress`.
    """
    whole = all(header.pixels and _is_whole(header.pixels, plane.rescale) for header, plane in frames)
    if whole:
        try:
            return _decode_all(frames, np.int16, progress)
        except _NeedsFloat:
            pass
    return _decode_all(frames, np.float32, progress)


def _is_whole(pixels: PixelFormat, rescale: Rescale) -> bool:
    return pixels.kind == "integer" and pixels.bits_allocated <= 16 and rescale.is_integer


def _decode_all(frames: Sequence[Frame], dtype: type[np.int16] | type[np.float32], progress: Progress) -> Decoded:
    first = frames[0][0].pixels
    if first is None:
        raise Unreadable("has no pixel data")
    samples = np.empty((len(frames), first.rows, first.columns), dtype)
    streams = _multi_frame_streams([header for header, _ in frames])
    outcomes: dict[int, _Outcome] = {}
    failed: dict[int, FileProblem] = {}

    def read(index: int) -> _Outcome | Unreadable:
        header, plane = frames[index]
        try:
            return _read_frame(header, plane, streams.get(id(header)), samples[index])
        except Unreadable as problem:
            return problem
        except OSError as error:
            return Unreadable(f"cannot be read ({error.strerror})")

    pool = ThreadPoolExecutor(processors())
    try:
        for index, outcome in enumerate(pool.map(read, range(len(frames)))):
            if isinstance(outcome, Unreadable):
                failed[index] = FileProblem(frames[index][0].path, str(outcome))
            else:
                outcomes[index] = outcome
            progress((index + 1) / len(frames), "reading slices")
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return _summary(samples, failed, list(outcomes.values()))


def _summary(samples: NDArray[Any], failed: dict[int, FileProblem], outcomes: list[_Outcome]) -> Decoded:
    return Decoded(
        samples,
        failed,
        min((o.lowest for o in outcomes), default=0.0),
        max((o.highest for o in outcomes), default=0.0),
        sum(o.padded for o in outcomes),
        any(o.kept_padding for o in outcomes),
    )


def _read_frame(header: Header, plane: Plane, stream: _Stream | None, out: NDArray[Any]) -> _Outcome:
    """Read, decode, clean and rescale one frame into `out` (rows, columns)."""
    pixels = header.pixels
    if pixels is None:
        raise Unreadable("has no pixel data")
    direct = out.view(np.uint16) if out.dtype == np.int16 else None
    stored = _stored(header, pixels, plane.frame, stream, direct)
    if pixels.kind == "float":
        return _rescaled_float(stored, plane.rescale, out)
    if stored.dtype.itemsize <= 2:
        if direct is None:
            direct = np.empty(out.shape, np.uint16)
        if stored is not direct and not np.shares_memory(stored, direct):
            direct[...] = stored if stored.dtype != np.int16 else stored.view(np.uint16)
        stored = _own_bits(direct, pixels)
    else:
        stored = stored.view(np.int32 if pixels.signed else np.uint32)
    return _rescaled(stored, pixels, plane.rescale, header.modality, out)


def _own_bits(stored: NDArray[np.uint16], pixels: PixelFormat) -> NDArray[Any]:
    """Only the bits that belong to the sample, with its sign (PS3.5 section 8.1.1), in place.

    Bits beyond Bits Stored may hold overlays or rubbish, and codecs know nothing of signs.
    """
    unused = 16 - pixels.bits_stored
    if pixels.signed:
        values = stored.view(np.int16)
        if unused:
            np.left_shift(values, 15 - pixels.high_bit, out=values)
            np.right_shift(values, unused, out=values)
        return values
    if pixels.high_bit + 1 > pixels.bits_stored:
        np.right_shift(stored, pixels.high_bit + 1 - pixels.bits_stored, out=stored)
    if unused:
        np.bitwise_and(stored, (1 << pixels.bits_stored) - 1, out=stored)
    return stored


def _rescaled(
    stored: NDArray[Any], pixels: PixelFormat, rescale: Rescale, modality: str, out: NDArray[Any]
) -> _Outcome:
    """Real values of `stored` in `out`, padding replaced; `stored` may share the memory of `out`."""
    low, high = int(stored.min()), int(stored.max())
    mask, kept = _padding_mask(stored, pixels, rescale, modality, (low, high))
    if mask is not None:
        real = stored[~mask]
        low, high = (int(real.min()), int(real.max())) if real.size else (0, 0)
    ends = sorted((low * rescale.slope + rescale.intercept, high * rescale.slope + rescale.intercept))
    background = AIR_HU if modality == "CT" else ends[0]
    if out.dtype == np.int16:
        if ends[0] < _INT16.min or ends[1] > _INT16.max:
            raise _NeedsFloat
        _rescale_whole(stored.view(np.uint16), rescale)
    else:
        # Doubles in between: a slope of sixteen digits must not lose its last before the sum.
        out[...] = stored * float(rescale.slope) + rescale.intercept
    if mask is not None:
        out[mask] = background
    return _Outcome(ends[0], ends[1], 0 if mask is None else int(np.count_nonzero(mask)), kept)


def _rescale_whole(values: NDArray[np.uint16], rescale: Rescale) -> None:
    """Rescale in place modulo 2^16, which is exact where the result fits 16 signed bits."""
    slope, intercept = int(rescale.slope) & 0xFFFF, int(rescale.intercept) & 0xFFFF
    if slope != 1:
        np.multiply(values, np.uint16(slope), out=values)
    if intercept:
        np.add(values, np.uint16(intercept), out=values)


def _padding_mask(
    stored: NDArray[Any], pixels: PixelFormat, rescale: Rescale, modality: str, ends: tuple[int, int]
) -> tuple[NDArray[np.bool_] | None, bool]:
    """Where `stored` is padding (PS3.3 C.7.5.1.1.2), and whether padding was stated but is tissue."""
    if pixels.padding is None or pixels.padding[0] > ends[1] or pixels.padding[1] < ends[0]:
        return None, False
    first, last = pixels.padding
    if modality == "CT":
        real = sorted((first * rescale.slope + rescale.intercept, last * rescale.slope + rescale.intercept))
        if real[1] >= _TISSUE_HU[0] and real[0] <= _TISSUE_HU[1]:
            return None, bool(((stored >= first) & (stored <= last)).any())
    mask = (stored >= first) & (stored <= last)
    return (mask, False) if mask.any() else (None, False)


def _rescaled_float(stored: NDArray[Any], rescale: Rescale, out: NDArray[Any]) -> _Outcome:
    out[...] = stored * rescale.slope + rescale.intercept
    if not np.isfinite(out).all():
        raise Unreadable("holds values that are not numbers")
    return _Outcome(float(out.min()), float(out.max()))


# Stored samples ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Stream:
    """Pixel data of a multi-frame file that cannot be read frame by frame from disk."""

    frames: tuple[bytes | memoryview, ...]


def _multi_frame_streams(headers: Sequence[Header]) -> dict[int, _Stream]:
    """Split encapsulated or deflated multi-frame files once, before threads ask for their frames."""
    streams: dict[int, _Stream] = {}
    for header in headers:
        if header.frames == 1 or id(header) in streams or header.pixels is None:
            continue
        try:
            if header.pixel_length == UNDEFINED:
                streams[id(header)] = _Stream(tuple(_encapsulated(header)))
            elif header.deflated_start is not None:
                streams[id(header)] = _Stream(tuple(_inflated(header)))
        except (Unreadable, OSError):
            streams[id(header)] = _Stream(())
    return streams


def _stored(
    header: Header, pixels: PixelFormat, frame: int, stream: _Stream | None, out: NDArray[np.uint16] | None
) -> NDArray[Any]:
    """The samples of one frame as stored: (rows, columns), native byte order."""
    if header.pixel_length == UNDEFINED:
        return _decompressed(header, pixels, _frame_of(stream, frame) or _single(header), out)
    if header.deflated_start is not None:
        packed = _frame_of(stream, frame) or next(iter(_inflated(header)))
        return _native(packed, pixels)
    if out is not None and pixels.bits_allocated == 16 and not pixels.big_endian:
        _read_native(header, pixels, frame, out.data.cast("B"))
        return out
    read = bytearray(pixels.frame_bytes)
    _read_native(header, pixels, frame, memoryview(read))
    return _native(read, pixels)


def _frame_of(stream: _Stream | None, frame: int) -> bytes | memoryview | None:
    if stream is None:
        return None
    if frame >= len(stream.frames):
        raise Unreadable("pixel data ends before this frame")
    return stream.frames[frame]


def _read_native(header: Header, pixels: PixelFormat, frame: int, into: memoryview) -> None:
    start = header.pixel_start + frame * pixels.frame_bytes
    if (frame + 1) * pixels.frame_bytes > header.pixel_length:
        raise Unreadable("pixel data ends before this frame")
    with header.path.open("rb", buffering=0) as file:
        file.seek(start)
        done = 0
        while done < len(into):
            count = file.readinto(into[done:])
            if not count:
                raise Unreadable(f"pixel data ends after {done} of {len(into)} bytes")
            done += count


def _native(packed: bytes | bytearray | memoryview, pixels: PixelFormat) -> NDArray[Any]:
    """Uncompressed samples as an array in native byte order."""
    if len(packed) < pixels.frame_bytes:
        raise Unreadable(f"pixel data ends after {len(packed)} of {pixels.frame_bytes} bytes")
    code = f"f{pixels.bits_allocated // 8}" if pixels.kind == "float" else f"u{pixels.bits_allocated // 8}"
    samples = np.frombuffer(packed, (">" if pixels.big_endian else "<") + code, pixels.rows * pixels.columns)
    if pixels.byte_swapped and samples.size % 2 == 0:
        samples = samples.view(np.uint16).byteswap().view(np.uint8)
    native: NDArray[Any] = samples.reshape(pixels.rows, pixels.columns).astype(code, copy=False)
    return native


def _decompressed(
    header: Header, pixels: PixelFormat, packed: bytes | memoryview, out: NDArray[np.uint16] | None
) -> NDArray[Any]:
    if header.transfer_syntax == RLE:
        unpacked = run_lengths(packed, pixels.rows * pixels.columns, pixels.bits_allocated // 8)
        return _native(unpacked, replace(pixels, big_endian=False, byte_swapped=False))
    codec = CODECS.get(header.transfer_syntax)
    if codec is None:
        raise Unreadable(f"transfer syntax {header.transfer_syntax or 'not stated'} is not read")
    return decode(codec, packed, pixels.rows, pixels.columns, out)


def _inflated(header: Header) -> list[bytes | memoryview]:
    """The frames of a deflated file; never more than its header promises."""
    if header.pixels is None or header.deflated_start is None:
        raise Unreadable("has no pixel data")
    frame_bytes = header.pixels.frame_bytes
    try:
        packed, _ = inflate(header.path, header.deflated_start, header.pixel_start + frame_bytes * header.frames)
    except Malformed as error:
        raise Unreadable(str(error)) from None
    whole = memoryview(packed)[header.pixel_start :]
    return [whole[at * frame_bytes : (at + 1) * frame_bytes] for at in range(header.frames)]


# Encapsulation (PS3.5 annex A.4) ----------------------------------------------------------------


def _single(header: Header) -> bytes | memoryview:
    return next(iter(_encapsulated(header)))


def _encapsulated(header: Header) -> list[bytes | memoryview]:
    """The compressed frames of a file."""
    with header.path.open("rb", buffering=0) as file:
        file.seek(header.pixel_start)
        parts = _fragments(memoryview(file.read(max(header.size - header.pixel_start, 0))))
    if not parts:
        raise Unreadable("pixel data holds no frames")
    if header.frames == 1:
        return [parts[0] if len(parts) == 1 else b"".join(parts)]
    codec = CODECS.get(header.transfer_syntax)
    if codec is None or (len(parts) == header.frames and not header.lack):
        return list(parts)
    joined = _joined(parts, codec.start)
    if len(joined) > header.frames:  # fragments that only look like the start of a frame would move all that follow
        raise Unreadable(f"{header.frames} frames are stated and {len(joined)} are there")
    return joined


def _fragments(data: memoryview) -> list[memoryview]:
    """The fragments behind the offset table. A last one that is cut short is left out."""
    parts: list[memoryview] = []
    position = 0
    while position + 8 <= len(data):
        group, element, length = struct.unpack_from("<HHI", data, position)
        if (group, element) != (0xFFFE, 0xE000) or position + 8 + length > len(data):
            break
        parts.append(data[position + 8 : position + 8 + length])
        position += 8 + length
    return parts[1:]


def _joined(parts: list[memoryview], start: bytes) -> list[bytes | memoryview]:
    """Frames from fragments: each begins with its codec's start marker, offset table or not."""
    frames: list[list[memoryview]] = []
    for part in parts:
        if bytes(part[: len(start)]) == start or not frames:
            frames.append([])
        frames[-1].append(part)
    return [group[0] if len(group) == 1 else b"".join(group) for group in frames]
