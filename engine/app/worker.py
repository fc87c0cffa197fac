"""What runs inside the worker process: one series from files to a scene of blobs."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from typing import TYPE_CHECKING

from engine.app.garbage import look_rarely
from engine.core.errors import Cancelled

if TYPE_CHECKING:
    from ctypes import Array, c_byte

    from engine.ingest.study import SeriesInfo
    from engine.stream.messages import OpenRequest

#: Progress reports closer together than this are dropped.
REPORT_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Report:
    """Where a job stands."""

    job: str
    fraction: float
    stage: str


class _Worker:
    """This process's ends of the pipes to the server; set once by `initialise`."""

    reports: Queue[Report | None]
    cancelled: Array[c_byte]
    blob_folder: Path


def initialise(reports: Queue[Report | None], cancelled: Array[c_byte], blob_folder: Path) -> None:
    """Called once in each new worker process."""
    look_rarely()
    threading.Thread(target=end_with_the_server, name="server-watch", daemon=True).start()
    _Worker.reports, _Worker.cancelled, _Worker.blob_folder = reports, cancelled, blob_folder


def end_with_the_server() -> None:
    """A server that is killed by force cannot end its worker, which would wait for work for ever."""
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(1)


def warm_up() -> None:
    """Import what every job needs, which takes longer than a small job itself."""
    import engine.app.pipeline  # noqa: F401


@dataclass(frozen=True, slots=True)
class Work:
    """What to open: a request as it was resolved, the series it means, and the title of its scene."""

    request: OpenRequest
    scan: SeriesInfo
    labels: SeriesInfo | None
    title: str


def open_series(job: str, slot: int, work: Work) -> str:
    """Read, segment, mesh and pack one series; returns the scene as JSON.

    Raises:
        Cancelled: the server asked to stop.
        SightlineError: as reading and segmenting raise.
    """
    from engine.app.blobs import BlobFolder
    from engine.app.pipeline import Options, process_series
    from engine.app.publish import publish
    from engine.app.stopwatch import Stopwatch
    from engine.core.progress import part

    progress = _Reporter(job, slot)
    progress(0.0, "reading headers")
    options = Options(phase=work.request.phase, pipeline=work.request.pipeline, labels=work.labels)
    processed = process_series(work.scan, options, part(progress, 0.0, 0.9), Stopwatch())
    scene = publish(processed, BlobFolder(_Worker.blob_folder), work.title, part(progress, 0.9, 1.0))
    return scene.model_copy(update={"opened": work.request}).model_dump_json()


class _Reporter:
    """Progress that goes to the server, and the place where a job learns that it is cancelled."""

    def __init__(self, job: str, slot: int) -> None:
        self._job, self._slot = job, slot
        self._last_s = -REPORT_EVERY_S
        self._stage = ""

    def __call__(self, fraction: float, stage: str) -> None:
        if _Worker.cancelled[self._slot]:
            raise Cancelled("cancelled")
        now_s = time.monotonic()
        if stage != self._stage or now_s - self._last_s >= REPORT_EVERY_S:
            self._last_s, self._stage = now_s, stage
            _Worker.reports.put(Report(self._job, min(max(fraction, 0.0), 1.0), stage))
