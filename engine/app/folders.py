"""Where Sightline keeps its own files on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def data_folder() -> Path:
    """Lasting files (certificates, settings): `SIGHTLINE_HOME`, else the XDG data folder."""
    chosen = os.environ.get("SIGHTLINE_HOME")
    if chosen:
        return _private(Path(chosen))
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return _private(Path(base) / "sightline")


def audit_folder() -> Path:
    """The audit logs: one a port, since two servers cannot append to one chain."""
    return _private(data_folder() / "audit")


def _private(folder: Path) -> Path:
    """The folder, made readable by its owner only: it can come to hold patients' data."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
