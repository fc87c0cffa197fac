"""The bytes of a file, decompressed as they are asked for and never further.

Nothing here trusts a size stated in a file: a caller allocates what its header claims only after
`check_claim`, and `Content` fills that buffer and no more, so that a bomb costs no memory.

igzip (ISA-L) inflates 144 MB of CT in 0.58 s where zlib takes 1.20 s, and deflates a 72 Mvoxel
label map in 0.14 s where libdeflate's level 1 takes 0.31 s (one core).
"""

from __future__ import annotations

import bz2
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol

import numpy as np
from isal import igzip_lib, isal_zlib
from numpy.typing import NDArray

from engine.core.errors import FileProblem, InputRefused
from engine.core.progress import Progress, silent
from engine.ingest.study import MAX_INFLATION

GZIP_MAGIC = b"\x1f\x8b"
_READ_BYTES = 1 << 20
_MOST_DRAINED = 1 << 32  # about ten seconds; the later phases of a long 4-D file fit
_STEP_BYTES = 1 << 22  # between two calls of `progress`: well under a second of inflating


class _Decompressor(Protocol):
    """What bz2 and igzip decompressors share."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
    "zlib": lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB),
    "bzip2": bz2.BZ2Decompressor,
}
_DAMAGED: Any = (OSError, EOFError, ValueError, igzip_lib.IsalError)
_MEMBER_MAGIC = {
    "gzip": GZIP_MAGIC,
    "bzip2": b"BZh",
    "zlib": b"\xff\xff\xff\xff",
}  # zlib streams never follow each other


def refused(path: Path, reason: str) -> InputRefused:
    """The refusal of one file. Its name stands in the problem alone: summaries travel further than lists."""
    return InputRefused(f"a file cannot be read: {reason}", [FileProblem(path, reason)])


def beside(path: Path, name: str) -> Path:
    """The detached data file that the header `path` names: in the same folder or below, nowhere else.

    Raises:
        InputRefused: it would lie elsewhere, or is not there.
    """
    folder = path.resolve().parent
    try:
        found = (folder / name).resolve()
        if found.is_relative_to(folder) and found.is_file():
            return path.parent / name
    except (OSError, ValueError):  # NUL or overlong names
        pass
    raise refused(path, "its data file is not in the same folder")


def check_claim(path: Path, claimed_bytes: int, *, compressed: bool, offset: int = 0) -> None:
    """Refuse, before anything is allocated, what the file cannot hold.

    Args:
        path: the file that holds the samples.
        claimed_bytes: what its header says that they take, all phases.
        compressed: whether they are deflated or otherwise packed.
        offset: where they start, for an uncompressed file.

    Raises:
        InputRefused: it claims more than the file can hold.
    """
    size = path.stat().st_size
    if compressed and claimed_bytes > size * MAX_INFLATION:
        raise refused(path, f"the header claims {claimed_bytes} bytes, more than {size} compressed bytes can hold")
    if not compressed and claimed_bytes + offset > size:
        raise refused(path, f"truncated: {claimed_bytes} bytes of samples stated, {max(size - offset, 0)} there")


class Content:
    """A file from byte `start` on, decompressed. Use as a context manager.

    Args:
        path: the file.
        start: byte where the stream begins.
        encoding: "raw", "gzip", "zlib" or "bzip2"; None looks at the first bytes and takes raw or gzip.
    """

    def __init__(self, path: Path, start: int = 0, encoding: str | None = None) -> None:
        self.path = path
        self._file: BinaryIO = path.open("rb")
        self._file.seek(start)
        if encoding is None:
            encoding = "gzip" if self._file.read(2) == GZIP_MAGIC else "raw"
            self._file.seek(start)
        self.encoding = encoding
        self._pending = b""  # compressed bytes that a finished member left over
        self._decompressor: _Decompressor | None = None
        self.trailing = False  # whether bytes that are not part of the stream follow it

    def __enter__(self) -> Content:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, count: int) -> bytes:
        """At most `count` bytes; fewer only at the end."""
        pieces = []
        while count > 0 and (piece := self._some(count)):
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def skip(self, count: int) -> None:
        """Pass over `count` bytes.

        Raises:
            InputRefused: the stream ends before.
        """
        if self.encoding == "raw":
            self._file.seek(count, 1)
            return
        while count > 0:
            piece = self._some(min(count, _STEP_BYTES))
            if not piece:
                raise refused(self.path, "truncated: the compressed data end early")
            count -= len(piece)

    def fill(self, buffer: NDArray[np.uint8], progress: Progress = silent, stage: str = "reading") -> None:
        """Fill a one-dimensional `buffer`.

        Raises:
            InputRefused: the stream ends before, or is damaged.
        """
        view, done = buffer.data, 0
        while done < len(view):
            if self.encoding == "raw":
                got = self._file.readinto(view[done : done + _STEP_BYTES])  # type: ignore[attr-defined] # BufferedReader
            else:
                piece = self._some(min(len(view) - done, _STEP_BYTES))
                got = len(piece)
                view[done : done + got] = piece
            if not got:
                raise refused(self.path, f"truncated: {done} of {len(view)} bytes of samples are there")
            done += got
            progress(done / len(view), stage)

    def drain(self) -> int:
        """Bytes that were left; packed ones are unpacked and dropped, which verifies their checksum.

        A damaged stream can unpack to the right length and beyond it: only its end tells.

        Raises:
            InputRefused: damaged, or so much is left that it can only be a bomb.
        """
        if self.encoding == "raw":
            return self.path.stat().st_size - self._file.tell()
        left = 0
        while piece := self._some(_STEP_BYTES):
            left += len(piece)
            if left > _MOST_DRAINED:
                raise refused(self.path, f"unpacks to over {left} bytes more than its header says")
        return left

    def _some(self, limit: int) -> bytes:
        """Between one and `limit` decompressed bytes; none at the end."""
        if self.encoding == "raw":
            return self._file.read(limit)
        while True:
            source = self._decompressor
            if source is None or source.eof:
                if not self._next_member(b"" if source is None else source.unused_data):
                    return b""
                continue
            data = b""
            if source.needs_input:
                data, self._pending = self._pending or self._file.read(_READ_BYTES), b""
                if not data:
                    raise refused(self.path, "truncated: the compressed data end early")
            try:
                piece = source.decompress(data, limit)
            except _DAMAGED as error:
                raise refused(self.path, "damaged: the compressed data cannot be decoded") from error
            if piece:
                return piece

    def _next_member(self, left_over: bytes) -> bool:
        """Start the first or next member of the stream; False at its end."""
        first = self._decompressor is None
        self._pending = left_over or self._file.read(_READ_BYTES)
        if not self._pending:
            return False
        if not first and not self._pending.startswith(_MEMBER_MAGIC[self.encoding]):
            self.trailing = True
            return False
        self._decompressor = _DECOMPRESSORS[self.encoding]()
        return True


def gunzipped_head(head: bytes) -> bytes:
    """What the first bytes of a gzip file decompress to, as far as they go; other bytes as they are."""
    if not head.startswith(GZIP_MAGIC):
        return head
    try:
        return bytes(_DECOMPRESSORS["gzip"]().decompress(head, 4096))
    except _DAMAGED:
        return b""


#: Input bytes deflated as one piece. Fixed, so that the same bytes come out whatever the cores.
_PIECE_BYTES = 4 << 20
_GZIP_HEADER = GZIP_MAGIC + b"\x08\x00" + bytes(4) + b"\x00\xff"  # RFC 1952: no name, no time, unknown system


def gzip_pieces(head: bytes, data: memoryview, *, threads: int) -> Iterator[bytes]:
    """`head` and `data` as one gzip member, deflated piece by piece on `threads` threads.

    Pieces end in a sync flush and are joined into a single member, as pigz does: some readers
    (browsers' DecompressionStream among them) stop at the end of the first member.
    """
    starts = range(0, len(data), _PIECE_BYTES)

    def deflate(start: int) -> bytes:
        return _deflated(data[start : start + _PIECE_BYTES], isal_zlib.Z_SYNC_FLUSH)

    yield _GZIP_HEADER + _deflated(head, isal_zlib.Z_SYNC_FLUSH)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        yield from pool.map(deflate, starts)
    checksum = isal_zlib.crc32(data, isal_zlib.crc32(head))
    yield _deflated(b"", isal_zlib.Z_FINISH) + struct.pack("<II", checksum, (len(head) + len(data)) & 0xFFFFFFFF)


def _deflated(piece: bytes | memoryview, flush: int) -> bytes:
    deflater = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
    packed: bytes = deflater.compress(piece) + deflater.flush(flush)
    return packed
