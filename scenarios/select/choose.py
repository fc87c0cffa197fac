"""The next case: the one that tells most in an exam, the one that teaches most in practice; and why, in a sentence.

In an exam a case is worth the variance that its answer is expected to take away (minimum expected posterior variance;
van der Linden 1998): a question of which little is known takes away little, so that none is chosen for a slope that was
only overestimated. That is taken times how much each kind of content is still wanted (maximum priority index; Cheng and
Chang, British J. of Mathematical and Statistical Psychology 62, 2009).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Float64
from engine.core.errors import InvalidValue
from scenarios.select.bank import Bank
from scenarios.skill.ability import Ability
from scenarios.skill.item import GRID, times
from scenarios.skill.learner import Mode


@dataclass(frozen=True, slots=True)
class Rules:
    """How cases are chosen, and when it ends.

    Attributes:
        least, most: cases.
        error: standard deviation of the ability at which enough is known.
        cut: an ability to be above or below; None where none matters.
        topics: share of cases of each topic that is wanted; alike where empty.
        normal: share of cases in which nothing is to be found; declared to readers, since it changes how they search.
        rare: share of cases of what is seldom seen.
        target: share of a case that a learner is expected to get right in practice: neither easy nor hopeless.
        drawn: so many first cases are drawn from the `among` best, so that not everybody begins with the same.
    """

    mode: Mode
    least: int = 8
    most: int = 40
    error: float = 0.40
    cut: float | None = None
    topics: Mapping[str, float] = field(default_factory=dict)
    normal: float = 0.4
    rare: float = 0.05
    target: float = 0.75
    drawn: int = 5
    among: int = 5

    def __post_init__(self) -> None:
        if not 0 < self.least <= self.most or not self.error > 0:
            raise InvalidValue("cases are at least one and at most as many as are allowed, and an error is positive")
        if not (0 <= self.normal < 1 and 0 <= self.rare < 1 and 0 < self.target < 1):
            raise InvalidValue("shares are 0 to 1")
        if any(not share >= 0 for share in self.topics.values()):
            raise InvalidValue("a topic's share is not negative")

    @classmethod
    def exam(cls, **changes: object) -> Rules:
        """As an exam needs: fifteen cases at least, and an error of 0.30."""
        return cls(**({"mode": Mode.EXAM, "least": 15, "most": 60, "error": 0.30} | changes))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A case of the bank, and why it is this one."""

    place: int
    why: str


#: How far from the target a case may be in practice and still be nearly as good.
_TOLERANCE = 0.08
#: Probability of being above or below the cut that is sure enough.
_SURE = 0.95
#: A chance below this is none: what such an answer would tell does not count.
_NEVER = np.float32(1e-6)


def ended(ability: Ability, shown: Sequence[int], rules: Rules) -> str | None:
    """Why no more cases are needed; None where they are."""
    if len(shown) >= rules.most:
        return f"{rules.most} cases are read"
    if len(shown) < rules.least:
        return None
    if rules.cut is not None and not 1 - _SURE < ability.above(rules.cut) < _SURE:
        return "it is sure enough on which side of the mark the ability is"
    if ability.error <= rules.error:
        return f"the ability is known to {ability.error:.2f}"
    return None


def choose(
    bank: Bank,
    ability: Ability,
    shown: Sequence[int],
    rules: Rules,
    rng: np.random.Generator,
    *,
    worth: Float32 | None = None,
    due: Sequence[str] = (),
) -> Chosen:
    """The next case.

    Args:
        shown: places of those that were shown already: none comes twice.
        worth: (n,) by how often each case has come to others (`Exposure.worth`).
        due: concepts that are due for review, the most urgent first: another case of one comes before all others.

    Raises:
        InvalidValue: every case was shown.
    """
    left = np.ones(len(bank), bool)
    left[list(shown)] = False
    if not left.any():
        raise InvalidValue("every case of the bank was shown")
    value = _value(bank, ability, rules)
    for concept in due if rules.mode is Mode.PRACTICE else ():
        of_it = left & bank.of_concept(concept)
        if of_it.any():
            place = int(np.where(of_it, value, -np.inf).argmax())
            return Chosen(place, f"{concept} is due for review: this is another case of it")
    value = value * wanted(bank, np.array(shown, np.int64)[None], rules)[0]
    value = np.where(left, value if worth is None else value * worth, -np.inf)
    place = _best(value, len(shown), rules, rng)
    return Chosen(place, _why(bank, ability, place, shown, rules))


