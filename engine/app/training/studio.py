"""Where cases are made and educators look: parts of the training server (`engine.app.training.command`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from engine.app.backend import Application
from engine.app.blobs import BlobFolder
from engine.app.library import StudyLibrary
from engine.app.training.author_desk import DraftDesk
from engine.app.training.author_router import author_router
from engine.app.training.educator_messages import ItemStatistics
from engine.app.training.educator_router import EducatorSource, educator_router
from engine.app.workers import Workers
from engine.stream.hub import Hub
from engine.stream.messages import EditRequest
from engine.stream.server import Clock

#: Pages that stand beside the reading room, by path.
PAGES = {"/author": "author.html", "/educator": "educator.html"}


class Studio(Application):
    """Studies that cases are made of, with drafts and cases: the slices of all are one store of blobs to a page."""

    def __init__(
        self, library: StudyLibrary, folder: Path, hub: Hub, desk: DraftDesk, workers: Workers, cases: BlobFolder
    ) -> None:
        super().__init__(library, folder, hub, workers)
        self.desk = desk
        self._cases = cases

    def blob_path(self, sha256: str) -> Path | None:
        """The file of a blob, of the server's, of a draft's or of a case's."""
        return super().blob_path(sha256) or self.desk.blob_path(sha256) or self._cases.path(sha256)

    def edit(self, request: EditRequest, refuse: Callable[[str], None]) -> None:
        """Nothing is edited in a reading."""
        refuse(f"cases are read here: no {request.type}")


def add_studio(router: APIRouter, desk: DraftDesk, source: EducatorSource, page: Path | None, clock: Clock) -> None:
    """Drafts, cohort and items, and both pages."""

    def items_of(case: str) -> tuple[ItemStatistics, ...]:
        return tuple(one for one in source.items() if one.case == case)

    router.include_router(author_router(desk, items_of))
    router.include_router(educator_router(source, clock))
    if page is not None:
        for path, file in PAGES.items():
            router.add_api_route(path, _page(page / file), include_in_schema=False)


def _page(path: Path) -> Callable[[], Awaitable[Response]]:
    async def show() -> Response:
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    return show
