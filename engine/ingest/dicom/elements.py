"""The data elements of a DICOM header, as raw values (PS3.5 section 7).

A series of a thousand slices is a thousand headers, so the common case (a well-formed data set) is
walked here without importing or building anything; whatever departs from the standard is handed to
pydicom, which knows two decades of vendors' mistakes. Both ways give the same `Elements`.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

Value = bytes | list["Elements"]

#: Float Pixel Data, Double Float Pixel Data, Pixel Data.
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_MAX_DEPTH = 12

#: Value representations with a 32-bit length and two reserved bytes (PS3.5 table 7.1-1).
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())


class Malformed(Exception):
    """The bytes depart from the standard; pydicom may still make sense of them."""


class Truncated(Malformed):
    """The file ends within its header."""


class Incomplete(Exception):
    """The header goes on past the bytes given."""


@dataclass(frozen=True, slots=True)
class Syntax:
    """How elements are encoded: with or without value representations, and the byte order."""

    explicit: bool = True
    big_endian: bool = False

    @property
    def order(self) -> str:
        """The byte order as `struct` writes it."""
        return ">" if self.big_endian else "<"


IMPLICIT = Syntax(explicit=False)


@dataclass(frozen=True, slots=True)
class Elements:
    """Raw values by tag, with the conversions a reader of images needs.

    Conversions never raise: a value that is absent, empty or unreadable is None or an empty tuple.
    """

    values: dict[int, Value]
    syntax: Syntax = Syntax()

    def __contains__(self, tag: int) -> bool:
        return tag in self.values

    def text(self, tag: int, encoding: str = "latin-1") -> str:
        """The value as text without padding, empty when absent."""
        raw = self.values.get(tag)
        return raw.decode(encoding, "replace").strip(" \0\t\r\n") if isinstance(raw, bytes) else ""

    def texts(self, tag: int) -> tuple[str, ...]:
        """The values between backslashes."""
        text = self.text(tag)
        return tuple(part.strip() for part in text.split("\\")) if text else ()

    def decimals(self, tag: int) -> tuple[float, ...]:
        """Decimal or integer strings as numbers; empty when any of them is not one."""
        try:
            return tuple(float(part) for part in self.texts(tag))
        except ValueError:
            return ()

    def decimal(self, tag: int) -> float | None:
        """The first decimal string."""
        return next(iter(self.decimals(tag)), None)

    def short(self, tag: int, *, signed: bool = False) -> int | None:
        """The first 16-bit integer (US or SS)."""
        return next((int(value) for value in self._unpacked(tag, "h" if signed else "H")), None)

    def longs(self, tag: int) -> tuple[int, ...]:
        """All 32-bit unsigned integers (UL)."""
        return tuple(int(value) for value in self._unpacked(tag, "I"))

    def doubles(self, tag: int) -> tuple[float, ...]:
        """All 64-bit floats (FD)."""
        return self._unpacked(tag, "d")

    def items(self, tag: int) -> tuple[Elements, ...]:
        """The items of a sequence."""
        raw = self.values.get(tag)
        return tuple(raw) if isinstance(raw, list) else ()

    def item(self, tag: int) -> Elements:
        """The first item of a sequence, empty when there is none."""
        return next(iter(self.items(tag)), EMPTY)

    def _unpacked(self, tag: int, code: str) -> tuple[float, ...]:
        raw = self.values.get(tag)
        if not isinstance(raw, bytes):
            return ()
        count = len(raw) // struct.calcsize(code)
        return struct.unpack_from(f"{self.syntax.order}{count}{code}", raw)


EMPTY = Elements({})


@dataclass(frozen=True, slots=True)
class DataSet:
    """The wanted elements before the pixel data, and where the pixel data element stands.

    Attributes:
        elements: wanted elements.
        pixel_tag: tag of the pixel data element, None when the data set has none.
        pixel_vr: its value representation as written, empty when implicit.
        pixel_start: offset of its value in the bytes walked.
        pixel_length: its length as written; `UNDEFINED` for encapsulated data.
    """

    elements: Elements
    pixel_tag: int | None = None
    pixel_vr: str = ""
    pixel_start: int = 0
    pixel_length: int = 0


def sniff_syntax(data: bytes, start: int) -> Syntax:
    """The syntax the first element is written in, whatever the file claims.

    Raises:
        Malformed: nothing at `start` looks like a data element.
    """
    head = data[start : start + 8]
    if len(head) < 8:
        raise Malformed("no data set")
    big_endian = head[0] == 0 and head[1] in (0x02, 0x08)
    if not big_endian and (head[1] != 0 or head[0] not in (0x02, 0x04, 0x08, 0x0A, 0x10, 0x18, 0x20, 0x28)):
        raise Malformed("does not begin with a data element")
    return Syntax(head[4:6] in _LONG or head[4:6] in _SHORT, big_endian)


def walk(data: bytes, start: int, syntax: Syntax, wanted: frozenset[int], *, complete: bool) -> DataSet:
    """The `wanted` elements of the data set at `start`, up to its pixel data.

    Args:
        data: bytes of the file from its beginning (or of the inflated data set).
        complete: whether `data` reaches the end of the file.

    Raises:
        Incomplete: more bytes are needed (only when not `complete`).
        Malformed: not a data set as the standard writes them.
    """
    walker = _Walker(data, syntax, wanted, complete)
    walker.data_set(start, len(data), depth=0)
    return DataSet(Elements(walker.found, syntax), *walker.pixels)


def repair(data: bytes, start: int, syntax: Syntax, wanted: frozenset[int]) -> DataSet:
    """The same through pydicom, which repairs what it can.

    Raises:
        Malformed: pydicom cannot read it either.
    """
    from pydicom import config
    from pydicom.filereader import read_dataset

    config.settings.reading_validation_mode = config.IGNORE
    seen: list[tuple[int, str]] = []

    def at_pixels(tag: int, vr: str | None, _length: int) -> bool:
        if tag in PIXEL_TAGS:
            seen.append((int(tag), vr or ""))
        return bool(seen)

    stream = io.BytesIO(data)
    stream.seek(start)
    try:
        found = read_dataset(stream, not syntax.explicit, not syntax.big_endian, stop_when=at_pixels)
        elements = _from_pydicom(found, wanted, syntax, 0)
        if not seen:
            return DataSet(elements)
        return DataSet(elements, *seen[0], *_element_value(data, stream.tell(), syntax))
    except Exception as error:  # pydicom raises many kinds on damaged bytes
        raise Malformed(type(error).__name__) from None


def _from_pydicom(found: Iterable[object], wanted: frozenset[int], syntax: Syntax, depth: int) -> Elements:
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset

    if not isinstance(found, Dataset) or depth > _MAX_DEPTH:
        return EMPTY
    values: dict[int, Value] = {}
    for tag in found.keys() & wanted:
        raw = found.get_item(tag)
        if isinstance(raw, RawDataElement) and raw.VR not in ("SQ", None) and tag not in SEQUENCES:
            values[int(tag)] = raw.value or b""
        elif tag in SEQUENCES:
            items = found[tag].value
            if not isinstance(items, bytes | None):
                values[int(tag)] = [_from_pydicom(item, wanted, syntax, depth + 1) for item in items]
        elif isinstance(raw, RawDataElement):
            values[int(tag)] = raw.value or b""
    return Elements(values, syntax)


def _element_value(data: bytes, position: int, syntax: Syntax) -> tuple[int, int]:
    """Offset and length of the value of the element at `position`."""
    if not syntax.explicit or data[position + 4 : position + 6] not in _LONG | _SHORT:
        return position + 8, int(struct.unpack_from(syntax.order + "I", data, position + 4)[0])
    if data[position + 4 : position + 6] in _LONG:
        return position + 12, int(struct.unpack_from(syntax.order + "I", data, position + 8)[0])
    return position + 8, int(struct.unpack_from(syntax.order + "H", data, position + 6)[0])


#: Sequences that a reader of images wants opened (tags of PS3.6).
SEQUENCES = frozenset(
    {
        0x00189114,  # MR Echo
        0x00189117,  # MR Diffusion
        0x00189076,  # Diffusion Gradient Direction
        0x00189118,  # Cardiac Synchronization
        0x00189226,  # MR Image Frame Type
        0x00189329,  # CT Image Frame Type
        0x00189751,  # PET Frame Type
        0x00209111,  # Frame Content
        0x00209113,  # Plane Position
        0x00209116,  # Plane Orientation
        0x00283000,  # Modality LUT
        0x00289110,  # Pixel Measures
        0x00289145,  # Pixel Value Transformation
        0x52009229,  # Shared Functional Groups
        0x52009230,  # Per-Frame Functional Groups
    }
)


@dataclass(slots=True)
class _Walker:
    """One pass over a data set. `found` and `pixels` are its results."""

    data: bytes
    syntax: Syntax
    wanted: frozenset[int]
    complete: bool
    found: dict[int, Value] = field(default_factory=dict)
    pixels: tuple[int | None, str, int, int] = (None, "", 0, 0)

    def data_set(self, position: int, end: int, *, depth: int, in_item: bool = False) -> int:
        """Walk elements from `position`; the offset behind the last one."""
        if depth > _MAX_DEPTH:
            raise Malformed("sequences nested too deeply")
        data, previous = self.data, -1
        head = struct.Struct(self.syntax.order + "HH")
        while position + 8 <= end:
            group, element = head.unpack_from(data, position)
            tag = group << 16 | element
            if in_item and tag == _ITEM_END:
                return position + 8
            if tag <= previous or group == 0xFFFE:
                raise Malformed("elements out of order")
            previous = tag
            vr, start, length = self._head(position)
            if depth == 0 and tag in PIXEL_TAGS:
                self.pixels = (tag, vr.decode("ascii"), start, length)
                return start
            position = self._value(tag, vr, start, length, end, depth)
        if in_item or data[position:end].strip(b"\0\r\n "):  # some writers pad the end
            raise self._past_end()
        if depth == 0 and not self.complete:
            raise Incomplete
        return position

    def _head(self, position: int) -> tuple[bytes, int, int]:
        """Value representation, offset of the value, and its length."""
        data, order = self.data, self.syntax.order
        if not self.syntax.explicit:
            return b"", position + 8, struct.unpack_from(order + "I", data, position + 4)[0]
        vr = data[position + 4 : position + 6]
        if vr in _SHORT:
            return vr, position + 8, struct.unpack_from(order + "H", data, position + 6)[0]
        if vr not in _LONG:
            raise Malformed("unknown value representation")
        if position + 12 > len(data):
            raise self._past_end()
        return vr, position + 12, struct.unpack_from(order + "I", data, position + 8)[0]

    def _value(self, tag: int, vr: bytes, start: int, length: int, end: int, depth: int) -> int:
        """Keep or skip one value; the offset behind it."""
        nested = vr == b"SQ" or length == UNDEFINED or (tag in SEQUENCES and tag in self.wanted)
        if length == UNDEFINED:
            return self._sequence(tag, vr, start, len(self.data), depth, delimited=True)
        stop = start + length
        if stop > end:
            raise self._past_end() if end == len(self.data) else Malformed("an element leaves its item")
        if tag in self.wanted:
            if nested:
                self._sequence(tag, vr, start, stop, depth, delimited=False)
            else:
                self.found[tag] = self.data[start:stop]
        return stop

    def _sequence(self, tag: int, vr: bytes, position: int, end: int, depth: int, *, delimited: bool) -> int:
        """Walk the items of a sequence, or the fragments of nested encapsulated data."""
        # A sequence hidden in UN is implicit little endian (PS3.5 section 6.2.2 note 2).
        syntax = IMPLICIT if vr == b"UN" else self.syntax
        items: list[Elements] = []
        fragments = vr in (b"OB", b"OW")
        while position + 8 <= end:
            group, element, length = struct.unpack_from(syntax.order + "HHI", self.data, position)
            position += 8
            if group << 16 | element == _SEQUENCE_END and delimited:
                break
            if group << 16 | element != _ITEM:
                raise Malformed("a sequence holds something else than items")
            stop = len(self.data) if length == UNDEFINED else position + length
            if stop > end:
                raise self._past_end() if end == len(self.data) else Malformed("an item leaves its sequence")
            if fragments or (tag not in self.wanted and length != UNDEFINED):
                position = stop
                continue
            inner = _Walker(self.data, syntax, self.wanted, self.complete)
            position = inner.data_set(position, stop, depth=depth + 1, in_item=length == UNDEFINED)
            items.append(Elements(inner.found, syntax))
        else:
            if delimited or position < end:
                raise self._past_end() if end == len(self.data) else Malformed("a sequence is not closed")
        if tag in self.wanted and not fragments:
            self.found[tag] = items
        return position

    def _past_end(self) -> Exception:
        return Truncated("ends within its header: the file is cut short") if self.complete else Incomplete()
