"""Writes a session down while it runs, behind a thread of its own: the hub never waits for the disk.

Every op, pose and blob in the order in which peers are told. Blobs go before the op that needs them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path

from engine.app.recording import Kind, RecordingFile, start_payload
from engine.stream.binary import encode
from engine.stream.messages import Op, Scene
from engine.stream.named_blobs import blobs_of
from engine.stream.pose import Pose
from engine.stream.reading import Reading
from engine.stream.scene_log import Entry, SceneLog

#: Between two waits for the disk: what a power cut can cost.
SYNC_EVERY_S = 1.0
#: Records that may wait for the disk; a disk that falls further behind has failed.
MOST_WAITING = 100_000

BlobPath = Callable[[str], Path | None]
Clock = Callable[[], float]
#: Kind, time, payload, and the message whose blobs go before it.
_Item = tuple[Kind, float, bytes, Scene | Op | None]


class Recorder:
    """Listens to a hub (`on_entry`, `on_pose`, `on_reading`, `on_anew`) and writes a `RecordingFile`."""

    def __init__(
        self,
        file: RecordingFile,
        blob_path: BlobPath,
        clock: Clock,
        failed: Callable[[str], None],
        held: frozenset[str],
    ) -> None:
        """
        Args:
            failed: told once, from the writing thread, why nothing more is recorded.
            held: hashes of blobs that the file has already.
        """
        self._file = file
        self._blob_path = blob_path
        self._clock = clock
        self._failed = failed
        self._held = set(held)
        self._items: queue.Queue[_Item | None] = queue.Queue(MOST_WAITING)
        self._has_failed = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def start(self, log: SceneLog) -> None:
        """A run begins: ops that follow go on from what `log` has, and are numbered under its epoch."""
        self._put((Kind.START, self._clock(), start_payload(log.epoch, log.seq, log.scene), log.scene))

    def hear_entry(self, entry: Entry, op: Op) -> None:
        """One op, as peers have it."""
        self._put((Kind.OP, self._clock(), entry.text.encode(), op))

    def hear_pose(self, pose: Pose) -> None:
        """One pose."""
        self._put((Kind.POSES, self._clock(), encode(pose), None))

    def hear_reading(self, reading: Reading) -> None:
        """One reading of guidance."""
        self._put((Kind.POSES, self._clock(), encode(reading), None))

    def close(self) -> None:
        """Write what waits, and end."""
        self._items.put(None)
        self._thread.join()

    def _put(self, item: _Item) -> None:
        if self._has_failed:
            return
        try:
            self._items.put_nowait(item)
        except queue.Full:
            self._fail("the disk is too slow for the recording")

    def _run(self) -> None:
        synced_s = self._clock()
        while (item := self._items.get()) is not None:
            if self._has_failed:
                continue
            try:
                self._write(*item)
                if self._clock() - synced_s >= SYNC_EVERY_S:
                    self._file.sync()
                    synced_s = self._clock()
            except OSError as error:
                self._fail(f"the recording cannot be written ({error.strerror})")

    def _write(self, kind: Kind, time_s: float, payload: bytes, message: Scene | Op | None) -> None:
        for sha256 in blobs_of(message):
            path = self._blob_path(sha256) if sha256 not in self._held else None
            if path is not None:
                self._file.append(Kind.BLOB, time_s, bytes.fromhex(sha256) + path.read_bytes())
                self._held.add(sha256)
        self._file.append(kind, time_s, payload)

    def _fail(self, reason: str) -> None:
        if not self._has_failed:
            self._has_failed = True
            self._failed(reason)
