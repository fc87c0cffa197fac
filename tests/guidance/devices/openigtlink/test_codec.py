"""Every message to bytes and back, and bytes that are no message."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from guidance.devices.openigtlink.codec import TYPES, decode, encode
from guidance.devices.openigtlink.frame import Malformed
from guidance.devices.openigtlink.messages import (
    Asked,
    CapabilityMessage,
    ImageMessage,
    PositionMessage,
    QuaternionTrackingData,
    Query,
    SensorMessage,
    Space,
    StringMessage,
    TrackedTool,
    TrackingData,
)
from guidance.devices.openigtlink.rotation import matrix_of, quaternion_of
from tests.guidance.devices.openigtlink.everything import DATA, EVERYTHING, assert_same
from tests.strategies import rotations


def test_there_is_one_of_every_kind() -> None:
    assert set(DATA) == set(TYPES)


@pytest.mark.parametrize("kind", EVERYTHING)
def test_what_is_packed_comes_out_the_same(kind: str) -> None:
    named, content = encode(EVERYTHING[kind])
    assert named == kind
    assert_same(decode(named, content), EVERYTHING[kind])


@pytest.mark.parametrize("kind", EVERYTHING)
@given(cut=st.floats(0.0, 1.0, exclude_max=True))
def test_a_content_cut_short_is_refused_or_is_a_shorter_message_and_never_anything_else(kind: str, cut: float) -> None:
    _, content = encode(EVERYTHING[kind])
    with contextlib.suppress(Malformed):
        decode(kind, content[: int(cut * len(content))])


@given(kind=st.sampled_from([*EVERYTHING]), content=st.binary(max_size=400))
def test_any_bytes_are_a_message_or_refused(kind: str, content: bytes) -> None:
    with contextlib.suppress(Malformed):
        decode(kind, content)


def test_a_type_that_is_not_known_is_no_message() -> None:
    assert decode("VIDEO", b"\x00" * 10) is None


@pytest.mark.parametrize("components", [1, 3])
@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64])
def test_images_of_every_scalar_come_out_the_same(kind: Any, components: int) -> None:
    shape = (2, 3, 4, components) if components > 1 else (2, 3, 4)
    voxels = (np.arange(np.prod(shape)) - 5).astype(kind).reshape(shape)
    image = ImageMessage(voxels, np.eye(3, 4), (4, 3, 2), (0, 0, 0), Space.LPS)
    assert_same(decode(*encode(image)), image)


def test_a_voxel_of_an_image_lies_where_the_reference_library_has_it() -> None:
    """The place in an IMAGE is that of its middle: of 3 × 1 × 1 voxels of 2 mm, the first lies 2 mm before it."""
    image = ImageMessage(
        np.zeros((1, 1, 3), np.uint8), np.array([[2.0, 0, 0, 10], [0, 2, 0, 0], [0, 0, 2, 0]]), (3, 1, 1)
    )
    assert image.space_from_voxel @ (0, 0, 0, 1) == pytest.approx([8, 0, 0, 1])


def test_what_does_not_fit_is_refused() -> None:
    for message, words in (
        (TrackingData((TrackedTool("a name of more than twenty", 2, np.eye(4)),)), "longer than the 20 bytes"),
        (TrackingData((TrackedTool("größer", 2, np.eye(4)),)), "not ASCII"),
        (StringMessage("x" * 70_000), "65,535"),
        (SensorMessage(np.zeros(256)), "255"),
        (ImageMessage(np.zeros((1, 1, 1), np.int64), np.eye(3, 4), (1, 1, 1)), "cannot hold int64"),
    ):
        with pytest.raises(InvalidValue, match=words):
            encode(message)


@given(rotations())
def test_a_rotation_is_a_quaternion_and_back(rotation: Any) -> None:
    quaternion = quaternion_of(rotation)
    assert np.linalg.norm(quaternion) == pytest.approx(1.0)
    assert matrix_of((1, 2, 3), quaternion)[:3, :3] == pytest.approx(rotation, abs=1e-9)


def test_a_quaternion_of_nothing_is_no_rotation() -> None:
    """Devices send zeros for what they do not see; identity would be a lie."""
    sent = b"Probe".ljust(20, b"\0") + b"\x02\x00" + bytes(28)
    message = decode("QTDATA", sent)
    assert isinstance(message, QuaternionTrackingData)
    assert np.isnan(message.tools[0].matrix[:3, :3]).all()


@pytest.mark.parametrize(
    ("length", "quaternion"), [(12, (0, 0, 0, 1)), (24, (0.5, 0.5, 0.5, 0.5)), (28, (0.5, 0.5, 0.5, 0.5))]
)
def test_a_position_may_leave_out_what_follows(length: int, quaternion: tuple[float, ...]) -> None:
    content = np.array([1, 2, 3, 0.5, 0.5, 0.5, 0.5], ">f4").tobytes()[:length]
    message = decode("POSITION", content)
    assert isinstance(message, PositionMessage)
    assert message.quaternion == pytest.approx(quaternion)


def test_old_clients_start_tracking_without_saying_how_fast() -> None:
    assert decode("STT_TDATA", b"") == Query(Asked.START, "TDATA")


def test_types_may_come_with_their_number_before_them() -> None:
    names = b"TRANSFORM".ljust(12, b"\0") + b"TDATA".ljust(12, b"\0")
    for content in (names, struct.pack(">I", 2) + names):
        assert decode("CAPABILITY", content) == CapabilityMessage(("TRANSFORM", "TDATA"))
