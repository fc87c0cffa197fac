"""Long work in processes of its own, so that the server never waits for it.

Where it runs is the workers' business (`engine.app.workers`): a process of this machine, or Ray. Progress comes back
as reports, results are blobs on disk and a scene. A worker that dies is started again and its job tried once more;
a job that ends its worker twice fails with a reason, and the next one gets a new worker.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from pathlib import Path

from engine.app.event_loop import call_on
from engine.app.worker import OpenSeries, Work
from engine.app.workers import Handle, Workers
from engine.core.errors import Cancelled
from engine.stream.messages import Job, Scene
from engine.stream.server import NotFound, failure_of

#: How often a job is tried again whose worker died: once tells an accident from a series that is too large.
RETRIES = 1

#: Finished jobs kept for clients that ask late.
KEPT_JOBS = 32

#: What a shorter wait promises of the rest is untrue: stages differ in length from scan to scan.
ETA_AFTER_S = 3.0


@dataclass(slots=True)
class _Running:
    """A job, the task behind it, when that began, and whether it is to stop."""

    job: Job
    handle: Handle[str]
    started_s: float
    is_cancelled: bool = False


class JobRunner:
    """Submits, follows and cancels jobs. All methods run on the event loop's thread."""

    def __init__(
        self,
        workers: Workers,
        blob_folder: Path,
        on_progress: Callable[[Job], None],
        on_scene: Callable[[Scene], None],
    ) -> None:
        self._workers = workers
        self._blob_folder = blob_folder
        self._on_progress = on_progress
        self._on_scene = on_scene
        self._jobs: dict[str, _Running] = {}
        self._loop: asyncio.AbstractEventLoop

    def start(self) -> None:
        """Follow jobs on the running loop."""
        self._loop = asyncio.get_running_loop()

    def submit(self, work: Work) -> Job:
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
        handle = self._workers.submit(
            OpenSeries(work, self._blob_folder),
            lambda fraction, stage: self._soon(self._progress, job.id, fraction, stage),
        )
        self._jobs[job.id] = _Running(job, handle, time.monotonic())
        handle.future.add_done_callback(lambda done: self._soon(self._finish, job.id, done))
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
        running.is_cancelled = True
        running.handle.cancel()
        return running.job

    def close(self) -> None:
        """Stop everything and end the workers."""
        for running in self._jobs.values():
            running.is_cancelled = True
        self._workers.close()

    def _soon(self, call: Callable[..., None], *arguments: object) -> None:
        """Call on the loop, from whichever thread of the workers."""
        call_on(self._loop, call, *arguments)

    def _progress(self, job: str, fraction: float, stage: str) -> None:
        running = self._jobs.get(job)
        if running is None or running.job.state not in ("queued", "running"):
            return
        if fraction == 0.0:  # for the first time, or once more
            running.started_s = time.monotonic()
        elapsed_s = time.monotonic() - running.started_s
        is_telling = elapsed_s >= ETA_AFTER_S and fraction > 0.05
        eta_s = elapsed_s * (1 - fraction) / fraction if is_telling else None
        self._update(
            running,
            running.job.model_copy(update={"state": "running", "stage": stage, "fraction": fraction, "eta_s": eta_s}),
        )

    def _finish(self, job: str, done: Future[str]) -> None:
        running = self._jobs[job]
        end: dict[str, object] = {"eta_s": None}
        try:
            scene = self._scene(running, done)
        except (CancelledError, Cancelled):
            end |= {"state": "cancelled", "stage": "cancelled"}
        except Exception as error:  # whatever a job raises is its failure, shown to the user
            end |= {"state": "failed", "error": failure_of(error)}
        else:
            self._on_scene(scene)
            end |= {"state": "done", "stage": "ready", "fraction": 1.0}
        self._update(running, running.job.model_copy(update=end))

    def _scene(self, running: _Running, done: Future[str]) -> Scene:
        scene = Scene.model_validate_json(done.result())
        if running.is_cancelled:  # asked for after the worker's last report
            raise Cancelled
        return scene

    def _update(self, running: _Running, job: Job) -> None:
        running.job = job
        self._on_progress(job)

    def _forget_old(self) -> None:
        ended = [name for name, r in self._jobs.items() if r.job.state not in ("queued", "running")]
        for name in ended[:-KEPT_JOBS]:
            del self._jobs[name]
