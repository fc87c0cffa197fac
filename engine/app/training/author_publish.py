"""A draft as a case folder: `case.yaml`, the study's images, and the mask of its lesions."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.app.training.complete import TRUTH_FILE, VOLUME, Study
from engine.app.training.draft import Draft
from engine.app.training.draft_files import SCAN_FILE, write_whole_file
from engine.core.grid import Grid
from engine.core.structure import Provenance, Structure
from engine.ingest.nifti import write_nifti
from engine.stream.messages import VolumeNode
from scenarios.case.case import Case
from scenarios.case.display import Display, Pane, WindowPreset
from scenarios.case.fingerprint import fingerprint
from scenarios.case.source import CaseVolume, FileSource
from scenarios.case.write import case_text

CASE_FILE = "case.yaml"
#: Tumour amber, as all lesions are drawn.
COLOUR = (232, 163, 61)
_NO_HASH = "0" * 64


@dataclass(frozen=True)
class Volumes:
    """The arrays of a draft. `scan`: the file that holds the samples."""

    scan: Path
    grid: Grid
    samples: NDArray[Any]
    labels: NDArray[np.uint8]

    @cached_property
    def sha256(self) -> str:
        """Of samples and geometry."""
        return fingerprint(self.grid, self.samples)


def study_of(draft: Draft, node: VolumeNode, voxels: Mapping[str, int], volumes: Volumes | None) -> Study:
    """What the images tell a case; without `volumes` their hash is left open: enough to look for flaws."""
    source = FileSource(path=SCAN_FILE, sha256=volumes.sha256 if volumes else _NO_HASH)
    volume = CaseVolume(id=VOLUME, title="Study", source=source)
    presets = tuple(WindowPreset(name=p.name, low=p.low, high=p.high) for p in node.presets[:12])
    chosen = draft.window if draft.window in {p.name for p in presets} else presets[0].name
    planes = ("axial", "coronal", "sagittal")
    hanging = tuple(Pane.model_validate({"volume": VOLUME, "plane": plane, "preset": chosen}) for plane in planes)
    return Study(volume, Display(presets=presets, hanging=hanging), voxels)


def write_case(cases: Path, case: Case, volumes: Volumes, names: Mapping[int, str], *, is_trial: bool) -> Path:
    """Write the folder of a version, which appears whole or not at all; a trial takes the place of the one before.

    Args:
        names: of the lesions, by label.

    Returns:
        The folder: `cases / id / version`.

    Raises:
        OSError: it could not be written; nothing is left of it.
        FileExistsError: that version was published before.
    """
    place = cases / case.id / case.version
    if place.exists() and not is_trial:
        raise FileExistsError(17, "this version was published before", str(place))
    partial = cases / f".{case.id}.{secrets.token_hex(4)}"
    try:
        partial.mkdir(parents=True)
        _link(volumes.scan, partial / SCAN_FILE)
        present = [label for label in names if (volumes.labels == label).any()]
        if present:
            structures = tuple(_structure(label, names[label]) for label in sorted(present))
            write_nifti(partial / TRUTH_FILE, volumes.grid, volumes.labels, structures)
        write_whole_file(partial / CASE_FILE, case_text(case).encode())
        place.parent.mkdir(exist_ok=True)
        if place.exists():
            shutil.rmtree(place)
        partial.rename(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return place


def _link(source: Path, target: Path) -> None:
    """The same file under another name; copied where the disk cannot."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _structure(label: int, name: str) -> Structure:
    made = Provenance("authored", "1")
    return Structure(label, f"lesion_{label}", name or f"Lesion {label}", None, COLOUR, provenance=made)
