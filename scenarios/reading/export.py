"""`readings.jsonl`: readings with what was there, a line each, for studies of many trainees. No name is in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from scenarios.case.part import Line, Name, Part, Point
from scenarios.reading.event import AnyEvent, Began, Committed, Marked, Unmarked
from scenarios.reading.state import MarkNow
from scenarios.score.marks import UNMARKED, Marks
from scenarios.score.matching import Acceptance, Kind, Lesion, Mark, match
from scenarios.score.study import ReaderStudy, StudyRefused

FORMAT: Literal["sightline-readings/1"] = "sightline-readings/1"


class LesionLine(Part):
    """A lesion that was to be marked; `border_mm`: places on its border, where one was drawn."""

    centre_mm: Point
    radius_mm: float = Field(ge=0)
    weight: float = Field(default=1.0, gt=0)
    border_mm: tuple[Point, ...] = ()


class TaskLine(Part):
    """A task of marking, its rule, and what was to be marked; no lesions: a normal case."""

    task: Name
    beyond_mm: float = Field(default=5.0, ge=0, lt=200)
    least_mm: float = Field(default=10.0, ge=0, lt=200)
    lesions: tuple[LesionLine, ...] = ()


class ReadingLine(Part):
    """A reading: who under a pseudonym, under what (None: as it began, flat or vr), which case, and its events."""

    format: Literal["sightline-readings/1"] = FORMAT
    reader: Line
    modality: Line | None = None
    case: Name
    version: Annotated[str, Field(max_length=40)] = "0.1.0"
    tasks: tuple[TaskLine, ...] = Field(min_length=1)
    events: tuple[AnyEvent, ...]


def marks_of(events: Iterable[AnyEvent], task: str) -> tuple[MarkNow, ...] | None:
    """Marks of a task as they were committed; None where it was not."""
    marks: dict[str, MarkNow] = {}
    for event in events:
        if isinstance(event, Marked) and event.task == task:
            marks[event.mark] = MarkNow(event.at_mm, event.confidence)
        elif isinstance(event, Unmarked) and event.task == task:
            marks.pop(event.mark, None)
        elif isinstance(event, Committed) and event.task == task:
            return tuple(marks.values())
    return None


def read_readings(text: str) -> tuple[ReadingLine, ...]:
    """From the text of a file.

    Raises:
        StudyRefused: with the first twenty lines that are none, and why.
    """
    lines, flaws = [], []
    for n, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            lines.append(ReadingLine.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            flaws.append(f"line {n}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    if flaws or not lines:
        raise StudyRefused("\n".join(flaws[:20]) or "no reading is in it")
    return tuple(lines)


def study_of(lines: Iterable[ReadingLine]) -> ReaderStudy:
    """A reader study of trainees' readings: confidence is the rating; of a case that was read again the first counts.

    Raises:
        StudyRefused: what was there differs between two readings of the same version of a case.
    """
    truth: dict[str, TaskLine] = {}
    done: dict[tuple[str, str, str], tuple[MarkNow, ...]] = {}
    for line in lines:
        began = next((event.where for event in line.events if isinstance(event, Began)), "flat")
        for task in line.tasks:
            name = f"{line.case}@{line.version}:{task.task}"
            if truth.setdefault(name, task) != task:
                raise StudyRefused(f"what is there in {name} differs between two readings: give a change a new version")
            marks = marks_of(line.events, task.task)
            if marks is not None:
                done.setdefault((line.modality or began, line.reader, name), marks)
    modalities, readers = (tuple(dict.fromkeys(who[n] for who in done)) for n in (0, 1))
    cases = tuple(truth)
    most = max((len(task.lesions) for task in truth.values()), default=0) or 1
    widest = max((len(marks) for marks in done.values()), default=0)
    weights = np.zeros((len(cases), most))
    for n, task in enumerate(truth.values()):
        total = sum(lesion.weight for lesion in task.lesions)
        weights[n, : len(task.lesions)] = [lesion.weight / total for lesion in task.lesions]
    found = np.full((len(modalities), len(readers), len(cases), most), UNMARKED)
    false = np.full((len(modalities), len(readers), len(cases), widest), UNMARKED)
    read = np.zeros(found.shape[:3], np.bool_)
    for (modality, reader, case), marks in done.items():
        at = modalities.index(modality), readers.index(reader), cases.index(case)
        read[at] = True
        _rate(found[at], false[at], marks, truth[case])
    table = tuple(
        tuple(Marks(weights, found[i, j], false[i, j]) for j in range(len(readers))) for i in range(len(modalities))
    )
    return ReaderStudy(modalities, readers, cases, table, read)


def _rate(found: np.ndarray, false: np.ndarray, marks: tuple[MarkNow, ...], task: TaskLine) -> None:
    lesions = [
        Lesion(np.array(one.centre_mm), one.radius_mm, np.array(one.border_mm, np.float64).reshape(-1, 3))
        for one in task.lesions
    ]
    rule = Acceptance(task.beyond_mm, task.least_mm)
    became = match([Mark(np.array(one.at_mm), one.confidence) for one in marks], lesions, rule)
    for n, (mark, one) in enumerate(zip(marks, became, strict=True)):
        if one.kind is Kind.FOUND and one.lesion is not None:
            found[one.lesion] = mark.confidence
        elif one.kind is Kind.FALSE:
            false[n] = mark.confidence
