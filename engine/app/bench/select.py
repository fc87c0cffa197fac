"""`bench select`: simulated exams and practice, beside catsim, the best fixed form, chance, information alone and Elo.

Twenty banks of 300 marking cases, the same learners and luck for all. catsim gets the banks as they are, and its own
estimator and stop (`MaxInfoSelector`, `NumericalSearchEstimator`, standard error 0.30).
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from catsim.estimation import NumericalSearchEstimator
from catsim.irt import icc
from catsim.selection import MaxInfoSelector

from engine.app.bench.row import Row
from engine.core.array import Float64
from scenarios.select.bank import Bank, Entry
from scenarios.select.choose import Rules, choose
from scenarios.select.simulate import Run, World, exam_rules, items_at, joined, marking_world, simulate
from scenarios.select.track import Course, best_elo, followed
from scenarios.skill.ability import Ability
from scenarios.skill.item import Item
from scenarios.skill.learner import Mode

LEARNERS, BANKS = 10_000, 20
#: catsim reads one learner at a time.
CATSIM_LEARNERS = 500
CAP = 0.25
GRID = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
FOLLOW = exam_rules(most=40)

Change = Callable[[World], World]


def run(shared_data: Path | None, learners: int = LEARNERS) -> list[Row]:
    """Needs no scans."""
    del shared_data
    return [*_time(), *_tracking(learners // 10), *_exams(learners), *_catsim(learners, CATSIM_LEARNERS)]


def _row(case: str, metric: str, ours: float, unit: str = "", peer: str = "", peer_value: float | None = None) -> Row:
    return Row("select", case, metric, unit, float(ours), peer, peer_value)


def cohort(
    learners: int,
    rules: Rules,
    *,
    on_grid: bool = False,
    change: Change = lambda world: world,
    banks: int = BANKS,
    bank: dict[str, Any] | None = None,
    **design: Any,
) -> list[Run]:
    """One design on every bank."""
    runs = []
    for n in range(banks):
        rng = np.random.default_rng([1, n])
        each = learners // banks
        theta = np.resize(GRID, each) if on_grid else rng.normal(size=each)
        world = change(marking_world(rng, theta, **(bank or {})))
        runs.append(simulate(world, rules, np.random.default_rng([2, n]), **design))
    return runs


def _told(case: str, runs: list[Run], *, content: bool = False) -> list[Row]:
    one = joined(runs)
    m = len(one.theta)
    rows = [
        _row(case, "cases, mean", one.length.mean(), "cases"),
        _row(case, "cases, sd", one.length.std(), "cases"),
        _row(case, "cases, p95", float(np.percentile(one.length, 95)), "cases"),
        _row(case, "at the most", (one.length >= 60).mean()),
        _row(case, "bias", one.bias, "sd"),
        _row(case, "RMSE", one.rmse, "sd"),
        _row(case, "RMSE, Monte Carlo error", float(one.rmse / np.sqrt(2 * m)), "sd"),
        _row(case, "correlation", np.corrcoef(one.mean, one.theta)[0, 1]),
        _row(case, "coverage", one.holds.mean()),
        _row(case, "coverage, Monte Carlo error", np.sqrt(one.holds.mean() * (1 - one.holds.mean()) / m)),
        _row(case, "right side of 0", ((one.mean > 0) == (one.theta > 0)).mean()),
        _row(case, "exposure, highest", np.mean([r.exposure.max() for r in runs])),
        _row(case, "never shown", np.mean([(r.exposure == 0).mean() for r in runs])),
        _row(case, "overlap", np.mean([r.overlap for r in runs])),
    ]
    if content:
        rows.append(_row(case, "content more than 2 cases off", _violations(runs)))
    return rows


def _violations(runs: list[Run], topics: int = 3, normal: float = 0.4) -> float:
    """Share of exams whose topics or normal cases are more than two cases off their share."""
    off = []
    for one in runs:
        place = np.arange(one.shown.shape[1])
        kinds = [(place % topics == n, 1 / topics) for n in range(topics)] + [(place % 100 < 100 * normal, normal)]
        away = [np.abs(one.shown[:, kind].sum(axis=1) - share * one.length) > 2 for kind, share in kinds]
        off.append(np.any(away, axis=0).mean())
    return float(np.mean(off))


def _conditional(case: str, runs: list[Run]) -> list[Row]:
    one = joined(runs)
    rows = []
    for theta in GRID:
        at = np.isclose(one.theta, theta)
        rows.append(_row(f"{case}, ability {theta:+.0f}", "coverage", one.holds[at].mean()))
        rows.append(_row(f"{case}, ability {theta:+.0f}", "bias", (one.mean - one.theta)[at].mean(), "sd"))
    return rows


def _exams(learners: int) -> list[Row]:
    rules = exam_rules()
    ours = cohort(learners, rules)
    rows = _told("ours", ours)
    rows += _told(f"ours, at most {CAP:.0%} see a case", capped := cohort(learners, rules, cap=CAP))
    content = {"topics": 3, "normal": 0.4}
    rows += _told("ours, cap and content", cohort(learners, rules, cap=CAP, bank=content), content=True)
    rows += _told("information alone", cohort(learners, rules, how="information"))
    rows += _told("chance", cohort(learners, rules, how="random"))
    fixed = joined(cohort(learners, FOLLOW, how="fixed", follow=True))
    needed = items_at(0.30, fixed.rmse_after())
    for case, runs in (("ours", ours), ("ours, capped", capped)):
        mean = joined(runs).length.mean()
        rows.append(_row(case, "cases to SE 0.30", mean, "cases", "best fixed form", needed))
        rows.append(_row(case, "fewer than the best fixed form", 1 - mean / needed))
    followed_runs = joined(cohort(learners, FOLLOW, follow=True, prior_sd=1.0))
    form = joined(cohort(learners, FOLLOW, how="fixed", follow=True, prior_sd=1.0))
    rows.append(
        _row(
            "prior is the population, which nobody knows",
            "cases to RMSE 0.30",
            items_at(0.30, followed_runs.rmse_after()),
            "cases",
            "best fixed form",
            items_at(0.30, form.rmse_after()),
        )
    )
    rows += _conditional("ours", cohort(learners, rules, on_grid=True))
    guessed = {"step_sd": 0.5, "slope_sd": 0.3}
    rows += _conditional("questions guessed at", cohort(learners, rules, on_grid=True, bank=guessed))
    stress: dict[str, tuple[dict[str, Any], Change]] = {
        "questions guessed at, told": (guessed, lambda world: world),
        "questions guessed at, not told": (guessed | {"declared": False}, lambda world: world),
        "5 % slips": ({}, lambda world: replace(world, slip=0.05)),
        "careless in 1 case of 10": ({}, _careless),
        "learns 0.02 a case in the exam": ({}, lambda world: replace(world, gain=0.02)),
    }
    for case, (bank, change) in stress.items():
        rows += _told(case, cohort(learners // 2, rules, bank=bank, change=change))[4:9]
    return rows


def _careless(world: World) -> World:
    rng = np.random.default_rng(3)
    return replace(world, careless=rng.random(world.luck.shape) < 0.1)


def _catsim(ours: int, learners: int) -> list[Row]:
    """catsim on the same banks, learners and luck, one at a time."""
    lengths, off, spent = [], [], 0.0
    for n in range(BANKS):
        rng = np.random.default_rng([1, n])
        each = min(learners, ours) // BANKS
        theta = rng.normal(size=ours // BANKS)
        world = marking_world(rng, theta)
        start = time.perf_counter()
        for who in range(each):
            with contextlib.redirect_stdout(io.StringIO()):  # its search for a maximum prints
                mean, length = _catsim_exam(world, who)
            lengths.append(length)
            off.append(mean - theta[who])
        spent += time.perf_counter() - start
    rmse = float(np.sqrt(np.mean(np.square(off))))
    after = joined(cohort(ours, FOLLOW, follow=True)).rmse_after()
    return [
        _row("catsim, SE 0.30", "RMSE", rmse, "sd"),
        _row("catsim, SE 0.30", "RMSE, Monte Carlo error", rmse / np.sqrt(2 * len(off)), "sd"),
        _row("at catsim's RMSE", "cases", items_at(rmse, after), "cases", "catsim", float(np.mean(lengths))),
        _row("catsim, SE 0.30", "a simulated exam", 1000 * spent / len(off), "ms"),
    ]


def _catsim_exam(world: World, who: int) -> tuple[float, int]:
    bank = np.column_stack([world.slope, world.step, np.zeros(len(world.step)), np.ones(len(world.step))])
    selector, estimator = MaxInfoSelector(), NumericalSearchEstimator()
    given: list[int] = []
    answers: list[bool] = []
    at = 0.0
    while len(given) < 60:
        place = int(selector.select(item_bank=_bank(bank), administered_items=given, est_theta=at) or 0)
        given.append(place)
        answers.append(bool(world.luck[who, place] < icc(world.theta[who], *bank[place])))
        at = float(
            estimator.estimate(item_bank=_bank(bank), administered_items=given, response_vector=answers, est_theta=at)
        )
        chance = 1 / (1 + np.exp(-bank[given, 0] * (at - bank[given, 1])))
        if len(given) >= 5 and 1 / np.sqrt((bank[given, 0] ** 2 * chance * (1 - chance)).sum()) <= 0.30:
            break
    return at, len(given)


_BANKS: dict[int, Any] = {}


def _bank(items: Float64) -> Any:
    from catsim.item_bank import ItemBank

    key = hash(items.tobytes())
    if key not in _BANKS:
        _BANKS[key] = ItemBank(items)
    return _BANKS[key]


def _tracking(learners: int) -> list[Row]:
    course = Course(np.random.default_rng(4), learners)
    mean, held = followed(course)
    still, still_held = followed(course, 0.0)
    best, name = best_elo(course)
    return [
        _row("practice, 200 cases", "RMSE", course.rmse(mean), "sd", f"Elo, best of all gains ({name})", best),
        _row("practice, 200 cases", "coverage", held.mean()),
        _row("practice, 200 cases", "RMSE", course.rmse(mean), "sd", "held still", course.rmse(still)),
        _row("practice, 200 cases, held still", "coverage", still_held.mean()),
    ]


def _time() -> list[Row]:
    rng = np.random.default_rng(5)
    bank = Bank(
        Entry(Item(f"case {n}", (float(rng.normal()),)), f"topic {n % 8}", f"concept {n % 200}", n % 5 < 2, n % 40 == 0)
        for n in range(10_000)
    )
    rows = []
    for mode in Mode:
        spent = []
        for turn in range(60):
            start = time.perf_counter()
            choose(
                bank, Ability.prior(rng.normal(), 0.5), range(turn), Rules(mode), rng, eligible=np.ones(len(bank), bool)
            )
            spent.append(1000 * (time.perf_counter() - start))
        for share in (50, 95):
            rows.append(_row(f"a choice of 10,000 cases, {mode}", f"time p{share}", np.percentile(spent, share), "ms"))
    return rows
