"""Many simulated learners at once, with the same tables, the same worth and the same cap as real ones.

A simulation from one's own model proves arithmetic, not validity: that needs trainees. What differs from the model is
therefore simulated too: questions whose parameters are not as believed, slips, careless readers, learners who change.
Every design meets the same learners, who answer the same question alike (common random numbers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from scenarios.select.bank import Bank, Entry
from scenarios.select.choose import Rules, variance_taken, wanted
from scenarios.select.exposure import Exposure
from scenarios.skill.ability import LEVEL, PRIOR_SD, Ability
from scenarios.skill.item import GRID, Item
from scenarios.skill.learner import Mode

#: So many learners read at once: exposure is counted between, as where as many rooms are open.
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
    topics: int = 1,
    normal: float = 0.0,
) -> World:
    """A bank as the reference has it, answered by marking: slopes about 1.2, steps about 0.2 ± 1.1.

    Args:
        step_sd, slope_sd: how far the true questions are from what is believed of them.
        declared: whether the engine is told; one that is not takes guesses for known.
    """
    slope = np.exp(rng.normal(np.log(1.2), 0.3, count))
    step = rng.normal(0.2, 1.1, count)
    told = float(declared)
    bank = Bank(
        Entry(
            Item(
                f"case {n}", (float(step[n]),), step_sd=told * step_sd, slope=float(slope[n]), slope_sd=told * slope_sd
            ),
            f"topic {n % topics}",
            f"concept {n % 20}",
            is_normal=bool(n % 100 < 100 * normal),
        )
        for n in range(count)
    )
    return World(
        bank,
        slope * np.exp(rng.normal(0.0, slope_sd, count)),
        step + rng.normal(0.0, step_sd, count),
        theta,
        rng.random((len(theta), count)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What became of m learners.

    Attributes:
        theta, mean, error, low, high: (m,) true and estimated ability, with its error and interval.
        length: (m,) cases that each was shown.
        shown: (m, n) which.
        trace: (m, most) estimate after each case, as if nobody had stopped early; NaN where it was not followed.
    """

    theta: Float64
    mean: Float64
    error: Float64
    low: Float64
    high: Float64
    length: NDArray[np.int64]
    shown: NDArray[np.bool_]
    trace: Float64

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
    follow: bool = False,
    prior_sd: float = PRIOR_SD,
) -> Run:
    """All learners of a world through one design.

    Args:
        cap: share of learners who may be shown a case; None: as many as it serves.
        follow: nobody stops before `rules.most`, so that errors after each number of cases can be told.
    """
    m, n = world.luck.shape
    exposure = Exposure(n, cap) if cap is not None else None
    form = best_form(world.bank, rules.most) if how == "fixed" else None
    parts = []
    rooms = _ROOMS if exposure else m
    for start in range(0, m, rooms):
        who = np.arange(start, min(start + rooms, m))
        eligible = np.array([exposure.draw(rng) for _ in who]) if exposure else np.ones((len(who), n), bool)
        run = _rooms(world, who, eligible, rules, rng, how, form, follow, prior_sd)
        if exposure:
            for allowed, shown in zip(eligible, run.shown, strict=True):
                exposure.note(allowed, np.flatnonzero(shown))
        parts.append(run)
    return joined(parts)


