"""Readings are assessed by a worker that does nothing else: none waits for the images of another."""

from __future__ import annotations

from engine.app.jobs import RETRIES
from engine.app.local_workers import LocalWorkers
from engine.app.training.assess import Assessed, AssessTask, Read
from engine.app.training.refusal import NotYet
from engine.app.training.volumes import CaseVolumes
from engine.app.workers import Workers


def new_worker() -> Workers:
    """A process that assesses, on this machine. Somebody waits for each: it goes before the one that makes images."""
    return LocalWorkers(RETRIES, first="engine.app.training.assess", gives_way=False)


class Assessor:
    """Not a value. `volumes` tells which files say what is there."""

    def __init__(self, volumes: CaseVolumes, workers: Workers) -> None:
        self._volumes = volumes
        self._workers = workers

    def __call__(self, read: Read) -> Assessed:
        """As `Assess`."""
        files = self._volumes.ground_files(read.case)
        if files is None:
            raise NotYet("the images of this case are still being made: ask again in a second")
        return self._workers.submit(AssessTask(read, files)).future.result()
