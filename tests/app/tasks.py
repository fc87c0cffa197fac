"""Tasks for tests of workers: they travel to other processes, so they stand in a module."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from engine.core.errors import EnvironmentLacks
from engine.core.progress import Progress


def require_ray() -> None:
    """Skip where Ray is not installed. It is not imported: it reads its settings when it first is."""
    if find_spec("ray") is None:
        pytest.skip("the extra ray is not installed")


@dataclass(frozen=True)
class Doubled:
    """Twice a number."""

    number: int

    def __call__(self, progress: Progress) -> int:
        progress(0.5, "doubling")
        return 2 * self.number


def lacking(progress: Progress) -> None:
    """Fails as a machine without something does."""
    raise EnvironmentLacks("no such thing", "Buy one.")


def unsendable(progress: Progress) -> object:
    """Its value cannot leave the process."""
    return threading.Lock()


@dataclass(frozen=True)
class Indiscreet:
    """Says a name wherever something can be said, and fails with it."""

    name: str

    def __call__(self, progress: Progress) -> None:
        print(self.name)  # noqa: T201
        print(self.name, file=sys.stderr)  # noqa: T201
        warnings.warn(self.name, stacklevel=1)
        progress(0.5, self.name)
        raise ValueError(self.name)


@dataclass(frozen=True)
class Endless:
    """Runs until it is cancelled; notes that it began and that it left by way of its `finally`."""

    folder: Path

    def __call__(self, progress: Progress) -> None:
        (self.folder / "began").touch()
        try:
            while True:
                progress(0.5, "waiting")
                time.sleep(0.01)
        finally:
            (self.folder / "left").touch()


@dataclass(frozen=True)
class Alone:
    """Reports often, and fails where another runs meanwhile."""

    folder: Path

    def __call__(self, progress: Progress) -> bool:
        mark = self.folder / "running"
        mark.touch(exist_ok=False)
        for step in range(100):
            progress(step / 100, f"step {step}")
        mark.unlink()
        return True


@dataclass(frozen=True)
class Deadly:
    """Kills its worker by force the first `times`; returns how often it was tried."""

    folder: Path
    times: int

    def __call__(self, progress: Progress) -> int:
        tries = len(list(self.folder.iterdir())) + 1
        (self.folder / str(tries)).touch()
        if tries <= self.times:
            os.kill(os.getpid(), signal.SIGKILL)
        return tries
