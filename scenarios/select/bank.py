"""Cases that may be chosen, with what choosing looks at in tables: a choice among ten thousand takes milliseconds."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, frozen
from engine.core.errors import InvalidValue
from scenarios.skill.item import GRID, Item, chances_of


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
        #: (most scores - 1, 121, n) chance of each score but the lowest at each ability; 0 where it has no such one.
        self.scores: Float32
        #: (121, n) expected score as a share of the most.
        self.success: Float32
        self.scores, self.success = _tables([entry.item for entry in self.entries])
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
        if not new:
            return self
        at = np.array([self.place[name] for name in new], np.int64)
        scores, success = _tables(list(new.values()))
        most = max(len(scores), len(self.scores))
        all_scores, all_success = _padded(self.scores, most), self.success.copy()
        all_scores[..., at], all_success[..., at] = _padded(scores, most), success
        bank = copy.copy(self)
        bank.entries = tuple(replace(one, item=new.get(one.item.id, one.item)) for one in self.entries)
        bank.scores, bank.success = frozen(all_scores), frozen(all_success)
        return bank

    def of_concept(self, concept: str) -> NDArray[np.bool_]:
        """(n,) which cases show it."""
        return np.asarray(self._concept == concept)


def _tables(items: Sequence[Item]) -> tuple[Float32, Float32]:
    """`Bank.scores` and `Bank.success` of questions."""
    chances = chances_of(items, GRID.astype(np.float32))
    scores = np.ascontiguousarray(chances[:, 1:].transpose(1, 2, 0))
    share = np.arange(1, len(scores) + 1)[:, None] / (np.array([item.scores for item in items]) - 1)
    return frozen(scores), frozen(np.einsum("san,sn->an", scores, share.astype(np.float32)))


def _padded(scores: Float32, most: int) -> Float32:
    """A copy with rows of 0 for scores that none of its questions has."""
    return np.pad(scores, ((0, most - len(scores)), (0, 0), (0, 0)))
