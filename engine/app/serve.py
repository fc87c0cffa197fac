"""`sightline serve`: one port with page, API and socket, until interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TextIO, cast

import segno
import uvicorn
from fastapi import FastAPI
from rich.console import Console
from rich.markup import escape
from starlette.concurrency import run_in_threadpool

from engine.app.addresses import is_loopback, reachable_hosts
from engine.app.audit_writer import AuditWriter
from engine.app.backend import JOIN_WITHIN_S, Application
from engine.app.certificate import ServerCertificate, server_certificate
from engine.app.fanout import Fanout
from engine.app.folders import audit_folder, data_folder
from engine.app.jobs import RETRIES
from engine.app.library import StudyLibrary
from engine.app.priority import stay_prompt, tidy
from engine.app.private_folder import private_folder
from engine.app.recorder import Recorder
from engine.app.recording import RecordingFile
from engine.app.replay import Replay, last_scene
from engine.app.running import RunningServer, announced
from engine.app.trust_page import fingerprint, trust_page
from engine.app.workers import LOCAL, new_workers
from engine.core.errors import EnvironmentLacks
from engine.stream.access import LOOPBACK_HOSTS, Access
from engine.stream.audit_event import AuditEvent
from engine.stream.fresh import FreshProtocol
from engine.stream.hub import Hub
from engine.stream.messages import OpenRequest, ReplaceScene
from engine.stream.pairing import OFFER_S, Offer, PairingDesk
from engine.stream.peer import MAX_INCOMING_BYTES
from engine.stream.roles import Role
from engine.stream.scene_log import SceneLog, resumed
from engine.stream.server import Clock, create_app

if TYPE_CHECKING:  # guidance brings half a second of imports, for those who guide
    from engine.app.guide_process import GuideRunner, Guiding

#: Between looks for the first who watches a replay.
LOOK_EVERY_S = 0.05

NOTICE = "Research use — not a medical device."


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how to serve, and what whoever started the server is in the session.

    `certificate` is the user's own, in place of one of the local authority. The session goes to `recording`, and goes
    on from it where it exists.
    """

    host: str
    port: int
    tls: bool
    role: Role = Role.SURGEON
    certificate: ServerCertificate | None = None
    recording: Path | None = None

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


#: What makes the application of a session: a folder that goes with the server, the hub, and its clock.
MakeApp = Callable[[Path, Hub, Clock, Path], FastAPI]


def serve(
    library: StudyLibrary,
    listening: Listening,
    console: Console,
    behind: Behind,
    first: OpenRequest | None = None,
    guiding: Guiding | None = None,
) -> None:
    """Serve `library` until interrupted; `first`, or its first volume, is opened at once, or what was recorded goes on.

    `guiding` guides as soon as the scan is open that its plan was made on.

    Raises:
        EnvironmentLacks: the page is not built, the port is taken, the recording cannot be written, the workers do not
            start, or an extra is missing.
        InputRefused: what should be gone on from is not a recording.
    """

    def say(text: str) -> None:
        console.print(f"  {escape(text)}", highlight=False)

    with (
        _opened(listening.recording) as file,  # refused here, before anything is announced
        contextlib.closing(new_workers(behind.workers, RETRIES)) as workers,
    ):

        def app(folder: Path, hub: Hub, clock: Clock, page: Path) -> FastAPI:
            application = Application(library, folder, hub, workers)
            guide = None if guiding is None else _guide(guiding, hub, application.blobs.folder, clock, say)
            return _session(application, hub, page, clock, _Opening(file, first, guide), say)

        serve_app(app, listening, console, behind.redis)


def serve_replay(path: Path, speed: float, listening: Listening, console: Console) -> None:
    """Show a recorded session until interrupted; it begins when the first who looks has come.

    Raises:
        EnvironmentLacks: as `serve`.
        InputRefused: not a recording.
    """

    def app(folder: Path, hub: Hub, clock: Clock, page: Path) -> FastAPI:
        replay = Replay(path, folder, hub, clock)

        @contextlib.asynccontextmanager
        async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
            async def show() -> None:
                while hub.is_empty:
                    await asyncio.sleep(LOOK_EVERY_S)
                await replay.play(speed)

            showing = asyncio.create_task(show())
            yield
            showing.cancel()

        return create_app(replay, hub, page, lifespan, clock)

    # Whoever watches is a viewer: there is nothing to lead.
    serve_app(app, replace(listening, role=Role.VIEWER), console)


