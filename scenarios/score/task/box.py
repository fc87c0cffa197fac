"""A box about a finding: how much of both is in both."""

from __future__ import annotations

import numpy as np

from engine.core.errors import InvalidValue
from scenarios.case.task import BoxTask
from scenarios.reading.answer import BoxAnswer
from scenarios.reading.state import Work
from scenarios.score.ground import Ground
from scenarios.score.task_score import TaskScore, scored


def score(task: BoxTask, work: Work, ground: Ground) -> TaskScore:
    """Of the box that was drawn, against the one that just holds the finding."""
    assert isinstance(work.answer, BoxAnswer)
    place = ground.finding(task.finding)
    if not len(place.voxels):
        raise InvalidValue(f"finding {task.finding} is a point: nobody knows its box")
    low, high = place.voxels.min(axis=0), place.voxels.max(axis=0)
    mine = np.array(work.answer.low), np.array(work.answer.high)
    shared = np.prod(np.maximum(np.minimum(high, mine[1]) - np.maximum(low, mine[0]) + 1, 0))
    sizes = np.prod(high - low + 1), np.prod(mine[1] - mine[0] + 1)
    overlap = float(shared / (sizes[0] + sizes[1] - shared))
    spacing = place.grid.spacing_mm
    said, right = (" × ".join(f"{mm:.0f}" for mm in (b - a + 1) * spacing) + " mm" for a, b in (mine, (low, high)))
    why = f"The two boxes share {overlap:.0%} of what they hold together; {task.full:.0%} earns all points."
    return scored(task, overlap / task.full, said, right, why)
