"""Bytes to an unbuffered file, to the last."""

from __future__ import annotations

from typing import BinaryIO


def write_whole(file: BinaryIO, data: bytes) -> None:
    """Write all of `data`: a disk that fills up takes some of it, and refuses the rest.

    Raises:
        OSError: not all of it could be written; some of it may have been.
    """
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
