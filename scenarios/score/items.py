"""How an item was answered: difficulty, discrimination, misses and time, each with what is not known of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.errors import InvalidValue

#: Of a normal distribution, for 95 %.
Z95 = 1.959963984540054
#: Fewer answers than these say nothing of a difficulty, or of a discrimination.
LEAST_ANSWERS = 5
LEAST_PAIRS = 8
#: What is told in words: nearly everybody right, or wrong; those who know more do no better.
TOO_EASY = 0.95
TOO_HARD = 0.2
LEAST_DISCRIMINATION = 0.1


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """One trainee's answer to an item.

    Attributes:
        share: of the points, 0 to 1.
        rest: share of the points of everything else that the trainee answered; None where that is nothing.
        seconds: that it took.
        wrong: what was answered, in words, where it was wrong.
    """

    share: float
    rest: float | None
    seconds: float
    wrong: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1 or (self.rest is not None and not 0 <= self.rest <= 1) or self.seconds < 0:
            raise InvalidValue(f"shares are 0 to 1 and times no less than 0, got {self}")


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """What answers tell of an item; None where they are too few."""

    count: int
    difficulty: Interval | None
    discrimination: Interval | None
    missed: Interval | None
    median_s: float | None
    wrong: tuple[str, float] | None
    says: str | None


def item_figures(answers: Sequence[ItemAnswer]) -> ItemFigures:
    """The figures of one item. An answer counts as right by the share of its points.

    Difficulty is the logit of the share that was missed, of learners as they came: who they were is for the learner
    model to say. Discrimination is the correlation of the item with the rest (Fisher's z interval).
    """
    if not answers:
        return ItemFigures(0, None, None, None, None, None, None)
    missed = wilson(sum(1 - one.share for one in answers), len(answers))
    enough = len(answers) >= LEAST_ANSWERS
    difficulty = (
        Interval(*(_logit(x, len(answers)) for x in (missed.mean, missed.low, missed.high))) if enough else None
    )
    discrimination = _discrimination(answers)
    wrong = Counter(one.wrong for one in answers if one.wrong is not None)
    most = min(wrong.items(), key=lambda item: (-item[1], item[0])) if wrong else None
    return ItemFigures(
        count=len(answers),
        difficulty=difficulty,
        discrimination=discrimination,
        missed=missed,
        median_s=float(np.median([one.seconds for one in answers])),
        wrong=(most[0], most[1] / len(answers)) if most else None,
        says=_says(missed, discrimination) if enough else None,
    )


def wilson(count: float, of: int) -> Interval:
    """A share with its interval (Wilson 1927), which stays between 0 and 1.

    Raises:
        InvalidValue: more than there are, or of nothing.
    """
    if of < 1 or not 0 <= count <= of:
        raise InvalidValue(f"a share is of something and at most all of it, got {count} of {of}")
    p, z2 = count / of, Z95**2
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 / (1 + z2 / of) * float(np.sqrt(p * (1 - p) / of + z2 / (4 * of * of)))
    return Interval(p, max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half)))


def _logit(share: float, count: int) -> float:
    """With half an answer added to either side, so that none and all have a figure too."""
    x = (share * count + 0.5) / (count + 1)
    return float(np.log(x / (1 - x)))


def _discrimination(answers: Sequence[ItemAnswer]) -> Interval | None:
    pairs = np.array([(one.share, one.rest) for one in answers if one.rest is not None])
    if len(pairs) < LEAST_PAIRS or (np.ptp(pairs, axis=0) == 0).any():
        return None
    r = float(np.corrcoef(pairs.T)[0, 1])
    z, half = np.arctanh(np.clip(r, -0.999999, 0.999999)), Z95 / np.sqrt(len(pairs) - 3)
    return Interval(r, float(np.tanh(z - half)), float(np.tanh(z + half)))


def _says(missed: Interval, discrimination: Interval | None) -> str | None:
    """Only what the interval allows to be said."""
    if 1 - missed.mean >= TOO_EASY:
        return "Nearly everybody gets this right: it tells little."
    if 1 - missed.mean <= TOO_HARD:
        return "Hardly anybody gets this right: look whether the question and its answer are clear."
    if discrimination is not None and discrimination.high < LEAST_DISCRIMINATION:
        return "Those who know more do no better here: look at the answer that is called right."
    return None
