"""Messages as they lie in a stream: header, extended header, content, metadata, checksum."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastcrc import crc64

from engine.core.errors import InvalidValue

_HEADER = struct.Struct(">H12s20sQQQ")
_EXTENDED = struct.Struct(">HHII")
_COUNT = struct.Struct(">H")
_INDEX = struct.Struct(">HHI")
#: Seconds since 1970, 32 bits before the point and 32 after it.
_TICKS = 1 << 32
#: IANA MIBenum of what is written here; what else is read.
UTF_8 = 106
ENCODINGS = {3: "ascii", 4: "latin-1", 106: "utf-8", 1013: "utf-16-be", 1014: "utf-16-le"}
#: Header versions: 1 for protocols 1 and 2, 2 for protocol 3.
PLAIN, EXTENDED = 1, 2
MOST_BYTES = 512 * 1024 * 1024


class Malformed(InvalidValue):
    """A message that cannot be read. The stream goes on behind it."""


class NotOpenIGTLink(InvalidValue):
    """What comes is no header: nothing after it can be trusted."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message, its content still packed.

    Attributes:
        type: as on the wire, for example TDATA or STT_TDATA.
        device: who speaks.
        time_s: when it was measured, by the sender's clock, since 1970; None where that is not said.
        content: packed.
        version: of the header.
        message: identifier, 0 where there is none (version 2 headers alone).
        metadata: texts by key (version 2 headers alone).
    """

    type: str
    device: str
    time_s: float | None
    content: bytes
    version: int = PLAIN
    message: int = 0
    metadata: dict[str, str] = field(default_factory=dict)


def pack(frame: Frame) -> bytes:
    """The bytes of a message.

    Raises:
        InvalidValue: a name too long or not ASCII, or a time that a timestamp cannot say.
    """
    body = frame.content if frame.version == PLAIN else _extended(frame)
    ticks = 0 if frame.time_s is None else round(frame.time_s * _TICKS)
    if not 0 <= ticks < 1 << 64:
        raise InvalidValue(f"a timestamp says seconds since 1970, until 2106; got {frame.time_s}")
    names = fixed(frame.type, 12), fixed(frame.device, 20)
    return _HEADER.pack(frame.version, *names, ticks, len(body), crc64.ecma_182(body)) + body


def fixed(text: str, length: int) -> bytes:
    """Text as an ASCII field of `length` bytes.

    Raises:
        InvalidValue: it does not fit.
    """
    try:
        value = text.encode("ascii")
    except UnicodeEncodeError as error:
        raise InvalidValue(f"{text!r} is not ASCII, as OpenIGTLink has it") from error
    if len(value) > length:
        raise InvalidValue(f"{text!r} is longer than the {length} bytes that OpenIGTLink has for it")
    return value.ljust(length, b"\0")


def text_of(field_bytes: bytes) -> str:
    """What an ASCII field says, up to its first zero."""
    return field_bytes.split(b"\0", 1)[0].decode("ascii", "replace")


def decoded(value: bytes, encoding: int) -> str:
    """A text by its MIBenum.

    Raises:
        Malformed: unknown encoding, or bytes that it does not allow.
    """
    if encoding not in ENCODINGS:
        raise Malformed(f"a text has the encoding {encoding}, which is not known here")
    try:
        return value.decode(ENCODINGS[encoding])
    except UnicodeDecodeError as error:
        raise Malformed(f"a text is not the {ENCODINGS[encoding]} that it says") from error


def _extended(frame: Frame) -> bytes:
    pairs = [(key.encode(), value.encode()) for key, value in frame.metadata.items()]
    index = b"".join(_INDEX.pack(len(key), UTF_8, len(value)) for key, value in pairs)
    texts = b"".join(key + value for key, value in pairs)
    table = _COUNT.pack(len(pairs)) + index
    return _EXTENDED.pack(_EXTENDED.size, len(table), len(texts), frame.message) + frame.content + table + texts


@dataclass(slots=True)
class Reader:
    """Bytes in, messages out. Not a value: it keeps what is not whole yet.

    Attributes:
        bad_checksums: messages left out because their checksum was wrong.
        malformed: messages left out because their frame could not be read.
        too_large: messages left out because they were larger than `most_bytes`.
    """

    most_bytes: int = MOST_BYTES
    bad_checksums: int = 0
    malformed: int = 0
    too_large: int = 0
    _held: bytearray = field(default_factory=bytearray)
    _to_skip: int = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Messages that are whole now. What cannot be used is counted and skipped by its size.

        Raises:
            NotOpenIGTLink: what comes is no header.
        """
        self._held += data
        while True:
            if self._to_skip:
                skipped = min(self._to_skip, len(self._held))
                del self._held[:skipped]
                self._to_skip -= skipped
            if self._to_skip or len(self._held) < _HEADER.size:
                return
            version, kind, device, ticks, size, checksum = _HEADER.unpack_from(self._held)
            if not 1 <= version <= 9 or not kind.strip(b"\0").isascii() or not kind[0]:
                raise NotOpenIGTLink("what comes over this connection is not OpenIGTLink")
            if size > self.most_bytes:
                self.too_large += 1
                self._to_skip = _HEADER.size + size
                continue
            end = _HEADER.size + size
            if len(self._held) < end:
                return
            body = bytes(self._held[_HEADER.size : end])
            del self._held[:end]
            if crc64.ecma_182(body) != checksum:
                self.bad_checksums += 1
                continue
            try:
                yield _frame(version, text_of(kind), text_of(device), ticks / _TICKS if ticks else None, body)
            except Malformed:
                self.malformed += 1


def _frame(version: int, kind: str, device: str, time_s: float | None, body: bytes) -> Frame:
    if version < EXTENDED:
        return Frame(kind, device, time_s, body)
    try:
        extended, table_size, text_size, message = _EXTENDED.unpack_from(body)
    except struct.error as error:
        raise Malformed("a message ends within its extended header") from error
    content_end = len(body) - table_size - text_size
    if extended < _EXTENDED.size or content_end < extended:
        raise Malformed("the parts of a message are larger than it is")
    metadata = _metadata(body[content_end : content_end + table_size], body[content_end + table_size :])
    return Frame(kind, device, time_s, body[extended:content_end], version, message, metadata)


def _metadata(table: bytes, texts: bytes) -> dict[str, str]:
    if not table:
        return {}
    found, at = {}, 0
    try:
        (count,) = _COUNT.unpack_from(table)
        for n in range(count):
            key_size, encoding, value_size = _INDEX.unpack_from(table, _COUNT.size + n * _INDEX.size)
            key, value = texts[at : at + key_size], texts[at + key_size : at + key_size + value_size]
            at += key_size + value_size
            found[key.decode("utf-8", "replace")] = decoded(value, encoding)
    except struct.error as error:
        raise Malformed("the table of a message's metadata is cut short") from error
    if at > len(texts):
        raise Malformed("a message's metadata is cut short")
    return found
