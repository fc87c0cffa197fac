"""Four scales that hang together: an answer on one moves the others by their declared correlation, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from scenarios.skill.ability import Ability
from scenarios.skill.item import Item
from scenarios.skill.learner import CaseResult, Learner, Mode, Scored
from scenarios.skill.scales import SCALES, Scales

ITEM = Item("case", (0.0,), step_sd=0.0, slope=1.0, slope_sd=0.0)
loadings = st.lists(st.floats(0.2, 0.9), min_size=4, max_size=4)


@settings(max_examples=20)
@given(loadings, st.integers(0, 1))
def test_an_answer_on_one_scale_moves_the_mean_of_another_by_the_declared_correlation(
    lam: list[float], score: int
) -> None:
    """Exact for any answer: the expected other ability is linear in this one (both of one deviation, 1)."""
    after = Scales.prior(lam, 1.0).answered_case("detection", [(ITEM, score)])
    moved = after.ability("detection").mean
    for n, scale in enumerate(SCALES[1:], start=1):
        assert after.ability(scale).mean == pytest.approx(lam[0] * lam[n] * moved, abs=0.003)


@settings(max_examples=20)
@given(loadings)
def test_its_variance_falls_by_the_square_of_the_correlation(lam: list[float]) -> None:
    after = Scales.prior(lam, 1.0).answered_case("detection", [(ITEM, 1)])
    fallen = 1 - after.ability("detection").error ** 2
    assert 1 - after.ability("diagnosis").error ** 2 == pytest.approx((lam[0] * lam[2]) ** 2 * fallen, abs=0.004)


def test_scales_without_a_common_ability_are_as_if_each_stood_alone() -> None:
    after = Scales.prior((0.0, 0.0, 0.0, 0.0)).answered_case("detection", [(ITEM, 1)])
    np.testing.assert_allclose(
        after.ability("detection").weights, Ability.prior().answered(ITEM, 1).weights, atol=1e-12
    )
    np.testing.assert_allclose(after.ability("management").weights, Ability.prior().weights, atol=1e-12)


def test_the_order_of_answers_does_not_matter_and_a_thousand_of_them_leave_a_belief() -> None:
    one = Scales.prior().answered_case("detection", [(ITEM, 1)]).answered_case("diagnosis", [(ITEM, 0)])
    other = Scales.prior().answered_case("diagnosis", [(ITEM, 0)]).answered_case("detection", [(ITEM, 1)])
    assert one.ability("management").mean == pytest.approx(other.ability("management").mean)
    many = Scales.prior()
    for n in range(1000):
        many = many.answered_case("detection", [(ITEM, n % 2)])
    assert many.ability("detection").error < 0.1


def test_what_each_scale_tells_alone_tells_together_what_all_answers_in_turn_do() -> None:
    alone = {
        "detection": Ability.prior().answered(ITEM, 1).answered(ITEM, 1),
        "diagnosis": Ability.prior().answered(ITEM, 0),
    }
    one = Scales.of(alone)
    other = Scales.prior()
    for scale, score in (("detection", 1), ("diagnosis", 0), ("detection", 1)):
        other = other.answered_case(scale, [(ITEM, score)])
    for scale in SCALES:
        np.testing.assert_allclose(one.ability(scale).weights, other.ability(scale).weights, atol=1e-4)


def test_practice_fades_and_an_exam_does_not() -> None:
    result = CaseResult("a", (Scored("detection", ITEM, 1.0),))
    exam = Learner.of(Mode.EXAM, [result])
    practice = Learner.of(Mode.PRACTICE, [CaseResult(name, result.answers) for name in "abcdefgh"])
    later = practice.read(CaseResult("seen only", ()))
    assert later.ability("detection").error > practice.ability("detection").error
    assert exam.read(CaseResult("b", ())).ability("detection").error == pytest.approx(exam.ability("detection").error)
    with pytest.raises(InvalidValue, match="already"):
        exam.read(result)


def test_a_share_of_the_points_is_the_step_that_it_reaches() -> None:
    graded = Item("case", (-1.0, 0.0, 1.0))
    assert [Scored("diagnosis", graded, share).score for share in (0.0, 0.3, 1 / 3, 0.7, 1.0)] == [0, 0, 1, 2, 3]
    with pytest.raises(InvalidValue, match="0 to 1"):
        Scored("diagnosis", graded, 1.2)
    with pytest.raises(InvalidValue, match="no scale"):
        Scales.prior().ability("luck")
