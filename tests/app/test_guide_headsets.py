"""Headsets that touch landmarks themselves: placed with an error that is said, verified by a check point alone."""

from __future__ import annotations

import numpy as np
import pytest

from engine.app.guide_headsets import Headsets
from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.stream.guiding import TouchAsk
from guidance.register.registration import Doubt, RegistrationRefused
from guidance.register.rigid_fit import turn
from tests.guidance.register.places import HEAD_MM
from tests.guidance.session.theatre import CHECKS_MM, PLAN

TURN = turn(np.array([0.1, -2.0, 0.3]))
SHIFT_MM = np.array([300.0, 1100.0, -600.0])
TARGETS = {"tumour": np.array([0.0, -20.0, 10.0])}


def ask(landmark: str, patient_mm: Float64, off_mm: float = 0.0, tremor_mm: float = 0.5) -> TouchAsk:
    """A rest in the headset's world, which lies anywhere against the patient."""
    rng = np.random.default_rng(0)
    at = TURN @ patient_mm + SHIFT_MM + [off_mm, 0.0, 0.0]
    points = at + rng.normal(scale=tremor_mm, size=(30, 3))
    return TouchAsk(landmark=landmark, points_mm=tuple((x, y, z) for x, y, z in points.tolist()))


@pytest.fixture
def headsets() -> Headsets:
    made = Headsets(PLAN, TARGETS)
    for k, at in enumerate(HEAD_MM):
        made.touch("anna", ask(f"l{k}", at), 1.0)
    made.solve("anna")
    return made


def test_a_headset_is_placed_with_its_error_and_is_not_verified(headsets: Headsets) -> None:
    (place,) = headsets.places()
    assert place.member == "anna"
    assert not place.verified
    assert 3.0 < place.error_mm < 15.0
    matrix = np.reshape(place.patient_from_world, (4, 4))
    at = TURN @ TARGETS["tumour"] + SHIFT_MM
    assert np.linalg.norm(matrix[:3, :3] @ at + matrix[:3, 3] - TARGETS["tumour"]) < 1.0


def test_a_check_point_verifies_it_and_one_that_is_off_does_not(headsets: Headsets) -> None:
    headsets.touch("anna", ask("c0", CHECKS_MM[0]), 2.0)
    assert headsets.places()[0].verified
    with pytest.raises(RegistrationRefused) as refused:
        headsets.touch("anna", ask("c1", CHECKS_MM[1], off_mm=40.0), 3.0)
    assert refused.value.doubt is Doubt.DOES_NOT_FIT
    assert not headsets.places()[0].verified


def test_another_registration_must_be_checked_anew_and_others_keep_theirs(headsets: Headsets) -> None:
    headsets.touch("anna", ask("c0", CHECKS_MM[0]), 2.0)
    for k, at in enumerate(HEAD_MM):
        headsets.touch("ben", ask(f"l{k}", at), 3.0)
    headsets.solve("ben")
    assert {place.member: place.verified for place in headsets.places()} == {"anna": True, "ben": False}
    with pytest.raises(RegistrationRefused, match="0 landmarks"):
        headsets.solve("anna")  # what was touched counts once
    assert headsets.places()[0].verified


def test_what_cannot_be_touched_is_refused_in_words(headsets: Headsets) -> None:
    with pytest.raises(InvalidValue, match="no landmark"):
        headsets.touch("anna", ask("l99", HEAD_MM[0]), 2.0)
    with pytest.raises(InvalidValue, match="no registration to check"):
        headsets.touch("carl", ask("c0", CHECKS_MM[0]), 2.0)
    with pytest.raises(RegistrationRefused, match="moved"):
        headsets.touch("anna", ask("l0", HEAD_MM[0], tremor_mm=20.0), 2.0)
