"""Messages in a stream, whole, in pieces, broken, too large."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from guidance.devices.openigtlink.frame import EXTENDED, Frame, NotOpenIGTLink, Reader, pack

FRAMES = (
    Frame("TRANSFORM", "Stylus", 1_700_000_000.25, b"\x01" * 48),
    Frame("STATUS", "", None, b""),
    Frame("STRING", "Log", 12.5, b"abc", EXTENDED, 4_000_000_000, {"MRMLNodeName": "näher", "empty": ""}),
)


@given(st.lists(st.integers(1, 60), max_size=20))
def test_in_whatever_pieces_they_come_messages_are_whole(pieces: list[int]) -> None:
    stream = b"".join(map(pack, FRAMES))
    reader, found = Reader(), list[Frame]()
    for size in pieces:
        found += reader.feed(stream[:size])
        stream = stream[size:]
    found += reader.feed(stream)
    assert found == list(FRAMES)


def test_the_time_is_the_senders_to_a_nanosecond() -> None:
    (frame,) = Reader().feed(pack(Frame("STATUS", "", 1_700_000_000.000_000_9, b"")))
    assert frame.time_s == pytest.approx(1_700_000_000.000_000_9, abs=1e-6)


def test_a_wrong_checksum_is_counted_and_the_next_message_is_read() -> None:
    broken = bytearray(pack(FRAMES[0]))
    broken[80] ^= 1
    reader = Reader()
    assert list(reader.feed(bytes(broken) + pack(FRAMES[1]))) == [FRAMES[1]]
    assert reader.bad_checksums == 1


def test_a_message_too_large_is_skipped_by_its_size_without_being_kept() -> None:
    large = pack(Frame("IMAGE", "", None, bytes(10_000)))
    reader, found = Reader(most_bytes=5_000), list[Frame]()
    for start in range(0, len(large), 100):
        found += reader.feed(large[start : start + 100])
        assert len(reader._held) <= 200
    found += reader.feed(pack(FRAMES[0]))
    assert found == [FRAMES[0]]
    assert reader.too_large == 1


@pytest.mark.parametrize(
    "body", [b"", b"\x00\x0c", struct.pack(">HHII", 12, 9, 9, 1), struct.pack(">HHII", 4, 0, 0, 1)]
)
def test_an_extended_header_that_lies_is_counted_and_skipped(body: bytes) -> None:
    plain = bytearray(pack(Frame("STRING", "", None, body)))
    plain[1] = EXTENDED
    reader = Reader()
    assert list(reader.feed(bytes(plain) + pack(FRAMES[0]))) == [FRAMES[0]]
    assert reader.malformed == 1


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n" + b" " * 60, b"\x16\x03\x01" + bytes(60), bytes(60)])
def test_another_protocol_is_refused_at_once(start: bytes) -> None:
    with pytest.raises(NotOpenIGTLink):
        list(Reader().feed(start))


@given(st.binary(max_size=300))
def test_any_bytes_are_messages_or_refused(data: bytes) -> None:
    reader = Reader()
    with contextlib.suppress(NotOpenIGTLink):
        assert not [frame for frame in reader.feed(data) if len(frame.type) > 12]


def test_a_time_before_1970_or_after_2106_cannot_be_said() -> None:
    for time_s in (-1.0, 5e9):
        with pytest.raises(InvalidValue, match="until 2106"):
            pack(Frame("STATUS", "", time_s, b""))
