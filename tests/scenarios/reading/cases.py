"""A case with every kind of task, what is there, and readings of it."""

from __future__ import annotations

import numpy as np

from engine.core.grid import Grid
from scenarios.case.case import Case
from scenarios.reading.event import AnyEvent, Began, Committed, Marked, Revealed
from scenarios.score.ground import Ground, Place

GRID = Grid.centred((60, 60, 60), 1.0)


def ball(centre: tuple[float, float, float], radius_mm: float, mean_value: float | None = None) -> Place:
    at = np.stack(np.meshgrid(*[np.arange(60) - 29.5] * 3, indexing="ij"), axis=-1) - np.array(centre)
    return Place.of_mask("ct", GRID, (at**2).sum(axis=-1) <= radius_mm**2, mean_value)


A, B, VESSEL = (-15.0, 0.0, 0.0), (15.0, 10.0, 5.0), (0.0, -20.0, 0.0)
PHANTOM = {"kind": "phantom", "body": "thorax", "seed": 1}
POINT = {"kind": "point", "at_mm": (0, 0, 0), "radius_mm": 1}


def case_of(*tasks: dict[str, object], **more: object) -> Case:
    return Case.model_validate(
        {
            "id": "one", "title": "A chest", "licence": "CC0-1.0", "topic": "chest", "concept": "nodule",
            "volumes": [{"id": "ct", "title": "CT", "source": PHANTOM}],
            "truth": {
                "findings": [
                    {"id": "a", "name": "Nodule A", "volume": "ct", "place": POINT, "why": "It stands by the hilum."},
                    {"id": "b", "name": "Nodule B", "volume": "ct", "place": POINT},
                ],
                "distractors": [
                    {"id": "v", "name": "A vessel", "volume": "ct", "place": POINT, "why": "It goes on for slices."}
                ],
            },
            "tasks": list(tasks),
            **more,
        }
    )  # fmt: skip


MARK: dict[str, object] = {"kind": "mark", "id": "find", "prompt": "Mark nodules.", "volume": "ct"}
GROUND = Ground(
    {"a": ball(A, 6, 40.0), "b": ball(B, 4, 20.0)}, {"v": ball(VESSEL, 3)},
    structure_at=lambda volume, at_mm: "the heart",
)  # fmt: skip


def reading(*marks: tuple[tuple[float, float, float], float]) -> list[AnyEvent]:
    """Marks on the task `find`, committed and revealed."""
    events: list[AnyEvent] = [Began(n=0, t_s=0, where="flat")]
    for n, (at, sure) in enumerate(marks):
        events.append(Marked(n=n + 1, t_s=n + 1, task="find", mark=f"m{n}", at_mm=at, confidence=sure))
    return [*events, Committed(n=len(events), t_s=50, task="find"), Revealed(n=len(events) + 1, t_s=51)]
