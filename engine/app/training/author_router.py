"""The authoring page's side of the server (`engine.app.training.author_messages`). No decision is made here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from engine.app.training.author_desk import DraftDesk
from engine.app.training.author_messages import (
    ChangeAsk,
    DraftListed,
    DraftNow,
    FlawTold,
    NewDraft,
    PaintAsk,
    Published,
    Saved,
)
from engine.app.training.educator_messages import ItemStatistics
from engine.stream.server import failure_of

#: Statistics of the items of a case, by its name.
ItemsOf = Callable[[str], tuple[ItemStatistics, ...]]


class Refusing(APIRoute):
    """Answers 507 where the disk takes no more: nothing was lost, and the page says so."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The handler, with that answer."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await answer(request)
            except OSError as error:
                return JSONResponse({"error": failure_of(error).model_dump()}, status_code=507)

        return handle


def author_router(desk: DraftDesk, items_of: ItemsOf | None = None) -> APIRouter:
    """Drafts of `desk`; `items_of` tells how published items were answered."""
    router = APIRouter(prefix="/api/training/author", route_class=Refusing)

    @router.get("/drafts")
    async def drafts() -> tuple[DraftListed, ...]:
        return desk.listed()

    @router.post("/drafts", status_code=201)
    async def new(ask: NewDraft) -> DraftNow:
        return await asyncio.to_thread(desk.open, ask)

    @router.get("/drafts/{draft}")
    async def now(draft: str) -> DraftNow:
        return await asyncio.to_thread(desk.now, draft)

    @router.put("/drafts/{draft}")
    async def change(draft: str, ask: ChangeAsk) -> Saved:
        return await asyncio.to_thread(desk.change, draft, ask)

    @router.post("/drafts/{draft}/paint")
    async def paint(draft: str, ask: PaintAsk) -> Saved:
        return await asyncio.to_thread(desk.paint, draft, ask)

    @router.post("/drafts/{draft}/undo")
    async def undo(draft: str) -> Saved:
        return await asyncio.to_thread(desk.undo, draft)

    @router.post("/drafts/{draft}/redo")
    async def redo(draft: str) -> Saved:
        return await asyncio.to_thread(desk.redo, draft)

    @router.post("/drafts/{draft}/reopen")
    async def reopen(draft: str) -> DraftNow:
        return await asyncio.to_thread(desk.reopen, draft)

    @router.get("/drafts/{draft}/flaws")
    async def flaws(draft: str) -> tuple[FlawTold, ...]:
        return await asyncio.to_thread(desk.flaws, draft)

    @router.post("/drafts/{draft}/trial")
    async def trial(draft: str) -> Published:
        return await asyncio.to_thread(desk.publish, draft, is_trial=True)

    @router.post("/drafts/{draft}/publish")
    async def publish(draft: str) -> Published:
        return await asyncio.to_thread(desk.publish, draft, is_trial=False)

    @router.get("/drafts/{draft}/statistics")
    async def statistics(draft: str) -> tuple[ItemStatistics, ...]:
        case = desk.case_of(draft)
        if case is None or items_of is None:
            return ()
        return await asyncio.to_thread(items_of, case)

    @router.delete("/drafts/{draft}", status_code=204)
    async def delete(draft: str) -> Response:
        await asyncio.to_thread(desk.delete, draft)
        return Response(status_code=204)

    return router
