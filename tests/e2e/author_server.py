"""The authoring page on the product's own server, with a phantom to make a case of; it can end and start again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvicorn

from engine.app.library import StudyLibrary
from engine.app.serve import Listening, listening_socket, server_config, steady_clock
from engine.app.training.author_app import AuthorPlaces, author_app
from engine.app.training.educator_router import EducatorSource
from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.make import Phantom, make_phantom
from engine.stream.access import LOOPBACK_HOSTS, Access
from engine.stream.hub import Hub
from engine.stream.pairing import PairingDesk
from engine.stream.roles import Role
from engine.stream.scene_log import SceneLog
from tests.e2e.chromium import PAGE

#: Fine enough that a nodule is a ball, and small enough that a test is short.
SPACING_MM = (2.5, 2.5, 3.0)


class AuthorServer:
    """A server of authors; `start` and `stop` as often as a test likes: drafts and cases stay."""

    def __init__(self, folder: Path, source: EducatorSource | None, phantom_mm: tuple[float, float, float]) -> None:
        self.folder = folder
        self.source = source
        self.phantom: Phantom = make_phantom("thorax", size="small", seed=0, spacing_mm=phantom_mm)
        self.scan = folder / "study" / "volume.nii.gz"
        self.scan.parent.mkdir(parents=True)
        write_nifti(self.scan, self.phantom.volume.grid, np.asarray(self.phantom.volume.samples))
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def cases(self) -> Path:
        return self.folder / "cases"

    def start(self) -> None:
        """From nothing in memory, as a new process would."""
        library = StudyLibrary()
        library.add("Thorax, a phantom", (self.scan,))
        sock = listening_socket(Listening("127.0.0.1", self.port, tls=False))
        self.port = sock.getsockname()[1]
        access = Access(LOOPBACK_HOSTS, PairingDesk(random.Random(1).randbytes), Role.EDUCATOR)
        hub = Hub(SceneLog("epoch-1"), access, lambda *_: None)
        private = self.folder / f"private-{time.monotonic_ns()}"
        private.mkdir()
        places = AuthorPlaces(private, self.folder / "drafts", self.cases)
        app = author_app(library, places, hub, PAGE, steady_clock(), source=self.source)
        self._server = uvicorn.Server(server_config(app))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [sock]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.02)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@contextmanager
def author_server(
    folder: Path, source: EducatorSource | None = None, phantom_mm: tuple[float, float, float] = SPACING_MM
) -> Iterator[AuthorServer]:
    """One that runs."""
    server = AuthorServer(folder, source, phantom_mm)
    server.start()
    try:
        yield server
    finally:
        server.stop()
