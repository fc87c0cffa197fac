"""Check points: they measure, they go out of date, and they show what is lost."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.unknown import Unknown, Why
from guidance.register.fiducial_error import FiducialError
from guidance.register.paired import register
from guidance.register.registration import Doubt, Registration, RegistrationRefused
from guidance.register.verification import Checked, CheckPoint, Verification, trend, verify, why_not
from tests.guidance.register.places import CLAMP, HEAD_MM, PATIENT, PATIENT_FROM_CLAMP, pairs, touch_errors_mm

FINE = FiducialError.isotropic(0.3)
CHECKS_MM = np.array([(0.0, -80.0, 60.0), (60.0, 20.0, 60.0), (-55.0, 40.0, 40.0)])


def registration(error_mm: Float64 | float = 0.0, marked_mm: Float64 = HEAD_MM) -> Registration:
    return register(pairs(marked_mm, error_mm), PATIENT, CLAMP, FINE)


def touched(places_mm: Float64 = CHECKS_MM, error_mm: Float64 | float = 0.0, time_s: float = 0.0) -> list[CheckPoint]:
    found = PATIENT_FROM_CLAMP.inverse.apply(places_mm) + error_mm
    return [CheckPoint(f"point {k}", *both, time_s) for k, both in enumerate(zip(places_mm, found, strict=True))]


def verification(off_mm: float, time_s: float, expected_mm: float = 1.0) -> Verification:
    return Verification((Checked("point", off_mm, expected_mm, time_s),), 2.0)


def test_a_sound_registration_holds_and_says_what_was_measured() -> None:
    rng = np.random.default_rng(0)
    made = verify(registration(touch_errors_mm(rng, 6, 0.3)), touched(error_mm=touch_errors_mm(rng, 3, 0.3)), FINE)
    assert made.holds
    assert 0.05 < made.measured_mm < 1.0
    assert "3 points within 2.0 mm" in made.words


def test_sound_registrations_are_hardly_ever_doubted() -> None:
    rng = np.random.default_rng(1)
    held = [
        verify(registration(touch_errors_mm(rng, 6, 0.3)), touched(error_mm=touch_errors_mm(rng, 3, 0.3)), FINE).holds
        for _ in range(300)
    ]
    assert np.mean(held) > 0.98


@pytest.mark.parametrize("moved_mm", [3.0, 10.0])
def test_a_patient_that_moved_against_the_reference_is_found_out(moved_mm: float) -> None:
    made = verify(registration(), touched(error_mm=np.array([moved_mm, 0.0, 0.0])), FINE)
    assert not made.holds
    assert f"{moved_mm:.1f} mm off" in made.words


def test_one_point_that_is_off_is_enough() -> None:
    errors = np.zeros((3, 3))
    errors[1] = (0.0, 2.6, 0.0)
    made = verify(registration(), touched(error_mm=errors), FINE)
    assert [one.name for one in made.beyond] == ["point 1"]


def test_a_landmark_of_the_registration_is_no_check_point() -> None:
    with pytest.raises(RegistrationRefused, match="was not used") as caught:
        verify(registration(), touched(HEAD_MM[2:3] + 3.0), FINE)
    assert caught.value.doubt is Doubt.NOT_INDEPENDENT


def test_no_check_point_is_no_check() -> None:
    with pytest.raises(RegistrationRefused, match="no check point"):
        verify(registration(), [], FINE)


def test_landmarks_in_a_plane_need_a_check_point_off_it() -> None:
    flat = registration(marked_mm=HEAD_MM * (1.0, 1.0, 0.0))
    in_plane = np.array([(30.0, -30.0, 0.0)])
    with pytest.raises(RegistrationRefused, match="off that plane"):
        verify(flat, touched(in_plane), FINE)
    assert verify(flat, touched(np.concatenate([in_plane, CHECKS_MM])), FINE).holds


def test_a_mirrored_patient_that_fits_landmarks_in_a_plane_is_found_out_by_a_point_off_it() -> None:
    """Front and back swapped: the landmarks fit exactly, and the anatomy lies on the wrong side of them."""
    flat = HEAD_MM * (1.0, 1.0, 0.0)
    fits = registration(marked_mm=flat)
    touches = touched(CHECKS_MM * (1.0, 1.0, -1.0))
    wrong = [CheckPoint(q.name, p, q.touched_mm, 0.0) for p, q in zip(CHECKS_MM, touches, strict=True)]
    assert not verify(fits, wrong, FINE).holds


def test_what_was_never_checked_or_did_not_hold_is_not_known() -> None:
    assert why_not([], 100.0) == Unknown(Why.NOT_VERIFIED, 100.0)
    assert why_not([verification(0.5, 10.0), verification(2.5, 20.0)], 30.0) == Unknown(Why.NOT_VERIFIED, 20.0)
    assert why_not([verification(2.5, 10.0), verification(0.5, 20.0)], 30.0) is None


def test_a_check_goes_out_of_date() -> None:
    assert why_not([verification(0.5, 0.0)], 1800.0) is None
    assert why_not([verification(0.5, 0.0)], 1801.0) == Unknown(Why.CHECK_DUE, 1800.0)


def test_an_error_that_grows_is_seen_before_it_is_too_large() -> None:
    rng = np.random.default_rng(2)
    checks = [verification(0.6 + 0.5 * h + abs(rng.normal(0, 0.1)), 3600.0 * h) for h in (0, 0.5, 1, 1.5, 2)]
    told = trend(checks)
    assert told is not None
    assert told.grows
    assert told.growth_mm_h == pytest.approx(0.5, abs=0.15)
    assert all(one.holds for one in checks[:3])


def test_scatter_alone_is_hardly_ever_called_growth() -> None:
    rng = np.random.default_rng(3)
    called = 0
    for _ in range(400):
        told = trend([verification(abs(rng.normal(0.6, 0.2)), 1800.0 * k) for k in range(6)])
        assert told is not None
        called += told.grows
    assert called / 400 < 0.08


def test_too_little_tells_no_trend() -> None:
    assert trend([verification(0.5, 10.0 * k) for k in range(3)]) is None
    assert trend([verification(0.5, 10.0)] * 5) is None
