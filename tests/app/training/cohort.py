"""A cohort in a store: eight trainees of whom two struggle, as sixty days of readings would have left it."""

from __future__ import annotations

import random
import time

from engine.app.training.store import Store
from engine.app.training.tables import AbilityRow, ReadingRow, Response, Sitting, Trainee
from scenarios.case.task import Scale
from tests.app.training.cases import CASES

NAMES = ("Amber", "Basalt", "Cedar", "Dune", "Ember", "Fjord", "Grove", "=Heath")
STRUGGLING = ("Basalt", "Dune")
SCALES: tuple[Scale, ...] = ("detection", "diagnosis")
DAY_S = 86_400.0
#: What all but nobody gets right, and what hardly anybody does.
EASY, HARD = ("one", "what"), ("two", "what")


def fill(store: Store) -> None:
    """Every trainee has read every case; abilities are told after each reading."""
    rng = random.Random(3)
    now_s = time.time()
    with store.transaction() as session:
        for name in NAMES:
            trainee = name.strip("=").lower()
            session.add(Trainee(id=trainee, name=name, is_educator=False, since_s=now_s - 60 * DAY_S))
            session.flush()
            session.add(Sitting(id=f"sitting-{trainee}", trainee=trainee, mode="practice", began_s=now_s - 60 * DAY_S))
            session.flush()
            level = 0.2 if name in STRUGGLING else rng.uniform(0.7, 0.95)
            for n, case in enumerate(CASES):
                at_s = now_s - (60 - 27 * n) * DAY_S
                reading = f"{trainee}-{n}"
                shares = {task.id: _share(case.id, task.id, level, rng) for task in case.tasks}
                session.add(
                    ReadingRow(
                        id=reading, trainee=trainee, sitting=f"sitting-{trainee}", number=n + 1, case_id=case.id,
                        case_version=case.version, why="", is_try=False, began_s=at_s, revealed_s=at_s + 600,
                        share=sum(shares.values()) / len(shares), asked=4, missed=round(4 * (1 - level)), told="{}",
                    )
                )  # fmt: skip
                session.flush()
                for task in case.tasks:
                    share = shares[task.id]
                    session.add(
                        Response(
                            reading=reading, task=task.id, trainee=trainee, case_id=case.id, scale=task.scale,
                            share=share, score=int(share >= 0.5), confidence=0.6, seconds=rng.uniform(15, 120),
                            said="Solid" if share >= 0.5 else "Cyst",
                        )
                    )  # fmt: skip
                for scale in SCALES:
                    mean = 2 * level - 1.4 + 0.3 * n
                    session.add(
                        AbilityRow(
                            trainee=trainee, scale=scale, reading=reading, at_s=at_s, mean=mean, low=mean - 0.7,
                            high=mean + 0.7, error=0.35, weights="[]",
                        )
                    )  # fmt: skip


def _share(case: str, task: str, level: float, rng: random.Random) -> float:
    if (case, task) == EASY:
        return 1.0
    if (case, task) == HARD:
        return 0.0
    return min(1.0, max(0.0, level + rng.gauss(0, 0.05)))
