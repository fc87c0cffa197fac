"""Threads over slabs: kernels release the interpreter lock, so plain threads keep every core busy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

from numba import get_num_threads

Item = TypeVar("Item")

#: More slabs than threads, so that a thread that is held up does not hold up the rest.
SLABS_PER_THREAD = 4


def thread_count() -> int:
    """Threads to use: those the process may run on, or fewer where NUMBA_NUM_THREADS says so."""
    # macOS does not tell which processors a process may use.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(int(get_num_threads()), allowed))


class Slabs:
    """A pool that runs `work(first, last)` over the whole of a range. Results do not depend on the split."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or thread_count()
        self._pool = ThreadPoolExecutor(self.threads)

    def __enter__(self) -> Slabs:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown()

    def cuts(self, length: int) -> list[tuple[int, int]]:
        """Nearly equal spans that cover range(length) in order."""
        parts = max(1, min(length, self.threads * SLABS_PER_THREAD))
        return [(length * n // parts, length * (n + 1) // parts) for n in range(parts)]

    def over(self, length: int, work: Callable[[int, int], None]) -> None:
        """Call `work` on spans that cover range(length)."""
        self.each(self.cuts(length), lambda span: work(*span))

    def each(self, items: Iterable[Item], work: Callable[[Item], None]) -> None:
        """Call `work` on every item; the first error is raised."""
        if self.threads == 1:
            for item in items:
                work(item)
            return
        for _ in self._pool.map(work, items):
            pass
