"""Many simulated learners at once, with the same tables, the same worth and the same cap as real ones.

A simulation from one's own model proves arithmetic, not validity: that needs trainees. What differs from the model is
therefore simulated too: questions whose parameters are not as believed, slips, careless readers, learners who change.
Every design meets the same learners, who answer the same question alike (common random numbers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Float64
from scenarios.select.bank import Bank, Entry
from scenarios.select.choose import Rules, variance_taken, wanted
from scenarios.select.exposure import Exposure
from scenarios.skill.ability import LEVEL, PRIOR_SD, Ability, case_likelihood
from scenarios.skill.difficulty import of_their_kind
from scenarios.skill.item import GRID, Item, times
from scenarios.skill.learner import Mode

#: So many learners read at once where exposure is counted: a class that sits down together.
_ROOMS = 20
How = Literal["ours", "information", "random", "fixed"]


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A bank as it is believed and as it is, and learners with their luck.

    Attributes:
        slope, step: (n,) what the questions of the bank truly are.
        theta: (m,) true abilities.
        luck: (m, n) below the true chance: right.
        slip: share of right answers that are lost to carelessness.
        careless: (m, n) where an answer has nothing to do with ability.
        gain: ability that a case adds.
    """

    bank: Bank
    slope: Float64
    step: Float64
    theta: Float64
    luck: Float64
    slip: float = 0.0
    careless: NDArray[np.bool_] | None = None
    gain: float = 0.0

    def answers(self, who: NDArray[np.int64], which: NDArray[np.int64], turn: int) -> NDArray[np.int64]:
        """(k,) scores, 0 or 1, of learners `who` on cases `which`."""
        off = self.slope[which] * (self.theta[who] + self.gain * turn - self.step[which])
        chance = (1.0 - self.slip) / (1.0 + np.exp(-off))
        if self.careless is not None:
            chance = np.where(self.careless[who, which], 0.5, chance)
        return np.asarray(self.luck[who, which] < chance, np.int64)


def marking_world(
    rng: np.random.Generator,
    theta: Float64,
    *,
    count: int = 300,
    step_sd: float = 0.0,
    slope_sd: float = 0.0,
    declared: bool = True,
    measured: bool = False,
    topics: int = 1,
    normal: float = 0.0,
) -> World:
    """A bank as the reference has it, answered by marking: slopes about 1.2, steps about 0.2 ± 1.1.

    Args:
        step_sd, slope_sd: how far the true questions are from what is believed of them.
        declared: whether the engine is told; one that is not takes guesses for known.
        measured: what is believed scatters about the truth, as measurements do, so that what seems sharpest is
            overestimated; otherwise the truth scatters about what is believed.
    """
    slope = np.exp(rng.normal(np.log(1.2), 0.3, count))
    step = rng.normal(0.2, 1.1, count)
    other_slope = slope * np.exp(rng.normal(0.0, slope_sd, count))
    other_step = step + rng.normal(0.0, step_sd, count)
    believed, true = ((other_slope, other_step), (slope, step))[:: 1 if measured else -1]
    told = float(declared)
    items: Sequence[Item] = [
        Item(f"case {n}", (float(at),), step_sd=told * step_sd, slope=float(sharp), slope_sd=told * slope_sd)
        for n, (sharp, at) in enumerate(zip(*believed, strict=True))
    ]
    if measured and declared:
        items = of_their_kind(items)
    bank = Bank(
        Entry(item, f"topic {n % topics}", f"concept {n % 20}", is_normal=bool(n % 100 < 100 * normal))
        for n, item in enumerate(items)
    )
    return World(bank, *true, theta, rng.random((len(theta), count)))


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What became of m learners.

    Attributes:
        theta, mean, error, low, high: (m,) true and estimated ability, with its error and interval.
        length: (m,) cases that each was shown.
        shown: (m, n) which.
        trace, errors: (m, most) estimate and its error after each case; NaN once a learner had stopped.
    """

    theta: Float64
    mean: Float64
    error: Float64
    low: Float64
    high: Float64
    length: NDArray[np.int64]
    shown: NDArray[np.bool_]
    trace: Float64
    errors: Float64

    @property
    def rmse(self) -> float:
        """Root of the mean squared error."""
        return float(np.sqrt(np.mean((self.mean - self.theta) ** 2)))

    @property
    def bias(self) -> float:
        """Mean error."""
        return float(np.mean(self.mean - self.theta))

    @property
    def holds(self) -> NDArray[np.bool_]:
        """(m,) whether the 95 % interval holds the true ability."""
        return np.asarray((self.low <= self.theta) & (self.theta <= self.high))

    @property
    def exposure(self) -> Float64:
        """(n,) share of learners who were shown each case."""
        return np.asarray(self.shown.mean(axis=0))

    @property
    def overlap(self) -> float:
        """Share of a learner's cases that another had too; valid where lengths differ."""
        rate, m = self.exposure, len(self.theta)
        return float((rate * (m * rate - 1.0)).sum() / ((m - 1.0) * self.length.mean()))

    def rmse_after(self) -> Float64:
        """(most,) RMSE after each number of cases."""
        return np.asarray(np.sqrt(np.mean((self.trace - self.theta[:, None]) ** 2, axis=0)))

    def of(self, who: NDArray[np.int64]) -> Run:
        """Some of the learners, or some more than once."""
        return Run(*(getattr(self, name)[who] for name in Run.__slots__))

    def stopping(self, error: float, least: int = 5) -> tuple[float, float]:
        """Mean cases and RMSE, had everybody stopped once this is the error; nobody may have stopped before."""
        enough = self.errors[:, least - 1 :] <= error
        last = np.where(enough.any(axis=1), enough.argmax(axis=1) + least, self.errors.shape[1]) - 1
        off = self.trace[np.arange(len(last)), last] - self.theta
        return float(last.mean() + 1), float(np.sqrt(np.mean(off**2)))


