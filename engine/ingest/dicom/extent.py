"""How much of its pixel data a file holds: measured when it is listed, without decoding anything.

A file that was cut short on its way often ends inside its pixel data, and decoders differ in what they make of
that. What is not there is therefore known, and said, before any of them is asked.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from engine.ingest.dicom.codestream import CODECS
from engine.ingest.dicom.elements import UNDEFINED
from engine.ingest.dicom.file import DicomFile, inflated_size

_ITEM, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
#: A bound against files that are nothing but empty fragments; no image has as many.
_MOST_FRAGMENTS = 1 << 20


@dataclass(frozen=True, slots=True)
class Extent:
    """What is there of the pixel data.

    Attributes:
        frames: how many frames, from the first, are there whole.
        lack: what is missing, in words; empty when nothing is.
    """

    frames: int
    lack: str = ""


def extent_of(file: DicomFile, frames: int, frame_bits: int) -> Extent:
    """The extent of a file that states `frames` of `frame_bits` when uncompressed.

    Raises:
        Malformed: a deflated stream is damaged.
        OSError: the file cannot be read.
    """
    found = file.data_set
    if found.pixel_length == UNDEFINED:
        return _encapsulated(file, frames)
    needed = -(-frame_bits * frames // 8)
    there = found.pixel_length
    if file.deflated_start is None:
        there = max(min(there, file.size - found.pixel_start), 0)
    elif there >= needed:  # a stated length proves nothing of what inflates
        stop = found.pixel_start + needed
        there = max(inflated_size(file.path, file.deflated_start, stop) - found.pixel_start, 0)
    if there >= needed:
        return Extent(frames)
    return _short(there * 8 // frame_bits, frames, f"after {there} of {needed} bytes")


def _short(there: int, frames: int, single: str) -> Extent:
    return Extent(there, f"pixel data ends {single if frames == 1 else f'after {there} of {frames} frames'}")


def _encapsulated(file: DicomFile, frames: int) -> Extent:
    """The fragments behind the offset table (PS3.5 annex A.4), by their item headers alone."""
    codec = CODECS.get(file.transfer_syntax)
    start = codec.start if codec is not None else b""  # other syntaxes have one fragment a frame
    begun = 0
    with file.path.open("rb", buffering=0) as stream:
        position = file.data_set.pixel_start
        for fragment in range(_MOST_FRAGMENTS):  # the first is the offset table
            stream.seek(position)
            head = stream.read(8 + len(start))
            group, element, length = struct.unpack_from("<HHI", head) if len(head) >= 8 else (0, 0, 0)
            if (group, element) == _SEQUENCE_END:
                return Extent(frames)
            if (group, element) != _ITEM:
                break
            begun += fragment == 1 or (fragment > 1 and frames > 1 and head[8:] == start)
            position += 8 + length
            if position > file.size:
                return _short(max(begun - 1, 0), frames, "within its only frame")
    # Every fragment is whole, but more may have followed: the decoder tells, and the user is told.
    if begun < frames:
        return _short(begun, frames, "before its only frame")
    return Extent(frames, "pixel data is not closed: the file may be cut short")
