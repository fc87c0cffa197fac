"""Every error Sightline raises on purpose.

    SightlineError
    ├── InvalidValue        a value that can never be right (also a ValueError)
    │   └── FrameMismatch   two frames that do not meet
    ├── InputRefused        a file or study that cannot be used, with the reasons per file
    ├── NotApplicable       a pipeline that cannot work on this volume, and says why
    ├── EnvironmentLacks    the machine lacks a library, device or permission, and what to do
    └── Cancelled           the user stopped a job

The shells map them to exit codes (docs/conventions.md); nothing below `engine.app` exits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


class SightlineError(Exception):
    """Base of all deliberate errors."""


class InvalidValue(SightlineError, ValueError):
    """A value that breaks a law of its type."""


class FrameMismatch(InvalidValue):
    """A product, comparison or plan whose coordinate frames do not meet."""


@dataclass(frozen=True, slots=True)
class FileProblem:
    """Why one file was set aside. `path` is shown to the user; `reason` holds no patient data."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path.name}: {self.reason}"


class InputRefused(SightlineError):
    """The input cannot be used. `problems` names each file that contributed and why."""

    def __init__(self, summary: str, problems: Sequence[FileProblem] = ()) -> None:
        super().__init__(summary)
        self.summary = summary
        self.problems = tuple(problems)

    def __str__(self) -> str:
        shown = [f"  {problem}" for problem in self.problems[:10]]
        if len(self.problems) > len(shown):
            shown.append(f"  … and {len(self.problems) - len(shown)} more files")
        return "\n".join([self.summary, *shown])


class NotApplicable(SightlineError):
    """A pipeline that would return nonsense on this volume says so instead."""


class EnvironmentLacks(SightlineError):
    """Something is missing on this machine. `remedy` is the command or step that supplies it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}. {remedy}")
        self.what = what
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[EnvironmentLacks], tuple[str, str]]:
        """As it was made: an error that a worker raises must reach the server."""
        return EnvironmentLacks, (self.what, self.remedy)


class Cancelled(SightlineError):
    """The user cancelled the job that was running."""


def several(lines: Iterable[str], most: int) -> str:
    """Lines, `most` of them, and how many more there are."""
    every = list(lines)
    left = len(every) - most
    return "\n".join([*every[:most], *([f"and {left} more"] if left > 0 else [])])
