"""Content-addressed files: what a worker makes and the server hands out by hash."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Collection
from pathlib import Path

from engine.core.errors import EnvironmentLacks

#: What blobs may take on the disk: a dozen chest CTs with their surfaces.
BUDGET_BYTES = 4 * 2**30

#: Blobs used since are kept whatever the budget: pages may still fetch them, and workers may be about to name them.
KEPT_S = 600.0

REMEDY = "Free some space on the machine that serves, then try again."

_HASH = re.compile(r"[0-9a-f]{64}")


class BlobFolder:
    """Immutable blobs in a private folder, one file each, named by SHA-256.

    A blob is written under a temporary name and renamed, so that a reader never sees half of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        """Store `data` and return its hash.

        Raises:
            EnvironmentLacks: it cannot be written; nothing is left of it.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.folder / sha256
        if not _use(path):
            partial = path.with_suffix(f".{secrets.token_hex(4)}.partial")
            try:
                partial.write_bytes(data)
                partial.rename(path)
            except OSError as error:
                partial.unlink(missing_ok=True)
                raise EnvironmentLacks(f"the server's disk takes no more ({error.strerror})", REMEDY) from error
        return sha256

    def path(self, sha256: str) -> Path | None:
        """The blob's file, or None when there is none of that hash."""
        if not _HASH.fullmatch(sha256):
            return None
        path = self.folder / sha256
        return path if _use(path) else None

    def evict(self, pinned: Collection[str], now_s: float, budget_bytes: int = BUDGET_BYTES) -> None:
        """Delete the blobs least recently used until the rest fits into `budget_bytes`.

        None of `pinned`, and none used in the last `KEPT_S`, whatever they take.

        Args:
            pinned: hashes.
            now_s: seconds since the epoch, as files are dated.
        """
        found = [(path.stat(), path) for path in self.folder.iterdir() if _HASH.fullmatch(path.name)]
        excess = sum(stat.st_size for stat, _ in found) - budget_bytes
        for stat, path in sorted(found, key=lambda one: one[0].st_mtime_ns):
            if excess <= 0:
                return
            if path.name not in pinned and now_s - path.stat().st_mtime > KEPT_S:
                path.unlink()
                excess -= stat.st_size


def _use(path: Path) -> bool:
    """Date a blob as used now; False where there is none."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True