def serve_app(make_app: MakeApp, listening: Listening, console: Console, redis: str | None = None) -> None:
    """Announce, let in, write down who came, and serve one session until interrupted."""
    page = page_folder()
    if page is None:
        raise EnvironmentLacks("the page is not built", "Run `make setup`.")
    clock = steady_clock()
    desk = PairingDesk(secrets.token_bytes)
    hosts = reachable_hosts(listening.host)
    is_open = is_loopback(listening.host)
    access = Access(frozenset(hosts) | LOOPBACK_HOSTS, desk, listening.role if is_open else None)
    certificate = (listening.certificate or _certificate(hosts)) if listening.tls else None
    with (
        listening_socket(listening) as sock,
        private_folder() as folder,
        AuditWriter(audit_folder() / f"{int(sock.getsockname()[1])}.jsonl") as audit,
        contextlib.suppress(KeyboardInterrupt),  # one that comes before the server hears it itself
    ):
        here = replace(listening, port=int(sock.getsockname()[1]))  # where 0 was asked for, the one that was free
        parts = SceneLog(secrets.token_urlsafe(8)), access, audit.note, lambda: audit.failure is None
        hub = Hub(*parts) if redis is None else Fanout(*parts, redis, clock)
        config = server_config(make_app(folder, hub, clock, page), certificate)
        offer = None if is_open else desk.offer(here.role, clock())
        shown = str(certificate.certificate) if certificate else None
        key = RunningServer(here.port, _address(here, hosts), desk.admit(here.role, clock()).token, shown)
        audit.note(AuditEvent.STARTED, "server", {"reachable by": "this machine" if is_open else "the network"})
        stay_prompt()
        server = uvicorn.Server(config)
        with _ended_in_order(server), announced(key), _trusting(here, hosts, certificate) as trust:
            _announce(console, _address(here, hosts), offer, trust)
            server.run(sockets=[sock])


@contextlib.contextmanager
def _ended_in_order(server: uvicorn.Server) -> Iterator[None]:
    """An interrupt or a word to end is heard by the server, which closes all there is, and raises nothing.

    uvicorn sees to that only from its first turn on. An exception before it, anywhere, would tear down what starts.
    """
    told: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        told.append(number)
        server.handle_exit(number, frame)

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if signal.SIGTERM in told:
        signal.raise_signal(signal.SIGTERM)  # the command ends with another code than after Ctrl+C


@contextlib.contextmanager
def _trusting(
    listening: Listening, hosts: tuple[str, ...], certificate: ServerCertificate | None
) -> Iterator[tuple[str, str] | None]:
    """The page on the next port by which headsets come to trust the local authority: its address and fingerprint."""
    if certificate is None or certificate.authority is None:
        yield None
        return
    mark = fingerprint(certificate.authority)
    shown = trust_page(certificate.authority, listening.host, listening.port + 1, _address(listening, hosts))
    with contextlib.ExitStack() as served:
        try:
            port = served.enter_context(shown)
        except OSError:  # that port is taken: the file itself is as good
            yield str(certificate.authority), mark
        else:
            yield _address(replace(listening, port=port, tls=False), hosts), mark


def server_config(app: FastAPI, certificate: ServerCertificate | None = None) -> uvicorn.Config:
    """How every session is served."""
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # addresses of blobs and uploads are nobody's business
        ws=FreshProtocol,
        ws_per_message_deflate=False,
        ws_max_size=MAX_INCOMING_BYTES,
        ws_ping_interval=5,
        ws_ping_timeout=5,
        ssl_certfile=certificate.certificate if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
        server_header=False,
        timeout_graceful_shutdown=2,
    )


