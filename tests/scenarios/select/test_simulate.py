"""A thousand simulated learners: what is promised of exams and practice, and faults that must be seen."""

from __future__ import annotations

import numpy as np
import pytest

from scenarios.select.simulate import Run, exam_rules, items_at, joined, marking_world, simulate
from scenarios.select.track import Course, best_elo, followed

BANKS = 20


def cohort(count: int, on_grid: bool = False, **changes: object) -> Run:
    """Learners on twenty banks; what is not of the bank is of the design."""
    design = {name: changes.pop(name) for name in ("how", "follow", "rules", "cap") if name in changes}
    rules = design.pop("rules", exam_rules())
    runs = []
    for n in range(BANKS):
        rng = np.random.default_rng([7, n])
        theta = np.resize([-2.0, -1.0, 0.0, 1.0, 2.0], count // BANKS) if on_grid else rng.normal(size=count // BANKS)
        world = marking_world(rng, theta, **changes)  # type: ignore[arg-type]
        runs.append(simulate(world, rules, np.random.default_rng([8, n]), **design))  # type: ignore[arg-type]
    return joined(runs)


def test_an_interval_holds_what_it_promises_at_every_ability() -> None:
    run = cohort(5000, on_grid=True)
    for theta in (-2, -1, 0, 1, 2):
        assert 0.93 <= run.holds[run.theta == theta].mean() <= 0.97


def test_it_still_holds_where_questions_are_only_guessed_at_and_less_often_where_guesses_are_taken_for_known() -> None:
    told = cohort(1000, step_sd=0.5, slope_sd=0.3)
    taken_for_known = cohort(1000, step_sd=0.5, slope_sd=0.3, declared=False)
    assert told.holds.mean() >= 0.90
    assert taken_for_known.holds.mean() < min(told.holds.mean() - 0.02, 0.93)


def test_an_exam_takes_two_fifths_fewer_cases_than_the_best_form_that_is_the_same_for_all() -> None:
    form = cohort(1000, how="fixed", follow=True, rules=exam_rules(most=40))
    assert cohort(1000).length.mean() <= 0.6 * items_at(0.30, form.rmse_after())


def test_no_case_is_shown_to_more_than_its_cap_and_without_one_it_would_be() -> None:
    rng = np.random.default_rng(9)
    world = marking_world(rng, rng.normal(size=1000))
    capped = simulate(world, exam_rules(), rng, cap=0.25)
    assert capped.exposure.max() <= 0.25 + 0.02
    assert simulate(world, exam_rules(), rng).exposure.max() > 0.5
    shared = (capped.shown[:200].astype(int) @ capped.shown[:200].T.astype(int))[np.triu_indices(200, 1)].mean()
    assert capped.overlap == pytest.approx(shared / capped.length.mean(), rel=0.1)


def test_a_learner_who_improves_is_followed_better_than_by_the_best_of_all_gains_of_elo() -> None:
    course = Course(np.random.default_rng(10), 200)
    mean, held = followed(course)
    assert course.rmse(mean) <= best_elo(course)[0]
    assert held.mean() >= 0.93
    assert course.rmse(followed(course, 0.0)[0]) > 1.2 * course.rmse(mean)