def _rooms(
    world: World,
    who: NDArray[np.int64],
    eligible: NDArray[np.bool_],
    rules: Rules,
    rng: np.random.Generator,
    how: How,
    form: NDArray[np.int64] | None,
    follow: bool,
    prior_sd: float,
) -> Run:
    bank, k = world.bank, len(who)
    likes = np.concatenate([1.0 - bank.scores.sum(axis=1, keepdims=True), bank.scores], axis=1, dtype=np.float64)
    weights = np.tile(Ability.prior(0.0, prior_sd).weights, (k, 1))
    shown = np.zeros((k, len(bank)), bool)
    order = np.zeros((k, rules.most), np.int64)
    trace = np.full((k, rules.most), np.nan)
    active = np.arange(k)
    for turn in range(min(rules.most, len(bank))):
        value = _worth(bank, weights[active], order[active, :turn], rules, rng, how, form, turn)
        open_ = ~shown[active] & eligible[active]
        open_ = np.where(open_.any(axis=1, keepdims=True), open_, ~shown[active])
        value = np.where(open_, value, -np.inf)
        if how in ("ours", "information") and turn < rules.drawn:
            best = np.argpartition(value, -rules.among, axis=1)[:, -rules.among :]
            picked = best[np.arange(len(active)), rng.integers(rules.among, size=len(active))]
            usable = value[np.arange(len(active)), picked] > -np.inf
            picked = np.where(usable, picked, value.argmax(axis=1))
        else:
            picked = value.argmax(axis=1)
        order[active, turn], shown[active, picked] = picked, True
        told = likes[picked, world.answers(who[active], picked, turn)]
        now = weights[active] * told
        weights[active] = now / now.sum(axis=1, keepdims=True)
        mean, error = _moments(weights[active])
        trace[active, turn] = mean
        if not follow and turn + 1 >= rules.least:
            active = active[error > rules.error]
            if not len(active):
                break
    mean, error = _moments(weights)
    ends = np.array([Ability(row).interval(LEVEL) for row in weights])
    length = shown.sum(axis=1)
    theta = world.theta[who] + world.gain * (length - 1)
    return Run(theta, mean, error, ends[:, 0], ends[:, 1], length, shown, trace)


def _worth(
    bank: Bank,
    weights: Float64,
    shown: NDArray[np.int64],
    rules: Rules,
    rng: np.random.Generator,
    how: How,
    form: NDArray[np.int64] | None,
    turn: int,
) -> Float64:
    """(k, n) what each case is worth to each learner."""
    if form is not None:
        value = np.zeros((len(weights), len(bank)))
        value[:, form[turn]] = 1.0
        return value
    if how == "random":
        return rng.random((len(weights), len(bank)))
    if how == "information":
        at = np.abs(GRID - (weights @ GRID)[:, None]).argmin(axis=1)
        return np.asarray(information(bank)[:, at].T)
    return variance_taken(bank, weights) * wanted(bank, shown, rules)


def information(bank: Bank) -> Float64:
    """(n, 121) Fisher's information of each question, right or wrong, at each ability."""
    chance = np.clip(bank.success, 1e-9, 1 - 1e-9)
    return np.asarray(np.gradient(chance, GRID, axis=1) ** 2 / (chance * (1 - chance)))


def best_form(bank: Bank, most: int) -> NDArray[np.int64]:
    """(most,) places of the form that is best for all: each next question lowers the mean error of N(0, 1) most."""
    told, population = information(bank), np.exp(-0.5 * GRID**2)
    so_far, form = np.ones(len(GRID)), list[int]()
    for _ in range(min(most, len(bank))):
        left = (population / (so_far + told)).sum(axis=1)
        left[form] = np.inf
        form.append(int(left.argmin()))
        so_far += told[form[-1]]
    return np.array(form, np.int64)


def _moments(weights: Float64) -> tuple[Float64, Float64]:
    mean = weights @ GRID
    return mean, np.sqrt(np.maximum(weights @ GRID**2 - mean**2, 0.0))


def items_at(rmse: float, after: Float64) -> float:
    """Cases after which the RMSE comes down to this, between whole numbers; infinite where it does not."""
    below = np.flatnonzero(after <= rmse)
    if not len(below):
        return float("inf")
    k = int(below[0])
    if k == 0:
        return 1.0
    return float(k + (after[k - 1] - rmse) / (after[k - 1] - after[k]))


def exam_rules(**changes: object) -> Rules:
    """An exam that stops as soon as it may: what the published comparisons stop by."""
    return Rules(**({"mode": Mode.EXAM, "least": 5, "most": 60, "error": 0.30, "drawn": 0} | changes))  # type: ignore[arg-type]
