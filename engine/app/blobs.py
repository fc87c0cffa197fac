"""Content-addressed files: what a worker makes and the server hands out by hash."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

_HASH = re.compile(r"[0-9a-f]{64}")


class BlobFolder:
    """Immutable blobs in a private folder, one file each, named by SHA-256.

    A blob is written under a temporary name and renamed, so that a reader never sees half of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        """Store `data` and return its hash."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.folder / sha256
        if not path.exists():
            partial = path.with_suffix(".partial")
            partial.write_bytes(data)
            partial.rename(path)
        return sha256

    def path(self, sha256: str) -> Path | None:
        """The blob's file, or None when there is none of that hash."""
        if not _HASH.fullmatch(sha256):
            return None
        path = self.folder / sha256
        return path if path.is_file() else None
