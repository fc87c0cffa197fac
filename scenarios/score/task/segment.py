"""A painted finding: how much of both borders is near the other (surface Dice; Nikolov and others 2021)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import InvalidValue
from scenarios.case.task import SegmentTask
from scenarios.reading.answer import SegmentAnswer
from scenarios.reading.state import Work
from scenarios.score.ground import Ground
from scenarios.score.task_score import TaskScore, scored


def voxels_of(answer: SegmentAnswer, shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """(n, 3) voxels of runs along i, each once.

    Raises:
        InvalidValue: a run leaves its row or the volume.
    """
    if not answer.runs:
        return np.empty((0, 3), np.int64)
    starts, counts = np.array(answer.runs, np.int64).T
    if (starts < 0).any() or (counts < 1).any() or (starts % shape[0] + counts > shape[0]).any():
        raise InvalidValue("a run stays within its row")
    if (starts >= math.prod(shape)).any():
        raise InvalidValue(f"a run lies within the volume, {shape}")
    if counts.sum() > math.prod(shape):
        raise InvalidValue("more is painted than there is")
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    flat = np.unique(np.repeat(starts, counts) + within)
    return np.stack([flat % shape[0], flat // shape[0] % shape[1], flat // (shape[0] * shape[1])], axis=1)


def score(task: SegmentTask, work: Work, ground: Ground) -> TaskScore:
    """Of what was painted."""
    assert isinstance(work.answer, SegmentAnswer)
    place = ground.finding(task.finding)
    if ground.surface_dice is None or not len(place.voxels):
        raise InvalidValue(f"finding {task.finding} has no border to compare with")
    voxel_ml = place.grid.voxel_volume_mm3 / 1000
    right = f"{place.volume_ml:.1f} ml"
    painted = voxels_of(work.answer, place.grid.shape)
    if not len(painted):
        return scored(task, 0.0, "nothing", right, "Nothing was painted.", omits=True)
    both = np.concatenate([painted, place.voxels])
    low, shape = both.min(axis=0) - 1, both.max(axis=0) - both.min(axis=0) + 3
    one, two = (np.zeros(shape, np.bool_) for _ in range(2))
    one[tuple((painted - low).T)] = True
    two[tuple((place.voxels - low).T)] = True
    near = ground.surface_dice(one, two, place.grid.spacing_mm.tolist(), task.within_mm)
    overlap = 2 * int((one & two).sum()) / (len(painted) + len(place.voxels))
    why = (
        f"{near:.0%} of both borders lie within {task.within_mm:g} mm of the other; {task.full:.0%} earns all points. "
        f"Overlap (Dice) {overlap:.2f}."
    )
    return scored(task, near / task.full, f"{len(painted) * voxel_ml:.1f} ml", right, why)
