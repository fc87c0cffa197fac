"""One DICOM file as bytes: preamble, meta group, transfer syntax, deflation (PS3.10 section 7).

Only the head of a file is read: enough to reach its pixel data, whose place is remembered.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.ingest.dicom.elements import (
    EMPTY,
    SEQUENCES,
    UNDEFINED,
    DataSet,
    Elements,
    Incomplete,
    Malformed,
    Truncated,
    repair,
    sniff_syntax,
    walk,
)
from engine.ingest.study import MAX_INFLATION

DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

_TRANSFER_SYNTAX = 0x00020010
_MEDIA_STORAGE_CLASS = 0x00020002

#: Bytes of header to try, one after the other. Classic headers fit the first, enhanced ones of a
#: thousand frames the third; no header in the field reaches the last.
_HEADER_BUDGETS = (1 << 14, 1 << 18, 1 << 22, 1 << 26, 1 << 28)


class Unreadable(Exception):
    """This file cannot be used; the message says why and holds no patient data."""


@dataclass(frozen=True, slots=True)
class DicomFile:
    """A file's header and where its pixel data stands.

    Attributes:
        transfer_syntax: UID, guessed from the bytes where the file states none.
        media_class: Media Storage SOP Class UID, empty when not stated.
        data_set: the wanted elements; pixel offsets count from the beginning of the file, or of the
            inflated data set when `deflated_start` is set.
        deflated_start: where the deflated stream begins, None when the file is not deflated.
    """

    path: Path
    size: int
    transfer_syntax: str
    media_class: str
    data_set: DataSet
    deflated_start: int | None = None


def looks_like_dicom(head: bytes) -> bool:
    """Whether the first bytes are a Part 10 file, or a bare data set as old archives keep them."""
    if head[128:132] == b"DICM":
        return True
    try:
        syntax = sniff_syntax(head, 0)
    except Malformed:
        return False
    # A bare data set must open with a plausible element, or every binary file would do.
    length_code, at = ("H", 6) if syntax.explicit else ("I", 4)
    (length,) = struct.unpack_from(syntax.order + length_code, head, at)
    element = struct.unpack_from(syntax.order + "H", head, 2)[0]
    return length <= 256 and element <= 0x0070 and (syntax.explicit or length % 2 == 0)


def open_file(path: Path, wanted: frozenset[int]) -> DicomFile:
    """Read the header of `path`.

    Raises:
        Unreadable: not DICOM, damaged in its header, or beyond every bound.
    """
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            head = stream.read(_HEADER_BUDGETS[0])
            start, meta = _meta(head)
            syntax_uid, media_class = meta.text(_TRANSFER_SYNTAX), meta.text(_MEDIA_STORAGE_CLASS)
            if syntax_uid == DEFLATED:
                return _open_deflated(path, size, start, media_class, wanted)
            for budget in _HEADER_BUDGETS:
                if min(budget, size) > len(head):
                    head += stream.read(min(budget, size) - len(head))
                try:
                    found = walk(head, start, sniff_syntax(head, start), wanted, complete=len(head) >= size)
                    break
                except Incomplete:
                    continue
                except Malformed as error:
                    head += stream.read(min(_HEADER_BUDGETS[-1], size) - len(head))
                    found = _repaired(head, start, wanted, error)
                    break
            else:
                raise Unreadable("header longer than any image's")
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None
    except Truncated as error:
        raise Unreadable(str(error)) from None
    except Malformed as error:
        raise Unreadable(f"not a readable DICOM file ({error})") from None
    return DicomFile(path, size, syntax_uid or _guessed(found), media_class, found)


def _repaired(head: bytes, start: int, wanted: frozenset[int], error: Malformed) -> DataSet:
    """What pydicom makes of a header that departs from the standard.

    It takes what is there of a header that is cut short, half a sequence for a whole one: only where it finds the
    pixel data was the end not the trouble.

    Raises:
        Malformed: it cannot make anything of it either, or the file is cut short.
    """
    try:
        found = repair(head, start, sniff_syntax(head, start), wanted)
    except Malformed:
        raise (error if isinstance(error, Truncated) else Malformed(str(error))) from None
    if found.pixel_tag is None and isinstance(error, Truncated):
        raise error
    return found


def _guessed(found: DataSet) -> str:
    if found.pixel_length == UNDEFINED:
        return ""
    if not found.elements.syntax.explicit:
        return IMPLICIT_LITTLE
    return EXPLICIT_BIG if found.elements.syntax.big_endian else EXPLICIT_LITTLE


def _meta(head: bytes) -> tuple[int, Elements]:
    """Where the data set begins, and the meta group before it (always explicit little endian)."""
    position = 132 if head[128:132] == b"DICM" else 0
    values: dict[int, bytes | list[Elements]] = {}
    while head[position : position + 2] == b"\x02\x00" and position + 12 <= len(head):
        element, vr, length = struct.unpack_from("<H2sH", head, position + 2)
        start = position + 8
        if vr in (b"OB", b"UN", b"UT", b"OW"):
            length, start = struct.unpack_from("<I", head, position + 8)[0], position + 12
        if not vr.isalpha() or start + length > len(head):
            raise Malformed("damaged meta group")
        values[0x00020000 | element] = head[start : start + length]
        position = start + length
    return position, Elements(values) if values else EMPTY


def _open_deflated(path: Path, size: int, start: int, media_class: str, wanted: frozenset[int]) -> DicomFile:
    """A file whose data set is one deflate stream (PS3.5 annex A.5)."""
    for budget in _HEADER_BUDGETS:
        head, complete = inflate(path, start, budget)
        try:
            found = walk(head, 0, sniff_syntax(head, 0), wanted, complete=complete)
        except Incomplete:
            continue
        except Malformed as error:
            head, _ = inflate(path, start, min(_HEADER_BUDGETS[-1], size * MAX_INFLATION))
            found = _repaired(head, 0, wanted, error)
        return DicomFile(path, size, DEFLATED, media_class, found, start)
    raise Unreadable("header longer than any image's")


def inflate(path: Path, start: int, limit: int) -> tuple[bytes, bool]:
    """At most `limit` inflated bytes of the stream at `start`, and whether that is all of it.

    Raises:
        Malformed: the stream is damaged.
    """
    body = b"".join(_inflating(path, start, limit))
    return body, len(body) < limit


def inflated_size(path: Path, start: int, limit: int) -> int:
    """How many bytes the stream at `start` inflates to, counted up to `limit`; none of them is kept.

    Raises:
        Malformed: the stream is damaged.
    """
    return sum(map(len, _inflating(path, start, limit)))


def _inflating(path: Path, start: int, limit: int) -> Iterator[bytes]:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    with path.open("rb") as file:
        file.seek(start)
        length = 0
        while length < limit and not stream.eof:
            packed = stream.unconsumed_tail or file.read(1 << 16)
            if not packed:
                break
            try:
                piece = stream.decompress(packed, limit - length)
            except zlib.error:
                raise Malformed("damaged deflate stream") from None
            length += len(piece)
            yield piece


#: What a reader of images asks of every header. Nothing here names a patient.
WANTED = SEQUENCES | frozenset(
    {
        0x00080005,  # Specific Character Set
        0x00080008,  # Image Type
        0x00080016,  # SOP Class UID
        0x00080018,  # SOP Instance UID
        0x00080020,  # Study Date
        0x00080021,  # Series Date
        0x00080032,  # Acquisition Time: orders phases, never shown
        0x00080033,  # Content Time: orders phases, never shown
        0x00080060,  # Modality
        0x0008103E,  # Series Description
        0x00089007,  # Frame Type
        0x00180050,  # Slice Thickness
        0x00180081,  # Echo Time
        0x00180082,  # Inversion Time
        0x00180086,  # Echo Numbers
        0x00180088,  # Spacing Between Slices
        0x00181030,  # Protocol Name
        0x00181060,  # Trigger Time
        0x00189082,  # Effective Echo Time
        0x00189087,  # Diffusion b-value
        0x00189089,  # Diffusion Gradient Orientation
        0x0020000D,  # Study Instance UID
        0x0020000E,  # Series Instance UID
        0x00200011,  # Series Number
        0x00200012,  # Acquisition Number
        0x00200013,  # Instance Number
        0x00200032,  # Image Position (Patient)
        0x00200037,  # Image Orientation (Patient)
        0x00200052,  # Frame of Reference UID
        0x00200100,  # Temporal Position Identifier
        0x00209128,  # Temporal Position Index
        0x00209153,  # Nominal Cardiac Trigger Delay Time
        0x00209156,  # Frame Acquisition Number
        0x00209157,  # Dimension Index Values
        0x00280002,  # Samples per Pixel
        0x00280004,  # Photometric Interpretation
        0x00280008,  # Number of Frames
        0x00280010,  # Rows
        0x00280011,  # Columns
        0x00280030,  # Pixel Spacing
        0x00280100,  # Bits Allocated
        0x00280101,  # Bits Stored
        0x00280102,  # High Bit
        0x00280103,  # Pixel Representation
        0x00280120,  # Pixel Padding Value
        0x00280121,  # Pixel Padding Range Limit
        0x00281052,  # Rescale Intercept
        0x00281053,  # Rescale Slope
        0x00281054,  # Rescale Type
        0x00541001,  # Units
    }
)
