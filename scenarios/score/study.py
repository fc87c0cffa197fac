"""A reader study as tables: ratings and cases, each a row of text, checked whole before anything is computed.

`RATINGS.csv` has a row a mark: modality, reader, case, mark (NL where it lies on no lesion, LL on one), index (which
lesion, or which of several false marks), rating. A case without a row was looked at and not marked. `CASES.csv` has a
row a case: case, truth (normal or abnormal), lesions, and their weights, with spaces between.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import InvalidValue, several
from scenarios.score.marks import UNMARKED, Marks

_RATING_COLUMNS = ("modality", "reader", "case", "mark", "index", "rating")
_READ_COLUMNS = ("modality", "reader", "case")
_CASE_COLUMNS = ("case", "truth", "lesions")
#: Told at once; a file that is wrong throughout is wrong in one way.
_MOST_FLAWS = 20


@dataclass(frozen=True, slots=True)
class ReaderStudy:
    """Every reader on every case under every modality.

    Attributes:
        modalities, readers, cases: names, in the order of the files.
        marks: by modality and reader, in that order.
        read: (modalities, readers, cases) who read what; None: everybody everything.
    """

    modalities: tuple[str, ...]
    readers: tuple[str, ...]
    cases: tuple[str, ...]
    marks: tuple[tuple[Marks, ...], ...]
    read: NDArray[np.bool_] | None = None

    @property
    def is_crossed(self) -> bool:
        """Whether every reader read every case under every modality."""
        return self.read is None or bool(self.read.all())


class StudyRefused(InvalidValue):
    """Tables that are no study; the message names every row and what to do."""


@dataclass(frozen=True, slots=True)
class _Mark:
    who: tuple[str, str]
    case: int
    is_lesion: bool
    index: int
    rating: float


def read_study(ratings: str, cases: str) -> ReaderStudy:
    """A study from the text of its two tables.

    Raises:
        StudyRefused: with every flaw, its table and row.
    """
    flaws: list[str] = []
    names, weights = _cases(cases, flaws)
    marks = _marks(ratings, {name: n for n, name in enumerate(names)}, (weights > 0).sum(axis=1), flaws)
    if not flaws and not marks:
        flaws.append("ratings: nobody marked anything")
    if flaws:
        raise StudyRefused(several(flaws, _MOST_FLAWS))
    modalities = tuple(dict.fromkeys(mark.who[0] for mark in marks))
    readers = tuple(dict.fromkeys(mark.who[1] for mark in marks))
    most = max([mark.index for mark in marks if not mark.is_lesion], default=0)
    found = np.full((len(modalities), len(readers), *weights.shape), UNMARKED)
    false = np.full((len(modalities), len(readers), len(names), most), UNMARKED)
    for mark in marks:
        table = found if mark.is_lesion else false
        table[modalities.index(mark.who[0]), readers.index(mark.who[1]), mark.case, mark.index - 1] = mark.rating
    return ReaderStudy(
        modalities,
        readers,
        tuple(names),
        tuple(
            tuple(Marks(weights, found[i, j], false[i, j]) for j in range(len(readers))) for i in range(len(modalities))
        ),
    )


def _rows(text: str, what: str, wanted: Iterable[str], flaws: list[str]) -> Iterable[tuple[str, Mapping[str, str]]]:
    """Each row with where it stands."""
    table = csv.DictReader(io.StringIO(text))
    missing = [name for name in wanted if name not in (table.fieldnames or ())]
    if missing:
        flaws.append(f"{what}: no column {', '.join(missing)}; the first line names the columns")
        return
    for row in table:
        yield f"{what}, line {table.line_num}", {name: (value or "").strip() for name, value in row.items() if name}


def _cases(text: str, flaws: list[str]) -> tuple[list[str], Float64]:
    """Names of cases, and the (cases, lesions) weights of their lesions."""
    found: dict[str, list[float]] = {}
    for where, row in _rows(text, "cases", _CASE_COLUMNS, flaws):
        name, count = row["case"], _whole(row["lesions"])
        if not name or name in found:
            flaws.append(f"{where}: {'no case is named' if not name else f'case {name} is there twice'}")
        elif row["truth"] not in ("normal", "abnormal"):
            flaws.append(f"{where}: truth is normal or abnormal, got {row['truth']!r}")
        elif count is None or (count > 0) != (row["truth"] == "abnormal"):
            flaws.append(f"{where}: a normal case has 0 lesions and an abnormal one 1 or more, got {row['lesions']!r}")
        else:
            found[name] = _weights(where, row.get("weights", ""), count, flaws)
    most = max((len(one) for one in found.values()), default=0)
    weights = np.zeros((len(found), max(most, 1)))
    for n, one in enumerate(found.values()):
        weights[n, : len(one)] = one
    return list(found), weights


def _weights(where: str, text: str, count: int, flaws: list[str]) -> list[float]:
    """What each lesion counts; alike where nothing, or nothing but 0, is said."""
    values = [_number(part) for part in text.split()]
    known = [value for value in values if value is not None and value >= 0]
    if len(known) != len(values) or len(values) not in (0, count):
        flaws.append(f"{where}: {count} weights, each a number that is not negative, or none; got {text!r}")
        return [1 / count] * count
    total = sum(known)
    return [value / total for value in known] if total > 0 else [1 / count] * count if count else []


def _marks(text: str, cases: Mapping[str, int], lesions: np.ndarray, flaws: list[str]) -> list[_Mark]:
    marks: list[_Mark] = []
    seen: set[tuple[object, ...]] = set()
    for where, row in _rows(text, "ratings", _RATING_COLUMNS, flaws):
        case, index, rating = cases.get(row["case"]), _whole(row["index"]), _number(row["rating"])
        is_lesion = row["mark"] == "LL"
        if case is None:
            flaws.append(f"{where}: case {row['case']!r} is not among the cases")
        elif row["mark"] not in ("LL", "NL"):
            flaws.append(f"{where}: a mark is NL (on no lesion) or LL (on one), got {row['mark']!r}")
        elif rating is None:
            flaws.append(f"{where}: a rating is a number, got {row['rating']!r}")
        elif index is None or index < 1 or (is_lesion and index > lesions[case]):
            flaws.append(
                f"{where}: case {row['case']} has {lesions[case]} lesions; index counts from 1, got {row['index']!r}"
            )
        elif (key := (row["modality"], row["reader"], case, is_lesion, index)) in seen:
            flaws.append(f"{where}: this mark was rated before")
        else:
            seen.add(key)
            marks.append(_Mark((row["modality"], row["reader"]), case, is_lesion, index, rating))
    return marks


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def with_reads(study: ReaderStudy, reads: str) -> ReaderStudy:
    """The study in which not everybody read everything: `READS.csv` has a row a reading: modality, reader, case.

    Raises:
        StudyRefused: a row names nobody, or what was marked was not read.
    """
    flaws: list[str] = []
    read = np.zeros((len(study.modalities), len(study.readers), len(study.cases)), np.bool_)
    at = tuple({name: n for n, name in enumerate(names)} for names in (study.modalities, study.readers, study.cases))
    for where, row in _rows(reads, "reads", _READ_COLUMNS, flaws):
        place = tuple(names.get(row[column]) for names, column in zip(at, _READ_COLUMNS, strict=True))
        if None in place:
            flaws.append(
                f"{where}: {', '.join(row[column] for column in _READ_COLUMNS)}: not all three are of the study"
            )
        else:
            read[place] = True
    marked = np.array([[one.highest > UNMARKED for one in row] for row in study.marks])
    if not flaws and (marked & ~read).any():
        i, j, k = np.argwhere(marked & ~read)[0]
        flaws.append(f"reads: {study.modalities[i]}, {study.readers[j]}, {study.cases[k]} was marked and is not there")
    if flaws:
        raise StudyRefused("\n".join(flaws[:_MOST_FLAWS]))
    return replace(study, read=read)
