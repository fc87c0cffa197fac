"""`sightline serve`: one port with page, API and socket, until interrupted."""

from __future__ import annotations

import contextlib
import datetime
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO, cast

import segno
import uvicorn
from fastapi import FastAPI
from rich.console import Console
from rich.markup import escape

from engine.app.addresses import is_loopback, reachable_hosts
from engine.app.backend import Application
from engine.app.certificate import ServerCertificate, server_certificate
from engine.app.fanout import Fanout
from engine.app.folders import data_folder
from engine.app.jobs import RETRIES
from engine.app.library import StudyLibrary
from engine.app.private_folder import private_folder
from engine.app.workers import LOCAL, new_workers
from engine.core.errors import EnvironmentLacks
from engine.stream.access import LOOPBACK_HOSTS, Access
from engine.stream.scene_log import SceneLog
from engine.stream.server import Broadcast, create_app

NOTICE = "Research use — not a medical device."


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how to serve."""

    host: str
    port: int
    tls: bool

    @property
    def scheme(self) -> str:
        """http or https."""
        return "https" if self.tls else "http"


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind the server: where its jobs run, and the Redis by which hubs share a session."""

    workers: str = LOCAL
    redis: str | None = None


def page_folder() -> Path | None:
    """The built client: inside an installed package, or beside the source."""
    here = Path(__file__).resolve()
    for folder in (here.parent / "page", here.parents[2] / "assets" / "client" / "dist"):
        if (folder / "index.html").is_file():
            return folder
    return None


def serve(library: StudyLibrary, listening: Listening, console: Console, behind: Behind) -> None:
    """Serve `library` until interrupted; its first volume is opened at once.

    Raises:
        EnvironmentLacks: the page is not built, the port is taken, the workers do not start, or an extra is missing.
    """
    page = page_folder()
    if page is None:
        raise EnvironmentLacks("the page is not built", "Run `make setup`.")
    token = None if is_loopback(listening.host) else secrets.token_urlsafe(24)
    hosts = reachable_hosts(listening.host)
    certificate = _certificate(hosts) if listening.tls else None
    # An interrupt is the way to end; uvicorn raises it again once it has closed all.
    with (
        _socket(listening) as sock,
        private_folder() as folder,
        contextlib.closing(new_workers(behind.workers, RETRIES)) as workers,
        contextlib.suppress(KeyboardInterrupt),
    ):
        port = int(sock.getsockname()[1])  # where 0 was asked for, the one that was free
        _announce(console, replace(listening, port=port), hosts, token, certificate)
        log = SceneLog(secrets.token_urlsafe(8))
        broadcast = Broadcast(log) if behind.redis is None else Fanout(log, behind.redis)
        application = Application(library, folder, broadcast, workers)
        app = _app(application, broadcast, Access(frozenset(hosts) | LOOPBACK_HOSTS, token), page, console)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,  # addresses of blobs and uploads are nobody's business
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=256 * 1024,
            ssl_certfile=certificate.certificate if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        uvicorn.Server(config).run(sockets=[sock])


def _app(application: Application, broadcast: Broadcast, access: Access, page: Path, console: Console) -> FastAPI:
    def say(text: str) -> None:
        console.print(f"  {escape(text)}", highlight=False)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        application.start()
        async with (
            broadcast.together(application.as_hub(say)) if isinstance(broadcast, Fanout) else contextlib.nullcontext()
        ):
            await application.open_first()
            try:
                yield
            finally:
                application.close()

    return create_app(application, broadcast, access, page, lifespan)


def _socket(listening: Listening) -> socket.socket:
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((listening.host, listening.port))
    except OSError as error:
        sock.close()
        raise EnvironmentLacks(
            f"port {listening.port} on {listening.host} cannot be used ({error.strerror})",
            "Stop what uses it, or choose another with --port.",
        ) from error
    sock.listen(128)
    return sock


def _certificate(hosts: tuple[str, ...]) -> ServerCertificate:
    return server_certificate(data_folder() / "tls", hosts, datetime.datetime.now(datetime.UTC))


def _announce(
    console: Console,
    listening: Listening,
    hosts: tuple[str, ...],
    token: str | None,
    certificate: ServerCertificate | None,
) -> None:
    host = f"[{hosts[0]}]" if ":" in hosts[0] else hosts[0]
    address = f"{listening.scheme}://{host}:{listening.port}/" + (f"#token={token}" if token else "")
    console.print(f"\n  [bold]Sightline[/bold] is ready: [link={address}]{address}[/link]")
    if token is None:
        console.print("  Only this machine can open it. A headset: `adb reverse`, or serve with --host 0.0.0.0.")
    if certificate:
        console.print(f"  Headsets trust it once they hold this certificate: {certificate.authority}")
    segno.make(address, error="m").terminal(out=cast(TextIO, console.file), compact=True)
    console.print(f"  {NOTICE} Press Ctrl+C to stop.\n")
