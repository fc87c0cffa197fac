"""The recorded path of a tool's tip, as a case holds it: CSV, a head `t_s,x_mm,y_mm,z_mm`, patient millimetres."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from engine.core.array import Float64
from engine.core.errors import FileProblem, InputRefused

COLUMNS = ("t_s", "x_mm", "y_mm", "z_mm")
#: Twenty minutes at 80 Hz.
MOST_ROWS = 100_000


def read_path(path: Path) -> Float64:
    """(n, 4) seconds and places, times never going back.

    Raises:
        InputRefused: no such table; which line, and why.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            if tuple(one.strip() for one in next(rows, [])) != COLUMNS:
                raise _refused(path, 1, f"begin with a line {','.join(COLUMNS)}")
            found: list[list[float]] = []
            for row in rows:
                found.append(_numbers(path, rows.line_num, row))
                if len(found) > MOST_ROWS:
                    raise _refused(path, rows.line_num, f"a path has at most {MOST_ROWS:,} lines")
                if len(found) > 1 and found[-1][0] < found[-2][0]:
                    raise _refused(path, rows.line_num, "time goes back")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputRefused(f"{path.name} cannot be read as a path ({type(error).__name__})") from error
    if len(found) < 2:
        raise _refused(path, 1, "a path has at least two places")
    return np.array(found, np.float64)


def _numbers(path: Path, line: int, row: list[str]) -> list[float]:
    try:
        values = [float(one) for one in row]
    except ValueError:
        values = []
    if len(values) != len(COLUMNS) or not np.isfinite(values).all():
        raise _refused(path, line, "four numbers are wanted")
    return values


def _refused(path: Path, line: int, why: str) -> InputRefused:
    return InputRefused(
        f"{path.name} is no path of a tool, line {line}: {why}", [FileProblem(path, f"line {line}: {why}")]
    )
