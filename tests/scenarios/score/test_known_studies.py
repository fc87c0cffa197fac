"""Figures of merit and their tests against studies whose answers other programs have printed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scenarios.score.covariance import Method, covariance
from scenarios.score.lroc import lroc
from scenarios.score.merit import Merit, merit_of
from scenarios.score.obuchowski_rockette import Generalises, ReaderStudyResult, analyse
from scenarios.score.study import ReaderStudy, read_study


@pytest.fixture(scope="module")
def studies(shared_data: Path) -> dict[str, ReaderStudy]:
    folder = shared_data / "training" / "reader_studies"
    if not folder.is_dir():
        pytest.skip("the reader studies of the shared data are not there")
    return {
        name: read_study((folder / f"{name}_ratings.csv").read_text(), (folder / f"{name}_cases.csv").read_text())
        for name in ("dataset01", "dataset02", "dataset04", "datasetCadLroc")
    }


def result(study: ReaderStudy, merit: Merit, method: Method = Method.JACKKNIFE) -> ReaderStudyResult:
    return analyse(merit, study.modalities, study.marks, method)


def test_van_dyke_has_its_areas_and_mean_squares(studies: dict[str, ReaderStudy]) -> None:
    """RJafroc's OR-DBM MRMC 2.51 output."""
    found = result(studies["dataset02"], Merit.AUC)
    wanted = [
        [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
        [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
    ]
    np.testing.assert_allclose(found.merits, wanted, atol=5e-9)
    np.testing.assert_allclose(found.merits.mean(axis=1), [0.89703704, 0.94083736], atol=5e-9)
    np.testing.assert_allclose(
        (found.ms_modality, found.ms_reader, found.ms_both), (0.00479617, 0.00383620, 0.00055103), atol=5e-9
    )


@pytest.mark.parametrize(
    ("method", "covariances", "statistic", "degrees", "p", "error", "interval"),
    [
        (
            Method.JACKKNIFE,
            (0.00080229, 0.00034661, 0.00034407, 0.00023903),
            (4.4563, 5e-5), (15.2597, 5e-5), (0.05167, 5e-6), (0.0207486, 5e-8), (-0.08796, 0.00036, 5e-6),
        ),
        (
            Method.DELONG,
            (0.0007921325, 0.0003420090, 0.0003395265, 0.0002358497),
            (4.484854, 5e-7), (15.06611, 5e-6), (0.05123303, 5e-9), (0.0206825, 5e-8), (-0.0878672, 0.0002666, 5e-8),
        ),
        (
            Method.UNBIASED,
            (0.0007883925, 0.0003416706, 0.0003390650, 0.0002356148),
            (4.489614, 5e-7), (15.03418, 5e-6), (0.0511618, 5e-8), (0.0206715, 5e-8), (-0.0878519, 0.0002513, 5e-8),
        ),
    ],
)  # fmt: skip
def test_van_dyke_is_analysed_to_every_digit_that_was_printed(
    studies: dict[str, ReaderStudy],
    method: Method,
    covariances: tuple[float, ...],
    statistic: tuple[float, float],
    degrees: tuple[float, float],
    p: tuple[float, float],
    error: tuple[float, float],
    interval: tuple[float, float, float],
) -> None:
    """Jackknife by RJafroc, the others by MRMCaov."""
    found = result(studies["dataset02"], Merit.AUC, method)
    digits = 5e-9 if method is Method.JACKKNIFE else 5e-11
    np.testing.assert_allclose((found.variance, found.cov1, found.cov2, found.cov3), covariances, atol=digits)
    finding = found.findings[Generalises.READERS_AND_CASES]
    (difference,) = finding.differences
    assert finding.statistic == pytest.approx(statistic[0], abs=statistic[1])
    assert finding.degrees == pytest.approx(degrees[0], abs=degrees[1])
    assert finding.p == pytest.approx(p[0], abs=p[1])
    assert difference.p == pytest.approx(finding.p, rel=1e-6)  # two modalities: F is t squared
    assert difference.error == pytest.approx(error[0], abs=error[1])
    assert difference.value == pytest.approx(-0.04380032, abs=5e-9)
    assert (difference.low, difference.high) == pytest.approx(interval[:2], abs=interval[2])


def test_van_dyke_for_these_readers_alone(studies: dict[str, ReaderStudy]) -> None:
    finding = result(studies["dataset02"], Merit.AUC).findings[Generalises.CASES]
    assert finding.statistic == pytest.approx(5.47595, abs=5e-6)
    assert finding.p == pytest.approx(0.0193, abs=5e-5)


def test_each_reader_of_van_dyke_by_delong(studies: dict[str, ReaderStudy]) -> None:
    study = studies["dataset02"]
    scores = []
    for one, two in zip(*study.marks, strict=True):
        cov = covariance(Merit.AUC, [one, two], Method.DELONG)
        apart = merit_of(Merit.AUC, one) - merit_of(Merit.AUC, two)
        scores.append(apart / np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]))
    np.testing.assert_allclose(scores, [-1.1111, -1.7801, -0.5761, -1.5283, -2.2877], atol=5e-5)