def joined(runs: list[Run]) -> Run:
    """Learners of several banks of one size together; exposure is of each bank apart, not of these."""
    return Run(*(np.concatenate([getattr(run, name) for run in runs]) for name in Run.__slots__))


def simulate(
    world: World,
    rules: Rules,
    rng: np.random.Generator,
    *,
    how: How = "ours",
    cap: float | None = None,
    forms: int = 1,
    follow: bool = False,
    prior_sd: float = PRIOR_SD,
) -> Run:
    """All learners of a world through one design.

    Args:
        cap: share of learners who may be shown a case; None: as many as it serves.
        forms: so many fixed forms that share no case; learners get them in turn.
        follow: nobody stops before `rules.most`, so that errors after each number of cases can be told.
    """
    m, n = world.luck.shape
    exposure = Exposure(np.zeros(n), most=cap) if cap is not None else None
    fixed = best_forms(world.bank, rules.most, forms)[np.arange(m) % forms] if how == "fixed" else None
    rooms = _ROOMS if exposure else m
    parts = []
    for start in range(0, m, rooms):
        who = np.arange(start, min(start + rooms, m))
        parts.append(_rooms(world, who, exposure, rules, rng, how, fixed, follow, prior_sd))
    return joined(parts)


def _rooms(
    world: World,
    who: NDArray[np.int64],
    exposure: Exposure | None,
    rules: Rules,
    rng: np.random.Generator,
    how: How,
    fixed: NDArray[np.int64] | None,
    follow: bool,
    prior_sd: float,
) -> Run:
    bank, k = world.bank, len(who)
    right = bank.scores[0].T.astype(np.float64)
    weights = np.tile(Ability.prior(0.0, prior_sd).weights, (k, 1))
    shown = np.zeros((k, len(bank)), bool)
    order = np.zeros((k, rules.most), np.int64)
    trace, errors = np.full((2, k, rules.most), np.nan)
    active = np.arange(k)
    if exposure:
        exposure.begins(k)
    for turn in range(min(rules.most, len(bank))):
        if fixed is not None:
            picked = fixed[who[active], turn]
        else:
            value = _worth(bank, weights[active], order[active, :turn], rules, rng, how)
            value[shown[active]] = -np.inf
            picked = _picked(value, rules.among if how != "random" and turn < rules.drawn else 1, rng, exposure)
        order[active, turn], shown[active, picked] = picked, True
        chance = right[picked]
        told = np.where(world.answers(who[active], picked, turn)[:, None] == 1, chance, 1.0 - chance)
        now = weights[active] * told
        weights[active] = now / now.sum(axis=1, keepdims=True)
        trace[active, turn], errors[active, turn] = _moments(weights[active])
        if not follow and turn + 1 >= rules.least:
            active = active[errors[active, turn] > rules.error]
            if not len(active):
                break
    mean, error = _moments(weights)
    low, high = np.array([Ability(row).interval(LEVEL) for row in weights]).T
    length = shown.sum(axis=1)
    theta = world.theta[who] + world.gain * (length - 1)
    return Run(theta, mean, error, low, high, length, shown, trace, errors)


def _picked(value: Float32, among: int, rng: np.random.Generator, exposure: Exposure | None) -> NDArray[np.int64]:
    """(k,) a case for each learner, one of the best `among`; one learner after the other where exposure is counted."""
    if exposure is None and among == 1:
        return np.asarray(value.argmax(axis=1))
    picked = np.zeros(len(value), np.int64)
    for n, row in enumerate(value):
        row = row if exposure is None else row * exposure.worth()
        picked[n] = row.argmax() if among == 1 else rng.choice(np.argpartition(row, -among)[-among:])
        if exposure:
            exposure.shows(int(picked[n]))
    return picked


