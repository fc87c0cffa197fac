"""When a concept comes again: before it is forgotten, in another case of it (FSRS-6, by the package `fsrs`).

FSRS was fitted to flashcards; that it holds for what is seen in images is not shown. Every review is therefore kept as
it was, with its share and time, so that another scheduler can be fitted to it later.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

import fsrs

from engine.core.errors import InvalidValue

#: A share of the points below the first is forgotten, below the second hard, below the third good, above it easy.
HARD, GOOD, EASY = 0.5, 0.7, 0.95
# No steps of minutes: a case comes again on another day. No chance: the same log, the same days.
_SCHEDULER = fsrs.Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A case that was read, as a review of its concept: raw, as it was.

    Attributes:
        share: of the points, 0 to 1, before hints are taken off.
        at_s: when, seconds since 1970.
        took_s: how long it was read; None where that is not known.
    """

    concept: str
    case: str
    share: float
    at_s: float
    took_s: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InvalidValue(f"a share of points is 0 to 1, got {self.share}")


@dataclass(frozen=True, slots=True)
class Reviews:
    """All of one learner, in the order in which they were; what is due follows from them.

    Attributes:
        log: every review.
        cards: of each concept, what the scheduler believes.
    """

    log: tuple[Reviewed, ...] = ()
    cards: Mapping[str, fsrs.Card] = field(default_factory=dict)

    @classmethod
    def of(cls, log: tuple[Reviewed, ...]) -> Reviews:
        """From raw reviews, as they are stored."""
        reviews = cls()
        for one in log:
            reviews = reviews.noted(one)
        return reviews

    def noted(self, one: Reviewed) -> Reviews:
        """After another.

        Raises:
            InvalidValue: earlier than the one before it.
        """
        if self.log and one.at_s < self.log[-1].at_s:
            raise InvalidValue("reviews are noted in the order in which they were")
        at = _time(one.at_s)
        before = self.cards.get(one.concept) or fsrs.Card(card_id=len(self.cards) + 1, due=at)
        card, _ = _SCHEDULER.review_card(before, rating(one.share), at)
        return Reviews((*self.log, one), {**self.cards, one.concept: card})

    def due(self, now_s: float) -> tuple[str, ...]:
        """Concepts that are due, the one most likely forgotten first."""
        now = _time(now_s)
        waiting = [concept for concept, card in self.cards.items() if card.due <= now]
        return tuple(sorted(waiting, key=lambda concept: (self.recall(concept, now_s), concept)))

    def recall(self, concept: str, now_s: float) -> float:
        """Chance that it is remembered; 0 for one that was never seen."""
        card = self.cards.get(concept)
        return float(_SCHEDULER.get_card_retrievability(card, _time(now_s))) if card else 0.0

    def due_s(self, concept: str) -> float | None:
        """When it comes again, seconds since 1970; None where it was never seen."""
        card = self.cards.get(concept)
        return card.due.timestamp() if card else None


def rating(share: float) -> fsrs.Rating:
    """What the scheduler is told of a share of points."""
    steps = ((HARD, fsrs.Rating.Again), (GOOD, fsrs.Rating.Hard), (EASY, fsrs.Rating.Good))
    return next((said for below, said in steps if share < below), fsrs.Rating.Easy)


def _time(at_s: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at_s, datetime.UTC)
