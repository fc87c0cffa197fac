"""Touches told apart by where they lie to each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.array import Float64
from guidance.accuracy.artefact import POSTS, Artefact
from guidance.accuracy.matching import matched
from guidance.accuracy.refused import AccuracyDoubt, AccuracyRefused
from guidance.register.rigid_fit import turn
from tests.guidance.accuracy.made import MOVED_MM, TURNED


def seen(points: Float64, noise_mm: float = 0.3, seed: int = 0) -> Float64:
    rng = np.random.default_rng(seed)
    return np.asarray(points @ TURNED.T + MOVED_MM + rng.normal(size=points.shape) * noise_mm)


def doubt(touched: Float64, artefact: Artefact = POSTS) -> AccuracyDoubt:
    with pytest.raises(AccuracyRefused) as caught:
        matched(touched, artefact)
    return caught.value.doubt


@settings(max_examples=15)
@given(st.permutations(range(17)), st.integers(6, 17), st.tuples(*[st.floats(-3, 3)] * 3))
def test_any_six_divots_in_any_order_are_told_apart(order: list[int], count: int, turned: tuple[float, ...]) -> None:
    chosen = order[:count]
    touched = POSTS.divots_mm[chosen] @ turn(np.array(turned)).T + MOVED_MM
    assert matched(touched, POSTS).divot_of.tolist() == chosen


def test_repeats_and_touches_elsewhere_are_known_for_what_they_are() -> None:
    divots = [0, 0, 3, 5, 0, 9, 16, 3, 12]
    touched = np.vstack([[200.0, 30.0, 5.0], seen(POSTS.divots_mm[divots]), [900.0, 0.0, 0.0]])
    made = matched(touched, POSTS)
    assert made.divot_of.tolist() == [-1, *divots, -1]
    placed = touched[1:-1] @ made.rotation.T + made.translation_mm
    assert np.linalg.norm(placed - POSTS.divots_mm[divots], axis=1).max() < 1.5


def test_a_mirrored_artefact_is_refused() -> None:
    assert doubt(seen(POSTS.divots_mm * (-1, 1, 1))) is AccuracyDoubt.MIRRORED


@pytest.mark.parametrize("factor", [25.4, 0.9, 0.1])
def test_another_unit_or_size_is_refused(factor: float) -> None:
    assert doubt(seen(POSTS.divots_mm * factor)) in (AccuracyDoubt.OTHER_ARTEFACT, AccuracyDoubt.TOO_FEW)


def test_three_places_are_too_few() -> None:
    assert doubt(seen(POSTS.divots_mm[[0, 0, 1, 2]])) is AccuracyDoubt.TOO_FEW


def test_a_symmetric_artefact_is_refused_where_it_fits_twice() -> None:
    corners = np.array([(x, y, z) for x in (0, 60) for y in (0, 60) for z in (0, 40)], np.float64)
    block = Artefact("block", tuple("abcdefgh"), corners, 0.1, 0.0)
    assert doubt(seen(corners), block) is AccuracyDoubt.AMBIGUOUS
