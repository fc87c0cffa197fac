"""Our bytes read by the reference library and by pyigtl, which knows headers of version 2; and theirs by us."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guidance.devices.openigtlink.codec import decode, encode
from guidance.devices.openigtlink.frame import EXTENDED, PLAIN, Frame, Reader, pack
from guidance.devices.openigtlink.messages import (
    ImageMessage,
    PointMessage,
    PolyDataMessage,
    Space,
    StringMessage,
    TransformMessage,
)
from tests.guidance.devices.openigtlink.everything import DATA, assert_same

pyigtl = pytest.importorskip("pyigtl")

HEADERS = Path("/usr/include/openigtlink")
ECHO = Path(__file__).with_name("echo.cxx")


def compiled(source: Path, folder: Path) -> Path:
    """A program made with the reference library."""
    compiler = shutil.which("g++")
    if compiler is None or not HEADERS.is_dir():
        pytest.skip("the reference library is not here: apt-get install g++ libopenigtlink-dev")
    program = folder / source.stem
    subprocess.run([compiler, "-w", f"-I{HEADERS}", source, "-lOpenIGTLink", "-lpthread", "-o", program], check=True)
    return program


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference library, which reads messages and writes what it understood."""
    return compiled(ECHO, tmp_path_factory.mktemp("igtl"))


@pytest.mark.parametrize("kind", DATA)
def test_the_reference_library_understands_and_is_understood(kind: str, echo: Path, tmp_path: Path) -> None:
    sent = Frame(*encode(DATA[kind])[:1], "Device", 1_700_000_000.5, encode(DATA[kind])[1])
    (tmp_path / "in").write_bytes(pack(sent))
    subprocess.run([echo, tmp_path / "in", tmp_path / "out"], check=True, timeout=30)
    reader = Reader()
    (back,) = reader.feed((tmp_path / "out").read_bytes())
    assert (back.type, back.device, back.time_s, reader.bad_checksums) == (kind, "Device", 1_700_000_000.5, 0)
    assert_same(decode(back.type, back.content), DATA[kind])


def theirs(message: Any) -> Frame:
    (frame,) = Reader().feed(message.pack())
    return frame


def read_by_theirs(frame: Frame, cls: Any) -> Any:
    """What pyigtl makes of our bytes."""
    data = pack(frame)
    message = cls()
    fields = cls.parse_header(data[:58])
    message.unpack(fields, data[58:])
    return message


VERSIONS = pytest.mark.parametrize("version", [PLAIN, EXTENDED])


@VERSIONS
def test_pyigtl_reads_our_transform_and_its_metadata(version: int) -> None:
    kind, content = encode(DATA["TRANSFORM"])
    message = read_by_theirs(
        Frame(kind, "Tool", 5.0, content, version, 9, {"a": "b"} if version > 1 else {}), pyigtl.TransformMessage
    )
    assert isinstance(DATA["TRANSFORM"], TransformMessage)
    np.testing.assert_allclose(message.matrix, DATA["TRANSFORM"].matrix, atol=1e-5)
    if version == EXTENDED:
        assert message.metadata == {"a": "b"}
        assert message.message_id == 9


@VERSIONS
def test_we_read_what_pyigtl_says(version: int) -> None:
    """But its POSITION, which is laid out like a POINT and which the reference library does not understand either."""
    transform = DATA["TRANSFORM"]
    assert isinstance(transform, TransformMessage)
    for message, expected in (
        (pyigtl.TransformMessage(transform.matrix, timestamp=5.0, device_name="x"), transform),
        (pyigtl.StringMessage("needle", timestamp=5.0, device_name="x"), StringMessage("needle")),
    ):
        message.header_version = version
        if version == EXTENDED:
            message.metadata = {"unit": "mm"}
        frame = theirs(message)
        assert frame.time_s == 5.0
        assert frame.metadata == ({"unit": "mm"} if version == EXTENDED else {})
        assert_same(decode(frame.type, frame.content), expected)


def test_we_read_points_surfaces_and_images_of_pyigtl() -> None:
    points = decode(
        *_content(pyigtl.PointMessage(positions=[(1.0, 2.0, 3.0)], names=["tip"], timestamp=1.0, device_name="x"))
    )
    assert isinstance(points, PointMessage)
    assert (points.points[0].name, points.points[0].position_mm) == ("tip", (1.0, 2.0, 3.0))
    corners, triangles = np.eye(3, dtype=np.float32), [3, 0, 1, 2]
    surface = decode(
        *_content(pyigtl.PolyDataMessage(points=corners, polygons=triangles, timestamp=1.0, device_name="x"))
    )
    assert isinstance(surface, PolyDataMessage)
    np.testing.assert_array_equal(surface.points_mm, corners)
    assert surface.polygons == ((0, 1, 2),)
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = decode(*_content(pyigtl.ImageMessage(voxels, timestamp=1.0, device_name="x")))
    assert isinstance(image, ImageMessage)
    np.testing.assert_array_equal(image.voxels, voxels)
    assert image.space in Space


def _content(message: Any) -> tuple[str, bytes]:
    frame = theirs(message)
    return frame.type, frame.content
