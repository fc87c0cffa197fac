"""Cases that a server begins with: those of a folder, or the ones that come with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from engine.core.errors import FileProblem, InputRefused
from scenarios.case.case import Case
from scenarios.case.read import CaseRefused, read_case
from scenarios.catalog.build import catalogue

#: A case is its folder's `case.yaml`; the names that are looked for, in this order.
FILES = ("case.yaml", "case.yml")
MOST_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Shelved:
    """A case, and the folder that holds its files; None where it needs none."""

    case: Case
    folder: Path | None

    @property
    def sha256(self) -> str:
        """Of what is written in it."""
        return hashlib.sha256(self.case.model_dump_json().encode()).hexdigest()


def cases(folder: Path | None = None) -> tuple[Shelved, ...]:
    """All cases of a folder; those that come with Sightline where none is given.

    Raises:
        InputRefused: a case that cannot be read, with every reason; or none at all.
    """
    if folder is None:
        return embedded()
    files = case_files_within(folder)
    problems, found = [], []
    for path in files:
        read = _read(path)
        if isinstance(read, Case):
            found.append(Shelved(read, path.parent))
        else:
            problems += [FileProblem(path, reason) for reason in read]
    if problems:
        raise InputRefused(f"{folder.name} holds cases that cannot be used", problems)
    if not found:
        raise InputRefused(f"{folder.name} holds no case: a case is a folder with a file {FILES[0]}")
    return tuple(found)


def case_files_within(folder: Path) -> list[Path]:
    """Of every case in a folder, however deep; what is being written there (hidden) is none yet."""
    found = [path for name in FILES for path in sorted(folder.rglob(name))] if folder.is_dir() else []
    return [path for path in found if not any(one.startswith(".") for one in path.relative_to(folder).parts)]


def _read(path: Path) -> Case | list[str]:
    try:
        if path.stat().st_size > MOST_BYTES:
            return ["it is larger than any case"]
        return read_case(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return [f"it cannot be read ({type(error).__name__})"]
    except CaseRefused as error:
        return [str(flaw) for flaw in error.flaws]


def embedded() -> tuple[Shelved, ...]:
    """The catalogue that comes with Sightline: phantoms and recipes, made at first use."""
    return tuple(Shelved(case, None) for case in catalogue())
