"""A patient who moves while being registered."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.frame import WORLD
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.register.fiducial_error import FiducialError
from guidance.register.registration import Doubt, RegistrationRefused
from guidance.register.steady import refuse_motion
from guidance.register.touch import Touch
from guidance.track.sample import Sample, thing_frame
from guidance.uncertainty.point_error import PointError
from tests.guidance.register.places import HEAD_MM, touch_errors_mm

FINE = FiducialError.isotropic(0.4)
HZ = 20.0


def touch(at_mm: Float64, start_s: float) -> Touch:
    return Touch(at_mm, PointError(np.eye(3) * 0.04), start_s, start_s + 1.0)


def touched(seed: int = 0) -> tuple[list[Touch], Touch]:
    errors = touch_errors_mm(np.random.default_rng(seed), 7, 0.4)
    touches = [touch(at + error, 2.0 * k) for k, (at, error) in enumerate(zip(HEAD_MM, errors[:6], strict=True))]
    return touches, touch(HEAD_MM[0] + errors[6], 12.0)


def reference(push_mm: float = 0.0, push_s: float = 4.5, hidden: tuple[float, float] = (99, 99)) -> list[Sample]:
    made = []
    for n in range(int(13.5 * HZ)):
        time_s = n / HZ
        at = (280.0 + (push_mm if time_s > push_s else 0.0), 0.0, -950.0)
        place = Transform.rigid(WORLD, thing_frame("Clamp"), np.eye(3), at)
        unseen = Unknown(Why.NO_TOOL, time_s)
        made.append(Sample("Clamp", unseen if hidden[0] <= time_s < hidden[1] else place, time_s))
    return made


def refusal(touches: list[Touch], again: Touch, seen: list[Sample]) -> str:
    with pytest.raises(RegistrationRefused) as caught:
        refuse_motion(touches, again, seen, FINE)
    assert caught.value.doubt is Doubt.MOVED
    return str(caught.value)


def test_who_lies_still_is_hardly_ever_doubted() -> None:
    doubted, seen = 0, reference()
    for seed in range(1000):
        try:
            refuse_motion(*touched(seed), seen, FINE)
        except RegistrationRefused:
            doubted += 1
    assert doubted <= 6


def test_a_reference_that_is_pushed_during_a_touch_is_named_with_it() -> None:
    assert "moved by 5.0 mm while landmark 3" in refusal(*touched(), reference(5.0))


def test_a_camera_that_is_moved_between_touches_does_no_harm() -> None:
    refuse_motion(*touched(), reference(50.0, push_s=5.5), FINE)


def test_a_reference_that_is_hidden_during_a_touch_is_said() -> None:
    assert "hidden while landmark 2" in refusal(*touched(), reference(hidden=(2.0, 3.0)))
    refuse_motion(*touched(), reference(hidden=(3.1, 3.9)), FINE)


def test_a_patient_who_moved_against_the_reference_is_found_out_by_the_first_landmark() -> None:
    touches, again = touched()
    moved = touch(again.at_mm + np.array([3.0, 0.0, 0.0]), again.start_s)
    assert "against the reference" in refusal(touches, moved, reference())


def test_without_any_word_of_the_reference_nothing_passes() -> None:
    assert "hidden" in refusal(*touched(), [])
