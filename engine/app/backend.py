"""The application behind the server: library, uploads, jobs, blobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from engine.app.blobs import BlobFolder
from engine.app.jobs import JobRunner
from engine.app.library import StudyLibrary
from engine.app.uploads import Uploads
from engine.segment.pipelines import PIPELINES
from engine.stream.messages import Job, Library, OpenRequest, ReplaceScene, Scene, Study
from engine.stream.server import Broadcast


class Application:
    """One server's state; `start` it on the running event loop and `close` it at the end."""

    def __init__(self, library: StudyLibrary, folder: Path, broadcast: Broadcast) -> None:
        self._library = library
        self._broadcast = broadcast
        self._blobs = BlobFolder(folder / "blobs")
        self._uploads = Uploads(folder / "uploads")
        self._jobs = JobRunner(self._blobs.folder, broadcast.progress, self._show)

    def start(self) -> None:
        """Start the worker; called on the event loop."""
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
        shelf = await asyncio.to_thread(self._library.add, "Dropped study", (folder,))
        return shelf.message()

    def start_job(self, request: OpenRequest) -> Job:
        """Segment and show one series; takes the place of what is under way, which nobody waits for any more."""
        shelf = self._library.get(request.study)
        shelf.inventory.choose(request.series)  # refuse here what no worker could open
        for earlier in self._jobs.jobs():
            self._jobs.cancel(earlier.id)
        return self._jobs.submit(request, shelf)

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
        return self._blobs.path(sha256)

    def open_first(self) -> None:
        """Show the first study at once, as `sightline serve PATH` promises."""
        for study in self._library.messages():
            if any(series.kind == "volume" for series in study.series):
                self.start_job(OpenRequest(study=study.id))
                return

    def close(self) -> None:
        """End the worker."""
        self._jobs.close()

    def _show(self, scene: Scene) -> None:
        self._broadcast.publish(ReplaceScene(scene=scene))