def steady_clock() -> Clock:
    """Seconds since 1970 that no setting of the machine's clock moves while the server runs."""
    start_s = time.time() - time.monotonic()
    return lambda: start_s + time.monotonic()


def _guide(guiding: Guiding, hub: Hub, blobs: Path, clock: Clock, say: Callable[[str], None]) -> GuideRunner:
    from engine.app.guide_process import GuideRunner

    return GuideRunner(guiding, hub, blobs, clock, say)


@dataclass(frozen=True, slots=True)
class _Opening:
    """What a session begins with."""

    recording: RecordingFile | None
    first: OpenRequest | None
    guide: GuideRunner | None


def _session(
    application: Application,
    hub: Hub,
    page: Path,
    clock: Clock,
    opening: _Opening,
    say: Callable[[str], None],
) -> FastAPI:
    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        application.start()
        await run_in_threadpool(int)  # loads what the first file served would load on the hub's loop: 11 ms
        async with contextlib.AsyncExitStack() as during:
            during.callback(application.close)
            if isinstance(hub, Fanout):
                await during.enter_async_context(hub.together(application.as_home(say)))
                await hub.joined(JOIN_WITHIN_S)  # what others show there goes before what was recorded here
            if opening.recording is not None:
                during.enter_context(_recording(opening.recording, application, hub, clock))
            if opening.guide is not None:
                opening.guide.start()
                during.callback(opening.guide.close)
            if hub.log.scene is None:
                await application.open_first(opening.first)
            tidying = asyncio.create_task(tidy())
            during.callback(tidying.cancel)
            yield

    return create_app(application, hub, page, lifespan, clock)


@contextlib.contextmanager
def _recording(file: RecordingFile, application: Application, hub: Hub, clock: Clock) -> Iterator[None]:
    """Go on from what was recorded, and record what follows. Without a disk the session goes on, and says so."""
    loop = asyncio.get_running_loop()
    scene, held = last_scene(file.path, application.blobs)

    def failed(reason: str) -> None:
        sys.stderr.write(f"  {reason}: the session goes on, unrecorded.\n")
        loop.call_soon_threadsafe(lambda: hub.session(recording="failed"))

    recorder = Recorder(file, application.blob_path, clock, failed, held)
    recorder.start(hub.log)
    hub.on_entry.append(recorder.hear_entry)
    hub.on_pose.append(recorder.hear_pose)
    hub.on_reading.append(recorder.hear_reading)
    hub.on_anew.append(recorder.start)
    hub.session(recording="on")
    if scene is not None and hub.log.scene is None:
        hub.publish(ReplaceScene(scene=resumed(scene)))
    try:
        yield
    finally:
        recorder.close()


@contextlib.contextmanager
def _opened(path: Path | None) -> Iterator[RecordingFile | None]:
    if path is None:
        yield None
        return
    try:
        file = RecordingFile(path)
    except OSError as error:
        raise EnvironmentLacks(
            f"the recording {path} cannot be written ({error.strerror})", "Choose another place with --session."
        ) from error
    try:
        yield file
    finally:
        file.close()


def listening_socket(listening: Listening) -> socket.socket:
    """A socket that listens there.

    Raises:
        EnvironmentLacks: the port is taken, or not ours.
    """
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    # The protocol is named, or asyncio does not know it for TCP and leaves Nagle's algorithm on: small frames then
    # wait for the receiver's delayed acknowledgement, 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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


def _announce(console: Console, address: str, offer: Offer | None, trust: tuple[str, str] | None) -> None:
    console.print(f"\n  [bold]Sightline[/bold] is ready: [link={address}]{address}[/link]")
    if offer is None:
        console.print("  Only this machine can open it. A headset: `adb reverse`, or serve with --host 0.0.0.0.")
        show_code(console, address)
    else:
        show_offer(console, offer.code, f"{address}#pair={offer.secret}", offer.role.value, OFFER_S)
    if trust is not None:
        console.print(f"  Headsets trust it once they hold its certificate: [bold]{trust[0]}[/bold]")
        console.print(f"  Its fingerprint: {trust[1][:47]}\n                   {trust[1][48:]}", style="dim")
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
