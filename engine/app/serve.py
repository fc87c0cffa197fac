"""`sightline serve`: one port with page, API and socket, until interrupted."""

from __future__ import annotations

import contextlib
import datetime
import secrets
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO, cast

import segno
import uvicorn
from fastapi import FastAPI
from rich.console import Console

from engine.app.addresses import is_loopback, reachable_hosts
from engine.app.audit_writer import AuditWriter
from engine.app.backend import Application
from engine.app.certificate import ServerCertificate, server_certificate
from engine.app.folders import audit_folder, data_folder
from engine.app.library import StudyLibrary
from engine.app.private_folder import private_folder
from engine.app.running import RunningServer, announced
from engine.core.errors import EnvironmentLacks
from engine.stream.access import LOOPBACK_HOSTS, Access
from engine.stream.audit_event import AuditEvent
from engine.stream.hub import Hub
from engine.stream.pairing import OFFER_S, Offer, PairingDesk
from engine.stream.peer import MAX_INCOMING_BYTES
from engine.stream.roles import Role
from engine.stream.scene_log import SceneLog
from engine.stream.server import Clock, create_app

NOTICE = "Research use — not a medical device."


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how to serve, and what whoever started the server is in the session.

    `certificate` is the user's own, in place of one of the local authority.
    """

    host: str
    port: int
    tls: bool
    role: Role = Role.SURGEON
    certificate: ServerCertificate | None = None

    @property
    def scheme(self) -> str:
        """http or https."""
        return "https" if self.tls else "http"


def page_folder() -> Path | None:
    """The built client: inside an installed package, or beside the source."""
    here = Path(__file__).resolve()
    for folder in (here.parent / "page", here.parents[2] / "assets" / "client" / "dist"):
        if (folder / "index.html").is_file():
            return folder
    return None


def serve(library: StudyLibrary, listening: Listening, console: Console) -> None:
    """Serve `library` until interrupted; its first volume is opened at once.

    Raises:
        EnvironmentLacks: the page is not built, or the port is taken.
    """
    page = page_folder()
    if page is None:
        raise EnvironmentLacks("the page is not built", "Run `make setup`.")
    clock = steady_clock()
    desk = PairingDesk(secrets.token_bytes)
    hosts = reachable_hosts(listening.host)
    is_open = is_loopback(listening.host)
    access = Access(frozenset(hosts) | LOOPBACK_HOSTS, desk, listening.role if is_open else None)
    certificate = (listening.certificate or _certificate(hosts)) if listening.tls else None
    # An interrupt is the way to end; uvicorn raises it again once it has closed all.
    with (
        _socket(listening) as sock,
        private_folder() as folder,
        AuditWriter(audit_folder() / f"{int(sock.getsockname()[1])}.jsonl") as audit,
        contextlib.suppress(KeyboardInterrupt),
    ):
        here = replace(listening, port=int(sock.getsockname()[1]))  # where 0 was asked for, the one that was free
        offer = None if is_open else desk.offer(here.role, clock())
        shown = str(certificate.certificate) if certificate else None
        key = RunningServer(here.port, _address(here, hosts), desk.admit(here.role, clock()).token, shown)
        audit.note(AuditEvent.STARTED, "server", {"reachable by": "this machine" if is_open else "the network"})
        _announce(console, _address(here, hosts), offer, certificate)
        hub = Hub(SceneLog(secrets.token_urlsafe(8)), access, audit.note, lambda: audit.failure is None)
        app = _app(library, folder, hub, page, clock)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,  # addresses of blobs and uploads are nobody's business
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=MAX_INCOMING_BYTES,
            ws_ping_interval=5,
            ws_ping_timeout=5,
            ssl_certfile=certificate.certificate if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        with announced(key):
            uvicorn.Server(config).run(sockets=[sock])


def steady_clock() -> Clock:
    """Seconds since 1970 that no setting of the machine's clock moves while the server runs."""
    start_s = time.time() - time.monotonic()
    return lambda: start_s + time.monotonic()


def _app(library: StudyLibrary, folder: Path, hub: Hub, page: Path, clock: Clock) -> FastAPI:
    application = Application(library, folder, hub)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        application.start()
        await application.open_first()
        try:
            yield
        finally:
            application.close()

    return create_app(application, hub, page, lifespan, clock)


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


def _address(listening: Listening, hosts: tuple[str, ...]) -> str:
    host = f"[{hosts[0]}]" if ":" in hosts[0] else hosts[0]
    return f"{listening.scheme}://{host}:{listening.port}/"


def _announce(console: Console, address: str, offer: Offer | None, certificate: ServerCertificate | None) -> None:
    console.print(f"\n  [bold]Sightline[/bold] is ready: [link={address}]{address}[/link]")
    if offer is None:
        console.print("  Only this machine can open it. A headset: `adb reverse`, or serve with --host 0.0.0.0.")
        show_code(console, address)
    else:
        show_offer(console, offer.code, f"{address}#pair={offer.secret}", offer.role.value, OFFER_S)
    if certificate and certificate.authority:
        console.print(f"  Headsets trust it once they hold this certificate: {certificate.authority}")
    console.print(f"  {NOTICE} Press Ctrl+C to stop.\n")


def show_offer(console: Console, code: str, address: str, role: str, seconds: float) -> None:
    """Digits and QR code by which one browser or headset is let in, once."""
    console.print(
        f"  One {role} may come in within {seconds / 60:.0f} minutes: type [bold]{code[:3]} {code[3:]}[/bold]"
    )
    console.print("  on that page, or point a camera here. For another: [bold]sightline invite[/bold].")
    show_code(console, address)


def show_code(console: Console, address: str) -> None:
    """An address as a QR code."""
    segno.make(address, error="m").terminal(out=cast(TextIO, console.file), compact=True)
