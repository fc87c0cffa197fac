"""The educator's side of the server (`engine.app.training.educator_messages`): what a source knows, as JSON and CSV."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Sequence
from typing import Protocol

from fastapi import APIRouter, Response

from engine.app.training.answer_table import csv_text
from engine.app.training.download import CSV, download
from engine.app.training.educator_messages import Cohort, Estimated, ItemStatistics, LearnerRow
from engine.stream.server import Clock


class EducatorSource(Protocol):
    """Who knows how trainees read."""

    def cohort(self, now_s: float) -> Cohort: ...
    def items(self) -> tuple[ItemStatistics, ...]: ...


def educator_router(source: EducatorSource, clock: Clock) -> APIRouter:
    """Cohort and items of `source`, as of now."""
    router = APIRouter(prefix="/api/training/educator")

    @router.get("/cohort")
    async def cohort() -> Cohort:
        return await asyncio.to_thread(source.cohort, clock())

    @router.get("/items")
    async def items() -> tuple[ItemStatistics, ...]:
        return await asyncio.to_thread(source.items)

    @router.get("/cohort.csv")
    async def cohort_csv() -> Response:
        return download(cohort_table(await asyncio.to_thread(source.cohort, clock())), CSV, "cohort.csv")

    @router.get("/items.csv")
    async def items_csv() -> Response:
        return download(items_table(await asyncio.to_thread(source.items)), CSV, "items.csv")

    return router


def cohort_table(cohort: Cohort) -> str:
    """A row for each ability of each trainee, as CSV."""
    head = ("trainee", "cases", "last_read", *_three("missed"), "scale", *_three("ability"), "needs")
    rows = (
        (row.name, row.cases, _day(row.last_read_s), *_figures(row.missed), scale, *ability, row.needs or "")
        for row in cohort.learners
        for scale, ability in _abilities(row)
    )
    return csv_text(head, rows)


def _abilities(row: LearnerRow) -> list[tuple[str, tuple[str, str, str]]]:
    """At least one row, so that nobody is left out who has read nothing yet."""
    return [(str(one.scale), _figures(one.now)) for one in row.abilities] or [("", _figures(None))]


def items_table(items: Sequence[ItemStatistics]) -> str:
    """A row for each item, as CSV."""
    head = (
        "case", "version", "task", "scale", "prompt", "answers", *_three("difficulty"), *_three("discrimination"),
        *_three("missed"), "median_s", "most_chosen_wrong", "share_of_it", "says",
    )  # fmt: skip
    rows = (
        (
            one.case, one.version, one.task, one.scale, one.prompt, one.count, *_figures(one.difficulty),
            *_figures(one.discrimination), *_figures(one.missed), _number(one.median_s),
            one.wrong.text if one.wrong else "", _number(one.wrong.share) if one.wrong else "", one.says or "",
        )
        for one in items
    )  # fmt: skip
    return csv_text(head, rows)


def _three(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _figures(value: Estimated | None) -> tuple[str, str, str]:
    return ("", "", "") if value is None else (_number(value.mean), _number(value.low), _number(value.high))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _day(seconds: float | None) -> str:
    return "" if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC).date().isoformat()
