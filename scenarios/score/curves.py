"""Operating points of one reader, from nothing marked to everything: straight lines between them."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from scenarios.score.marks import UNMARKED, Marks


class Curve(StrEnum):
    """Which: across and up."""

    ROC = "ROC"
    FROC = "FROC"
    AFROC = "AFROC"


#: What stands across and up.
AXES: dict[Curve, tuple[str, str]] = {
    Curve.ROC: ("normal cases called abnormal", "abnormal cases called abnormal"),
    Curve.FROC: ("false marks a case", "lesions found, by weight"),
    Curve.AFROC: ("normal cases with a false mark", "lesions found, by weight"),
}


def curve(which: Curve, marks: Marks) -> tuple[Float64, Float64]:
    """Across and up, (n,) each, rising from 0. ROC and AFROC end at (1, 1), what was not marked being alike.

    Raises:
        InvalidValue: cases of a kind are lacking.
    """
    abnormal = marks.is_abnormal
    if abnormal.all() or not abnormal.any():
        raise InvalidValue("it takes cases of both kinds")
    ratings = np.concatenate([marks.found.ravel(), marks.false.ravel()])
    cuts = np.unique(ratings[ratings > UNMARKED])[::-1]
    if which is Curve.ROC:
        across = [(marks.highest[~abnormal] >= cut).mean() for cut in cuts]
        up = [(marks.highest[abnormal] >= cut).mean() for cut in cuts]
    else:
        up = [((marks.found >= cut) * marks.weights)[abnormal].sum() / abnormal.sum() for cut in cuts]
        across = (
            [(marks.false >= cut).sum() / len(marks) for cut in cuts]
            if which is Curve.FROC
            else [(marks.highest_false[~abnormal] >= cut).mean() for cut in cuts]
        )
    end = [] if which is Curve.FROC else [1.0]
    return np.array([0.0, *across, *end]), np.array([0.0, *up, *end])
