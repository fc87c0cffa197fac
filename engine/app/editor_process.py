"""The editor in a process of its own: requests in, one op each out. A server never waits for it.

What an edit leaves is in the blobs and in the scene, so an editor that dies is made again from them; only the history
of strokes, by which they could be taken back, goes with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import imagecodecs
import numpy as np

from engine.app.blobs import BlobFolder
from engine.app.child_process import end_with_the_server, start_child
from engine.app.editor import Edit, Editor
from engine.app.event_loop import call_on
from engine.app.scene_labels import label_map_of, samples_of, volume_node, wire_sample
from engine.core.errors import EnvironmentLacks, SightlineError
from engine.segment.interactive import Stroke, Tool
from engine.stream.binary import Blob
from engine.stream.messages import (
    EditRequest,
    EditScene,
    LabelBox,
    PatchedSurface,
    PrepareRequest,
    RoleName,
    Scene,
    StrokeRequest,
    SurfaceNode,
    SurfacePatch,
    VolumeNode,
)

#: Requests that may wait; a hand that is this far ahead of what it sees draws blindly.
MOST_WAITING = 32

#: What a stroke leaves to do is done once whoever sees it has drawn it, not while they are about to.
SETTLE_AFTER_S = 0.05

Refuse = Callable[[str], None]


@dataclass(slots=True)
class _Running:
    """One process with its end of the pipe, and who waits for it."""

    scene: str
    process: BaseProcess
    pipe: Connection
    waiting: dict[str, Refuse] = field(default_factory=dict)


class EditorRunner:
    """Starts, feeds and restarts the editor of the scene that is open. All methods run on the event loop's thread."""

    def __init__(self, blob_folder: Path, on_edit: Callable[[str, EditScene, Blob], None]) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._blob_folder = blob_folder
        self._on_edit = on_edit
        self._running: _Running | None = None

    def ask(self, request: EditRequest, scene: Scene | None, refuse: Refuse) -> None:
        """Hand a request to the editor of `scene`, which is started where it does not run yet."""
        if scene is None or request.scene != scene.id:
            refuse("another scene is open by now")
            return
        if volume_node(scene) is None:
            refuse("this scene has no voxels to correct")
            return
        running = self._of(scene)
        if len(running.waiting) >= MOST_WAITING:
            refuse("corrections come faster than they can be made; wait a moment")
            return
        running.waiting[request.request] = refuse
        try:
            running.pipe.send(request)
        except OSError:
            self._died(running)

    def close(self) -> None:
        """End the editor."""
        running, self._running = self._running, None
        if running is not None:
            running.process.terminate()
            running.process.join(timeout=5)
            running.pipe.close()

    def _of(self, scene: Scene) -> _Running:
        if self._running is not None and self._running.scene == scene.id and self._running.process.is_alive():
            return self._running
        self.close()
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_edit, args=(theirs, self._blob_folder, scene), daemon=True)
        start_child(process)
        theirs.close()
        running = _Running(scene.id, process, ours)
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(running, loop), name="editor", daemon=True).start()
        self._running = running
        return running

    def _listen(self, running: _Running, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            try:
                answer: _Answer = running.pipe.recv()
            except (EOFError, OSError):
                call_on(loop, self._died, running)
                return
            call_on(loop, self._take, running, answer)

    def _take(self, running: _Running, answer: _Answer) -> None:
        refuse = running.waiting.pop(answer.request, None)
        if answer.made is not None:
            self._on_edit(running.scene, *answer.made)
        elif answer.refusal and refuse is not None:
            refuse(answer.refusal)

    def _died(self, running: _Running) -> None:
        if self._running is running:
            self._running = None
        for refuse in running.waiting.values():
            refuse("the editor ended; what you see is what is there, but earlier strokes cannot be taken back any more")
        running.waiting.clear()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of a request: an op, a refusal, or nothing to change."""

    request: str
    made: tuple[EditScene, Blob] | None = None
    refusal: str = ""


def _edit(pipe: Connection, blob_folder: Path, scene: Scene) -> None:
    """The process: answers requests until the other end is closed."""
    threading.Thread(target=end_with_the_server, daemon=True).start()
    desk: EditDesk | None = None
    with contextlib.suppress(EOFError):
        while True:
            if desk is not None and not pipe.poll(SETTLE_AFTER_S):
                desk.settle()
            request: EditRequest = pipe.recv()
            try:
                desk = desk or EditDesk(scene, blob_folder)
                made = desk.answer(request)
            except EnvironmentLacks as error:
                # Labels here are ahead of what anybody was told: the next editor is made from what was.
                pipe.send(_Answer(request.request, refusal=f"nothing was corrected: {error}"))
                return
            except SightlineError as error:
                pipe.send(_Answer(request.request, refusal=str(error)))
            else:
                pipe.send(_Answer(request.request, made))


class EditDesk:
    """The editor with what turns requests into strokes, and edits into ops."""

    def __init__(self, scene: Scene, blob_folder: Path) -> None:
        volume = volume_node(scene)
        assert volume is not None  # asked before the process was started
        self._volume: VolumeNode = volume
        self._blobs = BlobFolder(blob_folder)
        self._editor = Editor(label_map_of(scene, volume, blob_folder), samples_of(volume, blob_folder))
        surfaces = [node for node in scene.nodes if isinstance(node, SurfaceNode)]
        self._node_of = {node.structure.key: node.id for node in surfaces}
        self._voxels = self._editor.voxels

    def answer(self, request: EditRequest) -> tuple[EditScene, Blob] | None:
        """What `request` changes, with the blob that says how; None where it changes nothing."""
        if isinstance(request, PrepareRequest):
            return None
        if isinstance(request, StrokeRequest):
            edit = self._editor.stroke(self._stroke(request), request.movement or "")
        elif request.direction == "undo":
            edit = self._editor.undo()
        else:
            edit = self._editor.redo()
        return None if edit is None else self._op(edit, request.by)

    def settle(self) -> None:
        """Do what the latest answer left to do, while nobody waits for it."""
        self._editor.settle()

    def _stroke(self, request: StrokeRequest) -> Stroke:
        label = self._editor.label_of(request.key)
        tool = Tool(request.tool)
        values = request.values or (-np.inf, np.inf)
        return Stroke(
            tool,
            label,
            np.array(request.points_mm),
            0.0 if tool is Tool.THRESHOLD else request.radius_mm,
            under=self._editor.under(label) if tool is Tool.ERASER else 0,
            over=frozenset(self._editor.label_of(key) for key in request.over),
            sample_range=(wire_sample(self._volume, values[0]), wire_sample(self._volume, values[1])),
        )

    def _op(self, edit: Edit, by: RoleName | None) -> tuple[EditScene, Blob]:
        labels = bytes(imagecodecs.zstd_encode(np.ascontiguousarray(edit.labels.T).tobytes(), level=1))
        data = bytearray(labels)
        places = []
        for patch in edit.patches:
            places.append((patch, len(data)))
            data += patch.glb
        blob = Blob(self._blobs.put(packed := bytes(data)), packed)
        patches: dict[str, list[SurfacePatch]] = {}
        for patch, start in places:
            made = SurfacePatch(
                blocks=tuple(map(tuple, patch.blocks.tolist())),
                counts=tuple(patch.counts.tolist()),
                blob=blob.sha256,
                start=start,
                bytes=len(patch.glb),
                triangles=int(patch.counts.sum()),
            )
            patches.setdefault(patch.key, []).append(made)
        voxel_ml = self._editor.grid.voxel_volume_mm3 / 1000
        told = [key for key in edit.voxels if key in patches or edit.voxels[key] != self._voxels[key]]
        self._voxels = edit.voxels
        surfaces = tuple(
            PatchedSurface(
                id=self._node_of[key], volume_ml=edit.voxels[key] * voxel_ml, patches=tuple(patches.get(key, ()))
            )
            for key in told
        )
        op = EditScene(
            labels=LabelBox(low=edit.low, shape=_shape(edit), blob=blob.sha256, start=0, bytes=len(labels)),
            surfaces=surfaces,
            by=by,
            undo_count=edit.undo_count,
            redo_count=edit.redo_count,
        )
        return op, blob


def _shape(edit: Edit) -> tuple[int, int, int]:
    ni, nj, nk = edit.labels.shape
    return int(ni), int(nj), int(nk)
