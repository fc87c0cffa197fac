"""A folder for patients' data while a server runs: the user's alone, and gone when it ends, however it ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PREFIX = "sightline-"
#: Held locked while the folder is in use: the system lets go of it when a process dies, even by force or by
#: power, where a number of a process could be another's by then, or another container's.
LOCK = "in-use"


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder, removed at the end. Those that processes killed by force have left behind are removed first."""
    _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with (folder / f"{LOCK}.new").open("w") as lock:
            _locked(lock)
            (folder / f"{LOCK}.new").rename(folder / LOCK)  # never seen before it is locked
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    for lock in place.glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError), lock.open("r+") as file:  # another user's cannot be opened
            if _locked(file):
                shutil.rmtree(lock.parent, ignore_errors=True)


def _locked(file: IO[str]) -> bool:
    """Lock `file` until it is closed; False where another holds it, or where the system has no such locks."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True
