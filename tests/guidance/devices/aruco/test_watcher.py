"""A video of printed markers, and a camera that fails, as devices."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.devices.aruco.finder import Finder
from guidance.devices.aruco.marker_set import USUAL, toml_of
from guidance.devices.aruco.watcher import Watcher
from guidance.devices.device import Said, open_device
from tests.guidance.devices.aruco.scene import LENS, SIZE_PX, facing, picture
from tests.guidance.devices.test_device import Hours, run

cv2 = pytest.importorskip("cv2")

COUNT, HZ = 10, 20.0


def pose(n: int) -> Float64:
    return facing(-40 + 8 * n, 5, 400, about=(0.4, 0.1 + 0.02 * n, 0.3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of the reference, which is covered in the last three pictures, with its lens and its markers."""
    made = tmp_path_factory.mktemp("video")
    writer = cv2.VideoWriter(str(made / "video.avi"), cv2.VideoWriter.fourcc(*"MJPG"), HZ, SIZE_PX)
    for n in range(COUNT):
        shown: dict[str, Float64] = {"Reference": pose(n)} if n < COUNT - 3 else {}
        writer.write(cv2.cvtColor(picture(USUAL, shown, noise=1.0, seed=n), cv2.COLOR_GRAY2BGR))
    writer.release()
    (made / "lens.json").write_text(json.dumps({"matrix": LENS.matrix.tolist(), "width_px": 1280, "height_px": 720}))
    (made / "markers.toml").write_text(toml_of(USUAL))
    return made


def test_a_video_is_a_device_that_sees_what_it_shows(folder: Path) -> None:
    hours = Hours(0.0)
    address = (
        f"camera:{folder / 'video.avi'}?lens={folder / 'lens.json'}&markers={folder / 'markers.toml'}&latency_ms=70"
    )

    async def main() -> list[Said]:
        device = await open_device(address, hours, sleep=hours.sleep)
        assert device.is_simulated
        return [said async for said in device.said()]

    heard = run(main())
    assert len(heard) == COUNT
    for n, said in enumerate(heard):
        by_name = {one.thing: one for one in said.samples}
        assert by_name.keys() == {"Reference", "Pointer"}
        assert said.arrival_s == pytest.approx(n / HZ, abs=1e-3)
        assert by_name["Reference"].time_s == pytest.approx(n / HZ - 0.07, abs=1e-6)
        assert by_name["Pointer"].world_from_thing == Unknown(Why.NO_TOOL, by_name["Pointer"].time_s)
        place = by_name["Reference"].world_from_thing
        if n < COUNT - 3:
            assert isinstance(place, Transform)
            assert np.linalg.norm((place.matrix - pose(n))[:3, 3]) < 0.3
        else:
            assert isinstance(place, Unknown)


def test_what_is_missing_for_a_camera_is_said(folder: Path, tmp_path: Path) -> None:
    lens = f"?lens={folder / 'lens.json'}"
    with pytest.raises(InvalidValue, match="a camera has a calibration"):
        run(open_device("camera:0", time.monotonic))
    with pytest.raises(InputRefused, match="is no video"):
        run(open_device(f"camera:{tmp_path / 'gone.avi'}{lens}", time.monotonic))
    with pytest.raises(InputRefused, match="is no video"):
        run(open_device(f"camera:{folder / 'lens.json'}{lens}", time.monotonic))
    with pytest.raises(InvalidValue, match="up to a second late"):
        run(open_device(f"camera:{folder / 'video.avi'}{lens}&latency_ms=2000", time.monotonic))


def test_a_video_of_another_size_than_the_lens_was_calibrated_with_is_refused_before_it_plays(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "lens.json").write_text(json.dumps({"matrix": LENS.matrix.tolist(), "width_px": 640, "height_px": 480}))
    with pytest.raises(InvalidValue, match="640 x 480 px and gives 1280 x 720"):
        run(open_device(f"camera:{folder / 'video.avi'}?lens={tmp_path / 'lens.json'}", time.monotonic))


class Loose:
    """A camera whose cable is loose: three pictures, then none, and then it opens again."""

    opened = 0

    def __init__(self, _: Any) -> None:
        Loose.opened += 1
        self.left = 3

    def isOpened(self) -> bool:  # noqa: N802
        return Loose.opened != 2

    def set(self, *_: Any) -> None: ...

    def get(self, what: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 1280.0, cv2.CAP_PROP_FRAME_HEIGHT: 720.0}[what]

    def release(self) -> None: ...

    def read(self) -> tuple[bool, Any]:
        self.left -= 1
        return (self.left >= 0, np.full((720, 1280, 3), 120, np.uint8) if self.left >= 0 else None)


def test_a_camera_that_gives_no_picture_is_a_line_that_broke_and_is_opened_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", Loose)
    hours = Hours(0.0)

    async def main() -> list[Why | None]:
        watcher = Watcher(0, Finder(LENS, USUAL), hours, sleep=hours.sleep)
        watcher.open()
        assert not watcher.is_simulated
        said = []
        async for one in watcher.said():
            said.append(one.why)
            if len(said) == 6:
                await watcher.close()
        return said

    assert run(main()) == [None, None, None, Why.LINK_LOST, Why.LINK_LOST, None]
    assert Loose.opened == 3


def test_a_camera_that_is_not_there_is_said() -> None:
    watcher = Watcher(97, Finder(LENS, USUAL), time.monotonic)
    with pytest.raises(EnvironmentLacks, match="camera 97 does not open"):
        watcher.open()
