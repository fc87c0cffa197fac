"""Compressed frames: what their own headers claim, and their decoding (PS3.5 section 8.2, annex A.4).

A codestream's size is read and compared with the DICOM header before a decoder sees it, so that no
decoder allocates what a damaged or hostile stream asks for.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.ingest.dicom.file import Unreadable

Bytes = bytes | memoryview
Decoder = Callable[..., NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Codestream:
    """What a compressed frame says about itself."""

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Codec:
    """How the frames of one transfer syntax are read.

    Attributes:
        name: for messages.
        describe: the codestream's header; raises Unreadable where there is none.
        decode: the decoder; releases the interpreter lock.
        start: first bytes of every frame, by which fragments are told apart.
        ends_marked: whether a stream without its end marker must not reach the decoder: libjpeg fills what is missing
            without a word, CharLS looks for it for seconds.
    """

    name: str
    describe: Callable[[bytes], Codestream]
    decode: Decoder
    start: bytes
    ends_marked: bool


def decode(codec: Codec, frame: Bytes, rows: int, columns: int, out: NDArray[np.uint16] | None) -> NDArray[Any]:
    """Decode one frame of `rows` x `columns` grey samples, into `out` when its depth allows it.

    Returns:
        (rows, columns) integers as the codestream stores them: `out` itself or a new array.

    Raises:
        Unreadable: damaged, cut short, or not what the DICOM header says.
    """
    claimed = codec.describe(bytes(frame[:4096]) if len(frame) > 4096 else bytes(frame))
    if (claimed.rows, claimed.columns, claimed.samples) != (rows, columns, 1):
        raise Unreadable(
            f"compressed image is {claimed.columns} x {claimed.rows} x {claimed.samples}, "
            f"header says {columns} x {rows}"
        )
    if not 1 <= claimed.precision <= 16:
        raise Unreadable(f"compressed image has {claimed.precision} bits a sample")
    if codec.ends_marked and b"\xff\xd9" not in bytes(frame[-16:]):
        raise Unreadable("compressed pixel data ends early")
    target = None
    if out is not None and claimed.precision > 8:
        target = out.view(np.int16) if claimed.signed else out
    try:
        return codec.decode(frame, out=target)
    except (RuntimeError, ValueError, TypeError, MemoryError) as error:  # what imagecodecs raises
        raise Unreadable(f"{codec.name} pixel data cannot be decoded ({type(error).__name__})") from None


#: Start-of-frame markers: baseline, extended sequential, lossless (ITU-T T.81 table B.1), JPEG-LS (T.87).
_JPEG_FRAMES = (0xC0, 0xC1, 0xC3)
_JPEG_LS_FRAMES = (0xF7,)


def _jpeg_header(data: bytes, allowed: tuple[int, ...]) -> Codestream:
    """Walk marker segments up to the frame header."""
    position = 2
    while data[:2] == b"\xff\xd8" and position + 10 <= len(data):
        if data[position] != 0xFF:
            break
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in allowed:
            precision, rows, columns, samples = struct.unpack_from(">BHHB", data, position + 4)
            return Codestream(rows, columns, samples, precision)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            raise Unreadable("a JPEG process that DICOM has retired")
        position += 2 + struct.unpack_from(">H", data, position + 2)[0]
    raise Unreadable("compressed pixel data has no image header")


def _jpeg2000_header(data: bytes) -> Codestream:
    """The SIZ segment (ITU-T T.800 A.5.1), which follows the start of the codestream at once."""
    start = data[:1024].find(b"\xff\x4f\xff\x51")  # some writers wrap the stream in a JP2 file
    if start < 0 or start + 44 > len(data):
        raise Unreadable("compressed pixel data has no image header")
    width, height, left, top = struct.unpack_from(">4I", data, start + 8)
    samples, depth = struct.unpack_from(">HB", data, start + 40)
    return Codestream(height - top, width - left, samples, (depth & 0x7F) + 1, bool(depth & 0x80))


def _jpeg(data: bytes) -> Codestream:
    return _jpeg_header(data, _JPEG_FRAMES)


def _jpeg_ls(data: bytes) -> Codestream:
    return _jpeg_header(data, _JPEG_LS_FRAMES)


_SOI, _SOC = b"\xff\xd8", b"\xff\x4f"
_JPEG = Codec("JPEG", _jpeg, imagecodecs.jpeg8_decode, _SOI, ends_marked=True)
_JPEG_LS = Codec("JPEG-LS", _jpeg_ls, imagecodecs.jpegls_decode, _SOI, ends_marked=True)
_JPEG_2000 = Codec("JPEG 2000", _jpeg2000_header, imagecodecs.jpeg2k_decode, _SOC, ends_marked=False)
# OpenJPEG reads HTJ2K too. OpenJPH is nearly twice as fast, but damaged streams end it with SIGFPE, or return
# pixels with no error (imagecodecs 2026.3.6, OpenJPH 0.26.3).
_HTJ2K = Codec("HTJ2K", _jpeg2000_header, imagecodecs.jpeg2k_decode, _SOC, ends_marked=False)

#: Transfer syntaxes read (PS3.6 table A-1). The retired JPEG processes (.52 to .56, .58 to .66) are not.
CODECS: dict[str, Codec] = {
    "1.2.840.10008.1.2.4.50": _JPEG,
    "1.2.840.10008.1.2.4.51": _JPEG,
    "1.2.840.10008.1.2.4.57": _JPEG,
    "1.2.840.10008.1.2.4.70": _JPEG,
    "1.2.840.10008.1.2.4.80": _JPEG_LS,
    "1.2.840.10008.1.2.4.81": _JPEG_LS,
    "1.2.840.10008.1.2.4.90": _JPEG_2000,
    "1.2.840.10008.1.2.4.91": _JPEG_2000,
    "1.2.840.10008.1.2.4.201": _HTJ2K,
    "1.2.840.10008.1.2.4.202": _HTJ2K,
    "1.2.840.10008.1.2.4.203": _HTJ2K,
}

RLE = "1.2.840.10008.1.2.5"
#: Zeros behind a segment unpack to this many bytes at most: writers align segments to 2, 4 or more bytes.
_RLE_PADDING = 64


def is_decodable(transfer_syntax: str) -> bool:
    """Whether compressed frames of this syntax can be read."""
    return transfer_syntax == RLE or transfer_syntax in CODECS


def run_lengths(packed: Bytes, count: int, width: int) -> bytes:
    """`count` samples of `width` bytes, little endian, from RLE Lossless (PS3.5 annex G).

    One segment holds one byte of every sample, the most significant first. Segments are bounded here and
    unpacked one by one: imagecodecs' decoder of whole frames trusts their offsets, and damaged ones end it
    with SIGSEGV (2026.3.6).

    Raises:
        Unreadable: damaged or cut short.
    """
    offsets = struct.unpack_from(f"<{1 + width}I", packed) if len(packed) > 64 else (0,)
    bounds = (*offsets[1:], len(packed))
    if offsets[0] != width or any(start >= stop for start, stop in pairwise((63, *bounds))):
        raise Unreadable("RLE pixel data is damaged")
    samples = np.empty((count, width), np.uint8)
    for at, (start, stop) in enumerate(pairwise(bounds)):
        try:
            plane = imagecodecs.packbits_decode(bytes(packed[start:stop]), out=count + _RLE_PADDING)
        except (RuntimeError, ValueError) as error:
            raise Unreadable(f"RLE pixel data cannot be decoded ({type(error).__name__})") from None
        if len(plane) < count:
            raise Unreadable("RLE pixel data ends early")
        samples[:, width - 1 - at] = np.frombuffer(plane, np.uint8, count)
    return samples.tobytes()
