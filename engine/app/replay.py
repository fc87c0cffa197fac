"""A recorded session, shown again: the same ops byte for byte, poses with times that fit the moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from engine.app.blobs import BlobFolder
from engine.app.recording import Kind, Recorded, records_of
from engine.core.errors import InputRefused
from engine.stream.binary import records
from engine.stream.hub import Hub
from engine.stream.messages import EditRequest, Job, NumberedOp, Op, Scene
from engine.stream.pose import Pose
from engine.stream.reading import Reading
from engine.stream.scene_log import Entry, SceneLog
from engine.stream.server import Clock

_SCENE: TypeAdapter[Scene | None] = TypeAdapter(Scene | None)


@dataclass(frozen=True, slots=True)
class Began:
    """A START record: the run of a server that what follows belongs to."""

    epoch: str
    seq: int
    scene: Scene | None


def begun(record: Recorded) -> Began:
    """What a START record says."""
    content = json.loads(record.payload)
    return Began(content["epoch"], content["seq"], _SCENE.validate_python(content["scene"]))


def entry_of(record: Recorded) -> tuple[Entry, Op]:
    """The op of an OP record, with the very text that peers had."""
    text = record.payload.decode()
    numbered = NumberedOp.model_validate_json(text)
    return Entry(numbered.seq, text), numbered.op


def last_scene(path: Path, blobs: BlobFolder) -> tuple[Scene | None, frozenset[str]]:
    """The scene as it was when the recording ends, with its blobs put into `blobs`, and the hashes that the file holds.

    Raises:
        InputRefused: not a recording.
    """
    log = SceneLog("")
    held = set()
    for record in records_of(path):
        match record.kind:
            case Kind.START:
                log = log_of(begun(record))
            case Kind.OP:
                log.take(*entry_of(record))
            case Kind.BLOB:
                held.add(blobs.put(record.payload[32:]))
            case Kind.POSES:
                pass
    return log.scene, frozenset(held)


def log_of(start: Began) -> SceneLog:
    """A log that goes on where a run began."""
    return SceneLog(start.epoch, start.seq, start.scene)


class Replay:
    """Feeds a hub from a recording; answers what a server is asked (`engine.stream.server.Source`)."""

    def __init__(self, path: Path, folder: Path, hub: Hub, clock: Clock) -> None:
        """Brings the blobs out of the file at once: what is shown then need not wait.

        Raises:
            InputRefused: not a recording, or an empty one.
        """
        self._path = path
        self._hub = hub
        self._clock = clock
        self._blobs = BlobFolder(folder / "blobs")
        self.first_s, self.last_s = float("inf"), float("-inf")
        for record in records_of(path):
            self.first_s, self.last_s = min(self.first_s, record.time_s), max(self.last_s, record.time_s)
            if record.kind is Kind.BLOB:
                self._blobs.put(record.payload[32:])
        if self.first_s > self.last_s:
            raise InputRefused(f"{path.name} holds no session")

    async def play(self, speed: float) -> None:
        """Show everything from the first record to the last; `speed` 2 takes half the time."""
        began_s = self._clock()
        for record in records_of(self._path):
            due_s = began_s + (record.time_s - self.first_s) / speed
            if (wait_s := due_s - self._clock()) > 0:
                await asyncio.sleep(wait_s)
            self._show(record, due_s)

    def _show(self, record: Recorded, due_s: float) -> None:
        match record.kind:
            case Kind.START:
                self._hub.begin_anew(log_of(begun(record)))
            case Kind.OP:
                self._hub.repeat(*entry_of(record))
            case Kind.POSES:
                later_s = due_s - record.time_s  # as old as it was when it came, at the moment that it comes now
                for one in records(record.payload):
                    if isinstance(one, Pose):
                        self._hub.pose(replace(one, time_s=one.time_s + later_s))
                    elif isinstance(one, Reading):
                        self._hub.read(replace(one, time_s=one.time_s + later_s, since_s=one.since_s + later_s))
            case Kind.BLOB:
                pass

    # --- what a server asks --------------------------------------------------------------------

    def blob_path(self, sha256: str) -> Path | None:
        """The file of a blob of the recording."""
        return self._blobs.path(sha256)

    def jobs(self) -> tuple[Job, ...]:
        """None."""
        return ()

    def edit(self, _request: EditRequest, refuse: Callable[[str], None]) -> None:
        """Not here."""
        refuse("this is a recording: it can be watched, not corrected")
