"""A thousand simulated learners: what is promised of exams and practice, and faults that must be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scenarios.select.simulate import (
    Run,
    best_forms,
    cases_at,
    cases_of_four,
    exam_rules,
    items_at,
    joined,
    marking_world,
    simulate,
)
from scenarios.select.track import Course, best_elo, followed

BANKS = 10
EACH = (-2.0, -1.0, 0.0, 1.0, 2.0)
FOLLOW = exam_rules(most=40)


def cohort(count: int, on_grid: bool = False, *, banks: int = BANKS, **changes: Any) -> Run:
    """Learners on ten banks; what is not of the bank is of the design."""
    design = {name: changes.pop(name) for name in ("how", "follow", "rules", "forms") if name in changes}
    rules = design.pop("rules", exam_rules())
    runs = []
    for n in range(banks):
        rng = np.random.default_rng([7, n])
        theta = np.resize(EACH, count // banks) if on_grid else rng.normal(size=count // banks)
        world = marking_world(rng, theta, **changes)
        runs.append(simulate(world, rules, np.random.default_rng([8, n]), **design))
    return joined(runs)


def test_an_interval_holds_what_it_promises_at_every_ability() -> None:
    run = cohort(2500, on_grid=True)
    for theta in EACH:
        assert 0.93 <= run.holds[run.theta == theta].mean() <= 0.97


@pytest.mark.parametrize("measured", [pytest.param(False, marks=pytest.mark.slow), True])
def test_it_still_holds_where_questions_are_only_guessed_at_and_less_often_where_guesses_are_taken_for_known(
    measured: bool,
) -> None:
    off: dict[str, Any] = {"step_sd": 0.5, "slope_sd": 0.3, "measured": measured}
    told = cohort(1000, **off)
    taken_for_known = cohort(1000, **off, declared=False)
    assert told.holds.mean() >= 0.92
    assert taken_for_known.holds.mean() < 0.93 - 0.1 * measured
    assert taken_for_known.length.mean() < told.length.mean()


def test_four_questions_on_one_case_promise_what_they_hold_only_if_they_are_taken_together() -> None:
    assert cases_of_four(np.random.default_rng(9), 1000, 0.7, 0.7).mean() >= 0.935
    assert cases_of_four(np.random.default_rng(9), 1000, 0.7, 0.0).mean() < 0.92


def test_an_exam_takes_two_fifths_fewer_cases_than_the_best_form_that_is_the_same_for_all() -> None:
    """At equal error; and, but for what a thousand learners leave uncertain, where it stops at this error or below."""
    form = items_at(0.30, cohort(1000, how="fixed", follow=True, rules=FOLLOW).rmse_after())
    ours = cohort(1000, follow=True, rules=FOLLOW)
    assert cases_at(0.30, ours) <= 0.6 * form
    assert ours.stopping(0.30)[0] <= 0.62 * form


def test_the_best_form_is_better_than_one_by_chance_and_forms_that_share_no_case_are_each_a_little_worse() -> None:
    small: dict[str, Any] = {"follow": True, "rules": exam_rules(most=20), "banks": 5}
    designs: list[dict[str, Any]] = [{"how": "fixed"}, {"how": "fixed", "forms": 2}, {"how": "random"}]
    best, two, chance = (cohort(1000, **small, **how).rmse_after()[-1] for how in designs)
    assert best < two < chance
    forms = best_forms(marking_world(np.random.default_rng(1), np.zeros(1)).bank, 20, 4)
    assert len(np.unique(forms)) == forms.size


def test_no_case_is_shown_to_more_than_its_cap_without_one_it_would_be_and_the_cap_costs_little() -> None:
    rng = np.random.default_rng(9)
    world = marking_world(rng, rng.normal(size=1000))
    capped, free = simulate(world, exam_rules(), rng, cap=0.25), simulate(world, exam_rules(), rng)
    assert capped.exposure.max() <= 0.25 + 0.02
    assert free.exposure.max() > 0.5
    assert capped.length.mean() < 1.2 * free.length.mean()
    shared = (capped.shown[:200].astype(int) @ capped.shown[:200].T.astype(int))[np.triu_indices(200, 1)].mean()
    assert capped.overlap == pytest.approx(shared / capped.length.mean(), rel=0.1)


def test_a_class_that_sits_down_together_is_not_shown_the_same_first_case() -> None:
    rng = np.random.default_rng(10)
    run = simulate(marking_world(rng, np.zeros(60)), exam_rules(least=1, most=1), rng, cap=0.25)
    assert run.exposure.max() <= 0.5
    assert simulate(marking_world(rng, np.zeros(60)), exam_rules(least=1, most=1), rng).exposure.max() == 1.0


@pytest.mark.parametrize("seed", [20, pytest.param(21, marks=pytest.mark.slow)])
def test_a_learner_who_improves_is_followed_better_than_by_the_best_of_all_gains_of_elo(seed: int) -> None:
    """Seeds on which nothing was chosen; Elo's gain is chosen on the very course that it is judged on."""
    course = Course(np.random.default_rng(seed), 200)
    mean, held = followed(course)
    assert course.rmse(mean) <= best_elo(course)[0]
    assert held.mean() >= 0.93
    assert course.rmse(followed(course, 0.0)[0]) > 1.2 * course.rmse(mean)
