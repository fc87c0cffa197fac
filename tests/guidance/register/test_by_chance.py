"""Errors drawn by chance agree with theory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import InvalidValue
from guidance.register.by_chance import errors_by_chance_mm
from guidance.register.fiducial_error import FiducialError
from guidance.register.paired import register
from guidance.uncertainty.expected import tre_rms_mm
from tests.guidance.register.places import CLAMP, HEAD_MM, PATIENT, pairs, targets_mm

FINE = FiducialError.isotropic(0.3)


def test_at_twenty_targets_it_is_within_five_percent_of_theory() -> None:
    made = register(pairs(HEAD_MM), PATIENT, CLAMP, FINE)
    off = errors_by_chance_mm(made, FINE, targets_mm(), np.random.default_rng(0))
    seen = np.sqrt((off**2).sum(axis=2).mean(axis=0))
    assert seen == pytest.approx([made.expected_error(at).rms_mm for at in targets_mm()], rel=0.05)


def test_directions_are_kept() -> None:
    """A camera that sees depth badly: the error at the target lies along it."""
    uneven = FiducialError(np.diag([0.01, 0.01, 0.64]))
    made = register(pairs(HEAD_MM), PATIENT, CLAMP, FINE)
    off = errors_by_chance_mm(made, uneven, HEAD_MM.mean(axis=0, keepdims=True), np.random.default_rng(0))[:, 0]
    depth = made.patient_from_tracked.matrix[:3, 2]
    assert np.std(off @ depth) > 3 * np.std(off @ np.cross(depth, [1.0, 0.0, 0.0]))


@pytest.mark.parametrize("fle_mm", [5.0, 10.0, 25.0])
def test_theory_holds_to_a_tenth_even_where_turns_are_large(fle_mm: float) -> None:
    """Landmarks within an inch of their middle, touched that badly, and a target a foot away."""
    rough, far = FiducialError.isotropic(fle_mm), np.array([[0.0, 0.0, 300.0]])
    small = replace(register(pairs(HEAD_MM), PATIENT, CLAMP, FINE), landmarks_mm=HEAD_MM * 0.3)
    off = errors_by_chance_mm(small, rough, far, np.random.default_rng(0))
    assert np.sqrt((off**2).sum(axis=2).mean()) == pytest.approx(tre_rms_mm(HEAD_MM * 0.3, far[0], fle_mm), rel=0.1)


def test_a_surface_has_no_landmarks_to_draw_for() -> None:
    made = replace(register(pairs(HEAD_MM), PATIENT, CLAMP, FINE), landmarks_mm=np.zeros((0, 3)))
    with pytest.raises(InvalidValue, match="no landmarks"):
        errors_by_chance_mm(made, FINE, targets_mm(), np.random.default_rng(0))
