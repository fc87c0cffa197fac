"""Results of a command in a folder: all of them or none, so that files of two runs never lie side by side."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.core.errors import EnvironmentLacks

REMEDY = "Choose another folder with --out."


def require_folder(out: Path) -> None:
    """Make `out` where it is missing, and find out early whether it can be written.

    Raises:
        EnvironmentLacks: it cannot be made or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        Path(tempfile.mkdtemp(prefix=".sightline-", dir=out)).rmdir()
    except OSError as error:
        raise EnvironmentLacks(f"cannot write to {out} ({error.strerror})", REMEDY) from error


@contextmanager
def whole_results(out: Path) -> Iterator[Path]:
    """A folder to write in, whose files take their places in `out` once the block is done; none do if it fails.

    Raises:
        EnvironmentLacks: the system does not take the files: the disk is full, or the folder is gone.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=".sightline-", dir=out))
        try:
            yield folder
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                place = out / path.relative_to(folder)
                place.parent.mkdir(exist_ok=True)
                path.replace(place)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise EnvironmentLacks(f"cannot write to {out} ({error.strerror or error})", REMEDY) from error