def test_a_free_response_study_of_five_modalities(studies: dict[str, ReaderStudy]) -> None:
    """RJafroc's stored values of dataset04."""
    found = result(studies["dataset04"], Merit.WAFROC)
    np.testing.assert_allclose(found.merits.mean(axis=1), [0.753219, 0.760075, 0.722604, 0.769254, 0.714375], atol=5e-7)
    finding = found.findings[Generalises.READERS_AND_CASES]
    assert finding.statistic == pytest.approx(7.8003, abs=5e-5)
    assert finding.degrees == pytest.approx(36.793343, abs=5e-7)
    assert finding.p == pytest.approx(0.000117, abs=5e-7)
    assert finding.differences[0].error == pytest.approx(0.012186, abs=5e-7)
    highest = result(studies["dataset04"], Merit.HR_AUC)
    np.testing.assert_allclose(
        (highest.ms_modality, highest.ms_reader, highest.ms_both, highest.variance),
        (0.001897, 0.007294, 0.000462, 0.000789),
        atol=5e-7,
    )
    afroc = [np.mean([merit_of(Merit.AFROC, one) for one in row]) for row in studies["dataset04"].marks]
    np.testing.assert_allclose(afroc, [0.73612676, 0.74753521, 0.70660211, 0.75802817, 0.70324824], atol=5e-9)


def test_a_free_response_study_of_two_modalities(studies: dict[str, ReaderStudy]) -> None:
    """RJafroc's stored values of dataset01."""
    found = result(studies["dataset01"], Merit.WAFROC)
    wanted = [
        [0.76027037, 0.84061915, 0.81715239, 0.81530899, 0.8278324],
        [0.64258544, 0.70499766, 0.7518434, 0.77244265, 0.68369616],
    ]
    np.testing.assert_allclose(found.merits, wanted, atol=5e-9)
    finding = found.findings[Generalises.READERS_AND_CASES]
    assert finding.statistic == pytest.approx(10.298825, abs=5e-7)
    assert finding.degrees == pytest.approx(24.702758, abs=5e-7)
    assert finding.p == pytest.approx(0.003669, abs=5e-7)
    assert finding.differences[0].value == pytest.approx(0.101124, abs=5e-7)


def test_a_study_with_places_in_which_every_case_has_one_mark(studies: dict[str, ReaderStudy]) -> None:
    """RJafroc's stored values of datasetCadLroc."""
    curves = [lroc(one) for one in studies["datasetCadLroc"].marks[0]]
    np.testing.assert_allclose(
        [curve.found_at() for curve in curves],
        [0.59166667, 0.69453125, 0.65, 0.80625, 0.725, 0.65982143, 0.76845238, 0.7375, 0.675, 0.675],
        atol=5e-9,
    )
    np.testing.assert_allclose(
        [curve.area() for curve in curves],
        [0.10053819, 0.1075944, 0.10890625, 0.14473958, 0.11890625,
         0.10003348, 0.13455109, 0.1221875, 0.10604167, 0.10541667],
        atol=5e-9,
    )  # fmt: skip
