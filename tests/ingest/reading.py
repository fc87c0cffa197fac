"""Reading DICOM as the product does, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.core.progress import silent
from engine.core.volume import Volume
from engine.ingest.dicom.reader import DicomReader
from engine.ingest.study import Inventory, Reading


def inventory_of(*paths: Path) -> Inventory:
    """The inventory of files and folders that are all DICOM."""
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return DicomReader().inventory(tuple(file for file in files if file.is_file()), silent)


def read(*paths: Path, phase: int = 0, uid: str | None = None) -> Reading[Volume]:
    """The volume of `paths`."""
    return DicomReader().read_volume(inventory_of(*paths).choose(uid), phase=phase, progress=silent)


def layers(reading: Reading[Volume]) -> NDArray[np.float64]:
    """Its samples (k, j, i)."""
    return np.asarray(reading.value.samples).T.astype(np.float64)
