"""Earlier checks: one line of JSON each, only ever added to."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.app.folders import data_folder
from engine.app.whole_write import write_whole
from engine.core.errors import EnvironmentLacks, FileProblem, InputRefused


class Entry(BaseModel):
    """One check."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    time: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
    device: str
    artefact: str
    bias_mm: float
    rms_mm: float
    touches: int


def usual_history() -> Path:
    """Where checks are kept if nobody says otherwise."""
    return data_folder() / "accuracy.jsonl"


def read_history(path: Path, device: str, artefact: str) -> tuple[Entry, ...]:
    """Checks of one device with one artefact, in the order of their times. A line that was cut short is the last.

    Raises:
        InputRefused: a line that is no check, but the last.
    """
    try:
        lines = path.read_text().split("\n") if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused("the history cannot be read", [FileProblem(path, str(error))]) from error
    entries = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            entries.append(Entry.model_validate_json(line))
        except ValidationError as error:
            if number == len(lines):  # no line end follows: the machine stopped while it was written
                break
            raise InputRefused("the history is damaged", [FileProblem(path, f"line {number} is no check")]) from error
    return tuple(sorted((e for e in entries if (e.device, e.artefact) == (device, artefact)), key=lambda e: e.time))


def add_to_history(path: Path, entry: Entry) -> None:
    """Append one line and see it to the disk.

    Raises:
        EnvironmentLacks: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+", buffering=0) as file:
            start = b"" if _ends_whole(path) else b"\n"
            write_whole(file, start + entry.model_dump_json().encode() + b"\n")
            os.fsync(file.fileno())
    except OSError as error:
        raise EnvironmentLacks(
            f"the history {path} cannot be written ({error.strerror})", "Choose another with --history."
        ) from error


def _ends_whole(path: Path) -> bool:
    """Whether the last line was finished."""
    size = path.stat().st_size
    if not size:
        return True
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1) == b"\n"
