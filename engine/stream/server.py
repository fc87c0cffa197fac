"""The shell: page, API, blobs and socket on one port (docs/wire.md). No decision is made here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.staticfiles import StaticFiles

from engine.core.errors import InputRefused, SightlineError
from engine.stream.access import Access
from engine.stream.messages import (
    PROTOCOL,
    Failure,
    Job,
    JobUpdate,
    Library,
    NumberedOp,
    Op,
    OpenRequest,
    ProblemMessage,
    SessionRequest,
    Study,
)
from engine.stream.messages import (
    Request as EditRequest,
)
from engine.stream.peer import MAX_INCOMING_BYTES, Peer
from engine.stream.scene_log import SceneLog

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


class Backend(Protocol):
    """What the application does for the server."""

    def library(self) -> Library: ...
    def new_upload(self) -> str: ...
    async def put_upload(self, upload: str, number: int, chunks: AsyncIterator[bytes]) -> None: ...
    async def finish_upload(self, upload: str) -> Study: ...
    def remove_study(self, study: str) -> None: ...
    async def start_job(self, request: OpenRequest) -> Job: ...
    def job(self, job: str) -> Job: ...
    def jobs(self) -> tuple[Job, ...]: ...
    def cancel_job(self, job: str) -> Job: ...
    def blob_path(self, sha256: str) -> Path | None: ...
    def edit(self, request: EditRequest, refuse: Callable[[str], None]) -> None: ...


class Broadcast:
    """Tells every live peer, and wakes the tasks that send."""

    def __init__(self, log: SceneLog) -> None:
        self.log = log
        self._peers: dict[Peer, asyncio.Event] = {}

    def join(self, peer: Peer) -> asyncio.Event:
        """Add a peer; the event is set whenever something may wait for it."""
        self._peers[peer] = asyncio.Event()
        return self._peers[peer]

    def leave(self, peer: Peer) -> None:
        """Forget a peer."""
        del self._peers[peer]

    def publish(self, op: Op) -> None:
        """Append `op` to the log and tell everyone."""
        self._tell(self.log.append(op))

    def progress(self, job: Job) -> None:
        """Tell everyone where a job stands."""
        self._tell(JobUpdate(job=job))

    def _tell(self, message: NumberedOp | JobUpdate) -> None:
        for peer, wake in self._peers.items():
            peer.notify(message)
            wake.set()


Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    backend: Backend, broadcast: Broadcast, access: Access, page: Path | None, lifespan: Lifespan | None = None
) -> FastAPI:
    """The ASGI application. `page` is the built client's folder, None where it was not built."""
    app = FastAPI(title="Sightline", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    _add_guard(app, access)
    _add_failures(app)
    _add_api(app, backend, access)
    _add_socket(app, backend, broadcast, access)
    if page is not None:
        app.mount("/", StaticFiles(directory=page, html=True), name="page")
    return app


def _add_guard(app: FastAPI, access: Access) -> None:
    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        refusal = _refusal(request, access)
        response = _failure(403, refusal) if refusal else await call_next(request)
        response.headers.update(SECURITY_HEADERS)
        if not request.url.path.startswith("/blob/"):
            response.headers["Cache-Control"] = "no-cache"
        return response


def _refusal(request: Request, access: Access) -> str | None:
    host = request.headers.get("host")
    if not access.host_allowed(host):
        return "this server does not answer to that host name"
    if not access.origin_allowed(request.headers.get("origin"), host):
        return "requests from other pages are refused"
    needs_session = request.url.path.startswith(("/api/", "/blob/")) and request.url.path != "/api/session"
    if needs_session and not access.token_allowed(request.cookies.get(SESSION_COOKIE)):
        return "open the address that the server printed"
    return None


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
    return Failure(summary=str(error), remedy=getattr(error, "remedy", None))


def _failure(status: int, summary: str) -> Response:
    return JSONResponse({"error": Failure(summary=summary).model_dump()}, status_code=status)


def _add_api(app: FastAPI, backend: Backend, access: Access) -> None:
    @app.post("/api/session")
    async def session(body: SessionRequest, request: Request) -> Response:
        if not access.token_allowed(body.token):
            return _failure(403, "open the address that the server printed")
        response = Response(status_code=204)
        secure = request.url.scheme == "https"
        response.set_cookie(SESSION_COOKIE, body.token, httponly=True, samesite="strict", secure=secure)
        return response

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

    @app.get("/blob/{sha256}")
    async def blob(sha256: str) -> Response:
        path = backend.blob_path(sha256)
        if path is None:
            raise NotFound("no such blob; ask for the scene again")
        headers = {"Cache-Control": "private, max-age=31536000, immutable", "ETag": f'"{sha256}"'}
        return FileResponse(path, media_type="application/octet-stream", headers=headers)


def _add_socket(app: FastAPI, backend: Backend, broadcast: Broadcast, access: Access) -> None:
    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        host = websocket.headers.get("host")
        origin = websocket.headers.get("origin")
        if not (access.host_allowed(host) and access.origin_allowed(origin, host)):
            await websocket.close(4403)
            return
        await websocket.accept(subprotocol=PROTOCOL if PROTOCOL in websocket.scope["subprotocols"] else None)
        cookie = websocket.cookies.get(SESSION_COOKIE)

        def is_allowed(token: str | None) -> bool:
            return access.token_allowed(token) or access.token_allowed(cookie)

        peer = Peer(broadcast.log, backend.jobs, is_allowed)
        wake = broadcast.join(peer)
        sender = asyncio.create_task(_send(websocket, peer, wake))
        try:
            while True:
                text = await websocket.receive_text()
                if len(text) > MAX_INCOMING_BYTES:
                    await websocket.close(1009)
                    return
                peer.receive(text)
                while (request := peer.take_request()) is not None:
                    backend.edit(request, _refuser(peer, wake, request.request))
                wake.set()
        except (WebSocketDisconnect, KeyError, RuntimeError):
            # gone, sent bytes where text belongs, or closed by the sender: nothing left to say
            pass
        finally:
            broadcast.leave(peer)
            sender.cancel()


def _refuser(peer: Peer, wake: asyncio.Event, request: str) -> Callable[[str], None]:
    def refuse(summary: str) -> None:
        peer.refuse(request, summary)
        wake.set()

    return refuse


async def _send(websocket: WebSocket, peer: Peer, wake: asyncio.Event) -> None:
    while True:
        await wake.wait()
        wake.clear()
        while (text := peer.next_text()) is not None:
            await websocket.send_text(text)
        if peer.closing is not None:
            await websocket.close(peer.closing.code, peer.closing.reason)
            return
