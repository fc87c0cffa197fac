"""The shell: page, API, blobs and socket on one port (docs/wire.md). No decision is made here."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

import segno
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as ASGIMessage

from engine.core.errors import InputRefused, SightlineError
from engine.stream.access import Access, Who
from engine.stream.audit_event import AuditEvent
from engine.stream.hub import Hub
from engine.stream.messages import (
    PROTOCOL,
    EditRequest,
    Failure,
    Invitation,
    InviteRequest,
    Job,
    Library,
    Me,
    Member,
    OpenRequest,
    PairRequest,
    ProblemMessage,
    RoleRequest,
    Study,
)
from engine.stream.pairing import GRANT_S, OFFER_S, Refusal
from engine.stream.peer import TOO_MUCH, Peer, allowed
from engine.stream.roles import Action, Role, may, refusal

SESSION_COOKIE = "sightline_session"

#: Nothing from another host, ever; `wasm-unsafe-eval` compiles the geometry and volume decoders.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' blob: data:; worker-src 'self' blob:; connect-src 'self' blob: data:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class NotFound(SightlineError):
    """No such study, job, upload or blob."""


class Source(Protocol):
    """What the application does for any session, also for one that can only be watched."""

    def jobs(self) -> tuple[Job, ...]: ...
    def blob_path(self, sha256: str) -> Path | None: ...
    def edit(self, request: EditRequest, refuse: Callable[[str], None]) -> None: ...


@runtime_checkable
class Backend(Source, Protocol):
    """What the application does for a session in which studies are opened."""

    def library(self) -> Library: ...
    def new_upload(self) -> str: ...
    async def put_upload(self, upload: str, number: int, chunks: AsyncIterator[bytes]) -> None: ...
    async def finish_upload(self, upload: str) -> Study: ...
    def remove_study(self, study: str) -> None: ...
    async def start_job(self, request: OpenRequest) -> Job: ...
    def job(self, job: str) -> Job: ...
    def cancel_job(self, job: str) -> Job: ...


#: Often enough that a client has missed four beats when it says, within half a second, that it is cut off.
BEAT_EVERY_S = 0.1

#: Seconds since 1970, never set back.
Clock = Callable[[], float]

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    source: Source,
    hub: Hub,
    page: Path | None,
    lifespan: Lifespan | None = None,
    clock: Clock = time.time,
    router: APIRouter | None = None,
) -> FastAPI:
    """The ASGI application.

    `page` is the built client's folder, None where it was not built; `router` answers what else the application does.
    """

    @contextlib.asynccontextmanager
    async def beating(app: FastAPI) -> AsyncIterator[None]:
        heart = asyncio.create_task(_beat(hub, clock))
        async with lifespan(app) if lifespan else contextlib.nullcontext():
            yield
        heart.cancel()

    app = FastAPI(title="Sightline", docs_url=None, redoc_url=None, openapi_url=None, lifespan=beating)
    app.add_middleware(_Guard, hub=hub, clock=clock)
    _add_failures(app)
    _add_members(app, hub, clock)
    _add_blobs(app, source)
    if isinstance(source, Backend):
        _add_studies(app, source)
    _add_socket(app, source, hub, clock)
    if router is not None:
        app.include_router(router)
    if page is not None:
        app.mount("/", StaticFiles(directory=page, html=True), name="page")
    return app


async def _beat(hub: Hub, clock: Clock) -> None:
    while True:
        hub.tick(clock())
        await asyncio.sleep(BEAT_EVERY_S)


#: What a path needs, by method and beginning; the first that fits. Paths that are not here are for everybody.
_NEEDS: tuple[tuple[str, str, Action], ...] = (
    ("GET", "/blob/", Action.LOOK),
    ("GET", "/api/library", Action.OPEN),
    ("*", "/api/uploads", Action.UPLOAD),
    ("DELETE", "/api/studies", Action.REMOVE),
    ("GET", "/api/jobs", Action.LOOK),
    ("*", "/api/jobs", Action.OPEN),
    ("GET", "/api/members", Action.LOOK),
    ("POST", "/api/invitations", Action.INVITE),
    ("*", "/api/members", Action.REVOKE),
    ("*", "/api/training/educator", Action.EXPORT),
    ("*", "/api/training/author", Action.EXPORT),
    ("*", "/api/training", Action.MARK),
)

#: Where other pages send people: what they bring is checked there, by its signature (LTI 1.3).
_FROM_OTHER_PAGES = "/api/lti/"


class _Guard:
    """Refuses who may not, and says with every answer what its page may do.

    Plain ASGI: as `BaseHTTPMiddleware` it would pass each piece of a blob through two tasks more.
    """

    def __init__(self, app: ASGIApp, hub: Hub, clock: Clock) -> None:
        self._app = app
        self._hub = hub
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        hub = self._hub
        request.state.who = hub.access.who(request.cookies.get(SESSION_COOKIE), self._clock())
        refused = _refusal(request, hub.access)

        async def send_guarded(message: ASGIMessage) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                if not request.url.path.startswith("/blob/"):
                    headers["Cache-Control"] = "no-cache"
            await send(message)

        if refused:
            hub.note(AuditEvent.REFUSED, str(request.state.who or "nobody"), {"asked": _kind(request), "why": refused})
            await _failure(403, refused)(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)


def _refusal(request: Request, access: Access) -> str | None:
    host = request.headers.get("host")
    if not access.host_allowed(host):
        return "this server does not answer to that host name"
    is_ours = access.origin_allowed(request.headers.get("origin"), host)
    if not is_ours and not request.url.path.startswith(_FROM_OTHER_PAGES):
        return "requests from other pages are refused"
    action = _needed(request)
    if action is None:
        return None
    who: Who | None = request.state.who
    if who is None:
        return "ask for a code and let yourself in with it"
    return None if may(who.role, action) else refusal(who.role, action)


def _needed(request: Request) -> Action | None:
    matches = (
        action
        for method, path, action in _NEEDS
        if method in ("*", request.method) and request.url.path.startswith(path)
    )
    return next(matches, None)


def _kind(request: Request) -> str:
    """What was asked, without what it names."""
    return f"{request.method} /{'/'.join(request.url.path.split('/')[1:3])}"[:40]


def _add_failures(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def malformed(_request: Request, error: Exception) -> Response:
        return _failure(422, _first_mistake(error))

    @app.exception_handler(NotFound)
    async def not_found(_request: Request, error: Exception) -> Response:
        return _failure(404, str(error))

    @app.exception_handler(InputRefused)
    async def refused(_request: Request, error: Exception) -> Response:
        return JSONResponse({"error": failure_of(error).model_dump()}, status_code=422)

    @app.exception_handler(SightlineError)
    async def other(_request: Request, error: Exception) -> Response:
        return JSONResponse({"error": failure_of(error).model_dump()}, status_code=409)


def _first_mistake(error: Exception) -> str:
    """Where a request breaks the rules and which; never the value, which may be a patient's."""
    mistakes = error.errors() if isinstance(error, RequestValidationError) else ()
    return next((f"{'.'.join(map(str, m['loc'][1:])) or 'request'}: {m['msg']}" for m in mistakes), "malformed request")


