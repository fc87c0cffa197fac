"""What the training server answers (`engine.app.training.messages`): the shell round `School`. Nothing is decided here.

The event loop only passes on: store and choices run on threads, scores and images in workers.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

import segno
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from engine.app.training import answer_table, own_data
from engine.app.training.assessor import Assessor, new_worker
from engine.app.training.case_list import case_list
from engine.app.training.catalogue import Shelved
from engine.app.training.download import CSV, download
from engine.app.training.messages import (
    CaseList,
    CaseListed,
    EraseAsk,
    EventsAsk,
    JoinAsk,
    Kept,
    Learner,
    NameAsk,
    NextAsk,
    OpenAsk,
    Progress,
    ReadingNow,
    Told,
)
from engine.app.training.people import People
from engine.app.training.refusal import Gap, NotYet
from engine.app.training.school import School
from engine.app.training.volumes import CaseVolumes, StillMaking
from engine.app.workers import Workers
from engine.core.errors import InputRefused, InvalidValue, SightlineError
from engine.stream.access import LOCAL, Who
from engine.stream.hub import Hub
from engine.stream.messages import Failure, Invitation, Scene
from engine.stream.pairing import GRANT_S, OFFER_S, Grant, Refusal
from engine.stream.roles import Role
from engine.stream.server import SESSION_COOKIE, Clock, NotFound
from scenarios.case.case import Case, flaws
from scenarios.reading.event import AnyEvent, Revealed

#: Who a browser is, longer than a day.
TRAINEE_COOKIE = "sightline_trainee"
TRAINEE_S = 365 * 86400
#: Threads that wait for the store: more would only stand in each other's way. Events have their own, so that none of
#: them waits for somebody's export.
THREADS = 4
#: Readings in hand at once: while one is scored, what another told is kept.
SCORES = 2
#: How long a thread that computes lets one wait that the store has answered (Python: 5 ms): a transaction asks it
#: a dozen times, and whoever waits for the next one waits for all of it.
SWITCH_S = 0.0005

T = TypeVar("T")


class Training:
    """Not a value: what a training server does for those who read."""

    def __init__(
        self, school: School, volumes: CaseVolumes, hub: Hub, clock: Clock, scoring: Workers | None = None
    ) -> None:
        """`scoring`: where readings are assessed; None: by a process of this server."""
        self.school = school
        self.volumes = volumes
        self.people = People(school.store)
        self.hub = hub
        self.clock = clock
        self._scoring = scoring
        self._threads = concurrent.futures.ThreadPoolExecutor(THREADS, thread_name_prefix="training")
        self._keeping = concurrent.futures.ThreadPoolExecutor(THREADS, thread_name_prefix="events")
        self._finishing = concurrent.futures.ThreadPoolExecutor(SCORES, thread_name_prefix="scores")
        #: Codes of trainees' further devices, and until when each holds.
        self.devices: dict[str, tuple[str, float]] = {}
        #: What is being scored, by trainee and reading.
        self._scores: dict[tuple[str, str], asyncio.Task[Told]] = {}

    async def on_thread(self, function: Callable[..., T], *arguments: object, **named: object) -> T:
        """A call that waits for the store or computes."""
        call = functools.partial(function, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let those in again who were before, and finish what was revealed when the server ended."""
        sys.setswitchinterval(SWITCH_S)
        scoring = self._scoring or new_worker()
        self.school.assess_by(Assessor(self.volumes, scoring))
        for kept in await self.on_thread(self.people.grants, self.clock()):
            self.hub.access.desk.readmit(kept.id, Role(kept.role), bytes.fromhex(kept.token_sha256), kept.until_s)
        for trainee, reading in await self.on_thread(self.school.unscored):
            await self.begin_images(trainee, reading)
            self.score(trainee, reading)
        try:
            yield
        finally:
            for task in self._scores.values():
                task.cancel()
            if scoring is not self._scoring:
                scoring.close()
            for threads in (self._threads, self._keeping, self._finishing):
                threads.shutdown(wait=True, cancel_futures=True)

    async def keep(self, trainee: str, reading: str, events: Sequence[AnyEvent]) -> ReadingNow:
        """Keep events (`School.keep`). Scoring begins with what reveals, before anybody asks for it."""
        call = functools.partial(self.school.keep, trainee, reading, events, self.volumes.ready)
        now = await asyncio.get_running_loop().run_in_executor(self._keeping, call)
        if any(isinstance(event, Revealed) for event in events) and now.is_revealed:
            self.score(trainee, reading)
        return now

    def score(self, trainee: str, reading: str) -> asyncio.Task[Told]:
        """Have a reading scored and learned from; once, whoever asks."""
        key = trainee, reading
        if key not in self._scores:
            task = self._scores[key] = asyncio.create_task(self._score(trainee, reading))
            task.add_done_callback(functools.partial(self._scored, key))
        return self._scores[key]

    async def _score(self, trainee: str, reading: str) -> Told:
        call = functools.partial(self.school.feedback, trainee, reading)
        return await asyncio.get_running_loop().run_in_executor(self._finishing, call)

    def _scored(self, key: tuple[str, str], task: asyncio.Task[Told]) -> None:
        del self._scores[key]
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, SightlineError):  # whoever asks for feedback is told those
            task.get_loop().call_exception_handler({"message": "scoring a reading failed", "exception": error})

    async def feedback(self, trainee: str, reading: str) -> Told:
        """Feedback, once it is scored (`School.feedback`)."""
        if (trainee, reading) not in self._scores:
            told = await self.on_thread(self.school.told, trainee, reading)
            if told is not None:
                return told
        return await asyncio.shield(self.score(trainee, reading))

    async def begin_images(self, trainee: str, reading: str) -> None:
        """Have the images of a reading's case made, where they are not there."""
        shelved = await self.on_thread(self.school.case_of, trainee, reading)
        self.volumes.begin(shelved.case, shelved.folder)

    async def trainee(self, request: Request, response: Response) -> str:
        """Whose browser asks; it is somebody new where it was never here."""
        token = request.cookies.get(TRAINEE_COOKIE)
        if (met := self.people.met(token)) is not None:
            return met
        who: Who = request.state.who
        known = await self.on_thread(
            self.people.known,
            token,
            is_educator=who.role is Role.EDUCATOR and who.id != LOCAL,
            now_s=self.clock(),
        )
        if known.token is not None:
            remember(response, TRAINEE_COOKIE, known.token, TRAINEE_S, request)
        return known.trainee


