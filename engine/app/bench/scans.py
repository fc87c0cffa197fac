"""The real scans that benches measure on, and how a bench reads one."""

from __future__ import annotations

from pathlib import Path

from engine.core.progress import silent
from engine.core.volume import Volume
from engine.ingest.open import read_volume, take_inventory

#: 275 JPEG-LS slices of 512 x 512, inside the folder of real scans.
CHEST_CT = Path("dicom") / "ct_chest_lidc0314_jpegls"


def volume_of(path: Path) -> Volume:
    """The volume that a command would choose from a file or folder.

    Raises:
        InputRefused: as the commands refuse it.
    """
    return read_volume(take_inventory((path,), silent).choose(), phase=0, progress=silent).value
