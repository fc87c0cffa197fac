"""`sightline study convert`: a table with one rating a reading, as the three tables of a reader study."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.core.errors import InputRefused


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns of a table."""

    reader: str
    case: str
    modality: str
    rating: str
    truth: str


def convert_table(table: Path, columns: Columns, where: Sequence[str], out: Path) -> int:
    """Writes `ratings.csv`, `cases.csv` and `reads.csv` into `out`; how many readings they hold.

    Raises:
        InputRefused: a column is lacking, or a row says what no reading can.
    """
    rows = _rows(table, columns, where)
    truth: dict[str, bool] = {}
    seen: set[tuple[str, str, str]] = set()
    ratings, reads = [["modality", "reader", "case", "mark", "index", "rating"]], [["modality", "reader", "case"]]
    for n, row in enumerate(rows, 2):
        who, is_abnormal = (row[columns.modality], row[columns.reader], row[columns.case]), row[columns.truth]
        if is_abnormal not in ("0", "1") or truth.setdefault(who[2], is_abnormal == "1") != (is_abnormal == "1"):
            raise InputRefused(
                f"reading {n - 1}: the truth of a case is 0 or 1 and does not change, got {is_abnormal!r}"
            )
        if who in seen or not _is_number(row[columns.rating]):
            raise InputRefused(
                f"reading {n - 1}: {', '.join(who)} has one rating, a number, got {row[columns.rating]!r}"
            )
        seen.add(who)
        ratings.append([*who, "LL" if truth[who[2]] else "NL", "1", row[columns.rating]])
        reads.append(list(who))
    cases = [["case", "truth", "lesions"]]
    cases += [[name, "abnormal" if one else "normal", str(int(one))] for name, one in truth.items()]
    out.mkdir(parents=True, exist_ok=True)
    for name, lines in (("ratings", ratings), ("cases", cases), ("reads", reads)):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        (out / f"{name}.csv").write_text(text.getvalue(), "utf-8")
    return len(reads) - 1


def _rows(table: Path, columns: Columns, where: Sequence[str]) -> list[dict[str, str]]:
    raw = table.read_bytes()
    try:
        text = (gzip.decompress(raw) if table.suffix == ".gz" else raw).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused(f"{table.name} is no CSV in UTF-8") from error
    reader = csv.DictReader(io.StringIO(text))
    wanted = dict(one.partition("=")[::2] for one in where)
    names = (columns.reader, columns.case, columns.modality, columns.rating, columns.truth, *wanted)
    lacking = [name for name in names if name not in (reader.fieldnames or ())]
    if lacking:
        there = ", ".join(reader.fieldnames or ())
        raise InputRefused(f"{table.name} has no column {', '.join(lacking)}; there is {there}")
    rows = [row for row in reader if all(row[name] == value for name, value in wanted.items())]
    if not rows:
        raise InputRefused(f"{table.name} has no row with {', '.join(where) or 'a reading'}")
    return rows


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
