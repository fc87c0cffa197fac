"""Jobs in the real worker process: the newest choice is shown, and no other."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from engine.app.backend import Application
from engine.app.jobs import RETRIES
from engine.app.library import StudyLibrary
from engine.app.local_workers import LocalWorkers
from engine.app.workers import new_workers
from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.bodies import label_map, sphere
from engine.stream.messages import Job, OpenRequest, SeriesChoice, Study
from engine.stream.server import NotFound
from tests.app.tasks import require_ray
from tests.stream.hubs import NotedHub


class Watched(NotedHub):
    """What every page would be told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Job] = []

    def progress(self, job: Job) -> None:
        """As `Hub.progress`."""
        self.told.append(job)
        super().progress(job)

    def ends(self) -> dict[str, str]:
        """State in which each job ended."""
        return {job.id: job.state for job in self.told if job.state not in ("queued", "running")}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> StudyLibrary:
    folder = tmp_path_factory.mktemp("balls")
    grid = Grid.centred((48, 48, 40), (1.0, 1.0, 1.2))
    labels = np.asarray(label_map([sphere(15.0)], grid).labels)
    library = StudyLibrary()
    for name in ("first", "second"):
        write_nifti(folder / f"{name}.nii.gz", grid, np.where(labels > 0, 40, -1000).astype(np.int16))
        library.add(name, (folder / f"{name}.nii.gz",))
    return library


def test_the_newest_choice_takes_the_place_of_what_is_under_way(library: StudyLibrary, tmp_path: Path) -> None:
    broadcast = Watched()

    async def choose_twice() -> tuple[Job, Job]:
        application = Application(library, tmp_path, broadcast)
        application.start()
        try:
            first, second = [
                await application.start_job(OpenRequest(study=s.id)) for s in application.library().studies
            ]
            while second.id not in broadcast.ends():
                await asyncio.sleep(0.05)
        finally:
            await asyncio.to_thread(application.close)
        return first, second

    first, second = asyncio.run(choose_twice())
    assert broadcast.ends() == {first.id: "cancelled", second.id: "done"}
    assert broadcast.log.scene is not None
    assert broadcast.log.scene.title == "second"


def test_a_choice_that_cannot_be_opened_leaves_what_is_under_way(library: StudyLibrary, tmp_path: Path) -> None:
    broadcast = Watched()

    async def choose_wrongly() -> Job:
        application = Application(library, tmp_path, broadcast)
        application.start()
        try:
            study = application.library().studies[0].id
            job = await application.start_job(OpenRequest(study=study))
            with pytest.raises(InputRefused):
                await application.start_job(OpenRequest(study=study, series="1.2.3"))
            with pytest.raises(NotFound):
                await application.start_job(OpenRequest(study="gone"))
            while job.id not in broadcast.ends():
                await asyncio.sleep(0.05)
        finally:
            await asyncio.to_thread(application.close)
        return job

    job = asyncio.run(choose_wrongly())
    assert broadcast.ends() == {job.id: "done"}


class Killing(Watched):
    """Kills the worker by force when a job's stage is told for the first `times` that it starts."""

    def __init__(self, workers: LocalWorkers, times: int) -> None:
        super().__init__()
        self._workers, self.left = workers, times
        self._killed: set[int | None] = set()

    def progress(self, job: Job) -> None:
        """As `Broadcast.progress`."""
        super().progress(job)
        if job.state == "running" and job.stage != "starting" and self.left and self._workers.pid not in self._killed:
            self.left -= 1
            self._killed.add(self._workers.pid)
            assert self._workers.pid is not None
            os.kill(self._workers.pid, signal.SIGKILL)


def open_both(library: StudyLibrary, folder: Path, kills: int) -> tuple[Killing, list[Job]]:
    """One job after the other, whose worker is killed so many times; what was told, and how the jobs ended."""
    workers = LocalWorkers(RETRIES)
    broadcast = Killing(workers, kills)

    async def whole() -> list[Job]:
        application = Application(library, folder, broadcast, workers)
        application.start()
        try:
            first, second = (study.id for study in application.library().studies)
            jobs = [
                await opened(application, broadcast, OpenRequest(study=first)),
                await opened(application, broadcast, OpenRequest(study=second)),
            ]
            return [application.job(job.id) for job in jobs]
        finally:
            await asyncio.to_thread(application.close)

    return broadcast, asyncio.run(whole())


def test_a_job_whose_worker_is_killed_is_tried_again_and_shown(library: StudyLibrary, tmp_path: Path) -> None:
    broadcast, jobs = open_both(library, tmp_path, kills=1)
    assert [job.state for job in jobs] == ["done", "done"]
    assert broadcast.left == 0


