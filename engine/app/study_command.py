"""`sightline study analyse`: a reader study from its two tables: figures of merit, their errors, and what differs."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import InputRefused, InvalidValue
from scenarios.reading.export import read_readings, study_of
from scenarios.score.covariance import Method
from scenarios.score.lroc import UP_TO, lroc
from scenarios.score.marks import Marks
from scenarios.score.merit import Merit, merit_of
from scenarios.score.obuchowski_rockette import ReaderStudyResult, analyse
from scenarios.score.partial import PartialResult, analyse_partial
from scenarios.score.study import ReaderStudy, StudyRefused, read_study, with_reads

#: Of a study, no table is larger than this.
MOST_BYTES = 64 * 2**20
#: Shown of every reader beside the figure that is tested, where the study has places.
BESIDE = (Merit.MOST_FOUND, Merit.MOST_FALSE, Merit.HR_SENSITIVITY, Merit.HR_SPECIFICITY)


def read_any(source: Path, cases: Path | None, reads: Path | None) -> ReaderStudy:
    """A study from what the command was given: readings (`.jsonl`), or tables.

    Raises:
        InputRefused: it is none, or the table of cases is lacking.
    """
    if source.suffix == ".jsonl":
        try:
            return study_of(read_readings(_text(source)))
        except StudyRefused as error:
            raise InputRefused(f"{source.name} holds no readings that can be analysed:\n{error}") from error
    if cases is None:
        raise InputRefused("a table of ratings needs the table of its cases too: --cases CASES.csv")
    study = read_tables(source, cases)
    try:
        return study if reads is None else with_reads(study, _text(reads))
    except StudyRefused as error:
        raise InputRefused(f"{reads} does not fit the ratings:\n{error}") from error


def read_tables(ratings: Path, cases: Path) -> ReaderStudy:
    """The study of two CSV files.

    Raises:
        InputRefused: a file that cannot be read, or tables that are no study, with every flaw.
    """
    try:
        return read_study(_text(ratings), _text(cases))
    except StudyRefused as error:
        raise InputRefused(f"{ratings.name} and {cases.name} are no study that can be analysed:\n{error}") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputRefused(f"{path.name} is larger than any table of a study")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError:
        raise InputRefused(f"{path.name} is not text: save the table as CSV in UTF-8") from None


def has_places(study: ReaderStudy) -> bool:
    """Whether marks have places: then a case may have several, or marks on abnormal cases that are on no lesion."""
    marks = [one for row in study.marks for one in row]
    return any(
        (one.weights > 0).sum(axis=1).max() > 1
        or (one.false > -np.inf).sum(axis=1).max() > 1
        or (one.false[one.is_abnormal] > -np.inf).any()
        for one in marks
    )


def analysed(study: ReaderStudy, merit: Merit | None = None, method: Method = Method.JACKKNIFE) -> dict[str, Any]:
    """All that is told of a study, for `--json` with full digits.

    `merit` is wAFROC where marks have places, else the area under the ROC curve.

    Raises:
        InputRefused: it cannot be analysed so.
    """
    chosen = merit or (Merit.WAFROC if has_places(study) else Merit.AUC)
    if not study.is_crossed:
        return _analysed_partial(study, chosen)
    try:
        result = analyse(chosen, study.modalities, study.marks, method)
        first = study.marks[0][0]
        return {
            "merit": chosen.value,
            "method": method.value,
            "modalities": list(study.modalities),
            "readers": list(study.readers),
            "cases": {"normal": int((~first.is_abnormal).sum()), "abnormal": int(first.is_abnormal.sum())},
            "lesions": int((first.weights > 0).sum()),
            "merits": result.merits.tolist(),
            "means": result.merits.mean(axis=1).tolist(),
            "mean_squares": {"modality": result.ms_modality, "reader": result.ms_reader, "both": result.ms_both},
            "covariances": {
                "variance": result.variance, "cov1": result.cov1, "cov2": result.cov2, "cov3": result.cov3,
            },
            "findings": _findings(result),
            "beside": _beside(study),
        }  # fmt: skip
    except InvalidValue as error:
        raise InputRefused(f"this study cannot be analysed so: {error}") from error


def _analysed_partial(study: ReaderStudy, merit: Merit) -> dict[str, Any]:
    """The same of a study in which not everybody read everything."""
    assert study.read is not None
    try:
        result = analyse_partial(merit, study.modalities, study.marks, study.read)
    except InvalidValue as error:
        raise InputRefused(f"this study cannot be analysed so: {error}") from error
    first = study.marks[0][0]
    anyhow = study.read.any(axis=(0, 1))
    return {
        "merit": merit.value,
        "method": "moments of what was read (Gallas)",
        "modalities": list(study.modalities),
        "readers": list(study.readers),
        "cases": {
            "normal": int((~first.is_abnormal & anyhow).sum()), "abnormal": int((first.is_abnormal & anyhow).sum()),
        },
        "lesions": int((first.weights[anyhow] > 0).sum()),
        "readings": int(study.read.sum()),
        "merits": [[None if math.isnan(one) else one for one in row] for row in result.merits.tolist()],
        "means": [one.value for one in result.means],
        "intervals": [dataclasses.asdict(one) for one in result.means],
        "findings": _partial_findings(result),
        "beside": [],
    }  # fmt: skip


def _partial_findings(result: PartialResult) -> list[dict[str, Any]]:
    differences = [
        {"first": first, "second": second, **dataclasses.asdict(found), "p": p}
        for first, second, found, p in result.differences
    ]
    if not differences:
        return []
    return [{"of": "readers and cases", "statistic": None, "degrees": None, "p": None, "differences": differences}]


def _findings(result: ReaderStudyResult) -> list[dict[str, Any]]:
    return [
        {
            "of": who.value,
            "statistic": finding.statistic,
            "degrees": None if math.isinf(finding.degrees) else finding.degrees,
            "p": finding.p,
            "differences": [dataclasses.asdict(one) for one in finding.differences],
        }
        for who, finding in result.findings.items()
    ]


def _beside(study: ReaderStudy) -> list[dict[str, Any]]:
    """Of every modality and reader: shares and rates that a figure of merit hides."""
    rows: list[dict[str, Any]] = []
    for modality, readers in zip(study.modalities, study.marks, strict=True):
        for reader, marks in zip(study.readers, readers, strict=True):
            told = {merit.value: merit_of(merit, marks) for merit in BESIDE}
            rows.append({"modality": modality, "reader": reader, **told, **_located(marks)})
    return rows


def _located(marks: Marks) -> dict[str, float]:
    """Where every case has one mark, as a program that looks for lesions gives it: the curve of places."""
    each_once = (marks.highest > -np.inf).all() and ((marks.false > -np.inf).sum(axis=1) <= 1).all()
    if not each_once or (marks.weights > 0).sum(axis=1).max() > 1:
        return {}
    curve = lroc(marks)
    return {f"found at {UP_TO:g} false": curve.found_at(), f"area up to {UP_TO:g} false": curve.area()}
