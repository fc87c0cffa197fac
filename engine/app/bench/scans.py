"""The real scans that benches measure on, and how a bench reads one."""

from __future__ import annotations

from pathlib import Path

from engine.core.errors import InputRefused
from engine.core.progress import silent
from engine.core.volume import Volume
from engine.ingest.open import read_volume, take_inventory

#: 275 JPEG-LS slices of 512 x 512, inside the folder of real scans.
CHEST_CT = Path("dicom") / "ct_chest_lidc0314_jpegls"


def chest_ct(shared_data: Path | None, bench: str) -> Path:
    """The folder of the full chest CT.

    Raises:
        InputRefused: it is not given.
    """
    if shared_data is None or not (shared_data / CHEST_CT).is_dir():
        raise InputRefused(f"bench {bench} needs the full chest CT: --data FOLDER with {CHEST_CT}")
    return shared_data / CHEST_CT


def volume_of(path: Path) -> Volume:
    """The volume that a command would choose from a file or folder.

    Raises:
        InputRefused: as the commands refuse it.
    """
    return read_volume(take_inventory((path,), silent).choose(), phase=0, progress=silent).value
