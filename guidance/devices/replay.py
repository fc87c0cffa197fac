"""A recording, played as the device that it was recorded from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import groupby

from engine.core.errors import InvalidValue
from guidance.devices.retimed import retimed
from guidance.devices.said import Said, Sleep, nap_s
from guidance.devices.sequence_file import Recording

_MOST_SPEED = 1000.0


@dataclass(slots=True)
class Replay:
    """Not a value: it plays.

    Attributes:
        speed: how many times as fast as it was recorded; times and speeds of what is tracked are so many times as fast
            too.
        sleep: one that turns `clock` on plays the recording without waiting, with its own times.
    """

    recording: Recording
    clock: Callable[[], float]
    speed: float = 1.0
    sleep: Sleep = asyncio.sleep
    name: str = "recording of a tracker"
    is_simulated: bool = True
    _is_closed: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.speed <= _MOST_SPEED:
            raise InvalidValue(f"a recording is played up to {_MOST_SPEED:g} times as fast, got {self.speed:g}")

    async def said(self) -> AsyncIterator[Said]:
        """Samples when they are due, those of one moment together."""
        start_s, first_s = self.clock(), self.recording.samples[0].time_s
        left_out = len(self.recording.left_out)
        words = f"{left_out} frames of the recording cannot be used" if left_out else ""
        for time_s, samples in groupby(self.recording.samples, key=lambda one: one.time_s):
            due_s = start_s + (time_s - first_s) / self.speed
            while not self._is_closed and (left_s := due_s - self.clock()) > 0:
                await self.sleep(nap_s(left_s))
            if self._is_closed:
                return
            yield Said(self.clock(), tuple(retimed(one, due_s) for one in samples), words=words)

    async def close(self) -> None:
        """Play no more."""
        self._is_closed = True
