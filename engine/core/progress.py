"""How long work reports itself and is asked to stop."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called by long work between steps.

    `fraction` is 0 to 1 of the whole; `stage` is a short noun phrase for the user. An
    implementation raises `engine.core.errors.Cancelled` to stop the work at that point.
    """

    def __call__(self, fraction: float, stage: str, /) -> None: ...


def silent(fraction: float, stage: str) -> None:
    """Report nothing."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """`progress` seen by one step that owns the span from `start` to `stop` of the whole."""

    def report(fraction: float, stage: str) -> None:
        progress(start + (stop - start) * fraction, stage)

    return report
