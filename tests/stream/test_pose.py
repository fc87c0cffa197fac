"""Poses on the wire: small, exact enough, the newest alone, and nothing that cannot be right."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.stream.pose import POSE_BYTES, Lane, Pose, PoseBoard, PoseFrame, decode_pose, encode_pose

lengths = st.floats(-2000, 2000)
turns = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: math.hypot(*q) > 0.1)


@st.composite
def poses(draw: st.DrawFn) -> Pose:
    turn = np.array(draw(turns))
    w, x, y, z = (float(part) for part in turn / np.linalg.norm(turn))
    return Pose(
        draw(st.integers(0, 0xFFFF)),
        draw(st.floats(0, 4e9)),
        (draw(lengths), draw(lengths), draw(lengths)),
        (w, x, y, z),
        draw(st.sampled_from(PoseFrame)),
        draw(st.booleans()),
        draw(st.floats(0, 50)),
        draw(st.integers(0, 0xFFFF)),
    )


@given(poses())
def test_a_pose_comes_back_within_a_microsecond_a_micrometre_and_a_hundredth_of_a_degree(pose: Pose) -> None:
    data = encode_pose(pose)
    assert len(data) == POSE_BYTES <= 48  # 50 on the wire with the frame's own two bytes
    back = decode_pose(data)
    assert (back.entity, back.frame, back.is_tracked, back.registration_epoch) == (
        pose.entity,
        pose.frame,
        pose.is_tracked,
        pose.registration_epoch,
    )
    assert back.time_s == pytest.approx(pose.time_s, abs=1e-6)
    np.testing.assert_allclose(back.position_mm, pose.position_mm, atol=1e-3)
    turned = abs(float(np.dot(back.orientation, pose.orientation)))
    assert math.degrees(2 * math.acos(min(1.0, turned))) < 0.01
    assert back.error_mm == pytest.approx(pose.error_mm, rel=1e-6)


@given(st.binary(max_size=64))
def test_any_bytes_are_a_valid_pose_or_refused(data: bytes) -> None:
    try:
        pose = decode_pose(data)
    except InvalidValue:
        return
    assert all(map(math.isfinite, (*pose.position_mm, *pose.orientation, pose.error_mm, pose.time_s)))


GOOD = Pose(1, 10.0, (1.0, 2.0, 3.0), (1.0, 0.0, 0.0, 0.0))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e9])
@pytest.mark.parametrize("field", range(3))
def test_a_position_that_is_no_place_is_refused_on_the_wire_too(value: float, field: int) -> None:
    data = bytearray(encode_pose(GOOD))
    struct.pack_into("<f", data, 14 + 4 * field, value)
    with pytest.raises(InvalidValue, match="position"):
        decode_pose(bytes(data))


def test_a_turn_that_is_not_rigid_is_refused() -> None:
    with pytest.raises(InvalidValue, match="length 1"):
        Pose(1, 10.0, (0.0, 0.0, 0.0), (1.0, 0.1, 0.0, 0.0))
    data = bytearray(encode_pose(GOOD))
    struct.pack_into("<4h", data, 26, 0, 0, 0, 0)
    with pytest.raises(InvalidValue, match="length 1"):
        decode_pose(bytes(data))


def at(time_s: float, entity: int = 1) -> Pose:
    return Pose(entity, time_s, (time_s, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))


def taken(lane: Lane) -> list[Pose]:
    frame = lane.take()
    return [decode_pose(frame[start : start + POSE_BYTES]) for start in range(0, len(frame), POSE_BYTES)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100), st.booleans()), max_size=40))
def test_whatever_comes_in_whatever_order_the_newest_of_each_is_what_goes_out(
    events: list[tuple[int, int, bool]],
) -> None:
    board = PoseBoard()
    lane = Lane(board)
    newest: dict[int, float] = {}
    sent: dict[int, float] = {}

    def take_all() -> None:
        for pose in taken(lane):
            assert pose.time_s == newest[pose.entity]
            assert pose.time_s > sent.get(pose.entity, -1.0)
            sent[pose.entity] = pose.time_s

    for entity, time_s, takes in events:
        if board.put(at(time_s, entity)):
            lane.mark(entity)
        newest[entity] = max(time_s, newest.get(entity, -1.0))
        if takes:
            take_all()
    take_all()
    assert sent == newest


def test_a_peer_that_joins_is_shown_where_everything_is() -> None:
    board = PoseBoard()
    board.put(at(1.0, entity=7))
    board.put(at(2.0, entity=9))
    assert [(pose.entity, pose.time_s) for pose in taken(Lane(board))] == [(7, 1.0), (9, 2.0)]


def test_more_entities_than_a_session_has_are_refused_and_change_nothing() -> None:
    board = PoseBoard(most_entities=2)
    assert [board.put(at(1.0, entity)) for entity in (1, 2, 3, 1)] == [True, True, False, False]
    assert board.age_s(3, 5.0) is None


def test_a_lost_tool_says_so_at_once_and_grows_old_from_its_last_place() -> None:
    board = PoseBoard()
    board.put(at(1.0))
    assert board.lose(1)
    assert not board.lose(1)
    (lost,) = taken(Lane(board))
    assert not lost.is_tracked
    assert lost.time_s == 1.0
    assert board.age_s(1, 1.5) == 0.5


def test_an_entity_that_is_no_more_is_not_sent() -> None:
    board = PoseBoard()
    board.put(at(1.0))
    lane = Lane(board)
    board.forget(1)
    assert lane.take() == b""
