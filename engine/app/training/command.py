"""`sightline train`: cases, trainees and educators behind one server, until interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

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
from engine.app.training.record_store import RecordStore, StatementQueue, sender
from engine.app.training.school import Ours, School
from engine.app.training.sending import keep_sending
from engine.app.training.store import Store
from engine.app.training.studio import Studio, add_studio
from engine.app.training.volumes import CaseVolumes
from engine.core.errors import EnvironmentLacks
from engine.stream.hub import Hub
from engine.stream.roles import Role
from engine.stream.server import Clock, create_app
from scenarios.lti.platform import Registered

if TYPE_CHECKING:  # an extra
    from engine.app.training.lti.launches import Launches


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What the user chose.

    Attributes:
        studies: folders or files of scans that cases can be made of.
        catalogue: folder of cases; None: those that come with Sightline.
        store: address of the store; None: a file in the data folder.
        records: learning record store; None: statements wait.
        ours: what this installation is to the outside.
        platforms: learning platforms that may launch it; None: none.
    """

    studies: tuple[Path, ...] = ()
    catalogue: Path | None = None
    store: str | None = None
    records: RecordStore | None = None
    ours: Ours = field(default_factory=Ours)
    platforms: Registered | None = None


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
            door = None if options.platforms is None else _launches(options.platforms, folder, hub, clock)
            return training_app(training, studio, page, options, console, door)

        serve_app(app, listening, console)


def told(school: School) -> OnCase:
    """A desk's cases come to a school: a version is read from now on, a trial by its author."""

    def hear(folder: Path, is_trial: bool) -> None:
        (one,) = cases(folder)
        (school.try_out if is_trial else school.publish)(one)

    return hear


def _launches(platforms: Registered, folder: Path, hub: Hub, clock: Clock) -> Launches:
    """What this server does for learning platforms.

    Raises:
        EnvironmentLacks: an extra is missing, or this server is not reached by the address that platforms know.
    """
    try:
        from engine.app.training.lti.launches import Launches
    except ModuleNotFoundError as error:
        raise EnvironmentLacks("launches need PyJWT", "Install the extra: pip install 'sightline[lti]'") from error
    host = urlsplit(platforms.address).hostname or ""
    if host not in hub.access.hosts:
        raise EnvironmentLacks(
            f"platforms know this server as {host}, and it answers to {', '.join(sorted(hub.access.hosts))} alone",
            f"Serve with --host {host}, or write another address into the file.",
        )
    return Launches(platforms, folder, clock)


def training_app(
    training: Training,
    studio: Studio,
    page: Path | None,
    options: TrainOptions,
    console: Console,
    launches: Launches | None = None,
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
                send = functools.partial(queue.send_some, sender(options.records))
                sending = keep_sending(send, "The record store", say, asyncio.sleep)
                during.callback(asyncio.create_task(sending).cancel)
            if launches is not None:
                await during.enter_async_context(launches.sending(training.school.store, say))
            yield

    router = router_of(training)
    if launches is not None:
        from engine.app.training.lti.door import door

        router.include_router(door(training, launches))
    add_studio(router, studio.desk, SchoolEducator(training.school), page, training.clock)
    router.add_api_route("/", _to_the_reading_room, include_in_schema=False)
    return create_app(studio, training.hub, page, lifespan, training.clock, router)


async def _to_the_reading_room() -> Response:
    """Whoever comes with a code keeps it: browsers carry the fragment over."""
    return RedirectResponse("/read/")
