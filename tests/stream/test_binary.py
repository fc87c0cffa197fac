"""Records of binary frames: what goes in comes out, and what is no record is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.stream.binary import Answer, Ask, Beat, Blob, Record, encode, records
from engine.stream.pose import Pose

times = st.integers(0, 4_000_000_000_000_000).map(lambda us: us / 1e6)
any_record = st.one_of(
    st.builds(Beat, times, st.integers(0, 2**32 - 1)),
    st.builds(Ask, times),
    st.builds(Answer, times, times, times),
    st.builds(Blob, st.binary(min_size=32, max_size=32).map(bytes.hex), st.binary(max_size=40)),
    st.builds(Pose, st.integers(0, 9), times, st.just((1.0, 2.0, 3.0)), st.just((1.0, 0.0, 0.0, 0.0))),
)


@given(st.lists(any_record, max_size=8))
def test_records_back_to_back_come_out_as_they_went_in(given_records: list[Record]) -> None:
    frame = b"".join(map(encode, given_records))
    assert list(records(frame)) == given_records


@given(st.lists(any_record, min_size=1, max_size=3), st.integers(1, 8))
def test_a_frame_cut_short_is_refused(given_records: list[Record], missing: int) -> None:
    frame = b"".join(map(encode, given_records))[:-missing]
    with pytest.raises(InvalidValue):
        list(records(frame))


@given(st.binary(max_size=100))
def test_any_bytes_are_records_or_refused(frame: bytes) -> None:
    try:
        found = list(records(frame))
    except InvalidValue:
        return
    assert b"".join(map(encode, found))[:1] == frame[:1]


@pytest.mark.parametrize("time_s", [math.nan, math.inf, 1e300])
def test_a_time_that_is_none_is_not_sent(time_s: float) -> None:
    with pytest.raises(InvalidValue, match="finite"):
        encode(Ask(time_s))
