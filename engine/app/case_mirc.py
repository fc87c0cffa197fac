"""`sightline case import FILE.xml --study STUDY`: a MIRC teaching file and the study that it is about, as a case."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.app.case_new import NewCase, new_case
from engine.app.training.complete import slug
from engine.core.errors import InputRefused, InvalidValue
from engine.core.progress import Progress
from scenarios.case.mirc import MOST_BYTES, Teaching, read_mirc

#: What was not taken, beside the case; never a part of it.
NOTES = "mirc.txt"
_VERSION = "0.1.0"


def teaching_of(path: Path) -> Teaching:
    """The teaching file at a path.

    Raises:
        InputRefused: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            return read_mirc(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise InputRefused(f"{path.name} cannot be read ({error.strerror})") from error
    except InvalidValue as error:
        raise InputRefused(f"{path.name} is no MIRC teaching file: {error}") from None


def from_mirc(path: Path, study: Path | None, cases: Path, ask: NewCase, progress: Progress) -> dict[str, Any]:
    """Make a case of a teaching file and its study, in `cases / id / 0.1.0`.

    Raises:
        InputRefused: no teaching file, no study, or one that cannot be used (`new_case`).
    """
    teaching = teaching_of(path)
    if study is None:
        raise InputRefused(
            f"{path.name} names {len(teaching.images)} images and holds no volume: give its study with --study"
        )
    name = ask.id or slug(f"mirc {path.stem}")
    out = cases / name / _VERSION
    made = new_case(study, out, replace(ask, id=name, teaching=teaching), progress)
    lines = [f"From {path.name}: {teaching.named}", "", "Not taken:", *(f"- {one}" for one in teaching.left)]
    lines += ["", "Images that it names:", *(f"- {one}" for one in teaching.images)]
    (out / NOTES).write_text("\n".join(lines) + "\n", "utf-8")
    return {**made, "version": _VERSION, "not_taken": list(teaching.left), "images": list(teaching.images)}
