"""Jobs in the real worker process: the newest choice is shown, and no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from engine.app.backend import Application
from engine.app.library import StudyLibrary
from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.bodies import label_map, sphere
from engine.stream.messages import Job, OpenRequest, SeriesChoice, Study
from engine.stream.server import NotFound
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
