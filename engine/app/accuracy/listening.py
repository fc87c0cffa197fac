"""Listening to a device: to the end of what it plays, or with advice on what to touch next."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from engine.core.errors import InputRefused
from guidance.accuracy.artefact import Artefact
from guidance.accuracy.guiding import Advice, Plan, Progress, advice
from guidance.accuracy.heard import Movement, Tip, movement
from guidance.devices.device import Device
from guidance.track.sample import Sample

#: Names that pointers go by.
_POINTERS = ("stylus", "pointer", "probe", "pen")
#: What moves is looked at anew so often.
LOOK_S = 1.0
#: Things are told apart once a device has spoken for so long.
_NAMES_S = 1.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Things:
    """What is listened to, by the device's names; none where the device's own names say which."""

    pointer: str | None = None
    reference: str | None = None

    def among(self, names: list[str]) -> Things:
        """Which things are meant, of those that the device tracks.

        Raises:
            InputRefused: none, or several of which none is named as a pointer.
        """
        for asked in (self.pointer, self.reference):
            if asked is not None and asked not in names:
                raise InputRefused(f"{asked} is not tracked; there are {', '.join(names) or 'none'}")
        reference = self.reference or next((n for n in names if n != self.pointer and "ref" in n.lower()), None)
        others = [name for name in names if name != reference]
        named = [name for name in others if any(word in name.lower() for word in _POINTERS)]
        likely = [self.pointer] if self.pointer else named if len(named) == 1 else others
        if len(likely) != 1:
            raise InputRefused(f"which of {', '.join(names) or 'no things'} is the pointer? Say so with --tool")
        return Things(likely[0], reference)


@dataclass(slots=True)
class Virtual:
    """A clock that sleeping turns on: what is recorded or simulated is heard without waiting."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        """Be there at once."""
        self.now_s += seconds


@dataclass(slots=True)
class _Heard:
    samples: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))

    def of(self, things: Things, since_s: float = float("-inf")) -> Movement:
        which = things.among(sorted(self.samples))
        assert which.pointer is not None
        pointer = _since(self.samples[which.pointer], since_s)
        return movement(pointer, _since(self.samples[which.reference], since_s) if which.reference else ())


def _since(samples: list[Sample], since_s: float) -> list[Sample]:
    first = len(samples)
    while first and samples[first - 1].time_s > since_s:
        first -= 1
    return samples[first:]


async def heard_to_the_end(device: Device, things: Things, until_s: float = float("inf")) -> Movement:
    """Everything that a device says until it ends, or until that time by its clock.

    Raises:
        InputRefused: nothing was heard, or which thing is the pointer cannot be told.
    """
    heard = _Heard()
    async for said in device.said():
        for sample in said.samples:
            heard.samples[sample.thing].append(sample)
        if said.arrival_s >= until_s:
            break
    await device.close()
    return heard.of(things)


async def heard_with_advice(
    device: Device,
    things: Things,
    artefact: Artefact,
    plan: Plan,
    tip: Tip | None,
    tell: Callable[[Advice | str], None],
) -> Movement:
    """What a device says while somebody follows the protocol; ends when all is touched, or is interrupted."""
    heard, progress, looked_s, first_s = _Heard(), Progress(tip), float("-inf"), None
    told, now = "", None
    with suppress(asyncio.CancelledError):  # whoever interrupts has touched enough
        async for said in device.said():
            first_s = said.arrival_s if first_s is None else first_s
            if said.words and said.words != told:
                told = said.words
                tell(said.words)
            for sample in said.samples:
                heard.samples[sample.thing].append(sample)
            if said.arrival_s - first_s < _NAMES_S or said.arrival_s - looked_s < LOOK_S:
                continue
            looked_s = said.arrival_s
            further = progress.further(heard.of(things, progress.since_s))
            is_new = now is None or len(further.rests) > len(progress.rests) or further.tip is not progress.tip
            progress = further
            if not is_new:
                continue
            now = advice(progress, artefact, plan)
            tell(now)
            if now.is_done:
                break
    await device.close()
    return heard.of(things)
