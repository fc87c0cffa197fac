"""Long work in a process of its own, so that the server never waits for it.

One worker process runs one job at a time; progress comes back through a queue, results are blobs
on disk and a scene. A worker that dies fails its job with a reason; the next job gets a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path

from engine.app import worker
from engine.core.errors import Cancelled
from engine.stream.messages import Failure, Job, Scene
from engine.stream.server import NotFound, failure_of

#: Finished jobs kept for clients that ask late.
KEPT_JOBS = 32

#: What a shorter wait promises of the rest is untrue: stages differ in length from scan to scan.
ETA_AFTER_S = 3.0

#: Flags for jobs that may be cancelled; far more than can wait at once.
CANCEL_SLOTS = 1024


@dataclass(slots=True)
class _Running:
    """A job, its cancel flag, what it will become, and when it began."""

    job: Job
    slot: int
    future: Future[str]
    started_s: float


class JobRunner:
    """Submits, follows and cancels jobs. All methods run on the event loop's thread."""

    def __init__(
        self, blob_folder: Path, on_progress: Callable[[Job], None], on_scene: Callable[[Scene], None]
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._queue: Queue[worker.Report | None] = self._context.Queue()
        #: One flag a job, by slot: a flag for all would be cleared by the next job, or stop the wrong one.
        self._cancelled = self._context.RawArray("b", CANCEL_SLOTS)
        self._submitted = itertools.count()
        self._blob_folder = blob_folder
        self._on_progress = on_progress
        self._on_scene = on_scene
        self._jobs: dict[str, _Running] = {}
        self._pool = self._new_pool()
        self._listener = threading.Thread(target=self._listen, name="job-progress", daemon=True)
        self._loop: asyncio.AbstractEventLoop

    def start(self) -> None:
        """Listen on the running loop, and start the worker so that the first job need not wait for imports."""
        self._loop = asyncio.get_running_loop()
        self._listener.start()
        self._pool.submit(worker.warm_up)

    def submit(self, work: worker.Work) -> Job:
        """Queue the opening of one series."""
        job = Job(
            id=secrets.token_urlsafe(8),
            state="queued",
            stage="waiting",
            fraction=0.0,
            eta_s=None,
            study=work.request.study,
            series=work.request.series,
        )
        slot = next(self._submitted) % CANCEL_SLOTS
        self._cancelled[slot] = 0
        future = self._submit(job.id, slot, work)
        self._jobs[job.id] = _Running(job, slot, future, time.monotonic())
        future.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._finish, job.id, done))
        self._forget_old()
        self._on_progress(job)
        return job

    def job(self, job: str) -> Job:
        """Where a job stands.

        Raises:
            NotFound: no such job.
        """
        if job not in self._jobs:
            raise NotFound("no such job")
        return self._jobs[job].job

    def jobs(self) -> tuple[Job, ...]:
        """Jobs that have not ended."""
        return tuple(r.job for r in self._jobs.values() if r.job.state in ("queued", "running"))

    def cancel(self, job: str) -> Job:
        """Stop a job; one that the worker has taken stops at its next progress report, and never shows a scene."""
        running = self._jobs.get(job)
        if running is None:
            raise NotFound("no such job")
        # A future that runs may still wait inside the pool, so its state says nothing about the job's.
        if not running.future.cancel():
            self._cancelled[running.slot] = 1
        return running.job

    def close(self) -> None:
        """Stop everything and end the worker."""
        for slot in range(CANCEL_SLOTS):
            self._cancelled[slot] = 1
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._queue.put(None)
        self._listener.join(timeout=5)

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=1,
            mp_context=self._context,
            initializer=worker.initialise,
            initargs=(self._queue, self._cancelled, self._blob_folder),
        )

    def _submit(self, job: str, slot: int, work: worker.Work) -> Future[str]:
        try:
            return self._pool.submit(worker.open_series, job, slot, work)
        except BrokenProcessPool:
            self._pool = self._new_pool()
            return self._pool.submit(worker.open_series, job, slot, work)

    def _listen(self) -> None:
        while (report := self._queue.get()) is not None:
            with contextlib.suppress(RuntimeError):  # the loop closed while a report was under way
                self._loop.call_soon_threadsafe(self._progress, report)

    def _progress(self, report: worker.Report) -> None:
        running = self._jobs.get(report.job)
        if running is None or running.job.state not in ("queued", "running"):
            return
        if running.job.state == "queued":
            running.started_s = time.monotonic()
        elapsed_s = time.monotonic() - running.started_s
        is_telling = elapsed_s >= ETA_AFTER_S and report.fraction > 0.05
        eta_s = elapsed_s * (1 - report.fraction) / report.fraction if is_telling else None
        self._update(
            running,
            running.job.model_copy(
                update={"state": "running", "stage": report.stage, "fraction": report.fraction, "eta_s": eta_s}
            ),
        )

    def _finish(self, job: str, done: Future[str]) -> None:
        running = self._jobs[job]
        end: dict[str, object] = {"eta_s": None}
        try:
            scene = self._scene(running, done)
        except (CancelledError, Cancelled):
            end |= {"state": "cancelled", "stage": "cancelled"}
        except BrokenProcessPool:
            remedy = "Open it again; if it happens again, close other programs or choose a smaller series."
            failure = Failure(summary="the worker ended without a word, most likely out of memory", remedy=remedy)
            end |= {"state": "failed", "error": failure}
        except Exception as error:  # whatever a job raises is its failure, shown to the user
            end |= {"state": "failed", "error": failure_of(error)}
        else:
            self._on_scene(scene)
            end |= {"state": "done", "stage": "ready", "fraction": 1.0}
        self._update(running, running.job.model_copy(update=end))

    def _scene(self, running: _Running, done: Future[str]) -> Scene:
        scene = Scene.model_validate_json(done.result())
        if self._cancelled[running.slot]:  # asked for after the worker's last report
            raise Cancelled
        return scene

    def _update(self, running: _Running, job: Job) -> None:
        running.job = job
        self._on_progress(job)

    def _forget_old(self) -> None:
        ended = [name for name, r in self._jobs.items() if r.job.state not in ("queued", "running")]
        for name in ended[:-KEPT_JOBS]:
            del self._jobs[name]
