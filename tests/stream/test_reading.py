"""Readings on the wire: a distance with its error, or why there is none; the newest alone."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.core.unknown import Why
from engine.stream.binary import Beat, encode, records
from engine.stream.pose import Lane
from engine.stream.reading import (
    READING_HEAD_BYTES,
    READING_ROW_BYTES,
    SHAFT,
    Reading,
    ReadingBoard,
    ReadingRow,
    decode_reading,
    encode_reading,
)

KNOWN = ReadingRow(None, 2, SHAFT, 1.5, 0.75, 20.0, 0.0625, (1.0, -2.0, 3.0))
LOST = ReadingRow(Why.NO_STRUCTURE)

whys = st.sampled_from((None, *Why))
halves = st.integers(-2000, 2000).map(lambda n: n / 2)
known_rows = st.builds(
    ReadingRow, st.none(), st.integers(0, 3), st.integers(0, 1), halves, st.integers(0, 99).map(float), halves
)
unknown_rows = st.builds(ReadingRow, st.sampled_from(tuple(Why)), st.integers(0, 3))


def reading(time_s: float = 10.0, why: Why | None = None, rows: tuple[ReadingRow, ...] = (KNOWN, LOST)) -> Reading:
    return Reading(7, time_s, why, 9.5, None, 0.5 if why is None else 0.0, 3, 2, rows)


@given(st.lists(known_rows | unknown_rows, max_size=32).map(tuple), whys)
def test_what_is_read_is_what_was_written(rows: tuple[ReadingRow, ...], reference_why: Why | None) -> None:
    said = Reading(1, 10.0, None, 9.0, reference_why, 1.25, 500, 4, rows)
    assert decode_reading(encode_reading(said)) == said


def test_a_reading_of_twenty_structures_takes_less_than_a_packet() -> None:
    data = encode_reading(reading(rows=(KNOWN,) * 20))
    assert len(data) == READING_HEAD_BYTES + 20 * READING_ROW_BYTES == 671


def test_readings_stand_among_other_records() -> None:
    frame = encode(reading()) + encode(Beat(1.0, 4)) + encode(reading(11.0, rows=()))
    assert list(records(frame)) == [reading(), Beat(1.0, 4), reading(11.0, rows=())]


def test_no_distance_is_known_from_a_tool_that_is_not() -> None:
    with pytest.raises(InvalidValue, match="no distance is known"):
        reading(why=Why.NO_TOOL)
    assert reading(why=Why.NO_TOOL, rows=(LOST,)).rows[0].why is Why.NO_STRUCTURE


def test_a_row_never_has_both_a_number_and_a_reason() -> None:
    with pytest.raises(InvalidValue, match="never both"):
        ReadingRow(Why.STALE, distance_mm=4.0)
    with pytest.raises(InvalidValue, match="never both"):
        ReadingRow(Why.STALE, contact_s=1.0)


@pytest.mark.parametrize("number", [math.nan, math.inf, 1e9])
def test_what_is_not_a_distance_is_refused(number: float) -> None:
    with pytest.raises(InvalidValue, match="finite"):
        ReadingRow(None, distance_mm=number)


def test_bytes_that_cannot_be_right_are_refused() -> None:
    data = bytearray(encode_reading(reading()))
    for cut in (0, 5, READING_HEAD_BYTES, len(data) - 1):
        with pytest.raises(InvalidValue):
            decode_reading(bytes(data[:cut]))
    data[READING_HEAD_BYTES] = 200  # a reason that nobody has
    with pytest.raises(InvalidValue, match="reason"):
        decode_reading(bytes(data))
    data[READING_HEAD_BYTES] = 0
    struct.pack_into("<f", data, READING_HEAD_BYTES + 4, math.nan)
    with pytest.raises(InvalidValue, match="finite"):
        decode_reading(bytes(data))


def test_whoever_is_slow_is_sent_the_newest_reading_alone() -> None:
    board = ReadingBoard()
    lane = Lane(board)
    for time_s in (1.0, 2.0, 3.0):
        assert board.put(reading(time_s))
        lane.mark(7)
    assert list(records(lane.take())) == [reading(3.0)]
    assert lane.take() == b""
    assert not board.put(reading(2.5))
    board.forget(7)
    assert board.latest(7) is None
    assert not board.entities
