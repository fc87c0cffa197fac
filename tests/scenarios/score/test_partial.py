"""Studies in which not everybody read everything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scenarios.reading.export import LesionLine, ReadingLine, TaskLine, read_readings, study_of
from scenarios.score.curves import Curve, curve
from scenarios.score.marks import UNMARKED, Marks
from scenarios.score.merit import Merit, merit_of
from scenarios.score.partial import analyse_partial
from scenarios.score.study import StudyRefused, read_study
from tests.scenarios.reading.cases import A, B, reading


def roc(normal: np.ndarray, abnormal: np.ndarray) -> Marks:
    weights = np.repeat([0.0, 1.0], [len(normal), len(abnormal)])[:, None]
    found = np.concatenate([np.full(len(normal), UNMARKED), abnormal])[:, None]
    false = np.concatenate([normal, np.full(len(abnormal), UNMARKED)])[:, None]
    return Marks(weights, found, false)


def test_a_crossed_study_has_the_error_of_the_unbiased_row(shared_data: Path) -> None:
    """Van Dyke: -.04380032 with an error of .0206715 (MRMCaov, unbiased covariances)."""
    folder = shared_data / "training" / "reader_studies"
    if not folder.is_dir():
        pytest.skip("the reader studies of the shared data are not there")
    study = read_study((folder / "dataset02_ratings.csv").read_text(), (folder / "dataset02_cases.csv").read_text())
    read = np.ones((2, 5, 114), np.bool_)
    first, second, found, p = analyse_partial(Merit.AUC, study.modalities, study.marks, read).differences[0]
    assert (first, second) == study.modalities
    assert found.value == pytest.approx(-0.04380032, abs=5e-9)
    assert found.error == pytest.approx(0.0206715, abs=5e-8)
    assert p is not None
    assert p < 0.05


def test_the_error_is_that_of_studies_drawn_again_and_again() -> None:
    """Two groups of readers, each with its own half of the cases: errors squared, on average, are the variance."""
    rng = np.random.default_rng(3)
    read = np.zeros((1, 4, 40), np.bool_)
    read[0, :2, 0::2], read[0, 2:, 1::2] = True, True
    values, squares = [], []
    for _ in range(400):
        case, skill = rng.normal(size=40), rng.normal(1.2, 0.4, size=4)
        marks = [roc((case + rng.normal(size=40))[:20], (case + rng.normal(size=40) + skill[n])[20:]) for n in range(4)]
        mean = analyse_partial(Merit.AUC, ["A"], [marks], read).means[0]
        values.append(mean.value)
        squares.append((mean.error or 0.0) ** 2)
    assert np.mean(squares) == pytest.approx(np.var(values), rel=0.25)


def test_what_was_not_read_does_not_count() -> None:
    rng = np.random.default_rng(5)
    marks = [roc(rng.normal(size=8), rng.normal(1, size=8)) for _ in range(3)]
    read = np.ones((1, 3, 16), np.bool_)
    read[0, 1, [2, 9]] = False
    read[0, 2, 8:] = False
    made = analyse_partial(Merit.AUC, ["A"], [marks], read)
    assert made.merits[0, 0] == pytest.approx(merit_of(Merit.AUC, marks[0]))
    assert made.merits[0, 1] == pytest.approx(merit_of(Merit.AUC, marks[1].of(np.flatnonzero(read[0, 1]))))
    assert np.isnan(made.merits[0, 2])
    assert made.means[0].value == pytest.approx(made.merits[0, :2].mean())


def test_areas_under_curves_are_the_figures_of_merit() -> None:
    rng = np.random.default_rng(7)
    marks = roc(rng.integers(0, 5, 12).astype(float), rng.integers(1, 6, 9).astype(float))
    for which, merit in ((Curve.ROC, Merit.AUC), (Curve.AFROC, Merit.WAFROC)):
        across, up = curve(which, marks)
        assert np.trapezoid(up, across) == pytest.approx(merit_of(merit, marks))
    across, up = curve(Curve.FROC, marks)
    assert (across[-1], up[-1]) == (12 / 21, 1)


def test_readings_of_trainees_are_a_study_of_what_each_read() -> None:
    there = TaskLine(task="find", lesions=(LesionLine(centre_mm=A, radius_mm=6), LesionLine(centre_mm=B, radius_mm=4)))
    normal = TaskLine(task="find")
    lines = [
        ReadingLine(reader="x", case="one", tasks=(there,), events=tuple(reading((A, 0.9), ((0, 25, -20), 0.2)))),
        ReadingLine(reader="x", case="none", tasks=(normal,), events=tuple(reading())),
        ReadingLine(reader="y", case="one", tasks=(there,), events=tuple(reading((B, 0.4)))),
        ReadingLine(reader="y", case="none", tasks=(normal,), events=tuple(reading()[:1])),  # not committed
    ]
    study = study_of(read_readings("\n".join(line.model_dump_json() for line in lines)))
    assert study.modalities == ("flat",)
    assert study.read is not None
    assert study.read[0].tolist() == [[True, True], [True, False]]
    assert study.marks[0][0].found[0].tolist() == [0.9, UNMARKED]
    assert study.marks[0][0].highest_false.tolist() == [0.2, UNMARKED]
    assert study.marks[0][1].found[0].tolist() == [UNMARKED, 0.4]
    other = lines[0].model_copy(update={"reader": "z", "tasks": (normal,)})
    with pytest.raises(StudyRefused, match="new version"):
        study_of([*lines, other])
    with pytest.raises(StudyRefused, match="line 2: format"):
        read_readings(lines[0].model_dump_json() + '\n{"format": "other"}')
