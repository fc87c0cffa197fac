"""Whole surfaces again, once hands rest: what corrections brought piece by piece becomes one, and context follows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.app.event_loop import call_on
from engine.app.workers import Handle, Workers
from engine.core.errors import Cancelled, SightlineError
from engine.core.progress import Progress, part
from engine.stream.messages import EditScene, RenewedSurface, RenewScene, Scene, SurfaceNode, VolumeNode

#: Nobody corrects for so long: the moment for what takes seconds.
REST_S = 1.5
#: Or so many edits wait: patches are searched by whoever draws them, and by the hub.
MOST_EDITS = 64


@dataclass(frozen=True, slots=True)
class RenewSurfaces:
    """The task that makes whole surfaces of the nodes `ids` of a scene, with its edits; its value is an op as JSON."""

    scene: Scene
    ids: frozenset[str]
    blob_folder: Path

    def __call__(self, progress: Progress) -> str:
        """Do it.

        Raises:
            Cancelled: the server asked to stop.
        """
        from engine.app.blobs import BlobFolder
        from engine.app.pipeline import build_surfaces
        from engine.app.publish import pack_lods, pack_slabs
        from engine.app.scene_labels import label_map_of, volume_node
        from engine.app.stopwatch import Stopwatch

        scene = self.scene
        volume = volume_node(scene)
        assert volume is not None  # there were edits
        label_map = label_map_of(scene, volume, self.blob_folder)
        blobs = BlobFolder(self.blob_folder)
        nodes = [node for node in scene.nodes if isinstance(node, SurfaceNode) and node.id in self.ids]
        keys = {node.structure.key for node in nodes}
        chosen = tuple(structure for structure in label_map.structures if structure.key in keys)
        surfaces = build_surfaces(replace(label_map, structures=chosen), part(progress, 0.0, 0.9), Stopwatch())
        made = {surface.structure.key: surface for surface in surfaces}
        matrix = np.reshape(scene.headset_from_patient, (4, 4))
        renewed = []
        with ThreadPoolExecutor(2) as pool:
            for node in nodes:
                surface = made.get(node.structure.key)
                renewed.append(
                    RenewedSurface(id=node.id, lods=(), surface_area_mm2=0.0, closed=True)  # nothing is left of it
                    if surface is None
                    else RenewedSurface(
                        id=node.id,
                        lods=pack_lods(surface, matrix, blobs, pool),
                        surface_area_mm2=surface.surface_area_mm2,
                        closed=surface.closed,
                    )
                )
        slabs = pack_slabs(np.ascontiguousarray(np.asarray(label_map.labels).T), blobs)
        op = RenewScene(surfaces=tuple(renewed), label_slabs=slabs, edits=tuple(sorted(_edits_of(scene, volume))))
        return op.model_dump_json()


def _edits_of(scene: Scene, volume: VolumeNode) -> set[str]:
    surfaces = (node for node in scene.nodes if isinstance(node, SurfaceNode))
    return {box.blob for box in volume.label_boxes} | {patch.blob for node in surfaces for patch in node.patches}


class Renewals:
    """Sees to it that a scene which was corrected is made whole again. All methods run on the event loop's thread."""

    def __init__(
        self,
        workers: Workers,
        blob_folder: Path,
        current: Callable[[], Scene | None],
        on_made: Callable[[RenewScene], None],
    ) -> None:
        """Make surfaces of the `current` scene; `on_made` is told of those of the scene that still is it."""
        self._workers = workers
        self._blob_folder = blob_folder
        self._current = current
        self._on_made = on_made
        self._changed: set[str] = set()
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._running: Handle[str] | None = None

    def edited(self, edit: EditScene) -> None:
        """An edit was shown."""
        self._changed |= {surface.id for surface in edit.surfaces}
        self._waiting += 1
        self._rest()

    def give_way(self) -> None:
        """Something matters more: what runs is given up, and made up for at the next rest."""
        if self._running is not None:
            self._running.cancel()

    def forget(self) -> None:
        """Another scene took the place of the one that was corrected."""
        self._changed.clear()
        self._waiting = 0
        self.give_way()

    def _rest(self) -> None:
        """Begin once nothing more has come for a while; at once where much waits."""
        if self._timer is not None:
            self._timer.cancel()
        if self._running is None and self._waiting > 0:
            wait_s = 0.0 if self._waiting >= MOST_EDITS else REST_S
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._start)

    def _start(self) -> None:
        scene, loop = self._current(), asyncio.get_running_loop()
        if scene is None:
            return
        changed, self._changed, self._waiting = frozenset(self._changed), set(), 0
        handle = self._workers.submit(RenewSurfaces(scene, changed, self._blob_folder))
        self._running = handle

        def done(future: Future[str]) -> None:
            call_on(loop, self._finish, scene.id, changed, future)

        handle.future.add_done_callback(done)

    def _finish(self, scene: str, changed: frozenset[str], future: Future[str]) -> None:
        self._running = None
        now = self._current()
        if now is None or now.id != scene:
            return
        try:
            op = RenewScene.model_validate_json(future.result())
        except (CancelledError, Cancelled):
            self._changed |= changed
            self._waiting += 1
        except (SightlineError, OSError):
            self._changed |= changed  # patches stay what they are until the next edit
        else:
            self._on_made(op)
        self._rest()
