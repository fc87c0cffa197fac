"""What is read about a camera and its markers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue
from guidance.devices.aruco.lens import Lens, read_lens
from guidance.devices.aruco.marker_set import USUAL, MarkedThing, Marker, MarkerSet, read_marker_set, toml_of
from guidance.devices.aruco.opencv import opencv

cv2 = pytest.importorskip("cv2")

MATRIX = [[1000.0, 0.0, 640.0], [0.0, 1001.0, 360.0], [0.0, 0.0, 1.0]]
BENT = [0.1, -0.2, 0.001, 0.002, 0.03]


def assert_is_it(lens: Lens, *, has_size: bool = True, distortion: list[float] = BENT) -> None:
    np.testing.assert_allclose(lens.matrix, MATRIX)
    np.testing.assert_allclose(lens.distortion, distortion)
    assert lens.size_px == ((1280, 720) if has_size else None)


@pytest.mark.parametrize(
    "fields",
    [
        {"matrix": MATRIX, "distortion": BENT, "width_px": 1280, "height_px": 720},
        {"camera_matrix": MATRIX, "dist_coeffs": [BENT], "image_width": 1280, "image_height": 720},
    ],
)
def test_a_lens_is_read_from_json(fields: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "lens.json").write_text(json.dumps(fields))
    assert_is_it(read_lens(tmp_path / "lens.json"))


@pytest.mark.parametrize("suffix", ["yml", "yaml", "xml"])
def test_a_lens_is_read_from_what_opencv_writes(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"lens.{suffix}"
    storage = cv2.FileStorage(str(file), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", 1280)
    storage.write("image_height", 720)
    storage.write("camera_matrix", np.array(MATRIX))
    storage.write("distortion_coefficients", np.array([BENT]))
    storage.release()
    assert_is_it(read_lens(file))


def test_a_lens_is_read_from_rows_of_numbers(tmp_path: Path) -> None:
    rows = "\n".join(" ".join(map(str, row)) for row in MATRIX)
    (tmp_path / "lens.txt").write_text(rows + "\n")
    assert_is_it(read_lens(tmp_path / "lens.txt"), has_size=False, distortion=[])
    (tmp_path / "lens.txt").write_text(f"{rows}\n{' '.join(map(str, BENT))}\n")
    assert_is_it(read_lens(tmp_path / "lens.txt"), has_size=False)


@pytest.mark.data
def test_lenses_of_a_real_laparoscope_are_read(shared_data: Path) -> None:
    folder = shared_data / "tracking" / "laparoscope_stereo_scikitsurgery"
    assert read_lens(folder / "calib.left.intrinsic.txt").matrix[0, 0] == pytest.approx(2012.186314)
    assert read_lens(folder / "calib.right.intrinsic.txt").matrix[1, 2] == pytest.approx(548.0675962)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("lens.json", "{", "Expecting"),
        ("lens.json", "[1]", "no JSON object"),
        ("lens.json", '{"distortion": []}', "has no 'matrix'"),
        ("lens.json", json.dumps({"matrix": [[1, 0], [0, 1]]}), "3 x 3"),
        ("lens.json", json.dumps({"matrix": [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]}), "positive"),
        ("lens.json", json.dumps({"matrix": MATRIX, "distortion": [1, 2]}), "coefficients, got 2"),
        ("lens.json", json.dumps({"matrix": MATRIX, "image_width": 9}), "has no 'height_px'"),
        ("lens.yml", "a: 1", "OpenCV|has no"),
        ("lens.xml", "<x>", "OpenCV|has no"),
        ("lens.txt", "1 2 3", "three rows"),
        ("lens.txt", "a b c\n1 2 3\n1 2 3", "could not convert"),
    ],
)
def test_what_is_no_lens_is_refused_with_its_reason(name: str, content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputRefused, match=words):
        read_lens(tmp_path / name)
    with pytest.raises(InputRefused, match="No such file"):
        read_lens(tmp_path / "gone.json")


def test_without_opencv_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(EnvironmentLacks, match=r"sightline\[camera\]"):
        opencv()


def test_a_set_of_markers_is_written_and_read_the_same(tmp_path: Path) -> None:
    file = tmp_path / "markers.toml"
    file.write_text(toml_of(USUAL))
    read = read_marker_set(file)
    assert read.dictionary == USUAL.dictionary
    for one, other in zip(read.things, USUAL.things, strict=True):
        assert one.name == other.name
        for a, b in zip(one.markers, other.markers, strict=True):
            assert a.id == b.id
            np.testing.assert_array_equal(a.corners_mm, b.corners_mm)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('dictionary = "4X4_50"', 'dictionary = "3X3"', "'3X3' is no dictionary"),
        ("id = 5", "id = 0", "0 is there twice"),
        ("id = 5", "id = 50", "marker 50 is not in 4X4_50"),
        ('"Pointer"', '"Reference"', "Reference is there twice"),
        ("size_mm = 30.0", "size_mm = 0.0", "between 1 and 1000 mm"),
        ("up = [0.0, 1.0, 0.0]", "up = [0.1, 1.0, 0.0]", "stand square"),
        ("up =", "above =", "above is not known"),
        ("id = 5\n", "", "'id'"),
        ("[[things]]", "[[thing]]", "thing is not known"),
    ],
)
def test_a_set_that_cannot_be_is_refused_with_its_reason(before: str, after: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "markers.toml"
    file.write_text(toml_of(USUAL).replace(before, after))
    with pytest.raises(InputRefused, match=words):
        read_marker_set(file)


def test_a_set_without_things_or_a_thing_without_markers_is_none() -> None:
    with pytest.raises(InvalidValue):
        MarkerSet("4X4_50", ())
    with pytest.raises(InvalidValue):
        MarkedThing("Pointer", ())
    with pytest.raises(InvalidValue):
        Marker(0, 30.0, np.array((np.nan, 0, 0)))
