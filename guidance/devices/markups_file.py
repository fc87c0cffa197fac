"""Points that were marked in 3D Slicer: `.mrk.json` (Slicer 4.11 on) and `.fcsv` (before), as patient places.

Both state their axes, and RAS becomes LPS here. Lists of the time before Slicer 4 (`# Fiducial List file`) state none:
they are RAS, as that program knew nothing else, and the reader says that it took them so.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.array import Float64
from engine.core.errors import FileProblem, InputRefused
from guidance.plan.naming import clean_name, identifiers, use_by_name
from guidance.plan.plan import Landmark, Use

_MOST_BYTES = 16 * 2**20
#: What each way of saying it means for the signs of the first two axes. IJK, which is 2, is no place in a patient.
_SIGNS = {"LPS": 1.0, "1": 1.0, "RAS": -1.0, "0": -1.0}
_HEADER = re.compile(r"#\s*([A-Za-z ]+?)\s*=\s*(.*)")
_OLD = "Fiducial List file"


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """One point. `patient_mm` is (3,) in LPS."""

    name: str
    description: str
    patient_mm: Float64


@dataclass(frozen=True, slots=True)
class Markups:
    """What a file holds.

    Attributes:
        points: in its order.
        repairs: what was assumed, in words.
        left_out: points and lists that were not taken, and why.
    """

    points: tuple[Marked, ...]
    repairs: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def landmarks(self, use: Callable[[str], Use] = use_by_name, taken: Iterable[str] = ()) -> tuple[Landmark, ...]:
        """Points as landmarks; `use` tells by a name what a point is for."""
        own = identifiers([one.name for one in self.points], taken)
        return tuple(
            Landmark(name, one.name, one.patient_mm, use(one.name)) for name, one in zip(own, self.points, strict=True)
        )


def read_markups(path: Path) -> Markups:
    """Points of a file, known by what is in it and not by its name.

    Raises:
        InputRefused: not such a file, axes that are not stated or not those of a patient, or no point.
    """
    text = _text(path)
    markups = _from_json(path, text) if text.lstrip().startswith("{") else _from_table(path, text)
    if not markups.points:
        raise _refused(path, "; ".join(("no point that is defined", *markups.left_out)))
    return markups


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _refused(path, f"cannot be read ({error.strerror})") from error
    if len(data) > _MOST_BYTES:
        raise _refused(path, "larger than any list of points")
    return data.decode("utf-8-sig", errors="replace")


def _from_json(path: Path, text: str) -> Markups:
    points: list[Marked] = []
    left_out: list[str] = []
    try:
        lists = json.loads(text)["markups"]
        for markup in lists:
            kind = str(markup.get("type", "Fiducial"))
            if kind != "Fiducial":
                left_out.append(f"a {kind.lower()}: only lists of points are taken")
                continue
            sign = _sign(path, markup.get("coordinateSystem"))
            units = markup.get("coordinateUnits", "mm")
            if units not in ("mm", ["mm", "mm", "mm"]):
                raise _refused(path, f"its coordinates are in {units}, not in mm")
            for n, point in enumerate(markup.get("controlPoints", ()), start=1):
                name = clean_name(str(point.get("label", "")), f"Landmark {n}")
                if point.get("positionStatus", "defined") != "defined":
                    left_out.append(f"{name}: it was not placed")
                    continue
                _take(points, left_out, name, str(point.get("description", "")), point.get("position"), sign)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _refused(path, f"not a list of points as 3D Slicer writes it ({type(error).__name__})") from None
    return Markups(tuple(points), (), tuple(left_out))


def _from_table(path: Path, text: str) -> Markups:
    lines = text.splitlines()
    header = {found[1]: found[2] for line in lines if (found := _HEADER.match(line))}
    if "columns" not in header:
        raise _refused(path, "not a list of points: neither .mrk.json nor .fcsv of 3D Slicer")
    repairs: tuple[str, ...] = ()
    if "CoordinateSystem" not in header and any(_OLD in line for line in lines[:3]):
        sign = _SIGNS["RAS"]
        repairs = ("an old list that states no axes: taken as RAS, the only ones that its program knew",)
    else:
        sign = _sign(path, header.get("CoordinateSystem"))
    columns = {name.strip(): n for n, name in enumerate(header["columns"].split(","))}
    missing = [name for name in ("x", "y", "z") if name not in columns]
    if missing:
        raise _refused(path, f"its columns lack {', '.join(missing)}")
    points: list[Marked] = []
    left_out: list[str] = []
    rows = csv.reader(line for line in lines if line.strip() and not line.startswith("#"))
    for n, row in enumerate(rows, start=1):
        cell = {name: row[at] if at < len(row) else "" for name, at in columns.items()}
        name = clean_name(cell.get("label", ""), f"Landmark {n}")
        _take(points, left_out, name, cell.get("desc", ""), [cell[axis] for axis in "xyz"], sign)
    return Markups(tuple(points), repairs, tuple(left_out))


def _take(points: list[Marked], left_out: list[str], name: str, description: str, position: Any, sign: float) -> None:
    try:
        place = np.array([float(value) for value in position], np.float64)
    except (TypeError, ValueError):
        place = np.full(3, np.nan)
    if place.shape != (3,) or not np.isfinite(place).all():
        left_out.append(f"{name}: its place is not three finite numbers")
        return
    points.append(Marked(name, clean_name(description, ""), place * (sign, sign, 1.0) + 0.0))


def _sign(path: Path, stated: Any) -> float:
    if stated is None:
        raise _refused(path, "it does not state whether its axes are LPS or RAS: save it again with 3D Slicer")
    sign = _SIGNS.get(str(stated).strip().upper())
    if sign is None:
        raise _refused(path, f"its axes are {stated!s}, which is no place in a patient: save it as LPS or RAS")
    return sign


def _refused(path: Path, reason: str) -> InputRefused:
    return InputRefused("these points cannot be taken", [FileProblem(path, reason)])