def remember(response: Response, name: str, value: str, seconds: int, request: Request) -> None:
    """A cookie for this server's own page alone."""
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )


def failure(status: int, error: Exception, **more: object) -> Response:
    """A refusal in words."""
    said = Failure(summary=str(error), remedy=getattr(error, "remedy", None))
    return JSONResponse({"error": said.model_dump(), **more}, status_code=status)


def router_of(training: Training) -> APIRouter:
    """Every path under `/api/training`, and `/api/join`."""
    router = APIRouter()
    _add_me(router, training)
    _add_readings(router, training)
    _add_educator(router, training)
    return router


def _add_me(router: APIRouter, training: Training) -> None:
    people, school = training.people, training.school

    @router.get("/api/training/me")
    async def me(request: Request, response: Response) -> Learner:
        trainee = await training.trainee(request, response)
        return await training.on_thread(people.learner, trainee, str(request.state.who.role))

    @router.put("/api/training/me")
    async def rename(body: NameAsk, request: Request, response: Response) -> Learner:
        trainee = await training.trainee(request, response)
        await training.on_thread(people.rename, trainee, body.name)
        return await training.on_thread(people.learner, trainee, str(request.state.who.role))

    @router.post("/api/join")
    async def join(body: JoinAsk, request: Request) -> Response:
        source = request.client.host if request.client else "unknown"
        now_s = training.clock()
        grant = training.hub.access.desk.redeem(body.code, source, now_s)
        if isinstance(grant, Refusal):
            return failure(429 if grant is Refusal.SLOW_DOWN else 403, InvalidValue(str(grant)))
        linked = _linked(training, body.code, now_s)
        return await let_in(training, grant, linked, request)

    @router.post("/api/training/me/device", status_code=201)
    async def device(request: Request, response: Response) -> Invitation:
        trainee = await training.trainee(request, response)
        offer = training.hub.access.desk.offer(Role.TRAINEE, training.clock())
        for code in (offer.code, offer.secret):
            training.devices[code] = (trainee, offer.until_s)
        address = f"{request.url.scheme}://{request.headers['host']}/#pair={offer.secret}"
        picture = segno.make(address, error="m").svg_data_uri(scale=4, border=1)
        return Invitation(code=offer.code, address=address, qr=picture, role="trainee", seconds=OFFER_S)

    @router.get("/api/training/me/export")
    async def export(request: Request, response: Response) -> Response:
        trainee = await training.trainee(request, response)
        data = await training.on_thread(own_data.export, school.store, trainee)
        return download(data, "application/zip", "my-readings.zip")

    @router.post("/api/training/me/erase", status_code=204)
    async def erase(body: EraseAsk, request: Request, response: Response) -> Response:
        trainee = await training.trainee(request, response)
        await training.on_thread(own_data.erase, school.store, trainee, body.name)
        people.forget(trainee)
        school.forget(trainee)
        gone = Response(status_code=204)
        gone.delete_cookie(TRAINEE_COOKIE)
        return gone

    @router.get("/api/training/progress")
    async def progress(request: Request, response: Response) -> Progress:
        trainee = await training.trainee(request, response)
        return await training.on_thread(own_data.progress, school, trainee, training.clock())


