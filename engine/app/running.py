"""Servers that run here, so that another command can ask them: address and owner's token, for their user alone."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.app.folders import data_folder
from engine.core.errors import EnvironmentLacks


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where a server listens, the token by which its user is known to it, and the certificate that it shows."""

    port: int
    address: str
    token: str
    certificate: str | None


@contextlib.contextmanager
def announced(server: RunningServer) -> Iterator[None]:
    """Written down for as long as the server runs."""
    path = _folder() / f"{server.port}.json"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(server) | {"pid": os.getpid()}, file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_server(port: int | None) -> RunningServer:
    """The server on `port`, or the only one.

    Raises:
        EnvironmentLacks: none runs, or several do and none was chosen.
    """
    found = [server for path in sorted(_folder().glob("*.json")) if (server := _read(path)) is not None]
    chosen = [server for server in found if port in (None, server.port)]
    if not chosen:
        raise EnvironmentLacks("no server of yours runs here", "Start one: `sightline serve --host 0.0.0.0`.")
    if len(chosen) > 1:
        ports = ", ".join(str(server.port) for server in chosen)
        raise EnvironmentLacks(f"several servers run here, on ports {ports}", "Choose one with --port.")
    return chosen[0]


def _read(path: Path) -> RunningServer | None:
    """None for one that was killed, whose file stayed behind."""
    content = json.loads(path.read_text())
    pid = content.pop("pid")
    if not Path(f"/proc/{pid}").exists() and Path("/proc").exists():
        path.unlink(missing_ok=True)
        return None
    return RunningServer(**content)


def _folder() -> Path:
    folder = data_folder() / "running"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
