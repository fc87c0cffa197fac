"""A camera, or a video of one, that looks for printed markers: a device."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EnvironmentLacks, FileProblem, InputRefused, InvalidValue
from engine.core.unknown import Unknown, Why
from guidance.devices.aruco.finder import UNSEEN, Finder
from guidance.devices.aruco.opencv import opencv
from guidance.devices.aruco.sighting import Sighting
from guidance.devices.said import Said, Sleep, nap_s
from guidance.track.sample import Sample, sample

#: From light to picture, where nobody measured it: a USB camera at 30 Hz exposes, packs and sends for about so long.
LATENCY_S = 0.05
_AGAIN_S = 0.5
_SIZE = ("CAP_PROP_FRAME_WIDTH", "CAP_PROP_FRAME_HEIGHT")

Picture = NDArray[np.uint8]


@dataclass(slots=True)
class Watcher:
    """Not a value: it holds a camera. Pictures are taken and looked through in a thread beside the loop.

    Attributes:
        source: the number of a camera, or a video.
        latency_s: from light to picture; times of samples are so much before the arrival.
        sleep: of a video, how it waits for its next picture.
        seen: of the last picture, by thing: where it is and how well that is known, or in words why not.
    """

    source: int | Path
    finder: Finder
    clock: Callable[[], float]
    latency_s: float = LATENCY_S
    sleep: Sleep = asyncio.sleep
    seen: dict[str, Sighting | str] = field(default_factory=dict)
    _camera: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_closed: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.latency_s <= 1:
            raise InvalidValue(f"a camera is up to a second late, got {self.latency_s:g} s")

    @property
    def name(self) -> str:
        """For people."""
        return "video of printed markers" if self.is_simulated else "camera with printed markers"

    @property
    def is_simulated(self) -> bool:
        """Whether it is a video."""
        return isinstance(self.source, Path)

    def open(self) -> None:
        """Open the camera. Takes long.

        Raises:
            InputRefused: a video that cannot be read.
            EnvironmentLacks: there is no such camera.
            InvalidValue: its pictures have another size than those that the lens was calibrated with.
        """
        cv2 = opencv()
        if isinstance(self.source, Path):
            camera = cv2.VideoCapture(str(self.source)) if self.source.is_file() else None
            if camera is None or not camera.isOpened():
                raise InputRefused("the video cannot be played", [FileProblem(self.source, "is no video")])
        else:
            camera = cv2.VideoCapture(self.source)
            if not camera.isOpened():
                raise EnvironmentLacks(f"camera {self.source} does not open", "Connect it, or name another: camera:1.")
            camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest picture, where the driver can
            for wanted, size in zip(_SIZE, self.finder.lens.size_px or (), strict=False):
                camera.set(getattr(cv2, wanted), size)
        width, height = (int(camera.get(getattr(cv2, name))) for name in _SIZE)
        try:
            self.finder.refuse_other_size((width, height))
        except InvalidValue:
            camera.release()
            raise
        self._camera = camera

    async def said(self) -> AsyncIterator[Said]:
        """What is seen in every picture. A camera that gives none any more is a line that broke, and opened again."""
        start_s, n = self.clock(), 0
        try:
            while not self._is_closed:
                if self.is_simulated:
                    await self._wait_until(start_s + n / self._pictures_a_second())
                picture = await asyncio.to_thread(self._picture)
                if picture is None and self.is_simulated:
                    return
                arrival_s = self.clock() if not self.is_simulated else start_s + n / self._pictures_a_second()
                n += 1
                if picture is None:
                    yield Said(self.clock(), (), Why.LINK_LOST, "the camera gives no picture")
                    await self._wait_until(self.clock() + _AGAIN_S)
                    await asyncio.to_thread(self._open_again)
                    continue
                self.seen = await asyncio.to_thread(self.finder.found, picture)
                samples = tuple(_sample(thing, one, arrival_s - self.latency_s) for thing, one in self.seen.items())
                doubts = [f"{thing}: {one}" for thing, one in self.seen.items() if one != UNSEEN and _is_words(one)]
                yield Said(self.clock(), samples, None, "; ".join(doubts))
        finally:
            self._release()

    def _pictures_a_second(self) -> float:
        stated = float(self._camera.get(opencv().CAP_PROP_FPS))
        return stated if stated > 0 else 30.0

    def _picture(self) -> Picture | None:
        if self._camera is None:
            return None
        with self._lock:
            is_there, picture = self._camera.read()
        return picture if is_there else None

    def _open_again(self) -> None:
        self._release()
        try:
            self.open()
        except (EnvironmentLacks, InvalidValue):
            self._camera = None

    async def _wait_until(self, due_s: float) -> None:
        while not self._is_closed and (left_s := due_s - self.clock()) > 0:
            await self.sleep(nap_s(left_s))

    async def close(self) -> None:
        """Look no more."""
        self._is_closed = True

    def _release(self) -> None:
        with self._lock:  # nobody may be reading it
            if self._camera is not None:
                self._camera.release()
                self._camera = None


def _is_words(one: Sighting | str) -> bool:
    return isinstance(one, str)


def _sample(thing: str, one: Sighting | str, time_s: float) -> Sample:
    if isinstance(one, str):
        return Sample(thing, Unknown(Why.NO_TOOL, time_s), time_s)
    return sample(thing, one.world_from_thing, time_s)
