"""Jobs in the real worker process: the newest choice is shown, and no other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from engine.app.backend import Application
from engine.app.library import StudyLibrary
from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.bodies import label_map, sphere
from engine.stream.messages import Job, OpenRequest
from engine.stream.scene_log import SceneLog
from engine.stream.server import Broadcast, NotFound


class Watched(Broadcast):
    """What every page would be told."""

    def __init__(self) -> None:
        super().__init__(SceneLog("epoch"))
        self.told: list[Job] = []

    def progress(self, job: Job) -> None:
        """As `Broadcast.progress`."""
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
            first, second = (application.start_job(OpenRequest(study=s.id)) for s in application.library().studies)
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
            job = application.start_job(OpenRequest(study=study))
            with pytest.raises(InputRefused):
                application.start_job(OpenRequest(study=study, series="1.2.3"))
            with pytest.raises(NotFound):
                application.start_job(OpenRequest(study="gone"))
            while job.id not in broadcast.ends():
                await asyncio.sleep(0.05)
        finally:
            await asyncio.to_thread(application.close)
        return job

    job = asyncio.run(choose_wrongly())
    assert broadcast.ends() == {job.id: "done"}
