"""Files dropped on the page: streamed to a private folder, numbered, never named.

Names can hold patients' data and never travel; formats are told by content.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from engine.core.errors import InputRefused
from engine.stream.server import NotFound

#: A whole-body CT of thin slices is under 4 GiB; a study with priors fits in this.
MAX_UPLOAD_BYTES = 32 * 2**30
MAX_UPLOAD_FILES = 20_000
#: Left free on the disk, so that an upload never fills the machine.
MIN_FREE_BYTES = 2 * 2**30


class Uploads:
    """Uploads in progress and finished, each its own folder under `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes: dict[str, int] = {}

    def new(self) -> str:
        """A new, empty upload."""
        upload = secrets.token_urlsafe(12)
        self._path(upload).mkdir(mode=0o700, parents=True)
        self._bytes[upload] = 0
        return upload

    async def put(self, upload: str, number: int, chunks: AsyncIterator[bytes]) -> None:
        """Store file `number`.

        Raises:
            NotFound: no such upload.
            InputRefused: too many files, too many bytes, or no room on the disk.
        """
        folder = self.folder(upload)
        if not 0 <= number < MAX_UPLOAD_FILES:
            raise InputRefused(f"an upload holds at most {MAX_UPLOAD_FILES} files")
        partial = folder / f"{number:06d}.partial"
        try:
            with partial.open("wb") as file:
                async for chunk in chunks:
                    self._account(upload, len(chunk))
                    file.write(chunk)
            partial.rename(folder / f"{number:06d}")
        finally:
            partial.unlink(missing_ok=True)

    def folder(self, upload: str) -> Path:
        """The folder of an upload.

        Raises:
            NotFound: no such upload.
        """
        if upload not in self._bytes:
            raise NotFound("no such upload; drop the folder again")
        return self._path(upload)

    def delete(self, folder: Path) -> None:
        """Delete the files of a finished upload."""
        self._bytes.pop(folder.name, None)
        shutil.rmtree(self._path(folder.name), ignore_errors=True)

    def _account(self, upload: str, count: int) -> None:
        self._bytes[upload] += count
        if self._bytes[upload] > MAX_UPLOAD_BYTES:
            raise InputRefused(f"an upload holds at most {MAX_UPLOAD_BYTES // 2**30} GiB")
        if shutil.disk_usage(self._folder).free < MIN_FREE_BYTES:
            raise InputRefused("the disk of the server is nearly full; free some space and drop the folder again")

    def _path(self, upload: str) -> Path:
        return self._folder / upload