@pytest.mark.slow
def test_a_job_whose_worker_is_killed_every_time_fails_with_a_reason_and_the_next_one_works(
    library: StudyLibrary, tmp_path: Path
) -> None:
    broadcast, (first, second) = open_both(library, tmp_path, kills=2)
    assert (first.state, second.state) == ("failed", "done")
    assert first.error is not None
    assert "most likely out of memory" in first.error.summary
    assert first.error.remedy is not None
    assert broadcast.log.scene is not None
    assert broadcast.log.scene.title == "second"


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on what another process may write is Linux's")
def test_on_a_full_disk_a_job_fails_with_a_reason_and_with_room_again_the_next_one_works(
    library: StudyLibrary, tmp_path: Path
) -> None:
    import resource  # no other system has it

    broadcast, workers = Watched(), LocalWorkers(RETRIES)

    async def whole() -> tuple[Job, Job]:
        application = Application(library, tmp_path, broadcast, workers)
        application.start()
        try:
            study = application.library().studies[0].id
            while workers.pid is None:
                await asyncio.sleep(0.01)
            _, most = resource.prlimit(workers.pid, resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
            full = await opened(application, broadcast, OpenRequest(study=study))
            resource.prlimit(workers.pid, resource.RLIMIT_FSIZE, (most, most))
            free = await opened(application, broadcast, OpenRequest(study=study))
            return application.job(full.id), application.job(free.id)
        finally:
            await asyncio.to_thread(application.close)

    full, free = asyncio.run(whole())
    assert (full.state, free.state) == ("failed", "done")
    assert full.error is not None
    assert "disk takes no more" in full.error.summary
    assert str(tmp_path) not in full.error.summary
    assert broadcast.log.scene is not None
    assert list(tmp_path.rglob("*.partial")) == []


def test_jobs_of_the_hub_run_on_ray_with_progress_and_stop_there_when_cancelled(
    library: StudyLibrary, tmp_path: Path
) -> None:
    require_ray()
    broadcast = Watched()

    async def whole() -> tuple[Job, Job]:
        application = Application(library, tmp_path, broadcast, new_workers("ray", RETRIES))
        application.start()
        try:
            first, second = (study.id for study in application.library().studies)
            cancelled = await application.start_job(OpenRequest(study=first))
            while application.job(cancelled.id).state == "queued":
                await asyncio.sleep(0.01)
            shown = await opened(application, broadcast, OpenRequest(study=second))
        finally:
            await asyncio.to_thread(application.close)
        return cancelled, shown

    cancelled, shown = asyncio.run(whole())
    assert broadcast.ends() == {cancelled.id: "cancelled", shown.id: "done"}
    assert any(job.id == shown.id and job.state == "running" for job in broadcast.told)


async def opened(application: Application, broadcast: Watched, request: OpenRequest) -> Job:
    job = await application.start_job(request)
    while job.id not in broadcast.ends():
        await asyncio.sleep(0.05)
    return job


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    """A scan of a ball, and the ball as somebody drew it, in one folder."""
    grid = Grid.centred((48, 48, 40), (1.0, 1.0, 1.2))
    labels = np.asarray(label_map([sphere(15.0)], grid).labels)
    (tmp_path / "study").mkdir()
    write_nifti(tmp_path / "study" / "scan.nii.gz", grid, np.where(labels > 0, 40, -1000).astype(np.int16))
    write_nifti(tmp_path / "study" / "drawn.nii.gz", grid, labels)
    return tmp_path / "study"


def test_an_existing_segmentation_is_shown_beside_its_scan_and_the_scene_says_what_was_opened(
    ball: Path, tmp_path: Path
) -> None:
    broadcast = Watched()
    library = StudyLibrary()
    shelf = library.add("ball", (ball,))
    scan, drawn = (next(s for s in shelf.message().series if s.kind == kind) for kind in ("volume", "labels"))
    request = OpenRequest(study=shelf.id, labels=SeriesChoice(study=shelf.id, series=drawn.uid))

    async def open_it() -> Job:
        application = Application(library, tmp_path, broadcast)
        application.start()
        try:
            return await opened(application, broadcast, request)
        finally:
            await asyncio.to_thread(application.close)

    job = asyncio.run(open_it())
    assert broadcast.ends() == {job.id: "done"}
    scene = broadcast.log.scene
    assert scene is not None
    assert scene.opened == request.model_copy(update={"series": scan.uid})
    (surface,) = (node for node in scene.nodes if node.kind == "surface")
    assert surface.volume_ml == pytest.approx(4 / 3 * np.pi * 1.5**3, rel=0.01)


def test_a_dropped_study_that_is_removed_leaves_nothing_behind_and_a_folder_stays(ball: Path, tmp_path: Path) -> None:
    library = StudyLibrary()
    shelf = library.add("ball", (ball,))

    async def drop_and_remove() -> tuple[Study, list[Path], list[Path]]:
        application = Application(library, tmp_path, Watched())
        application.start()
        try:
            upload = application.new_upload()

            async def sent() -> AsyncIterator[bytes]:
                yield (ball / "scan.nii.gz").read_bytes()

            await application.put_upload(upload, 0, sent())
            dropped = await application.finish_upload(upload)
            there = list((tmp_path / "uploads").rglob("0*"))
            for study in (dropped.id, shelf.id):
                application.remove_study(study)
            with pytest.raises(NotFound):
                application.remove_study(dropped.id)
            assert application.library().studies == ()
            return dropped, there, list((tmp_path / "uploads").rglob("0*"))
        finally:
            await asyncio.to_thread(application.close)

    dropped, there, left = asyncio.run(drop_and_remove())
    assert dropped.dropped
    assert len(there) == 1
    assert left == []
    assert sorted(path.name for path in ball.iterdir()) == ["drawn.nii.gz", "scan.nii.gz"]
