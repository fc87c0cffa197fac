"""Times of rivals, taken in turn, so that a noisy minute on the machine falls on all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Work = Callable[[], object]

REPEATS = 7
#: Stop repeating slow work after this long.
ENOUGH_S = 10.0


@dataclass(frozen=True, slots=True)
class Times:
    """Medians in seconds."""

    wall: float
    cpu: float


def interleaved(*works: Work) -> list[Times]:
    """Times of each work, taken in turn after one round that is not counted; a slow one sits out once it has enough."""
    for work in works:
        work()
    spent: list[list[tuple[float, float]]] = [[] for _ in works]
    for _ in range(REPEATS):
        for work, times in zip(works, spent, strict=True):
            if sum(wall for wall, _ in times) < ENOUGH_S:
                times.append(_timed(work))
    return [Times(*(statistics.median(column) for column in zip(*times, strict=True))) for times in spent]


def _timed(work: Work) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    spent = time.perf_counter() - wall, time.process_time() - cpu
    del result
    return spent
