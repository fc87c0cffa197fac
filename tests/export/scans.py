"""A small study on disk, what to export from it, and the validator that judges exports."""

from __future__ import annotations

import datetime
import itertools
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from engine.core.anatomy import structure
from engine.core.grid import Grid
from engine.core.structure import Provenance
from engine.core.volume import LabelMap, Volume
from engine.export.dicom.part10 import Stamp
from engine.export.dicom.source import Source as Series
from engine.export.dicom.source import read_source
from engine.ingest.open import read_volume, take_inventory
from tests.ingest.dicom_writer import AXIAL, save_series

NOW = datetime.datetime(2026, 11, 28, 12, 30, 15, 250000, datetime.UTC)
#: Rows and columns that lie along no axis of the patient.
OBLIQUE = [0.9659258, 0.258819, 0.0, -0.2241439, 0.8365163, 0.5]
SHAPE = (31, 27, 14)  # i, j, k: an odd number of pixels, so that bits of frames do not begin on bytes
BY_PIPELINE = Provenance("ct-tissue", "3", (("level", "200"),))
WHO: dict[str, Any] = {
    "PatientName": "Doe^Jane",
    "PatientID": "4711",
    "PatientBirthDate": "19700101",
    "PatientSex": "F",
    "StudyDate": "20260102",
    "StudyTime": "101112",
    "StudyID": "1",
    "AccessionNumber": "9",
    "ReferringPhysicianName": "",
}


def counting() -> Callable[[], str]:
    """New UIDs, the same in every run."""
    count = itertools.count(1)
    return lambda: f"2.25.{next(count)}"


def stamp() -> Stamp:
    return Stamp(counting(), NOW, "0.1.0")


def scan(folder: Path, orientation: list[float] = AXIAL, flipped: bool = False, **tags: Any) -> Path:
    """A CT of `SHAPE` voxels of 0.8 x 0.7 x 2.5 mm, files and slices in no order."""
    rng = np.random.default_rng(3)
    voxels = rng.integers(-1000, 1000, SHAPE[::-1]).astype(np.int16)
    heights = 2.5 * np.arange(SHAPE[2])
    order = rng.permutation(SHAPE[2])
    normal = np.cross(orientation[:3], orientation[3:])
    save_series(
        folder,
        voxels[order],
        heights_mm=heights[order],
        spacing_mm=(0.8, 0.7),
        orientation=orientation,
        origin_mm=(-12.0, 30.0, 100.0),
        step=-normal if flipped else normal,
        **{**WHO, **tags},
    )
    return folder


def opened(folder: Path) -> tuple[Volume, Series]:
    """The scan as it is read, and as exports refer to it."""
    info = take_inventory([folder]).choose()
    return read_volume(info).value, read_source(info.files, counting())


def drawn(grid: Grid) -> LabelMap:
    """A body with a hole in it, a tumour and a lung inside it, and an island in the hole."""
    i, j, k = np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij")
    labels = np.zeros(grid.shape, np.uint8, order="F")
    off = (np.array(grid.shape) - 1) / 2
    r = np.sqrt(sum(((axis - middle) / middle) ** 2 for axis, middle in zip((i, j, k), off, strict=True)))
    labels[r < 0.9] = 1
    labels[np.hypot(i - off[0], j - off[1]) < 4] = 0
    labels[(np.hypot(i - off[0], j - off[1]) < 1.5) & (r < 0.9)] = 1
    labels[(i > 22) & (i < 27) & (abs(j - off[1]) < 4) & (abs(k - off[2]) < 3)] = 2
    labels[(i > 3) & (i < 8) & (abs(j - off[1]) < 4) & (abs(k - off[2]) < 4)] = 3
    body = replace(structure("body", 1, BY_PIPELINE), includes=(2, 3))
    return LabelMap(grid, labels, (body, structure("tumour", 2, BY_PIPELINE), structure("lung_left", 3, BY_PIPELINE)))


def masks(label_map: LabelMap) -> dict[str, NDArray[np.bool_]]:
    """Each structure whole, by name."""
    return {one.name: np.isin(np.asarray(label_map.labels), one.labels) for one in label_map.structures}


def dice(one: ArrayLike, other: ArrayLike) -> float:
    a, b = np.asarray(one, np.bool_), np.asarray(other, np.bool_)
    return float(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))


#: Warnings of dciodvfy that were looked at: a scheme of one's own is meant to be unknown; that the side of what was
#: examined is not known is so; the rest repeats what the scan's own headers lack or say.
JUDGED = (
    "Unrecognized defined term <99SIGHTLINE>",
    "attribute <Laterality>",
    "needed to build DICOMDIR",
    "Retired Person Name form",
)


def complaints(path: Path) -> list[str]:
    """What dciodvfy of dicom3tools has against an object: every error, and warnings that nobody judged."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")
    run = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    lines = (run.stderr + run.stdout).splitlines()
    assert lines, "dciodvfy says what object it found at least"
    return [
        line
        for line in lines
        if line.startswith("Error") or (line.startswith("Warning") and not any(known in line for known in JUDGED))
    ]
