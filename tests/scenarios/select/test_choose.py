"""The next case: informative in exams, teachable in practice, of every kind, not the same for all, and explained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import InvalidValue
from scenarios.select.bank import Bank, Entry
from scenarios.select.choose import Rules, choose, ended
from scenarios.select.exposure import Exposure
from scenarios.skill.ability import Ability
from scenarios.skill.item import Item
from scenarios.skill.learner import Mode

RNG = np.random.default_rng(0)
BANK = Bank(
    Entry(
        Item(f"case {n}", (float(b),), step_sd=0.0, slope=float(a), slope_sd=0.0),
        ("chest", "head", "abdomen")[n % 3],
        f"concept {n % 20}",
        is_normal=n % 5 == 0,
        is_rare=n % 37 == 0,
    )
    for n, (a, b) in enumerate(zip(np.exp(RNG.normal(np.log(1.2), 0.3, 300)), RNG.normal(0.2, 1.1, 300), strict=True))
)
PRACTICE = Rules(Mode.PRACTICE)


def read(rules: Rules, theta: float, rng: np.random.Generator, count: int) -> tuple[list[int], Ability, list[int]]:
    shown: list[int] = []
    scores: list[int] = []
    ability = Ability.prior()
    for _ in range(count):
        place = choose(BANK, ability, shown, rules, rng).place
        item = BANK.entries[place].item
        scores.append(int(rng.random() < item.chances(np.array([theta]))[0, 1]))
        ability = ability.answered(item, scores[-1])
        shown.append(place)
    return shown, ability, scores


def test_no_case_comes_twice_and_when_all_were_shown_that_is_said() -> None:
    few = Bank(BANK.entries[:6])
    rng = np.random.default_rng(1)
    shown: list[int] = []
    for _ in range(6):
        shown.append(choose(few, Ability.prior(), shown, PRACTICE, rng).place)
    assert sorted(shown) == list(range(6))
    with pytest.raises(InvalidValue, match="every case"):
        choose(few, Ability.prior(), shown, PRACTICE, rng)


def test_in_an_exam_an_ability_is_known_with_far_fewer_cases_than_by_chance() -> None:
    rules = Rules.exam(normal=0.2, drawn=0)
    errors = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        _, chosen, _ = read(rules, 0.3, rng, 15)
        drawn = Ability.prior()
        for place in rng.choice(len(BANK), 15, replace=False):
            item = BANK.entries[place].item
            drawn = drawn.answered(item, int(rng.random() < item.chances(np.array([0.3]))[0, 1]))
        errors.append((chosen.error, drawn.error))
    chosen_error, drawn_error = np.mean(errors, axis=0)
    assert chosen_error < 0.75 * drawn_error


def test_in_practice_about_three_quarters_come_out_right() -> None:
    shares = [
        np.mean(read(PRACTICE, theta, np.random.default_rng(seed), 40)[2][10:])
        for seed, theta in enumerate([-1.0, -0.5, 0.0, 0.5, 1.0])
    ]
    assert 0.65 < np.mean(shares) < 0.85


def test_every_topic_normals_and_what_is_rare_come_in_their_shares() -> None:
    shown, _, _ = read(replace(PRACTICE, normal=0.3), 0.0, np.random.default_rng(2), 40)
    topics = np.bincount(BANK.topic[shown], minlength=3)
    assert topics.min() >= 11
    assert 0.2 <= BANK.is_normal[shown].mean() <= 0.4
    assert BANK.is_rare[shown].sum() >= 1
    only = Rules(Mode.EXAM, topics={"head": 1.0}, normal=0.2)
    shown, _, _ = read(only, 0.0, np.random.default_rng(3), 15)
    assert (BANK.topic[shown] == BANK.topics.index("head")).mean() > 0.9


def test_a_review_shows_another_case_of_the_concept() -> None:
    rng = np.random.default_rng(4)
    seen = [n for n, entry in enumerate(BANK.entries) if entry.concept == "concept 7"][:2]
    told = choose(BANK, Ability.prior(), seen, PRACTICE, rng, due=["concept 7"])
    assert BANK.entries[told.place].concept == "concept 7"
    assert told.place not in seen
    assert told.why == "concept 7 is due for review: this is another case of it"
    gone = choose(BANK, Ability.prior(), seen, PRACTICE, rng, due=["a concept that no case shows"])
    assert "should come out right" in gone.why


def test_every_choice_says_why() -> None:
    rng = np.random.default_rng(5)
    exam = choose(BANK, Ability.prior(0.6, 0.4), [0, 3], Rules.exam(), rng)
    assert exam.why.startswith("It tells much about an ability near 0.6 (±0.4); ")
    assert "of 2 cases so far were of" in exam.why
    assert "% of it should come out right" in choose(BANK, Ability.prior(), [], PRACTICE, rng).why


def test_it_ends_when_enough_is_known_and_says_so() -> None:
    rules = Rules(Mode.EXAM, least=3, most=10, error=0.4)
    sure, unsure = Ability.prior(0.0, 0.3), Ability.prior(0.0, 1.0)
    assert ended(sure, [1, 2], rules) is None
    assert ended(sure, [1, 2, 3], rules) == "the ability is known to 0.30"
    assert ended(unsure, [1, 2, 3], rules) is None
    assert ended(unsure, list(range(10)), rules) == "10 cases are read"
    with_cut = replace(rules, cut=-2.0)
    assert "which side" in (ended(unsure, [1, 2, 3], with_cut) or "")


@pytest.mark.parametrize("steps", [(0.7,), (-0.5, 0.4, 1.1)], ids=["right or wrong", "more scores than any had"])
def test_a_bank_with_a_question_replaced_is_the_bank_made_anew(steps: tuple[float, ...]) -> None:
    changed = Item("case 3", steps, step_sd=0.2, guess=0.1)
    few = Bank(BANK.entries[:6])
    found = few.replaced([changed])
    made = Bank(replace(one, item=changed) if one.item.id == "case 3" else one for one in few.entries)
    assert found.entries == made.entries
    np.testing.assert_allclose(found.success, made.success, rtol=1e-5)
    np.testing.assert_allclose(found.scores, made.scores, rtol=1e-5, atol=1e-12)
    assert not np.array_equal(few.success, made.success), "the one before is as it was"
    assert few.replaced([]).entries == few.entries
    with pytest.raises(InvalidValue, match="no case 77"):
        few.replaced([replace(changed, id="case 77")])


def ten(bank: Bank, rules: Rules, rng: np.random.Generator, exposure: Exposure) -> list[int]:
    """What some learner is shown."""
    ability = Ability.prior(float(rng.normal()), 0.5)
    shown: list[int] = []
    exposure.begins()
    for _ in range(10):
        shown.append(choose(bank, ability, shown, rules, rng, worth=exposure.worth()).place)
        exposure.shows(shown[-1])
    return shown


def test_no_case_is_shown_to_more_learners_than_is_allowed() -> None:
    """The cap, and what its price needs above it: ten learners or so, however many come."""
    few, rules = Bank(BANK.entries[:60]), Rules(Mode.EXAM, normal=0.2, drawn=0)
    shares = []
    for most, learners in ((0.35, 500), (1.0, 100)):
        rng, exposure = np.random.default_rng(6), Exposure(np.zeros(60), most=most)
        shown = [n for _ in range(learners) for n in ten(few, rules, rng, exposure)]
        shares.append(np.bincount(shown, minlength=60) / learners)
    assert shares[0].max() <= 0.35 + 0.02
    assert shares[1].max() > 0.5


def test_a_cap_that_cannot_be_held_makes_all_cases_come_alike() -> None:
    few, rng, exposure = Bank(BANK.entries[:15]), np.random.default_rng(7), Exposure(np.zeros(15), most=0.1)
    rules = Rules(Mode.EXAM, normal=0.2, drawn=0)
    shown = np.bincount([n for _ in range(200) for n in ten(few, rules, rng, exposure)], minlength=15)
    assert shown.max() - shown.min() < 40
    assert exposure.worth().max() == 1.0


def test_a_case_that_came_later_is_counted_from_then_on() -> None:
    worth = Exposure([30, 30, 5], [100, 20, 20]).worth()
    assert worth[1] < worth[0] < worth[2] == 1.0


def test_a_bank_names_each_of_its_cases_once() -> None:
    with pytest.raises(InvalidValue, match="a name of its own"):
        Bank([BANK.entries[0], BANK.entries[0]])
    with pytest.raises(InvalidValue):
        Rules(Mode.EXAM, least=0)