def failure_of(error: Exception) -> Failure:
    """An error as the user sees it; files are named without their folders."""
    if isinstance(error, InputRefused):
        problems = tuple(ProblemMessage(file=p.path.name, reason=p.reason) for p in error.problems[:200])
        return Failure(summary=error.summary, problems=problems)
    if isinstance(error, OSError):
        summary = f"the server cannot use a file of its own ({error.strerror})"
        return Failure(summary=summary, remedy="See whether its disk is full, then try again.")
    return Failure(summary=str(error), remedy=getattr(error, "remedy", None))


def _failure(status: int, summary: str) -> Response:
    return JSONResponse({"error": Failure(summary=summary).model_dump()}, status_code=status)


def _add_members(app: FastAPI, hub: Hub, clock: Clock) -> None:
    @app.get("/api/me")
    async def me(request: Request) -> Me:
        who: Who | None = request.state.who
        if who is None:
            return Me(member=None, role=None)
        return Me(member=who.id, role=who.role.value, may=allowed(who.role))

    @app.post("/api/pair")
    async def pair(body: PairRequest, request: Request) -> Response:
        source = request.client.host if request.client else "unknown"
        grant = hub.access.desk.redeem(body.code, source, clock())
        if isinstance(grant, Refusal):
            hub.note(AuditEvent.REFUSED, "nobody", {"asked": "to be let in", "why": str(grant)})
            return _failure(429 if grant is Refusal.SLOW_DOWN else 403, str(grant))
        response = Response(status_code=204)
        secure = request.url.scheme == "https"
        response.set_cookie(
            SESSION_COOKIE, grant.token, max_age=int(GRANT_S), httponly=True, samesite="strict", secure=secure
        )
        return response

    @app.post("/api/invitations", status_code=201)
    async def invite(body: InviteRequest, request: Request) -> Invitation:
        offer = hub.access.desk.offer(Role(body.role), clock())
        hub.note(AuditEvent.INVITED, str(request.state.who), {"role": body.role})
        address = f"{request.url.scheme}://{request.headers['host']}/#pair={offer.secret}"
        picture = segno.make(address, error="m").svg_data_uri(scale=4, border=1)
        return Invitation(code=offer.code, address=address, qr=picture, role=body.role, seconds=OFFER_S)

    @app.get("/api/members")
    async def members(request: Request) -> tuple[Member, ...]:
        return hub.members(request.state.who, clock())

    @app.patch("/api/members/{member}")
    async def change_role(member: str, body: RoleRequest, request: Request) -> Response:
        if not hub.access.desk.change_role(member, Role(body.role)):
            raise NotFound("nobody of that name has been let in")
        hub.note(AuditEvent.ROLE_CHANGED, str(request.state.who), {"member": member, "role": body.role})
        hub.tick(clock())
        return Response(status_code=204)

    @app.delete("/api/members/{member}")
    async def revoke(member: str, request: Request) -> Response:
        if not hub.access.desk.revoke(member):
            raise NotFound("nobody of that name has been let in")
        hub.note(AuditEvent.ACCESS_REVOKED, str(request.state.who), {"member": member})
        hub.tick(clock())
        return Response(status_code=204)


