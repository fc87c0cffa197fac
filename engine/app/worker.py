"""What the hub has its workers do: one series from files to a scene of blobs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import EnvironmentLacks
from engine.core.progress import Progress, part

if TYPE_CHECKING:
    from engine.ingest.study import SeriesInfo
    from engine.stream.messages import OpenRequest


@dataclass(frozen=True, slots=True)
class Work:
    """What to open: a request as it was resolved, the series it means, and the title of its scene."""

    request: OpenRequest
    scan: SeriesInfo
    labels: SeriesInfo | None
    title: str


@dataclass(frozen=True, slots=True)
class OpenSeries:
    """The task that reads, segments, meshes and packs one series into `blob_folder`; its value is a scene as JSON."""

    work: Work
    blob_folder: Path

    def __call__(self, progress: Progress) -> str:
        """Do it.

        Raises:
            Cancelled: the server asked to stop.
            EnvironmentLacks: this worker does not share the server's folder.
            SightlineError: as reading and segmenting raise.
        """
        from engine.app.blobs import BlobFolder
        from engine.app.pipeline import Options, process_series
        from engine.app.publish import publish
        from engine.app.stopwatch import Stopwatch

        if not self.blob_folder.is_dir():
            remedy = "Start the server with TMPDIR on a path that every machine of the cluster shares."
            raise EnvironmentLacks("a worker cannot see the server's folder", remedy)
        progress(0.0, "reading headers")
        request = self.work.request
        options = Options(phase=request.phase, pipeline=request.pipeline, labels=self.work.labels)
        processed = process_series(self.work.scan, options, part(progress, 0.0, 0.9), Stopwatch())
        scene = publish(processed, BlobFolder(self.blob_folder), self.work.title, part(progress, 0.9, 1.0))
        return scene.model_copy(update={"opened": request}).model_dump_json()
