"""What every device has in common: a name, and what it says from one moment to the next."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from engine.core.unknown import Why
from guidance.track.sample import Sample

#: Of which nothing comes for so long, the line is taken to be broken. Tracked things are not believed long before.
SILENT_S = 1.0
#: No shorter nap: a clock counts in steps. No longer one without looking whether the device was closed.
LEAST_NAP_S, MOST_NAP_S = 1e-5, 0.25
#: What waits: `asyncio.sleep`, or something that only turns a clock on.
Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a device said at one moment, by our clock.

    Attributes:
        samples: of things, with times by our clock.
        why: what the device says is wrong with it, or that its line broke (`LINK_LOST`); None while all is well.
        words: the device's own, or what happened to its line.
    """

    arrival_s: float
    samples: tuple[Sample, ...] = ()
    why: Why | None = None
    words: str = ""


def nap_s(left_s: float) -> float:
    """How long to sleep where `left_s` is left until something is due."""
    return min(max(left_s, LEAST_NAP_S), MOST_NAP_S)


class Device(Protocol):
    """Whatever tells where things are.

    Attributes:
        name: for people, without any address.
        is_simulated: what it says is not of this room and this moment: a recording, or a simulation.
    """

    @property
    def name(self) -> str: ...
    @property
    def is_simulated(self) -> bool: ...

    def said(self) -> AsyncIterator[Said]:
        """What it says, as it comes; ends with a recording, or when it is closed. Listened to by one alone."""
        ...

    async def close(self) -> None:
        """Listen no more; whoever listens hears the end."""
        ...
