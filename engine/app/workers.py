"""Where long work runs: one process of this machine, or a Ray cluster, behind the same few words."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from engine.core.errors import InvalidValue, SightlineError
from engine.core.progress import Progress, silent

#: Progress reports closer together than this are dropped.
REPORT_EVERY_S = 0.25

LOCAL = "local"
RAY = "ray"
RAY_SCHEME = "ray://"

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Task(Protocol[T_co]):
    """Work that can travel: pickled, and the same wherever and however often it runs."""

    def __call__(self, progress: Progress, /) -> T_co: ...


@dataclass(frozen=True, slots=True)
class Handle(Generic[T]):
    """A task that was submitted.

    Attributes:
        future: what it becomes: its value, what it raised, or `WorkerLost`.
        cancel: asks it to stop. One that waits never starts; one that runs raises `Cancelled` at its next report.
    """

    future: Future[T]
    cancel: Callable[[], None]


class Workers(Protocol):
    """Where tasks run."""

    def submit(self, task: Task[T], report: Progress = silent) -> Handle[T]:
        """Queue `task`. `report` is called on a thread of its own, at fraction 0 each time that the task starts.

        Of what comes in quick succession, only the last may be reported.
        """
        ...

    def close(self) -> None:
        """Cancel what has not ended, and end the workers."""
        ...


class WorkerLost(SightlineError):
    """A worker died with its task each time that it was tried."""

    remedy = "Try again; if it happens again, close other programs or choose a smaller series."

    def __init__(self, tries: int) -> None:
        again = "" if tries == 1 else f", {tries} times in a row"
        super().__init__(f"the worker ended without a word{again}, most likely out of memory")
        self.tries = tries

    def __reduce__(self) -> tuple[type[WorkerLost], tuple[int]]:
        return WorkerLost, (self.tries,)


class Throttle:
    """Lets through what is worth telling: a new stage, or some time since the last."""

    def __init__(self) -> None:
        self._last_s = -REPORT_EVERY_S
        self._stage = ""

    def is_due(self, stage: str) -> bool:
        """Whether to tell now; telling is then taken as done."""
        now_s = time.monotonic()
        if stage == self._stage and now_s - self._last_s < REPORT_EVERY_S:
            return False
        self._last_s, self._stage = now_s, stage
        return True


def require_place(where: str) -> None:
    """Refuse what names no place where tasks can run.

    Raises:
        InvalidValue: says what can be chosen.
    """
    if where not in (LOCAL, RAY) and not (where.startswith(RAY_SCHEME) and len(where) > len(RAY_SCHEME)):
        raise InvalidValue(f"no workers {where!r}; there are local, ray (started for this run) and ray://HOST:PORT")


def new_workers(where: str, retries: int) -> Workers:
    """Workers at `where`; a task whose worker dies is tried `retries` times more.

    Raises:
        InvalidValue: no such place.
        EnvironmentLacks: Ray is not installed, does not start or does not answer.
    """
    require_place(where)
    if where == LOCAL:
        from engine.app.local_workers import LocalWorkers

        return LocalWorkers(retries)
    from engine.app.ray_workers import RayWorkers

    return RayWorkers(None if where == RAY else where, retries)
