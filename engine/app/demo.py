"""`sightline demo`: the main job on a phantom, in a folder that goes when it ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
from rich.console import Console

from engine.app.addresses import is_loopback
from engine.app.library import StudyLibrary
from engine.app.private_folder import private_folder
from engine.app.serve import Behind, Listening, serve
from engine.core.progress import Progress
from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.make import make_phantom

#: Every phantom of the demo is this one, so that two people see the same.
DEMO_SEED = 0


def serve_demo(
    name: str, host: str, port: int, console: Console, bar: Callable[[], AbstractContextManager[Progress]]
) -> None:
    """Make phantom `name`, list it and serve it until interrupted.

    Raises:
        InvalidValue: no such phantom.
        EnvironmentLacks: the page is not built, or the port is taken.
    """
    with private_folder() as folder:
        scan = folder / "volume.nii.gz"
        with bar() as progress:
            volume = make_phantom(name, size="demo", seed=DEMO_SEED, progress=progress).volume
            write_nifti(scan, volume.grid, np.asarray(volume.samples))
        library = StudyLibrary()
        library.add(f"Phantom: {name}", (scan,))
        serve(library, Listening(host, port, tls=not is_loopback(host)), console, Behind())
