"""A controller or a finger that rests on landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.frame import patient
from engine.core.transform import Transform
from guidance.devices.headset_pointer import (
    CONTROLLER,
    HAND,
    LEAST_POINTS,
    Landmark,
    Pointing,
    headset_world,
    register_headset,
    touched,
)
from guidance.register.registration import Doubt, RegistrationRefused
from guidance.register.rigid_fit import turn
from tests.guidance.register.places import HEAD_MM as WHOLE_HEAD_MM
from tests.guidance.register.places import targets_mm

HEAD_MM = WHOLE_HEAD_MM[1:]
PATIENT = patient("1.2.3")
WORLD = headset_world("quest")
PATIENT_FROM_WORLD = Transform.rigid(PATIENT, WORLD, turn(np.array([0.1, 1.2, -0.3])), [20.0, -900.0, 1500.0])


def rest(at_mm: Float64, rng: np.random.Generator, jitter_mm: float = 0.4, count: int = 60) -> Float64:
    return at_mm + rng.normal(scale=jitter_mm, size=(count, 3))


def landmarks(rng: np.random.Generator, pointing: Pointing) -> list[Landmark]:
    """Touches with errors as they are assumed: one of each touch, and one of all."""
    shared = rng.normal(scale=pointing.shared_mm / np.sqrt(3), size=3)
    scale = pointing.fiducial.rms_mm / np.sqrt(3)
    made = []
    for k, marked in enumerate(HEAD_MM):
        tip = PATIENT_FROM_WORLD.inverse.apply(marked) + shared + rng.normal(scale=scale, size=3)
        made.append(Landmark(f"landmark {k}", marked, touched(rest(tip, rng), k, k + 1, pointing)))
    return made


def test_a_rest_is_where_it_was_and_says_how_it_scattered() -> None:
    at = np.array([100.0, 1200.0, -400.0])
    touch = touched(rest(at, np.random.default_rng(1)), 5.0, 6.0)
    assert np.linalg.norm(touch.at_mm - at) < 0.3
    assert touch.error.rms_mm == pytest.approx(0.4 * np.sqrt(3), rel=0.25)
    assert (touch.start_s, touch.end_s) == (5.0, 6.0)


@pytest.mark.parametrize(
    ("points", "doubt"),
    [
        (np.zeros((LEAST_POINTS - 1, 3)), Doubt.TOO_FEW),
        (np.full((20, 3), np.nan), Doubt.NOT_FINITE),
        (np.linspace((0, 0, 0), (5, 0, 0), 60), Doubt.MOVED),
        (np.concatenate([np.zeros((40, 3)), np.full((20, 3), 2.4)]), Doubt.MOVED),
        (np.concatenate([np.zeros((59, 3)), np.full((1, 3), 30.0)]), Doubt.MOVED),
    ],
    ids=["brief", "lost", "sliding", "slipped", "twitch"],
)
def test_what_is_no_rest_is_refused_with_what_to_do(points: Float64, doubt: Doubt) -> None:
    with pytest.raises(RegistrationRefused, match=r"hold it still|touch again") as caught:
        touched(points, 0.0, 1.0)
    assert caught.value.doubt is doubt


def test_a_finger_may_tremble_more_than_a_controller() -> None:
    points = rest(np.zeros(3), np.random.default_rng(2), jitter_mm=1.3)
    touched(points, 0.0, 1.0, HAND)
    with pytest.raises(RegistrationRefused):
        touched(points, 0.0, 1.0, CONTROLLER)


@pytest.mark.parametrize(
    "pointing", [CONTROLLER, pytest.param(HAND, marks=pytest.mark.slow)], ids=["controller", "hand"]
)
def test_the_stated_error_holds_the_truth_as_often_as_it_says(pointing: Pointing) -> None:
    """With what all touches have in common, which no residual shows."""
    rng = np.random.default_rng(3)
    inside = []
    for _ in range(100):
        made = register_headset(landmarks(rng, pointing), PATIENT, "quest", pointing)
        for target in targets_mm(4):
            off = made.patient_from_tracked.apply(PATIENT_FROM_WORLD.inverse.apply(target)) - target
            inside.append(made.expected_error(target).holds(off))
    assert 0.91 <= np.mean(inside) <= 0.985


def test_more_landmarks_make_it_no_better_than_what_all_touches_share() -> None:
    many = [
        Landmark(
            f"{k}", marked, touched(rest(PATIENT_FROM_WORLD.inverse.apply(marked), np.random.default_rng(k)), k, k + 1)
        )
        for k, marked in enumerate(np.random.default_rng(4).uniform(-90, 90, (60, 3)))
    ]
    made = register_headset(many, PATIENT, "quest")
    assert made.expected_error(np.zeros(3)).rms_mm > CONTROLLER.shared_mm
    assert made.fre_mm < 1.0


def test_what_is_expected_of_a_controller_and_of_a_finger_is_said_plainly() -> None:
    rng = np.random.default_rng(5)
    middle = HEAD_MM.mean(axis=0)
    one = register_headset(landmarks(rng, CONTROLLER), PATIENT, "quest").expected_error(middle).radius_mm()
    other = register_headset(landmarks(rng, HAND), PATIENT, "quest", HAND).expected_error(middle).radius_mm()
    assert 4 < one < 8
    assert 10 < other < 16


def test_a_registration_is_of_one_headsets_world() -> None:
    made = register_headset(landmarks(np.random.default_rng(6), CONTROLLER), PATIENT, "quest")
    assert made.patient_from_tracked.source == WORLD != headset_world("another")


def test_two_landmarks_taken_for_each_other_are_refused() -> None:
    made = landmarks(np.random.default_rng(7), CONTROLLER)
    made[0], made[4] = (
        Landmark(made[0].name, made[0].patient_mm, made[4].touch),
        Landmark(made[4].name, made[4].patient_mm, made[0].touch),
    )
    with pytest.raises(RegistrationRefused) as caught:
        register_headset(made, PATIENT, "quest")
    assert caught.value.doubt is Doubt.MIXED_UP
