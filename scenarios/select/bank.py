"""Cases that may be chosen, with what choosing looks at in tables: a choice among ten thousand takes milliseconds."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64, frozen
from engine.core.errors import InvalidValue
from scenarios.skill.item import GRID, Item


@dataclass(frozen=True, slots=True)
class Entry:
    """A case as it may be chosen.

    Attributes:
        item: its question, or the one that stands for all of them.
        topic: of the curriculum, for example "chest".
        concept: what is to be recognised, for example "pneumothorax": a review shows another case of it.
        is_normal: nothing is there.
        is_rare: seldom seen, and to be seen all the same.
    """

    item: Item
    topic: str
    concept: str
    is_normal: bool = False
    is_rare: bool = False


class Bank:
    """Never changes: with a question's difficulty comes another bank (`replaced`).

    Raises:
        InvalidValue: no entry, or two of one name.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        names = [entry.item.id for entry in self.entries]
        if not names or len(set(names)) < len(names):
            raise InvalidValue("a bank has entries, each with a name of its own")
        self.place = {name: n for n, name in enumerate(names)}
        #: (n, 121) expected score as a share of the most, at each ability.
        self.success: Float64
        #: (n, most scores - 1, 121) chance of each score but the lowest; 0 where a question has no such score.
        self.scores: NDArray[np.float32]
        self.success, self.scores = _tables([entry.item for entry in self.entries])
        self.is_normal: NDArray[np.bool_] = frozen(np.array([entry.is_normal for entry in self.entries]))
        self.is_rare: NDArray[np.bool_] = frozen(np.array([entry.is_rare for entry in self.entries]))
        topics = sorted({entry.topic for entry in self.entries})
        self.topics = tuple(topics)
        self.topic: NDArray[np.int64] = frozen(np.array([topics.index(entry.topic) for entry in self.entries]))
        self._concept = np.array([entry.concept for entry in self.entries])

    def __len__(self) -> int:
        return len(self.entries)

    def replaced(self, items: Iterable[Item]) -> Bank:
        """The bank with these questions in place of its own of their names: no other is looked at anew.

        Raises:
            InvalidValue: it has no entry of such a name.
        """
        new = {item.id: item for item in items}
        if unknown := sorted(set(new) - set(self.place)):
            raise InvalidValue(f"the bank has no {', '.join(unknown)}")
        at = np.array([self.place[name] for name in new], np.int64)
        success, scores = _tables(list(new.values()), least=self.scores.shape[1])
        all_success = self.success.copy()
        all_scores = np.pad(self.scores, ((0, 0), (0, scores.shape[1] - self.scores.shape[1]), (0, 0)))
        all_success[at], all_scores[at] = success, scores
        bank = copy.copy(self)
        bank.entries = tuple(replace(one, item=new.get(one.item.id, one.item)) for one in self.entries)
        bank.success, bank.scores = frozen(all_success), frozen(all_scores)
        return bank

    def of_concept(self, concept: str) -> NDArray[np.bool_]:
        """(n,) which cases show it."""
        return np.asarray(self._concept == concept)


def _tables(items: Sequence[Item], least: int = 1) -> tuple[Float64, NDArray[np.float32]]:
    """`Bank.success` and `Bank.scores` of questions; scores for at least so many above the lowest."""
    chances = [item.chances(GRID) for item in items]
    success = np.array([chance @ np.linspace(0.0, 1.0, chance.shape[1]) for chance in chances])
    most = max((chance.shape[1] - 1 for chance in chances), default=0)
    scores = np.zeros((len(chances), max(most, least), len(GRID)), np.float32)
    for table, chance in zip(scores, chances, strict=True):
        table[: chance.shape[1] - 1] = chance.T[1:]
    return frozen(success.reshape(-1, len(GRID))), frozen(scores)
