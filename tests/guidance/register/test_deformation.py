"""Tissue that moved, from points that were touched again."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from guidance.register.deformation import Deformation, deformation
from guidance.register.registration import Doubt, RegistrationRefused

TOUCHED_MM = np.random.default_rng(0).uniform(-40.0, 40.0, (12, 3))


def sunk(points_mm: Float64) -> Float64:
    """Brain that sinks by up to 10 mm under an opening, and less the farther from it."""
    away2 = ((points_mm - (0.0, 0.0, 40.0)) ** 2).sum(axis=-1, keepdims=True)
    return np.asarray(points_mm + np.array([0.0, 0.0, -10.0]) * np.exp(-away2 / (2 * 50.0**2)))


def made(noise_mm: float = 0.0) -> Deformation:
    noise = np.random.default_rng(1).normal(size=TOUCHED_MM.shape) * noise_mm
    return deformation(list(TOUCHED_MM), list(sunk(TOUCHED_MM) + noise), max(noise_mm, 0.01))


def test_a_shift_of_everything_is_found_everywhere() -> None:
    shift = np.array([1.0, -4.0, 2.0])
    whole = deformation(list(TOUCHED_MM), list(TOUCHED_MM + shift), 0.01)
    anywhere = np.random.default_rng(2).uniform(-100, 100, (50, 3))
    assert whole.moved(anywhere) == pytest.approx(anywhere + shift, abs=1e-6)
    assert whole.left_out_mm == pytest.approx(0.0, abs=1e-6)


def test_where_it_was_touched_it_is_right() -> None:
    assert made().moved(TOUCHED_MM) == pytest.approx(sunk(TOUCHED_MM), abs=0.1)


def test_between_it_is_much_nearer_than_without() -> None:
    between = np.random.default_rng(3).uniform(-30.0, 30.0, (200, 3))
    with_it = np.linalg.norm(made(0.3).moved(between) - sunk(between), axis=1).mean()
    without = np.linalg.norm(between - sunk(between), axis=1).mean()
    assert with_it < 0.3 * without


def test_the_stated_error_is_no_smaller_than_what_is_seen_and_grows_away_from_the_touches() -> None:
    guess = made(0.3)
    between = np.random.default_rng(4).uniform(-40.0, 40.0, (300, 3))
    seen = np.linalg.norm(guess.moved(between) - sunk(between), axis=1)
    assert np.sqrt((seen**2).mean()) <= np.sqrt((guess.error_mm(between) ** 2).mean())
    assert guess.error_mm(np.array([200.0, 0, 0])) > guess.error_mm(TOUCHED_MM[0]) + 5.0


@pytest.mark.parametrize(
    ("scan", "now", "doubt"),
    [
        (TOUCHED_MM[:4], TOUCHED_MM[:4], Doubt.TOO_FEW),
        (TOUCHED_MM, TOUCHED_MM[:-1], Doubt.TOO_FEW),
        (TOUCHED_MM, TOUCHED_MM * np.nan, Doubt.NOT_FINITE),
        (TOUCHED_MM * (1, 1, 0), TOUCHED_MM * (1, 1, 0), Doubt.ON_A_LINE),
        (TOUCHED_MM, TOUCHED_MM + np.eye(12, 3) * 31.0, Doubt.OUTLIER),
    ],
)
def test_what_cannot_be_is_refused(scan: Float64, now: Float64, doubt: Doubt) -> None:
    with pytest.raises(RegistrationRefused) as caught:
        deformation(list(scan), list(now), 0.3)
    assert caught.value.doubt is doubt


def test_touches_without_error_are_none() -> None:
    with pytest.raises(InvalidValue):
        deformation(list(TOUCHED_MM), list(TOUCHED_MM), 0.0)
