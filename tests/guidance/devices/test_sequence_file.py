"""Recordings of trackers as PLUS writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import InputRefused
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.devices.sequence_file import read_sequence

TURNED = "0 -1 0 10 1 0 0 20 0 0 1 30 0 0 0 1"


def written(path: Path, *lines: str) -> Path:
    file = path / "recording.igs.mha"
    file.write_bytes(
        "\n".join(["ObjectType = Image", *lines, "ElementDataFile = LOCAL", ""]).encode() + b"\xff\x00Seq_"
    )
    return file


def frame(number: int, time: str, matrix: str = TURNED, status: str = "OK") -> tuple[str, ...]:
    start = f"Seq_Frame{number:04d}_"
    return (
        f"{start}StylusToTrackerTransform = {matrix}",
        f"{start}StylusToTrackerTransformStatus = {status}",
        f"{start}Timestamp = {time}",
    )


def test_places_come_out_in_order_of_time(tmp_path: Path) -> None:
    recording = read_sequence(written(tmp_path, *frame(0, "2.5"), *frame(1, "1.5")))
    assert [one.time_s for one in recording.samples] == [1.5, 2.5]
    assert recording.things == ("Stylus",)
    place = recording.samples[0].world_from_thing
    assert isinstance(place, Transform)
    assert place.apply([1, 0, 0]) == pytest.approx([10, 21, 30])


def test_what_the_tracker_did_not_see_is_unknown(tmp_path: Path) -> None:
    recording = read_sequence(written(tmp_path, *frame(0, "1", status="INVALID")))
    assert recording.samples[0].world_from_thing == Unknown(Why.NO_TOOL, 1.0)


@pytest.mark.parametrize(
    "matrix",
    [
        TURNED.replace("10", "nan"),
        "2 0 0 10 0 2 0 20 0 0 2 30 0 0 0 1",
        "-1 0 0 10 0 1 0 20 0 0 1 30 0 0 0 1",
        "0 -1 0 1e9 1 0 0 20 0 0 1 30 0 0 0 1",
        "0 -1 0 10 1 0 0 20 0 0 1 30 0 0 1 1",
    ],
    ids=["nan", "scaled", "mirrored", "out of reach", "projective"],
)
def test_what_no_thing_can_be_is_unknown(tmp_path: Path, matrix: str) -> None:
    recording = read_sequence(written(tmp_path, *frame(0, "1", matrix)))
    assert recording.samples[0].world_from_thing == Unknown(Why.INVALID, 1.0)


def test_a_rotation_that_the_tracker_rounded_is_put_right(tmp_path: Path) -> None:
    recording = read_sequence(written(tmp_path, *frame(0, "1", "0.0004 -1 0 10 1 0 0 20 0 0 1 30 0 0 0 1")))
    place = recording.samples[0].world_from_thing
    assert isinstance(place, Transform)
    assert np.abs(place.matrix[:3, :3].T @ place.matrix[:3, :3] - np.eye(3)).max() < 1e-12


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (frame(1, "yesterday"), "frame 1 could not convert"),
        (frame(1, "2", "1 2 3"), "frame 1 has 3 numbers for Stylus, not 16"),
        (frame(1, "2")[:2], "frame 1 has no time"),
    ],
)
def test_a_frame_that_cannot_be_used_is_left_out_with_its_reason(
    tmp_path: Path, lines: tuple[str, ...], reason: str
) -> None:
    recording = read_sequence(written(tmp_path, *frame(0, "1"), *lines))
    assert len(recording.samples) == 1
    assert recording.left_out[0].startswith(reason)


def test_things_tracked_in_several_frames_need_a_choice(tmp_path: Path) -> None:
    file = written(tmp_path, *frame(0, "1"), f"Seq_Frame0000_StylusToReferenceTransform = {TURNED}")
    with pytest.raises(InputRefused, match="Reference, Tracker: choose one"):
        read_sequence(file)
    assert read_sequence(file, "Reference").world == "Reference"
    with pytest.raises(InputRefused, match="not to Moon"):
        read_sequence(file, "Moon")


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"Seq_Frame0000_Timestamp = 1\n"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mha").write_bytes(content)
    with pytest.raises(InputRefused, match="lead to none"):
        read_sequence(tmp_path / "x.mha")
    with pytest.raises(InputRefused, match="No such file"):
        read_sequence(tmp_path / "gone.mha")


@pytest.mark.data
def test_real_recordings_are_read_whole(shared_data: Path) -> None:
    """Counts and times without a place as the data's own description has them."""
    folder = shared_data / "tracking" / "plus"
    counted = {
        "EightLandmarkPointsTrackedForPhantomRegistration": (2000, 0),
        "NwirePhantomFreehand": (291, 97),
        "ReferenceToRASCalibration": (186, 0),
        "SpinePhantomFreehand": (63, 0),
        "TransformInterpolationTest": (1000, 2),
    }
    for name, (samples, unseen) in counted.items():
        recording = read_sequence(folder / f"{name}.igs.mha")
        assert len(recording.samples) == samples
        assert sum(not one.is_known for one in recording.samples) == unseen
        assert not recording.left_out
