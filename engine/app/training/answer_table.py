"""Every answer as a row, for other programs. Nobody is named."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select

from engine.app.training.store import Store
from engine.app.training.tables import ReadingRow, Response
from engine.core.errors import EnvironmentLacks

COLUMNS = (
    "reading", "trainee", "case", "version", "task", "scale", "number", "began_s", "share", "right", "confidence",
    "seconds", "said",
)  # fmt: skip
#: A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table for any program (RFC 4180). A text that a spreadsheet would take for a formula is kept from it."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(head)
    table.writerows([_cell(cell) for cell in row] for row in rows)
    return "\ufeff" + text.getvalue()


def _cell(cell: object) -> object:
    """Numbers stay numbers."""
    if isinstance(cell, str) and cell.startswith(_FORMULA) and not _is_number(cell):
        return f"'{cell}"
    return cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def answers_table(store: Store) -> list[tuple[Any, ...]]:
    """A row an answer, in the order of `COLUMNS`."""
    query = select(Response, ReadingRow).join(ReadingRow, ReadingRow.id == Response.reading)
    with store.reading() as session:
        return [
            (
                reading.id,
                reading.trainee,
                reading.case_id,
                reading.case_version,
                response.task,
                response.scale,
                reading.number,
                reading.began_s,
                response.share,
                bool(response.score),
                response.confidence,
                response.seconds,
                response.said,
            )
            for response, reading in session.execute(query.order_by(ReadingRow.began_s, Response.task))
        ]


def as_csv(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Answers as CSV (`csv_text`)."""
    return csv_text(COLUMNS, rows).encode()


def as_parquet(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """A table with types.

    Raises:
        EnvironmentLacks: the extra is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise EnvironmentLacks(
            "Parquet needs pyarrow", "Install the extra: pip install 'sightline[parquet]'; or take the CSV."
        ) from error
    text, number = pa.string(), pa.float64()
    types = (text, text, text, text, text, text, pa.int64(), number, number, pa.bool_(), number, number, text)
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    table = pa.table(
        {name: pa.array(list(column), kind) for name, column, kind in zip(COLUMNS, columns, types, strict=True)}
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
