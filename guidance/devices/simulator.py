"""The simulated tracker as a device: a scenario played live, with the content that its seed gives it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np

from engine.core.frame import WORLD
from engine.core.transform import Transform
from engine.core.unknown import Why
from guidance.devices.retimed import retimed
from guidance.devices.said import SILENT_S, Said, Sleep, nap_s
from guidance.devices.simulated import Arrival, Fault, Playing, Scenario, Truth
from guidance.register.rigid_fit import turn
from guidance.track.sample import thing_frame
from guidance.track.source_clock import SourceClock


def gentle(time_s: float) -> Mapping[str, Transform]:
    """A pointer that circles beside a reference which breathes, one metre from the tracker."""
    breath_mm = np.sin(2 * np.pi * 0.25 * time_s)
    angle = 2 * np.pi * 0.1 * time_s
    pointer = (60 + 40 * np.cos(angle), 40 * np.sin(angle), -950 + 10 * np.sin(2 * angle))
    tilt = turn(np.array([0.3 + 0.1 * np.sin(angle), 0.2 * np.cos(angle), 0.0]))
    return {
        "Pointer": Transform.rigid(WORLD, thing_frame("Pointer"), tilt, pointer),
        "Reference": Transform.rigid(WORLD, thing_frame("Reference"), np.eye(3), (0.0, breath_mm, -1000.0)),
    }


@dataclass(slots=True)
class Simulator:
    """Not a value: it plays. Times of faults count from when somebody begins to listen.

    Attributes:
        playing: the scenario; what is heard depends on it, its seed and the truth alone, not on how fast it is played.
        sleep: one that turns `clock` on plays without waiting.
    """

    playing: Playing
    clock: Callable[[], float]
    sleep: Sleep = asyncio.sleep
    name: str = "simulated tracker"
    is_simulated: bool = True
    _start_s: float | None = None
    _is_closed: bool = False
    _waiting: list[tuple[float, int, Arrival]] = field(default_factory=list)

    @property
    def scenario(self) -> Scenario:
        """With every fault that was injected so far."""
        return self.playing.scenario

    @property
    def time_s(self) -> float:
        """Seconds since it was first listened to: what faults count in."""
        return 0.0 if self._start_s is None else self.clock() - self._start_s

    def inject(self, fault: Fault) -> None:
        """One fault more. It spoils what is measured from now on."""
        self.playing.inject(fault)

    async def said(self) -> AsyncIterator[Said]:
        """Samples as they arrive, their times told by our clock as those of any other device are."""
        if self._start_s is None:
            self._start_s = self.clock()
        start_s, source, last_s, count = self._start_s, SourceClock(), 0.0, 0
        is_told = False
        while not self._is_closed:
            now_s = self.time_s  # once: who measures more slowly than time passes must still be heard
            while self.playing.next_s <= now_s:
                for arrival in self.playing.step():
                    heappush(self._waiting, (arrival.at_s, count := count + 1, arrival))
            due = []
            while self._waiting and self._waiting[0][0] <= now_s:
                due.append(heappop(self._waiting)[2])
            if due:
                samples = []
                for one in due:
                    # Who simulates knows what is late and what is another clock; one way alone they look alike.
                    due_s = start_s + one.due_s
                    source = source.hear(one.sample.time_s, due_s)
                    samples.append(retimed(one.sample, source.ours_s(one.sample.time_s, due_s)))
                last_s, is_told = now_s, False
                yield Said(self.clock(), tuple(samples))
            elif not is_told and now_s - last_s >= SILENT_S:
                is_told = True
                yield Said(self.clock(), (), Why.LINK_LOST, f"nothing came for {SILENT_S:g} s")
            else:
                next_s = min([self.playing.next_s, *(entry[0] for entry in self._waiting[:1])])
                await self.sleep(nap_s(next_s - self.time_s))

    async def close(self) -> None:
        """Play no more."""
        self._is_closed = True


def simulated_device(
    scenario: Scenario, truth: Truth, clock: Callable[[], float], *, sleep: Sleep = asyncio.sleep
) -> Simulator:
    """A tracker of what `truth` tells, spoiled as the scenario has it; `inject` spoils it further while it runs."""
    return Simulator(Playing(scenario, truth), clock, sleep)
