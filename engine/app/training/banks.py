"""Banks of the cases that may be chosen, one a scale, which follow what is learned question by question."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.app.training import practice
from engine.app.training.tables import ItemRow
from scenarios.case.case import Case
from scenarios.case.task import Scale
from scenarios.select.bank import Bank
from scenarios.skill.item import Item


class Banks:
    """Not a value. What was learned is put in when somebody looks: of many readings at once, each question once."""

    def __init__(self, cases: Iterable[Case], items: Mapping[str, Item]) -> None:
        cases = list(cases)
        self._banks = practice.banks(cases, items)
        #: Scale and entry that a question (`case/task`) stands for.
        self._stands_for = {
            f"{case.id}/{task.id}": (scale, case.id)
            for case in cases
            for scale in self._banks
            if (task := practice.representative(case, scale)) is not None
        }
        self._learned: dict[str, Item] = {}
        self._turn = threading.Lock()

    def learn(self, items: Mapping[str, Item]) -> None:
        """What is believed of questions from now on, by `case/task`."""
        with self._turn:
            self._learned |= {name: item for name, item in items.items() if name in self._stands_for}

    def now(self) -> Mapping[Scale, Bank]:
        """By scale; those in which there is nothing are left out."""
        with self._turn:
            changed: dict[Scale, list[Item]] = {}
            for name, item in self._learned.items():
                scale, entry = self._stands_for[name]
                changed.setdefault(scale, []).append(replace(item, id=entry))
            for scale, items in changed.items():
                self._banks[scale] = self._banks[scale].replaced(items)
            self._learned.clear()
            return dict(self._banks)


def all_items(session: Session) -> dict[str, Item]:
    """Every question that was answered, by `case/task`."""
    return {f"{row.case_id}/{row.task}": item_of(row) for row in session.scalars(select(ItemRow))}


def items_of(session: Session, case: Case) -> dict[str, Item]:
    """Those of one case."""
    rows = session.scalars(select(ItemRow).where(ItemRow.case_id == case.id))
    return {f"{row.case_id}/{row.task}": item_of(row) for row in rows}


def item_of(row: ItemRow) -> Item:
    """A question, as it is kept."""
    return Item(
        f"{row.case_id}/{row.task}",
        tuple(json.loads(row.steps)),
        step_sd=row.step_sd,
        slope=row.slope,
        slope_sd=row.slope_sd,
        guess=row.guess,
    )
