"""Authoring and the educator's page as an application of their own, or as parts of the training server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from engine.app.backend import Application
from engine.app.jobs import RETRIES
from engine.app.library import StudyLibrary
from engine.app.local_workers import LocalWorkers
from engine.app.training.author_desk import DraftDesk, OnCase
from engine.app.training.author_router import author_router
from engine.app.training.educator_messages import ItemStatistics
from engine.app.training.educator_router import EducatorSource, educator_router
from engine.app.workers import Workers
from engine.stream.hub import Hub
from engine.stream.server import Clock, create_app

#: Pages that stand beside the console, by path.
PAGES = {"/author": "author.html", "/educator": "educator.html"}


class AuthoringApplication(Application):
    """The application with drafts: their slices are blobs too, kept with them and not with the server."""

    def __init__(self, library: StudyLibrary, folder: Path, hub: Hub, desk: DraftDesk, workers: Workers) -> None:
        super().__init__(library, folder, hub, workers)
        self._desk = desk

    def blob_path(self, sha256: str) -> Path | None:
        """The file of a blob, of the server's or of a draft's."""
        return super().blob_path(sha256) or self._desk.blob_path(sha256)


@dataclass(frozen=True, slots=True)
class AuthorPlaces:
    """Where authoring keeps things: `folder` goes with the server, drafts and cases stay."""

    folder: Path
    drafts: Path
    cases: Path


def author_app(
    library: StudyLibrary,
    places: AuthorPlaces,
    hub: Hub,
    page: Path | None,
    clock: Clock,
    *,
    source: EducatorSource | None = None,
    on_case: OnCase | None = None,
    workers: Workers | None = None,
) -> FastAPI:
    """A server with the authoring page, and the educator's where `source` knows of readings."""
    workers = workers or LocalWorkers(RETRIES)
    desk = DraftDesk(places.drafts, places.cases, library, workers, on_case)
    application = AuthoringApplication(library, places.folder, hub, desk, workers)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        application.start()
        yield
        application.close()

    app = create_app(application, hub, None, lifespan, clock)
    add_author(app, desk, page, source)
    if page is not None:
        app.mount("/", StaticFiles(directory=page, html=True), name="page")
    return app


def add_author(app: FastAPI, desk: DraftDesk, page: Path | None, source: EducatorSource | None = None) -> None:
    """Drafts, cohort and items, and both pages, on an application whose own pages are not mounted yet."""

    def items_of(case: str) -> tuple[ItemStatistics, ...]:
        return () if source is None else tuple(one for one in source.items() if one.case == case)

    app.include_router(author_router(desk, items_of))
    if source is not None:
        app.include_router(educator_router(source))
    if page is not None:
        for path, file in PAGES.items():
            app.add_api_route(path, _page(page / file), include_in_schema=False)


def _page(path: Path) -> Callable[[], Awaitable[Response]]:
    async def show() -> Response:
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    return show