def _worth(
    bank: Bank, weights: Float64, shown: NDArray[np.int64], rules: Rules, rng: np.random.Generator, how: How
) -> Float32:
    """(k, n) what each case is worth to each learner."""
    if how == "random":
        return rng.random((len(weights), len(bank)), np.float32)
    if how == "information":
        at = np.abs(GRID - times(weights, GRID)[:, None]).argmin(axis=1)
        return np.asarray(information(bank)[:, at].T, np.float32)
    return np.asarray(variance_taken(bank, weights) * wanted(bank, shown, rules))


def information(bank: Bank) -> Float64:
    """(n, 121) Fisher's information of each question, right or wrong, at each ability."""
    chance = np.clip(bank.success.T.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.gradient(chance, GRID, axis=1) ** 2 / (chance * (1 - chance)))


def best_forms(bank: Bank, most: int, forms: int = 1) -> NDArray[np.int64]:
    """(forms, most) places of forms that share no case, the best for all: each next question lowers the mean error of
    N(0, 1) most."""
    told, population = information(bank), np.exp(-0.5 * GRID**2)
    so_far, made, used = np.ones((forms, len(GRID))), np.zeros((forms, most), np.int64), list[int]()
    for turn in range(most):
        # Who chose last chooses first, so that the forms are alike.
        for form in list(range(forms))[:: 1 if turn % 2 == 0 else -1]:
            left = (population / (so_far[form] + told)).sum(axis=1)
            left[used] = np.inf
            used.append(int(left.argmin()))
            made[form, turn] = used[-1]
            so_far[form] += told[used[-1]]
    return made


def cases_of_four(
    rng: np.random.Generator, learners: int, case_sd: float, believed_sd: float, cases: int = 10
) -> NDArray[np.bool_]:
    """(learners,) whether the interval holds, after cases of four questions each that share an effect of the case.

    Args:
        case_sd, believed_sd: standard deviation of the effect, and what the engine takes it for.
    """
    theta = rng.normal(size=learners)
    weights = np.tile(Ability.prior(0.0, 1.0).weights, (learners, 1))
    for case in range(cases):
        slope, step = np.exp(rng.normal(np.log(1.2), 0.3, 4)), rng.normal(0.2, 1.1, 4)
        off = slope * (theta[:, None] + case_sd * rng.normal(size=(learners, 1)) - step)
        right = rng.random((learners, 4)) < 1 / (1 + np.exp(-off))
        items = [
            Item(f"{case}/{n}", (float(step[n]),), step_sd=0.0, slope=float(slope[n]), slope_sd=0.0) for n in range(4)
        ]
        patterns = product((0, 1), repeat=4)
        likes = np.array([case_likelihood(list(zip(items, one, strict=True)), believed_sd) for one in patterns])
        weights *= likes[right @ [8, 4, 2, 1]]
        weights /= weights.sum(axis=1, keepdims=True)
    low, high = np.array([Ability(row).interval(LEVEL) for row in weights]).T
    return np.asarray((low <= theta) & (theta <= high))


def _moments(weights: Float64) -> tuple[Float64, Float64]:
    mean = times(weights, GRID)
    return mean, np.sqrt(np.maximum(times(weights, GRID**2) - mean**2, 0.0))


def items_at(rmse: float, after: Float64) -> float:
    """Cases after which the RMSE comes down to this, between whole numbers; infinite where it does not."""
    below = np.flatnonzero(after <= rmse)
    if not len(below):
        return float("inf")
    k = int(below[0])
    if k == 0:
        return 1.0
    return float(k + (after[k - 1] - rmse) / (after[k - 1] - after[k]))


#: Errors to stop at that are tried where the mean number of cases at a given RMSE is asked for.
STOPS = np.arange(0.27, 0.3501, 0.0025)


def cases_at(rmse: float, run: Run) -> float:
    """Mean cases of a design that stops at whichever error leaves this RMSE; nobody may have stopped before."""
    cases, left = np.array([run.stopping(float(error)) for error in STOPS]).T
    return float(np.interp(rmse, np.maximum.accumulate(left), cases))


def exam_rules(**changes: object) -> Rules:
    """An exam that stops as soon as it may: what the published comparisons stop by."""
    return Rules(**({"mode": Mode.EXAM, "least": 5, "most": 60, "error": 0.30, "drawn": 0} | changes))  # type: ignore[arg-type]
