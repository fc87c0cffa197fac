"""The application behind the server: library, uploads, jobs, blobs."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from engine.app.blobs import BlobFolder
from engine.app.editor_process import EditorRunner
from engine.app.fanout import Fanout, Home
from engine.app.jobs import RETRIES, JobRunner
from engine.app.library import StudyLibrary
from engine.app.local_workers import LocalWorkers
from engine.app.renewal import Renewals
from engine.app.uploads import Uploads
from engine.app.workers import Workers
from engine.segment.pipelines import PIPELINES
from engine.stream.binary import Blob
from engine.stream.hub import Hub
from engine.stream.messages import EditRequest, EditScene, Job, Library, OpenRequest, ReplaceScene, Scene, Study
from engine.stream.named_blobs import blobs_of

#: Edits between two looks at what blobs take: each leaves about a megabyte.
EDITS_A_SWEEP = 64

#: How long a hub that starts waits for the session of the others before it goes on without.
JOIN_WITHIN_S = 5.0


class Application:
    """One server's state; `start` it on the running event loop and `close` it at the end.

    `workers` do its jobs and end with it; a process of this machine where not given.
    """

    def __init__(self, library: StudyLibrary, folder: Path, hub: Hub, workers: Workers | None = None) -> None:
        self._library = library
        self._hub = hub
        self.blobs = BlobFolder(folder / "blobs")
        self._uploads = Uploads(folder / "uploads")
        self._choosing = asyncio.Lock()
        self._editor = EditorRunner(self.blobs.folder, self._publish_edit)
        self._fanout = hub if isinstance(hub, Fanout) else None
        self._edits = 0
        workers = workers or LocalWorkers(RETRIES)
        self._jobs = JobRunner(workers, self.blobs.folder, hub.progress, self._show)
        self._renewals = Renewals(workers, self.blobs.folder, lambda: hub.log.scene, hub.publish)

    def start(self) -> None:
        """Follow jobs; called on the event loop."""
        self._jobs.start()

    def library(self) -> Library:
        """Every study, and the pipelines that can segment it."""
        return Library(studies=self._library.messages(), pipelines=tuple(PIPELINES))

    def new_upload(self) -> str:
        """A new, empty study to drop files into."""
        return self._uploads.new()

    async def put_upload(self, upload: str, number: int, chunks: AsyncIterator[bytes]) -> None:
        """Store one dropped file."""
        await self._uploads.put(upload, number, chunks)

    async def finish_upload(self, upload: str) -> Study:
        """Sort the dropped files into series and list them as a study."""
        folder = self._uploads.folder(upload)
        name = f"Dropped at {datetime.datetime.now().astimezone():%H:%M}"
        shelf = await asyncio.to_thread(self._library.add, name, (folder,), dropped=True)
        return shelf.message()

    def remove_study(self, study: str) -> None:
        """Take a study off the list; what was dropped is deleted, folders of the user's stay as they are."""
        shelf = self._library.remove(study)
        for job in self._jobs.jobs():
            if job.study == study:
                self._jobs.cancel(job.id)
        if shelf.dropped:
            self._uploads.delete(shelf.paths[0])

    async def start_job(self, request: OpenRequest) -> Job:
        """Segment and show one series; takes the place of what is under way, which nobody waits for any more."""
        if self._fanout is not None:
            self._fanout.require()
        async with self._choosing:  # in the order asked: looking into a segmentation may take longer than the next
            work = await asyncio.to_thread(self._library.work, request)  # refuses here what no worker could open
            for earlier in self._jobs.jobs():
                self._jobs.cancel(earlier.id)
            self._renewals.give_way()
            return self._jobs.submit(work)

    def job(self, job: str) -> Job:
        """Where a job stands."""
        return self._jobs.job(job)

    def jobs(self) -> tuple[Job, ...]:
        """Jobs that have not ended."""
        return self._jobs.jobs()

    def cancel_job(self, job: str) -> Job:
        """Stop a job."""
        return self._jobs.cancel(job)

    def blob_path(self, sha256: str) -> Path | None:
        """The file of a blob."""
        return self.blobs.path(sha256)

    def edit(self, request: EditRequest, refuse: Callable[[str], None]) -> None:
        """Correct the segmentation of the scene that is open; everyone is told, or whoever asked is told why not."""
        if self._fanout is not None:
            self._fanout.route(request, refuse)
        else:
            self._editor.ask(request, self._hub.log.scene, refuse)

    def as_home(self, say: Callable[[str], None]) -> Home:
        """What this server does for a session of several; `say` tells whoever runs it how things stand."""
        return Home(self.blobs, self._editor.ask, self._editor.close, say)

    async def open_first(self, first: OpenRequest | None = None) -> None:
        """Show `first`, or the first study, at once, as `sightline serve PATH` promises; not over what is shown."""
        if self._fanout is not None and (not await self._fanout.joined(JOIN_WITHIN_S) or self._hub.log.scene):
            return
        if first is not None:
            await self.start_job(first)
            return
        for study in self._library.messages():
            if any(series.kind == "volume" for series in study.series):
                await self.start_job(OpenRequest(study=study.id))
                return

    def close(self) -> None:
        """End the workers and the editor."""
        self._editor.close()
        self._jobs.close()

    def _publish_edit(self, scene: str, edit: EditScene, blob: Blob) -> None:
        """An edit of a scene that another has replaced meanwhile has nobody to see it."""
        if self._hub.log.scene is not None and self._hub.log.scene.id == scene:
            self._hub.publish(edit, blob)
            self._renewals.edited(edit)
            self._edits += 1
            if self._edits % EDITS_A_SWEEP == 0:
                self._sweep(self._hub.log.scene)

    def _show(self, scene: Scene) -> None:
        self._hub.publish(ReplaceScene(scene=scene))
        self._renewals.forget()
        self._sweep(scene)

    def _sweep(self, scene: Scene) -> None:
        """Keep blobs to their budget."""
        self.blobs.evict(frozenset(blobs_of(scene)), time.time())