def _linked(training: Training, code: str, now_s: float) -> str | None:
    """The trainee whose further device a code lets in."""
    for known in [known for known, (_, until_s) in training.devices.items() if until_s <= now_s]:
        del training.devices[known]
    found = training.devices.pop(code.strip().replace(" ", ""), None)
    return found[0] if found else None


async def let_in(training: Training, grant: Grant, trainee: str | None, request: Request) -> Response:
    """Cookies of somebody who was let in, as a trainee who was here before or as somebody new."""
    now_s = training.clock()
    await training.on_thread(training.people.keep_grant, grant.id, str(grant.role), grant.token, now_s + GRANT_S)
    response = Response(status_code=204)
    remember(response, SESSION_COOKIE, grant.token, int(GRANT_S), request)
    if trainee is not None:
        token = await training.on_thread(training.people.new_device, trainee, now_s)
        remember(response, TRAINEE_COOKIE, token, TRAINEE_S, request)
    return response


def _add_readings(router: APIRouter, training: Training) -> None:
    school, volumes = training.school, training.volumes

    @router.post("/api/training/readings")
    async def begin(body: NextAsk, request: Request, response: Response) -> ReadingNow:
        trainee = await training.trainee(request, response)
        is_educator = request.state.who.role is Role.EDUCATOR
        reading = await training.on_thread(school.begin, trainee, body, is_educator=is_educator)
        await training.begin_images(trainee, reading)
        return await training.on_thread(school.reading, trainee, reading, volumes.ready)

    @router.get("/api/training/readings/{reading}")
    async def stands(reading: str, request: Request, response: Response) -> ReadingNow:
        trainee = await training.trainee(request, response)
        return await training.on_thread(school.reading, trainee, reading, volumes.ready)

    @router.post("/api/training/readings/{reading}/events", response_model=None)
    async def keep(reading: str, body: EventsAsk, request: Request, response: Response) -> Response:
        trainee = await training.trainee(request, response)
        try:
            now = await training.keep(trainee, reading, body.events)
        except Gap as gap:
            return failure(409, gap, next_event=gap.next_event)
        kept = Kept(next_event=now.next_event, reading=now)
        return Response(kept.model_dump_json(), media_type="application/json")

    @router.get("/api/training/readings/{reading}/volumes/{volume}")
    async def scene(reading: str, volume: str, request: Request, response: Response) -> Scene:
        trainee = await training.trainee(request, response)
        now = await training.on_thread(school.stands, trainee, reading, volumes.ready)
        if all(one.id != volume for one in now.case.volumes):
            raise NotFound("the case shows no such study (yet)")
        shelved = await training.on_thread(school.case_of, trainee, reading)
        try:
            return await training.on_thread(volumes.scene, shelved.case, volume)
        except StillMaking:
            volumes.begin(shelved.case, shelved.folder)
            raise

    @router.get("/api/training/readings/{reading}/feedback")
    async def feedback(reading: str, request: Request, response: Response) -> Told:
        trainee = await training.trainee(request, response)
        try:
            return await training.feedback(trainee, reading)
        except NotYet:
            await training.begin_images(trainee, reading)
            raise


def _add_educator(router: APIRouter, training: Training) -> None:
    school = training.school
    store = school.store

    @router.get("/api/training/educator/answers.csv")
    async def answers_csv() -> Response:
        rows = await training.on_thread(answer_table.answers_table, store)
        return download(answer_table.as_csv(rows), CSV, "answers.csv")

    @router.get("/api/training/educator/answers.parquet")
    async def answers_parquet() -> Response:
        rows = await training.on_thread(answer_table.answers_table, store)
        data = await training.on_thread(answer_table.as_parquet, rows)
        return download(data, "application/vnd.apache.parquet", "answers.parquet")

    @router.get("/api/training/educator/cases")
    async def cases() -> CaseList:
        return await training.on_thread(case_list, store)

    @router.post("/api/training/educator/cases", status_code=201)
    async def publish(request: Request) -> CaseListed:
        case = _case(await request.body())
        await training.on_thread(school.publish, Shelved(case, None))
        return await _listed(training, case.id)

    @router.put("/api/training/educator/cases/{case}")
    async def set_open(case: str, body: OpenAsk) -> CaseListed:
        await training.on_thread(school.set_open, case, body.is_open)
        return await _listed(training, case)


def _case(body: bytes) -> Case:
    """A case that was sent.

    Raises:
        InputRefused: with every flaw.
    """
    try:
        case = Case.model_validate_json(body)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:20])
        raise InputRefused(f"this is no case: {told}") from None
    wrong = [f"{'.'.join(map(str, where))}: {what}" for where, what in flaws(case)]
    if wrong:
        raise InputRefused(f"this case contradicts itself: {'; '.join(wrong[:20])}")
    return case


async def _listed(training: Training, case: str) -> CaseListed:
    found = await training.on_thread(case_list, training.school.store)
    return next(one for one in found.cases if one.id == case)
