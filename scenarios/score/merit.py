"""Figures of merit of one reader's marks (training reference, section 3).

ROC: Hanley and McNeil 1982. AFROC: Chakraborty and Winter 1990; weighted: Chakraborty and Zhai 2016. LROC: Swensson
1996. An unmarked case or lesion has the lowest rating, so that two of them are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from scenarios.score.marks import UNMARKED, Marks
from scenarios.score.pairs import Pairs, higher


class Merit(StrEnum):
    """What a reader is judged by. The first is the usual one: lesions count within their case, cases count alike."""

    WAFROC = "wAFROC"
    AFROC = "AFROC"
    WAFROC1 = "wAFROC1"
    AFROC1 = "AFROC1"
    AUC = "ROC AUC"
    HR_AUC = "highest-rating AUC"
    MOST_FOUND = "lesions found"
    MOST_FALSE = "false marks a normal case"
    MOST_FALSE_ALL = "false marks a case"
    HR_SENSITIVITY = "abnormal cases marked"
    HR_SPECIFICITY = "normal cases not marked"


def pairs_of(merit: Merit, marks: Marks) -> Pairs:
    """A figure of merit as a mean over pairs.

    Raises:
        InvalidValue: it is none, or cases of a kind are lacking.
    """
    if merit not in _PAIRED:
        raise InvalidValue(f"{merit} compares no pairs")
    return _PAIRED[merit](marks)


def merit_of(merit: Merit, marks: Marks) -> float:
    """A figure of merit.

    Raises:
        InvalidValue: cases of a kind are lacking.
    """
    return pairs_of(merit, marks).mean if merit in _PAIRED else _COUNTED[merit](marks)


def without_each(merit: Merit, marks: Marks) -> Float64:
    """(cases,) a figure of merit without each case in turn.

    Raises:
        InvalidValue: too few cases of a kind.
    """
    if merit in _PAIRED:
        return pairs_of(merit, marks).without_each()
    everyone = np.arange(len(marks))
    return np.array([_COUNTED[merit](marks.of(everyone != case)) for case in everyone])


# --- pairs ---------------------------------------------------------------------------------------


def _by_lesion(marks: Marks, *, everywhere: bool, weighted: bool) -> Pairs:
    """False marks (of normal cases, or of all) against lesions; a case's lesions by their weights, or each alike."""
    abnormal = marks.is_abnormal
    rows = np.arange(len(marks)) if everywhere else np.nonzero(~abnormal)[0]
    false = marks.highest_false[rows]
    weights, found = marks.weights[abnormal], marks.found[abnormal]
    if not weighted:
        weights = (weights > 0) / np.maximum((weights > 0).sum(axis=1, keepdims=True), 1)
    values = sum(
        (higher(false, found[:, k]) * weights[:, k] for k in range(weights.shape[1])),
        start=np.zeros((len(rows), len(weights))),
    )
    counts = np.ones(len(weights)) if weighted else (marks.weights[abnormal] > 0).sum(axis=1).astype(np.float64)
    return Pairs(values, rows, np.nonzero(abnormal)[0], np.ones(len(rows)), counts, len(marks))


def _auc(marks: Marks) -> Pairs:
    """Ratings of normal cases against those of abnormal ones, wherever the mark was."""
    abnormal, highest = marks.is_abnormal, marks.highest
    rows = np.nonzero(~abnormal)[0]
    columns = np.nonzero(abnormal)[0]
    values = higher(highest[rows], highest[columns])
    return Pairs(values, rows, columns, np.ones(len(rows)), np.ones(len(columns)), len(marks))


_PAIRED: dict[Merit, Callable[[Marks], Pairs]] = {
    Merit.WAFROC: lambda marks: _by_lesion(marks, everywhere=False, weighted=True),
    Merit.AFROC: lambda marks: _by_lesion(marks, everywhere=False, weighted=False),
    Merit.WAFROC1: lambda marks: _by_lesion(marks, everywhere=True, weighted=True),
    Merit.AFROC1: lambda marks: _by_lesion(marks, everywhere=True, weighted=False),
    Merit.AUC: _auc,
    Merit.HR_AUC: _auc,
}


# --- counts --------------------------------------------------------------------------------------


def _share(hits: Float64, of: Float64, what: str) -> float:
    if not of.size:
        raise InvalidValue(f"there is no {what}")
    return float(hits.sum() / of.size)


def _marked(ratings: Float64) -> Float64:
    return np.asarray(ratings > UNMARKED, np.float64)


_COUNTED: dict[Merit, Callable[[Marks], float]] = {
    Merit.MOST_FOUND: lambda marks: _share(
        _marked(marks.found[marks.weights > 0]), marks.found[marks.weights > 0], "lesion"
    ),
    Merit.MOST_FALSE: lambda marks: _share(
        _marked(marks.false[~marks.is_abnormal]), marks.highest[~marks.is_abnormal], "normal case"
    ),
    Merit.MOST_FALSE_ALL: lambda marks: _share(_marked(marks.false), marks.highest, "case"),
    Merit.HR_SENSITIVITY: lambda marks: _share(
        _marked(marks.highest[marks.is_abnormal]), marks.highest[marks.is_abnormal], "abnormal case"
    ),
    Merit.HR_SPECIFICITY: lambda marks: _share(
        1 - _marked(marks.highest[~marks.is_abnormal]), marks.highest[~marks.is_abnormal], "normal case"
    ),
}
