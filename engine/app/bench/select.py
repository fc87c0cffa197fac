"""`bench select`: simulated exams and practice, beside catsim, the best fixed forms, chance, information alone and Elo.

Twenty banks of 300 marking cases, the same learners and luck for all. catsim gets the banks as they are, and its own
estimator and stop (`MaxInfoSelector`, `NumericalSearchEstimator`, standard error 0.30). Designs are compared at equal
RMSE: each stops at whichever error leaves it.
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
from numpy.typing import NDArray

from engine.app.bench.row import Row
from engine.core.array import Float64
from scenarios.select.bank import Bank, Entry
from scenarios.select.choose import Rules, choose
from scenarios.select.exposure import Exposure
from scenarios.select.simulate import (
    Run,
    World,
    cases_at,
    cases_of_four,
    exam_rules,
    items_at,
    joined,
    marking_world,
    simulate,
)
from scenarios.select.track import Course, best_elo, followed
from scenarios.skill.ability import PRIOR_SD, Ability
from scenarios.skill.item import Item
from scenarios.skill.learner import Mode

LEARNERS, BANKS = 10_000, 20
#: catsim reads one learner at a time.
CATSIM_LEARNERS = 3_000
CAP, RMSE = 0.25, 0.30
GRID = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
FOLLOW = exam_rules(most=40)

Change = Callable[[World], World]


def run(shared_data: Path | None, learners: int = LEARNERS) -> list[Row]:
    """Needs no scans."""
    del shared_data
    return [
        *_time(),
        *_tracking(learners // 10),
        *_exams(learners),
        *_fewer(learners),
        *_held(learners),
        *_catsim(min(learners, CATSIM_LEARNERS)),
    ]


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


def _told(case: str, runs: list[Run], *, content: bool = False, short: bool = False) -> list[Row]:
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
        _row(case, "exposure, highest of all banks", float(max(r.exposure.max() for r in runs))),
        _row(case, "never shown", np.mean([(r.exposure == 0).mean() for r in runs])),
        _row(case, "overlap", float(np.mean([r.overlap for r in runs]))),
    ]
    if content:
        rows.append(_row(case, "content more than 2 cases off", _violations(runs)))
    return [row for row in rows if row.metric in _SHORT] if short else rows


_SHORT = ("cases, mean", "bias", "RMSE", "coverage", "coverage, Monte Carlo error")


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
    rules, content = exam_rules(), {"topics": 3, "normal": 0.4}
    return [
        *_told("ours", cohort(learners, rules)),
        *_told(f"ours, at most {CAP:.0%} see a case", cohort(learners, rules, cap=CAP)),
        *_told("ours, cap and content", cohort(learners, rules, cap=CAP, bank=content), content=True),
        *_told("information alone", cohort(learners, rules, how="information")),
        *_told("chance", cohort(learners, rules, how="random")),
    ]


def _fewer(learners: int) -> list[Row]:
    """Cases at equal RMSE, beside forms that are the same for all: one, or as many as hold the cap."""
    rows = []
    for prior, prior_sd in (("", PRIOR_SD), (", were the prior the population", 1.0)):
        forms = {
            name: items_at(
                RMSE,
                joined(cohort(learners, FOLLOW, how="fixed", forms=count, follow=True, prior_sd=prior_sd)).rmse_after(),
            )
            for name, count in (("best fixed form", 1), ("best forms that hold the cap", int(1 / CAP)))
        }
        free = joined(cohort(learners, FOLLOW, follow=True, prior_sd=prior_sd))
        ours = {
            f"ours, to error 0.30{prior}": free.stopping(RMSE)[0],
            f"ours{prior}": cases_at(RMSE, free),
        }
        if not prior:
            ours[f"ours, at most {CAP:.0%} see a case"] = _capped(learners)
        for case, cases in ours.items():
            for form, needed in forms.items():
                rows.append(_row(case, f"cases to RMSE {RMSE:.2f}", cases, "cases", form, needed))
                rows.append(_row(case, f"fewer than the {form}", 1 - cases / needed))
    return rows


def _capped(learners: int) -> float:
    """Mean cases at the RMSE; each stop is simulated, since exposure hangs on how long exams are."""
    runs = [joined(cohort(learners, exam_rules(error=error), cap=CAP)) for error in (0.30, 0.315)]
    return float(np.interp(RMSE, [run.rmse for run in runs], [run.length.mean() for run in runs]))


def _held(learners: int) -> list[Row]:
    """How often intervals hold what they promise, at each ability and where the model is wrong."""
    rules, guessed = exam_rules(), {"step_sd": 0.5, "slope_sd": 0.3}
    measured = guessed | {"measured": True}
    rows = _conditional("ours", cohort(learners // 2, rules, on_grid=True))
    rows += _conditional("questions guessed at", cohort(learners // 2, rules, on_grid=True, bank=guessed))
    rows += _conditional("questions measured with error", cohort(learners // 2, rules, on_grid=True, bank=measured))
    stress: dict[str, tuple[dict[str, Any], Change]] = {
        "questions guessed at, taken for known": (guessed | {"declared": False}, lambda world: world),
        "questions measured with error, taken for known": (measured | {"declared": False}, lambda world: world),
        "5 % slips": ({}, lambda world: replace(world, slip=0.05)),
        "careless in 1 case of 10": ({}, _careless),
        "learns 0.02 a case in the exam": ({}, lambda world: replace(world, gain=0.02)),
    }
    for case, (bank, change) in stress.items():
        rows += _told(case, cohort(learners // 4, rules, bank=bank, change=change), short=True)
    for variance in (0.5, 1.0):
        sd = float(np.sqrt(variance))
        case = f"four questions on each of 10 cases, variance {variance}"
        for told, believed in (("", sd), (", taken for forty cases", 0.0)):
            held = cases_of_four(np.random.default_rng(6), learners // 2, sd, believed)
            rows.append(_row(case + told, "coverage", held.mean()))
    return rows


def _careless(world: World) -> World:
    rng = np.random.default_rng(3)
    return replace(world, careless=rng.random(world.luck.shape) < 0.1)


def _catsim(learners: int) -> list[Row]:
    """catsim on the same banks, learners and luck, one at a time; ours stops at whichever error leaves its RMSE."""
    lengths, off, spent = [], [], 0.0
    for n in range(BANKS):
        rng = np.random.default_rng([1, n])
        theta = rng.normal(size=learners // BANKS)
        world = marking_world(rng, theta)
        start = time.perf_counter()
        for who in range(len(theta)):
            with contextlib.redirect_stdout(io.StringIO()):  # its search for a maximum prints
                mean, length = _catsim_exam(world, who)
            lengths.append(length)
            off.append(mean - theta[who])
        spent += time.perf_counter() - start
    ours = joined(cohort(learners, FOLLOW, follow=True))
    cases, error = np.array(lengths), np.array(off)

    def beside(who: NDArray[np.int64]) -> tuple[float, float, float]:
        rmse = float(np.sqrt(np.mean(error[who] ** 2)))
        return rmse, cases_at(rmse, ours.of(who)), float(cases[who].mean())

    rng, m = np.random.default_rng(7), len(error)
    rmse, own, its = beside(np.arange(m))
    drawn = np.array([beside(rng.integers(m, size=m)) for _ in range(300)])
    low, high = np.percentile(1 - drawn[:, 1] / drawn[:, 2], [2.5, 97.5])
    return [
        _row("catsim, SE 0.30", "RMSE", rmse, "sd"),
        _row("at catsim's RMSE", "cases", own, "cases", "catsim", its),
        _row("at catsim's RMSE", "fewer than catsim", 1 - own / its),
        _row("at catsim's RMSE", "fewer than catsim, low end of 95 %", low),
        _row("at catsim's RMSE", "fewer than catsim, high end of 95 %", high),
        _row("catsim, SE 0.30", "a simulated exam", 1000 * spent / m, "ms"),
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


#: Courses on which drift and prior were chosen, and those on which they are judged.
CHOSEN_ON, JUDGED_ON = 11, 12
COURSES: dict[str, dict[str, Any]] = {
    "": {},
    ", nobody learns": {"gain": (0.0, 0.0), "daily": 0.0},
    ", gains of 2 to 4": {"gain": (2.0, 4.0)},
    ", days that differ much": {"daily": 0.08},
}


def _tracking(learners: int) -> list[Row]:
    rows = []
    for drift in (0.0025, 0.005, 0.0075, 0.01):
        course = Course(np.random.default_rng(CHOSEN_ON), learners)
        rows.append(
            _row("practice, courses to choose on", f"RMSE, drift {drift}", course.rmse(followed(course, drift)[0]))
        )
    for kind, how in COURSES.items():
        course = Course(np.random.default_rng(JUDGED_ON), learners, **how)
        mean, held = followed(course)
        still, still_held = followed(course, 0.0)
        best, name = best_elo(course)
        case = f"practice, 200 cases{kind}"
        rows += [
            _row(case, "RMSE", course.rmse(mean), "sd", f"Elo, best of all gains ({name})", best),
            _row(case, "coverage", held.mean()),
            _row(case, "RMSE", course.rmse(mean), "sd", "held still", course.rmse(still)),
            _row(case + ", held still", "coverage", still_held.mean()),
        ]
    return rows


def _time() -> list[Row]:
    rng = np.random.default_rng(5)
    bank = Bank(
        Entry(Item(f"case {n}", (float(rng.normal()),)), f"topic {n % 8}", f"concept {n % 200}", n % 5 < 2, n % 40 == 0)
        for n in range(10_000)
    )
    rows, exposure = [], Exposure(rng.integers(400, size=len(bank)), 1000)
    for mode in Mode:
        spent = []
        for turn in range(60):
            ability = Ability.prior(rng.normal(), 0.5)
            start = time.perf_counter()
            choose(bank, ability, range(turn), Rules(mode), rng, worth=exposure.worth())
            spent.append(1000 * (time.perf_counter() - start))
        for share in (50, 95):
            rows.append(_row(f"a choice of 10,000 cases, {mode}", f"time p{share}", np.percentile(spent, share), "ms"))
    return rows