def _value(bank: Bank, ability: Ability, rules: Rules) -> Float32:
    """(n,) what each case is worth, whatever its content."""
    if rules.mode is Mode.EXAM:
        return np.asarray(variance_taken(bank, ability.weights[None])[0])
    off = np.abs(_expected(bank, ability) - np.float32(rules.target))
    return np.asarray(np.exp(-0.5 * (off / _TOLERANCE) ** 2) + 1e-6 * (1 - off))


def _expected(bank: Bank, ability: Ability) -> Float32:
    """(n,) share of each case that should come out right."""
    return times(ability.weights.astype(np.float32), bank.success)


def variance_taken(bank: Bank, weights: Float64) -> Float32:
    """(m, n) variance of the ability that an answer to each case is expected to take away, for (m, 121) beliefs."""
    centred = (weights * (GRID - times(weights, GRID)[:, None])).astype(np.float32)
    weights_32 = weights.astype(np.float32)
    taken, lowest, rest = (np.full((len(weights), len(bank)), n, np.float32) for n in (0, 1, 0))
    for of_score in bank.scores:
        chance, moment = times(weights_32, of_score), times(centred, of_score)
        taken += moment**2 / np.maximum(chance, _NEVER)
        lowest -= chance
        rest += moment
    return np.asarray(taken + rest**2 / np.maximum(lowest, _NEVER), np.float32)


def wanted(bank: Bank, shown: NDArray[np.int64], rules: Rules) -> Float32:
    """(m, n) how much the content of each is still wanted by learners who were shown (m, k) cases.

    1 where none of it was shown, less as its share is filled.
    """
    count = shown.shape[1] + 1.0
    planned = _topic_shares(bank, rules) * count
    by_topic = (bank.topic[shown][:, :, None] == np.arange(len(bank.topics))).sum(axis=1)
    wants = _room(planned, by_topic)[:, bank.topic]
    for kind, share in ((bank.is_normal, rules.normal), (bank.is_rare, rules.rare)):
        if kind.any() and not kind.all():
            of_it = kind[shown].sum(axis=1)
            there = np.stack([shown.shape[1] - of_it, of_it], axis=1)
            wants = wants * _room(np.array([(1 - share) * count, share * count]), there)[:, kind.astype(np.int64)]
    return np.asarray(wants)


def _room(planned: Float64, there: NDArray[np.int64]) -> Float32:
    """What is left of each share, of the share; a little even where it is full, so that nothing is ruled out."""
    least = np.maximum(planned, 0.05)
    return np.asarray(np.maximum(planned - there, 0.02 * least) / least, np.float32)


def _topic_shares(bank: Bank, rules: Rules) -> Float64:
    shares = np.array([rules.topics.get(topic, 0.0) if rules.topics else 1.0 for topic in bank.topics])
    return np.asarray(shares / shares.sum() if shares.sum() > 0 else np.full(len(shares), 1 / len(shares)))


def _best(value: Float32, count: int, rules: Rules, rng: np.random.Generator) -> int:
    if count >= rules.drawn and rules.mode is Mode.EXAM:
        return int(value.argmax())
    among = min(rules.among, int((value > -np.inf).sum()))
    best = np.argpartition(value, -among)[-among:]
    return int(rng.choice(best))


def _why(bank: Bank, ability: Ability, place: int, shown: Sequence[int], rules: Rules) -> str:
    entry = bank.entries[place]
    of_topic = int((bank.topic[np.array(shown, np.int64)] == bank.topic[place]).sum())
    content = f"{of_topic} of {len(shown)} cases so far were of {entry.topic}"
    if rules.mode is Mode.EXAM:
        return f"It tells much about an ability near {ability.mean:.1f} (±{ability.error:.1f}); {content}."
    expected = float(ability.weights @ bank.success[:, place])
    return f"About {100 * expected:.0f} % of it should come out right: hard enough to learn from; {content}."
