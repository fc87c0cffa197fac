"""A case as a folder: its file, and the files that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.app.training.catalogue import FILES, MOST_BYTES, case_files_within
from engine.core.errors import FileProblem, InputRefused
from scenarios.case.case import Case, Where
from scenarios.case.read import CaseRefused, read_case
from scenarios.case.source import FileSource, LesionSource
from scenarios.case.task import GuideTask
from scenarios.case.truth import Distractor, Finding, MaskPlace


def case_files(path: Path) -> list[Path]:
    """Case files at a path: itself, that of a folder, or those of all folders within it.

    Raises:
        InputRefused: there is none.
    """
    if path.is_file():
        return [path]
    for name in FILES:
        if (path / name).is_file():
            return [path / name]
    found = case_files_within(path)
    if not found:
        raise InputRefused(f"{path} holds no case: a case is a folder with a file {FILES[0]}")
    return found


def text_of(path: Path) -> str:
    """The text of a case file.

    Raises:
        InputRefused: it cannot be read as text.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputRefused(f"{path.name} is larger than any case")
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise InputRefused(f"{path.name} is no text in UTF-8") from None
    except OSError as error:
        raise InputRefused(f"{path.name} cannot be read ({error.strerror})") from error


def open_case(path: Path) -> tuple[Case, Path]:
    """The one case at a path, and its folder.

    Raises:
        InputRefused: none or several, or one that is not sound, with every reason.
    """
    files = case_files(path)
    if len(files) > 1:
        raise InputRefused(f"{path} holds {len(files)} cases: name one")
    try:
        return read_case(text_of(files[0])), files[0].parent
    except CaseRefused as error:
        problems = [FileProblem(files[0], str(flaw)) for flaw in error.flaws]
        raise InputRefused(f"{files[0]} is no case that can be used", problems) from None


def named_files(case: Case) -> Iterator[tuple[Where, str]]:
    """Every file or folder within its folder that a case names, and where it does."""
    for n, volume in enumerate(case.volumes):
        source = volume.source
        at: Where = ("volumes", n, "source")
        if isinstance(source, LesionSource):
            source, at = source.base, (*at, "base")
        if isinstance(source, FileSource) and source.path is not None:
            yield (*at, "path"), source.path
    things: tuple[tuple[str, Sequence[Finding | Distractor]], ...] = (
        ("findings", case.truth.findings),
        ("distractors", case.truth.distractors),
    )
    for name, places in things:
        for n, thing in enumerate(places):
            if isinstance(thing.place, MaskPlace):
                yield ("truth", name, n, "place", "file"), thing.place.file
    for n, task in enumerate(case.tasks):
        if isinstance(task, GuideTask) and task.recording is not None:
            yield ("tasks", n, "recording"), task.recording


def files_within(folder: Path, name: str) -> list[Path]:
    """The files of a name in a case's folder: itself, or all within it; none that lie elsewhere.

    Raises:
        InputRefused: it is not there, or leads out of the folder.
    """
    place = folder / name
    if not place.exists():
        raise InputRefused(f"{name} is not in the case's folder")
    found = sorted(one for one in place.rglob("*") if one.is_file()) if place.is_dir() else [place]
    home = folder.resolve()
    for one in found:
        if not one.resolve().is_relative_to(home):
            raise InputRefused(f"{one.relative_to(folder)} is a link that leads out of the case's folder: copy it in")
    if not found:
        raise InputRefused(f"{name} is an empty folder")
    return found
