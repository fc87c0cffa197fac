"""`sightline train`: cases, trainees and educators behind one server, until interrupted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from fastapi import FastAPI
from fastapi.responses import RedirectResponse, Response
from rich.console import Console
from rich.markup import escape

from engine.app.folders import data_folder
from engine.app.jobs import RETRIES
from engine.app.library import StudyLibrary
from engine.app.local_workers import LocalWorkers
from engine.app.serve import Listening, serve_app
from engine.app.training.api import Training, router_of
from engine.app.training.author_desk import DraftDesk, OnCase
from engine.app.training.catalogue import cases
from engine.app.training.educator import SchoolEducator
from engine.app.training.record_store import RecordStore, StatementQueue, keep_sending, sender
from engine.app.training.school import Ours, School
from engine.app.training.store import Store
from engine.app.training.studio import Studio, add_studio
from engine.app.training.volumes import CaseVolumes
from engine.stream.hub import Hub
from engine.stream.roles import Role
from engine.stream.server import Clock, create_app


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What the user chose.

    Attributes:
        studies: folders or files of scans that cases can be made of.
        catalogue: folder of cases; None: those that come with Sightline.
        store: address of the store; None: a file in the data folder.
        records: learning record store; None: statements wait.
        ours: what this installation is to the outside.
    """

    studies: tuple[Path, ...] = ()
    catalogue: Path | None = None
    store: str | None = None
    records: RecordStore | None = None
    ours: Ours = field(default_factory=Ours)


def training_folder() -> Path:
    """Where trainees' data and the images of cases are kept: its owner's alone."""
    folder = data_folder() / "training"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def train(options: TrainOptions, listening: Listening, console: Console) -> None:
    """Serve until interrupted.

    Raises:
        EnvironmentLacks: the page is not built, the port is taken, or the store does not answer.
        InputRefused: a case that cannot be used, with every reason.
    """
    shelved = cases(options.catalogue)
    library = StudyLibrary()
    for path in options.studies:
        library.add(path.name, (path,))
    folder = training_folder()
    with (
        contextlib.closing(Store(options.store) if options.store else Store.in_folder(folder)) as store,
        contextlib.closing(LocalWorkers(RETRIES)) as workers,
    ):
        volumes = CaseVolumes(folder / "cases", workers)

        def app(private: Path, hub: Hub, clock: Clock, page: Path) -> FastAPI:
            rng = np.random.default_rng()
            school = School(store, volumes.ground, volumes.organ, volumes.has_failed, clock, rng, options.ours)
            school.shelve(shelved)
            training = Training(school, volumes, hub, clock)
            console.print(f"\n  {len(school.cases)} cases.", highlight=False)
            desk = DraftDesk(folder / "drafts", folder / "published", library, workers, told(school))
            studio = Studio(library, private, hub, desk, workers, volumes.blobs)
            return training_app(training, studio, page, options, console)

        serve_app(app, listening, console)


def told(school: School) -> OnCase:
    """A desk's cases come to a school: a version is read from now on, a trial by its author."""

    def hear(folder: Path, is_trial: bool) -> None:
        (one,) = cases(folder)
        (school.try_out if is_trial else school.publish)(one)

    return hear


def training_app(
    training: Training, studio: Studio, page: Path | None, options: TrainOptions, console: Console
) -> FastAPI:
    """The application of a training server."""

    def say(text: str) -> None:
        console.print(f"  {escape(text)}", highlight=False)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        studio.start()
        async with training.running(), contextlib.AsyncExitStack() as during:
            during.callback(studio.close)
            if training.hub.access.open_role is None:
                offer = training.hub.access.desk.offer(Role.TRAINEE, training.clock())
                say(f"A trainee joins with {offer.code[:3]} {offer.code[3:]}; others: sightline invite --role trainee")
            if options.records is not None:
                queue = StatementQueue(training.school.store, training.clock)
                sending = keep_sending(queue, sender(options.records), say, asyncio.sleep)
                during.callback(asyncio.create_task(sending).cancel)
            yield

    router = router_of(training)
    add_studio(router, studio.desk, SchoolEducator(training.school), page, training.clock)
    router.add_api_route("/", _to_the_reading_room, include_in_schema=False)
    return create_app(studio, training.hub, page, lifespan, training.clock, router)


async def _to_the_reading_room() -> Response:
    """Whoever comes with a code keeps it: browsers carry the fragment over."""
    return RedirectResponse("/read/")
