"""A training server as `sightline train` makes it, on a thread: started anew it keeps its store, drafts and cases."""

from __future__ import annotations

import contextlib
import io
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn
from rich.console import Console

from engine.app.library import StudyLibrary
from engine.app.serve import server_config
from engine.app.training.api import Training
from engine.app.training.author_desk import DraftDesk
from engine.app.training.catalogue import Shelved
from engine.app.training.command import TrainOptions, told, training_app
from engine.app.training.school import School
from engine.app.training.store import Store
from engine.app.training.studio import Studio
from engine.app.training.volumes import CaseVolumes
from engine.app.workers import Handle, Task, Workers
from engine.core.progress import Progress, silent
from engine.stream.access import LOOPBACK_HOSTS, Access
from engine.stream.hub import Hub
from engine.stream.pairing import PairingDesk
from engine.stream.roles import Role
from engine.stream.scene_log import SceneLog
from scenarios.lti.platform import Registered


class AtOnce:
    """Workers that do a task where it is asked for."""

    def submit(self, task: Task[Any], report: Progress = silent) -> Handle[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(task(report))
        except Exception as error:
            future.set_exception(error)
        return Handle(future, lambda: None)

    def close(self) -> None:
        pass


class Never:
    """Workers that are still at it."""

    def submit(self, _task: Task[Any], _report: Progress = silent) -> Handle[Any]:
        return Handle(Future(), lambda: None)

    def close(self) -> None:
        pass


class Server:
    """Cases of `shelf`; `studies` can be made cases of. `images` keeps what is made of cases: several may share it.

    `platforms` may launch it, told its address; `said` is what it says on the screen.
    """

    def __init__(
        self,
        folder: Path,
        shelf: Sequence[Shelved],
        open_role: Role | None = None,
        *,
        page: Path | None = None,
        studies: Sequence[Path] = (),
        images: Path | None = None,
        workers: Workers | None = None,
        platforms: Callable[[str], Registered] | None = None,
    ) -> None:
        self.folder = folder
        self.shelf = shelf
        self.images = images or folder / "images"
        self.workers = workers or AtOnce()
        self.page = page
        self.open_role = open_role
        self.studies = studies
        self.platforms = platforms
        self.port = 0
        self.said = io.StringIO()
        self.clients: list[httpx.Client] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """From nothing in memory, as a new process would."""
        self.desk = PairingDesk(secrets.token_bytes)
        self.store = Store.in_folder(self.folder)
        workers = self.workers
        volumes = CaseVolumes(self.images, workers)
        rng = np.random.default_rng(1)
        self.school = School(self.store, volumes.ground, volumes.organ, volumes.has_failed, time.time, rng)
        self.school.shelve(self.shelf)
        hub = Hub(SceneLog("e"), Access(LOOPBACK_HOSTS, self.desk, self.open_role), lambda *_: None)
        library = StudyLibrary()
        for path in self.studies:
            library.add(path.stem.split(".")[0], (path,))
        drafts = DraftDesk(self.folder / "drafts", self.folder / "published", library, workers, told(self.school))
        studio = Studio(library, self.folder / f"private-{time.monotonic_ns()}", hub, drafts, workers, volumes.blobs)
        training = Training(self.school, volumes, hub, time.time, workers)
        sock = socket.create_server(("127.0.0.1", self.port))
        self.port = sock.getsockname()[1]
        launches = None
        if self.platforms is not None:
            from engine.app.training.lti.launches import Launches

            launches = Launches(self.platforms(self.address), self.folder, time.time)
        app = training_app(training, studio, self.page, TrainOptions(), Console(file=self.said, width=200), launches)
        self._served = uvicorn.Server(server_config(app))
        self._thread = threading.Thread(target=self._served.run, kwargs={"sockets": [sock]}, daemon=True)
        self._thread.start()
        while not self._served.started:
            self._thread.join(0.01)

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        self.clients.clear()
        self._served.should_exit = True
        self._thread.join()
        self.store.close()

    @contextlib.contextmanager
    def serving(self) -> Iterator[Server]:
        """On a port of its own."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def browser(self, role: Role | None = Role.TRAINEE, cookies: Any = None) -> httpx.Client:
        """Somebody who joins by a code."""
        # Authorities are not loaded, which takes longer than most requests: it is all in the clear here.
        client = httpx.Client(base_url=self.address, cookies=cookies, trust_env=False, timeout=30, verify=False)
        self.clients.append(client)
        if role is not None:
            code = self.desk.offer(role, time.time()).code
            assert client.post("/api/join", json={"code": code}).status_code == 204
        return client
