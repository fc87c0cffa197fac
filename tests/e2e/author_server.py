"""The training server with a phantom's scan to make a case of; it can end and start again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.make import make_phantom
from engine.stream.roles import Role
from tests.app.training.cases import SHELF
from tests.app.training.server import Server
from tests.e2e.chromium import PAGE

#: Fine enough that a nodule is a ball, and small enough that a test is short.
SPACING_MM = (2.5, 2.5, 3.0)


class AuthorServer(Server):
    """A server for whoever sits at this machine; `phantom` is the study that is to be a case."""

    def __init__(self, folder: Path, phantom_mm: tuple[float, float, float]) -> None:
        self.phantom = make_phantom("thorax", size="small", seed=0, spacing_mm=phantom_mm)
        scan = folder / "study" / "Thorax, a phantom.nii.gz"
        scan.parent.mkdir(parents=True)
        write_nifti(scan, self.phantom.volume.grid, np.asarray(self.phantom.volume.samples))
        super().__init__(folder, SHELF, Role.EDUCATOR, page=PAGE, studies=(scan,))

    @property
    def cases(self) -> Path:
        """Where what is published lies."""
        return self.folder / "published"


@contextmanager
def author_server(folder: Path, phantom_mm: tuple[float, float, float] = SPACING_MM) -> Iterator[AuthorServer]:
    """One that runs."""
    server = AuthorServer(folder, phantom_mm)
    server.start()
    try:
        yield server
    finally:
        server.stop()
