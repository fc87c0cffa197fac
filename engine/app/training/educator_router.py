"""The educator's side of the server (`engine.app.training.educator_messages`): what a source knows, as JSON and CSV."""

from __future__ import annotations

import asyncio
import csv
import datetime
import io
from collections.abc import Iterable, Sequence
from typing import Protocol

from fastapi import APIRouter, Depends, Response

from engine.app.training.author_router import Refusing, only_authors
from engine.app.training.educator_messages import Cohort, Estimated, ItemStatistics, LearnerRow

#: A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class EducatorSource(Protocol):
    """Who knows how trainees read."""

    def cohort(self) -> Cohort: ...
    def items(self) -> tuple[ItemStatistics, ...]: ...


def educator_router(source: EducatorSource) -> APIRouter:
    """Cohort and items of `source`."""
    router = APIRouter(prefix="/api/training/educator", dependencies=[Depends(only_authors)], route_class=Refusing)

    @router.get("/cohort")
    async def cohort() -> Cohort:
        return await asyncio.to_thread(source.cohort)

    @router.get("/items")
    async def items() -> tuple[ItemStatistics, ...]:
        return await asyncio.to_thread(source.items)

    @router.get("/cohort.csv")
    async def cohort_csv() -> Response:
        return _file("cohort.csv", cohort_table(await asyncio.to_thread(source.cohort)))

    @router.get("/items.csv")
    async def items_csv() -> Response:
        return _file("items.csv", items_table(await asyncio.to_thread(source.items)))

    return router


def cohort_table(cohort: Cohort) -> str:
    """A row for each ability of each trainee, as CSV."""
    head = ("trainee", "cases", "last_read", *_three("missed"), "scale", *_three("ability"), "needs")
    rows = (
        (row.name, row.cases, _day(row.last_read_s), *_figures(row.missed), scale, *ability, row.needs or "")
        for row in cohort.learners
        for scale, ability in _abilities(row)
    )
    return _csv(head, rows)


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
    return _csv(head, rows)


def _three(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _figures(value: Estimated | None) -> tuple[str, str, str]:
    return ("", "", "") if value is None else (_number(value.mean), _number(value.low), _number(value.high))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _day(seconds: float | None) -> str:
    return "" if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC).date().isoformat()


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    table.writerow(head)
    table.writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _cell(cell: object) -> object:
    """Words that a spreadsheet would take for a formula are kept from it; numbers stay numbers."""
    if isinstance(cell, str) and cell.startswith(_FORMULA) and not _is_number(cell):
        return f"'{cell}"
    return cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _file(name: str, text: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response("\ufeff" + text, media_type="text/csv; charset=utf-8", headers=headers)
