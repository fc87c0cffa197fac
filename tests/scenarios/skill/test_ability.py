"""Abilities: laws of belief, and what a learner who learns or a question that is only guessed at does to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from scenarios.skill.ability import Ability, likelihood
from scenarios.skill.difficulty import answered_by, of_their_kind
from scenarios.skill.item import GRID, Item, chances_of
from scenarios.skill.practice import drifted, practised

items = st.builds(
    Item,
    st.just("case"),
    st.sets(st.integers(-30, 30), min_size=1, max_size=4).map(lambda steps: tuple(n / 10 for n in sorted(steps))),
    step_sd=st.floats(0, 0.8),
    slope=st.floats(0.4, 2.5),
    slope_sd=st.floats(0, 0.4),
    guess=st.sampled_from([0.0, 0.2]),
)


@given(items)
def test_scores_share_all_chance_and_an_abler_learner_reaches_each_of_them_more_often(item: Item) -> None:
    chances = item.chances(GRID)
    assert chances.min() >= -1e-12
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)
    at_least = np.cumsum(chances[:, ::-1], axis=1)
    assert (np.diff(at_least[:, :-1], axis=0) >= -1e-12).all()


@given(items)
def test_all_of_it_right_is_believed_of_an_abler_learner_and_none_of_one_less_able(item: Item) -> None:
    before = Ability.prior()
    assert before.answered(item, 0).mean <= before.mean + 1e-9
    assert before.answered(item, item.scores - 1).mean >= before.mean - 1e-9


def test_a_question_that_is_only_guessed_at_tells_less() -> None:
    known = Item("case", (0.0,), step_sd=0.0, slope=1.2, slope_sd=0.0)
    guessed = replace(known, step_sd=0.6, slope_sd=0.3)
    assert guessed.information(GRID).max() < 0.9 * known.information(GRID).max()
    assert Ability.prior().answered(guessed, 1).error > Ability.prior().answered(known, 1).error


def test_the_error_of_many_answers_is_what_theory_says() -> None:
    """Information adds: after many answers the variance is one over the sum of it and of the prior's."""
    item = Item("case", (0.0,), step_sd=0.0, slope=1.7, slope_sd=0.0)
    ability = Ability.prior(0.0, 1.0)
    for n in range(60):
        ability = ability.answered(item, n % 2)
    expected = 1 / np.sqrt(1.0 + 60 * np.interp(ability.mean, GRID, item.information(GRID)))
    assert ability.error == pytest.approx(expected, rel=0.05)
    low, high = ability.interval()
    assert high - low == pytest.approx(2 * 1.96 * ability.error, rel=0.05)
    assert ability.above(ability.mean) == pytest.approx(0.5, abs=0.02)


def test_four_questions_on_one_case_are_not_four_cases() -> None:
    questions = [Item(f"case/{n}", (0.0,), step_sd=0.0, slope_sd=0.0) for n in range(4)]
    alone = Ability.prior().answered_case([(one, 1) for one in questions], 0.0)
    together = Ability.prior().answered_case([(one, 1) for one in questions], 1.0)
    assert together.error > alone.error
    assert together.mean < alone.mean


def test_what_is_believed_of_a_learner_fades_between_cases_and_stays_a_belief() -> None:
    sure = Ability.prior(1.0, 0.3)
    later = drifted(sure, 0.04)
    assert later.mean == pytest.approx(sure.mean, abs=1e-6)
    assert later.error == pytest.approx(np.hypot(0.3, 0.2), rel=0.01)
    at_the_end = drifted(Ability.prior(5.0, 0.2), 0.5)
    assert at_the_end.weights.sum() == pytest.approx(1.0)
    assert drifted(sure, 0.0) is sure


def test_a_learner_who_improves_is_followed_in_practice_and_left_behind_by_an_exam() -> None:
    rng = np.random.default_rng(1)
    item = Item("case", (0.0,), step_sd=0.0, slope=1.2, slope_sd=0.0)
    still = moving = Ability.prior()
    for n in range(200):
        truth = -1.0 + 2.0 * n / 199
        score = int(rng.random() < 1 / (1 + np.exp(-item.slope * truth)))
        still, moving = still.answered(item, score), practised(moving, [(item, score)])
    assert abs(moving.mean - 1.0) < 0.45
    assert still.mean < 0.5
    low, high = moving.interval()
    assert low < 1.0 < high


def test_a_question_is_known_better_with_every_answer_and_where_it_is_missed_it_is_harder() -> None:
    item = Item("case", (0.0,), step_sd=0.6)
    of_all = Ability.prior(0.0, 1.0)
    harder, easier = answered_by(item, of_all, 0), answered_by(item, of_all, 1)
    assert harder.steps[0] > 0 > easier.steps[0]
    assert harder.step_sd < item.step_sd
    rng = np.random.default_rng(2)
    learned, true = item, 0.9
    for ability in rng.normal(size=400):
        score = int(rng.random() < 1 / (1 + np.exp(-item.slope * (ability - true))))
        learned = answered_by(learned, Ability.prior(float(ability), 0.3), score)
    assert learned.steps[0] == pytest.approx(true, abs=0.25)
    assert learned.step_sd < 0.15


@given(st.lists(items, min_size=1, max_size=5))
def test_many_questions_are_worked_out_together_as_each_alone(many: list[Item]) -> None:
    together = chances_of(many, GRID.astype(np.float32))
    for item, table in zip(many, together, strict=True):
        np.testing.assert_allclose(table[: item.scores].T, item.chances(GRID), atol=1e-5)
        assert not table[item.scores :].any()


def test_guessing_reaches_the_first_step_and_no_further() -> None:
    lost = Item("case", (0.0, 1.0), step_sd=0.0, slope=2.0, slope_sd=0.0, guess=0.2).chances(np.array([-8.0]))[0]
    np.testing.assert_allclose(lost, [0.8, 0.2, 0.0], atol=1e-6)


def test_measured_questions_come_nearer_the_truth_when_drawn_towards_their_kind() -> None:
    rng = np.random.default_rng(3)
    step, log = rng.normal(0.2, 1.1, 400), rng.normal(np.log(1.2), 0.3, 400)
    seen = [
        Item(f"{n}", (float(b), float(b) + 1), step_sd=0.5, slope=float(np.exp(a)), slope_sd=0.3)
        for n, (b, a) in enumerate(zip(step + rng.normal(0, 0.5, 400), log + rng.normal(0, 0.3, 400), strict=True))
    ]
    drawn = of_their_kind(seen)

    def off(of: Sequence[Item]) -> tuple[float, float]:
        steps, logs = np.array([(item.steps[0], np.log(item.slope)) for item in of]).T
        return float(np.std(steps - step)), float(np.std(logs - log))

    for before, after, told in zip(off(seen), off(drawn), (drawn[0].step_sd, drawn[0].slope_sd), strict=True):
        assert after < 0.95 * before
        assert told == pytest.approx(after, rel=0.2)
    exact = [replace(item, step_sd=0.0, slope_sd=0.0) for item in seen]
    for kept, was in zip(of_their_kind(exact), exact, strict=True):
        np.testing.assert_allclose((*kept.steps, kept.slope), (*was.steps, was.slope))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidValue, match="rise"):
        Item("case", (1.0, 0.0))
    with pytest.raises(InvalidValue, match="scores 0 to 1"):
        likelihood(Item("case", (0.0,)), 2)
    with pytest.raises(InvalidValue, match="cannot be"):
        Ability.normalised(np.zeros(len(GRID)))
