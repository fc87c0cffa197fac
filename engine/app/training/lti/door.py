"""Where platforms send people in, `/api/lti`: login, launch, and this server's public key. Nothing is decided here.

The state's cookie is `SameSite=None; Secure`: the platform's page posts the launch from another site, and no stricter
cookie comes along. It holds for the login alone; what lets in afterwards is `SameSite=Strict`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from engine.app.training.api import Training, let_in
from engine.app.training.lti.comers import come
from engine.app.training.lti.launches import Launches
from engine.app.training.lti.logins import browser_of
from engine.app.training.lti.page import not_opened
from engine.app.training.lti.registration import JWKS, LAUNCH, LOGIN, TARGET
from engine.stream.audit_event import AuditEvent
from engine.stream.roles import Role
from scenarios.lti.launch import LAUNCH_S, Opens
from scenarios.lti.refused import LaunchRefused

COOKIE = "sightline_lti"
#: No form of a platform is longer.
MOST_BYTES = 128 << 10
MOST_FIELDS = 50
_FORM = "application/x-www-form-urlencoded"


def door(training: Training, launches: Launches) -> APIRouter:
    """Every path under `/api/lti`."""
    router = APIRouter()

    def refused(why: LaunchRefused) -> Response:
        training.hub.note(AuditEvent.REFUSED, "nobody", {"asked": "a launch", "why": str(why)})
        return HTMLResponse(not_opened(str(why)), status_code=403)

    @router.api_route(LOGIN, methods=["GET", "POST"], include_in_schema=False)
    async def login(request: Request) -> Response:
        browser = browser_of(request.cookies.get(COOKIE))
        try:
            said = await _form(request) if request.method == "POST" else _fields(request.url.query.encode())
            response = RedirectResponse(launches.begin(said, browser), 302)
        except LaunchRefused as why:
            return refused(why)
        response.set_cookie(
            COOKIE, browser, max_age=int(LAUNCH_S), path="/api/lti", secure=True, httponly=True, samesite="none"
        )
        return response

    @router.post(LAUNCH, include_in_schema=False)
    async def launch(request: Request) -> Response:
        try:
            said = await _form(request)
            made = await asyncio.to_thread(
                launches.launched, said, request.cookies.get(COOKIE)
            )  # it may ask the platform
            _is_there(training, made.launch.opens)
            now_s = training.clock()
            trainee = await training.on_thread(
                come, training.school.store, made.platform, made.launch, made.nonce, now_s
            )
        except LaunchRefused as why:
            return refused(why)
        role = Role.EDUCATOR if made.launch.is_educator else Role.TRAINEE
        grant = training.hub.access.desk.admit(role, now_s)
        cookies = await let_in(training, grant, trainee, request)
        response = RedirectResponse(_to(made.launch.opens), 303)
        response.raw_headers.extend(pair for pair in cookies.raw_headers if pair[0] == b"set-cookie")
        return response

    @router.get(JWKS, include_in_schema=False)
    async def jwks() -> Response:
        return JSONResponse(launches.key.jwks())

    return router


def _is_there(training: Training, opens: Opens) -> None:
    if opens.case is not None and all(one.case.id != opens.case for one in training.school.cases):
        raise LaunchRefused(f"the link opens the case {opens.case[:100]!r}, which is not on this server")


def _to(opens: Opens) -> str:
    asked = {"case": opens.case} if opens.case is not None else {"mode": "exam"} if opens.mode == "exam" else {}
    return f"{TARGET}?{urlencode(asked)}" if asked else TARGET


async def _form(request: Request) -> Mapping[str, str]:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        raise LaunchRefused("what was sent is no form")
    body = bytearray()
    async for chunk in request.stream():
        body.extend(chunk)
        if len(body) > MOST_BYTES:
            raise LaunchRefused("what was sent is too long")
    return _fields(bytes(body))


def _fields(body: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise LaunchRefused("what was sent is no form") from None
    said = dict(pairs)
    if len(said) != len(pairs):
        raise LaunchRefused("what was sent says something twice")
    return said