def _add_studies(app: FastAPI, backend: Backend) -> None:
    @app.get("/api/library")
    async def library() -> Library:
        return backend.library()

    @app.post("/api/uploads", status_code=201)
    async def new_upload() -> dict[str, str]:
        return {"upload": backend.new_upload()}

    @app.put("/api/uploads/{upload}/{number}", status_code=204)
    async def put_upload(upload: str, number: int, request: Request) -> Response:
        await backend.put_upload(upload, number, request.stream())
        return Response(status_code=204)

    @app.post("/api/uploads/{upload}/finish")
    async def finish_upload(upload: str) -> Study:
        return await backend.finish_upload(upload)

    @app.delete("/api/studies/{study}", status_code=204)
    async def remove_study(study: str) -> Response:
        backend.remove_study(study)
        return Response(status_code=204)

    @app.post("/api/jobs", status_code=202)
    async def start_job(request: OpenRequest) -> Job:
        return await backend.start_job(request)

    @app.get("/api/jobs/{job}")
    async def job(job: str) -> Job:
        return backend.job(job)

    @app.delete("/api/jobs/{job}")
    async def cancel_job(job: str) -> Job:
        return backend.cancel_job(job)


class _BlobResponse(FileResponse):
    """A brick in one piece: each piece is read on a thread."""

    chunk_size = 2**20


def _add_blobs(app: FastAPI, source: Source) -> None:
    @app.get("/blob/{sha256}")
    async def blob(sha256: str) -> Response:
        path = source.blob_path(sha256)
        if path is None:
            raise NotFound("no such blob; ask for the scene again")
        headers = {"Cache-Control": "private, max-age=31536000, immutable", "ETag": f'"{sha256}"'}
        return _BlobResponse(path, media_type="application/octet-stream", headers=headers)


def _add_socket(app: FastAPI, source: Source, hub: Hub, clock: Clock) -> None:
    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        host = websocket.headers.get("host")
        origin = websocket.headers.get("origin")
        if not (hub.access.host_allowed(host) and hub.access.origin_allowed(origin, host)):
            hub.note(AuditEvent.REFUSED, "nobody", {"asked": "a socket", "why": "another page, or another host name"})
            await websocket.close(4403)
            return
        if hub.is_full:
            hub.note(AuditEvent.REFUSED, "nobody", {"asked": "a socket", "why": "too many connections"})
            await websocket.close(TOO_MUCH.code, TOO_MUCH.reason)
            return
        await websocket.accept(subprotocol=PROTOCOL if PROTOCOL in websocket.scope["subprotocols"] else None)
        bell = asyncio.Event()
        peer = hub.join(websocket.cookies.get(SESSION_COOKIE), bell.set, source.jobs, clock())
        sender = asyncio.create_task(_send(websocket, peer, bell, clock))
        try:
            while True:
                await _receive(websocket, peer, clock)
                hub.take_events(peer, source.edit)
        except (WebSocketDisconnect, RuntimeError):
            pass  # gone, or closed by the sender: nothing left to say
        finally:
            sender.cancel()
            hub.leave(peer)


async def _receive(websocket: WebSocket, peer: Peer, clock: Clock) -> None:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text: str | None = message.get("text")
    if text is None:
        peer.receive_bytes(message.get("bytes") or b"", clock())
    else:
        peer.receive_text(text, clock())


async def _send(websocket: WebSocket, peer: Peer, bell: asyncio.Event, clock: Clock) -> None:
    """Whatever waits for a peer: between any two texts the poses that are newest then."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # gone: its receiver ends the connection
        await _send_all(websocket, peer, bell, clock)


async def _send_all(websocket: WebSocket, peer: Peer, bell: asyncio.Event, clock: Clock) -> None:
    while True:
        await bell.wait()
        bell.clear()
        while (message := peer.next_message()) is not None:
            if isinstance(message, bytes):
                await websocket.send_bytes(message)
                continue  # its op comes next
            await websocket.send_text(message)
            await _send_poses(websocket, peer, clock)
        await _send_poses(websocket, peer, clock)
        if peer.closing is not None:
            await websocket.close(peer.closing.code, peer.closing.reason)
            return


async def _send_poses(websocket: WebSocket, peer: Peer, clock: Clock) -> None:
    if frame := peer.next_bytes(clock()):
        await websocket.send_bytes(frame)
