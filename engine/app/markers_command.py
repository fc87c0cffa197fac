"""`sightline markers`: pages to print, and the file that tells a camera what is on them."""

from __future__ import annotations

import os
from pathlib import Path

from engine.core.errors import EnvironmentLacks, InputRefused
from guidance.devices.aruco.marker_set import USUAL, read_marker_set, toml_of
from guidance.devices.aruco.sheet import sheets


def write_markers(out: Path, markers: Path | None, paper: str) -> tuple[Path, ...]:
    """The pages `out`, `out-2`, …; beside them `out.toml` with what is on them where `markers` is not given.

    Raises:
        InvalidValue: no such paper, or something does not fit on it.
        InputRefused: the file of markers cannot be used, or a page would take the place of something that is no page.
        EnvironmentLacks: OpenCV is not installed, or the files cannot be written.
    """
    known = USUAL if markers is None else read_marker_set(markers)
    pages = sheets(known, paper)
    files = {out if n == 1 else out.with_stem(f"{out.stem}-{n}"): page for n, page in enumerate(pages, 1)}
    if markers is None:
        files[out.with_suffix(".toml")] = toml_of(known)
    if out.suffix.lower() != ".svg":
        raise InputRefused(f"pages are SVG files, and {out.name} is named otherwise: write --out markers.svg")
    beside = [(path, path.with_name(f".{path.name}.{os.getpid()}")) for path in files]
    try:
        for path, unfinished in beside:
            unfinished.write_text(files[path], encoding="utf-8")
        for path, unfinished in beside:
            unfinished.replace(path)
    except OSError as error:
        raise EnvironmentLacks(
            f"{out} cannot be written ({error.strerror or error})", "Name another with --out."
        ) from error
    finally:
        for _, unfinished in beside:
            unfinished.unlink(missing_ok=True)
    return tuple(files)
