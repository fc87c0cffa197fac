"""Landmarks in, a registration or a reason out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.core.transform import Transform
from guidance.register.fiducial_error import FiducialError
from guidance.register.paired import Pair, register
from guidance.register.registration import Doubt, Method, RegistrationRefused
from tests.guidance.register.places import CLAMP, HEAD_MM, PATIENT, PATIENT_FROM_CLAMP, pairs, touch_errors_mm
from tests.strategies import rigid_transforms

FINE = FiducialError.isotropic(0.3)


def refusal(made: list[Pair], fiducial: FiducialError | None = FINE) -> RegistrationRefused:
    with pytest.raises(RegistrationRefused) as caught:
        register(made, PATIENT, CLAMP, fiducial)
    return caught.value


@given(rigid_transforms(st.just(PATIENT), st.just(CLAMP)))
def test_wherever_the_patient_lies_exact_touches_find_it(truth: Transform) -> None:
    touched = truth.inverse.apply(HEAD_MM)
    made = register(
        [Pair(str(k), *both) for k, both in enumerate(zip(HEAD_MM, touched, strict=True))], PATIENT, CLAMP, FINE
    )
    assert made.patient_from_tracked.close(truth, tolerance=1e-6)
    assert made.fre_mm == pytest.approx(0.0, abs=1e-6)


def test_the_result_leads_from_the_clamp_to_the_patient() -> None:
    made = register(pairs(HEAD_MM), PATIENT, CLAMP, FINE)
    assert (made.patient_from_tracked.target, made.patient_from_tracked.source) == (PATIENT, CLAMP)
    assert made.patient_from_tracked.close(PATIENT_FROM_CLAMP, tolerance=1e-6)


def test_uneven_errors_are_weighed() -> None:
    assert register(pairs(HEAD_MM), PATIENT, CLAMP, FiducialError(np.diag([0.1, 0.1, 0.4]))).method is (
        Method.WEIGHTED_POINTS
    )


def test_a_landmark_that_the_scan_shows_badly_counts_for_less() -> None:
    off = np.zeros_like(HEAD_MM)
    off[2] = (0.0, 3.0, 0.0)
    made = pairs(HEAD_MM, off)
    vague = [
        Pair(p.name, p.patient_mm, p.touched_mm, np.eye(3) * (25.0 if k == 2 else 0.01)) for k, p in enumerate(made)
    ]
    known = register(vague, PATIENT, CLAMP, FINE)
    centre = np.zeros((1, 3))
    away = known.patient_from_tracked.apply(PATIENT_FROM_CLAMP.inverse.apply(centre))
    assert np.linalg.norm(away) < 0.1


@pytest.mark.parametrize(("count", "fiducial", "enough"), [(2, FINE, 3), (3, None, 4), (0, FINE, 3)])
def test_too_few_landmarks_are_refused(count: int, fiducial: FiducialError | None, enough: int) -> None:
    refused = refusal(pairs(HEAD_MM[:count]), fiducial)
    assert refused.doubt is Doubt.TOO_FEW
    assert f"takes {enough}" in str(refused)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_a_number_is_refused(value: float) -> None:
    made = pairs(HEAD_MM)
    broken = Pair("broken", HEAD_MM[0], np.array([0.0, value, 0.0]))
    assert refusal([broken, *made[1:]]).doubt is Doubt.NOT_FINITE


def test_landmarks_on_a_line_are_refused_and_the_turn_that_they_leave_open_is_told() -> None:
    along = np.outer(np.linspace(-80, 80, 6), (0.6, 0.8, 0.0)) + np.random.default_rng(0).normal(scale=0.5, size=(6, 3))
    refused = refusal(pairs(along), FiducialError.isotropic(0.6))
    assert refused.doubt is Doubt.ON_A_LINE
    assert "to the side" in str(refused)


def test_landmarks_in_one_place_are_refused() -> None:
    assert refusal(pairs(HEAD_MM * 0.05)).doubt is Doubt.TOGETHER


def test_metres_in_place_of_millimetres_are_refused() -> None:
    made = [Pair(p.name, p.patient_mm, p.touched_mm / 1000) for p in pairs(HEAD_MM)]
    assert refusal(made).doubt is Doubt.WRONG_UNITS


def mirrored(points: Float64) -> Float64:
    return points * (-1.0, 1.0, 1.0)


@pytest.mark.parametrize("fiducial", [FINE, None])
def test_a_scan_with_left_and_right_swapped_is_refused(fiducial: FiducialError | None) -> None:
    skewed = HEAD_MM + np.array([(0, 0, 0), (9, 0, 0), (0, 20, 0), (0, 0, 0), (12, 0, 0), (0, 0, 0)])  # no face is even
    made = [Pair(p.name, mirrored(p.patient_mm), p.touched_mm) for p in pairs(skewed)]
    refused = refusal(made, fiducial)
    assert refused.doubt in (Doubt.MIRRORED, Doubt.MIXED_UP)


@pytest.mark.parametrize("fiducial", [FINE, None])
def test_two_landmarks_taken_for_each_other_are_named(fiducial: FiducialError | None) -> None:
    made = pairs(HEAD_MM, touch_errors_mm(np.random.default_rng(1), 6, 0.3))
    made[1], made[4] = (
        Pair(made[1].name, made[1].patient_mm, made[4].touched_mm),
        Pair(made[4].name, made[4].patient_mm, made[1].touched_mm),
    )
    refused = refusal(made, fiducial)
    assert refused.doubt is Doubt.MIXED_UP
    assert "landmark 1 and landmark 4" in str(refused)


@pytest.mark.parametrize("fiducial", [FINE, None])
@pytest.mark.parametrize("which", range(6))
def test_a_landmark_touched_elsewhere_is_named(which: int, fiducial: FiducialError | None) -> None:
    off = touch_errors_mm(np.random.default_rng(2), 6, 0.3)
    off[which] += (0.0, 5.0, -6.0)
    refused = refusal(pairs(HEAD_MM, off), fiducial)
    assert refused.doubt is Doubt.OUTLIER
    assert f"landmark {which} lies" in str(refused)


def test_touches_that_fit_nothing_are_refused_where_their_error_is_known() -> None:
    off = touch_errors_mm(np.random.default_rng(3), 4, 8.0)
    assert refusal(pairs(HEAD_MM[:4], off)).doubt is Doubt.DOES_NOT_FIT


def test_landmarks_in_a_plane_say_that_they_lie_in_one() -> None:
    flat = HEAD_MM * (1.0, 1.0, 0.0)
    assert register(pairs(flat), PATIENT, CLAMP, FINE).thickness_mm == pytest.approx(0.0, abs=1e-6)
    assert register(pairs(HEAD_MM), PATIENT, CLAMP, FINE).thickness_mm > 5.0


def test_a_fiducial_error_is_measured_from_touches_again_and_again() -> None:
    rng = np.random.default_rng(4)
    touches = HEAD_MM[:, None] + rng.normal(size=(6, 40, 3)) * (0.1, 0.2, 0.4)
    known = FiducialError.measured(touches)
    assert np.sqrt(np.diag(known.covariance_mm2)) == pytest.approx([0.1, 0.2, 0.4], rel=0.15)
    assert known.degrees == 6 * 39
