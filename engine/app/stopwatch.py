"""Where the seconds go: named stages of one run, and its peak memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """One named part of a run."""

    name: str
    seconds: float


class Stopwatch:
    """Collects stages in the order they finish; a name used again adds to its stage."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block as stage `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def add(self, name: str, seconds: float) -> None:
        """Add `seconds` to stage `name`."""
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages so far."""
        return tuple(Stage(name, seconds) for name, seconds in self._seconds.items())


def peak_memory_bytes() -> int:
    """Largest resident size of this process so far (getrusage: KiB on Linux, bytes on macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024
