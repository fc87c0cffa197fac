"""The path of a tool's tip: whether it reached its target, and kept clear of what it had to."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from scenarios.case.task import GuideTask
from scenarios.reading.answer import GuideAnswer
from scenarios.reading.state import Work
from scenarios.score.ground import Ground
from scenarios.score.task_score import TaskScore, scored

#: A path is a line between its samples; it is measured at least so often.
STEP_MM = 0.5
#: What reaching the target counts, where something must be kept clear of; the rest is for keeping clear.
REACHING = 0.5


def score(task: GuideTask, work: Work, ground: Ground) -> TaskScore:
    """Of a path that was guided, or of what was said of one that was shown."""
    assert isinstance(work.answer, GuideAnswer)
    return _guided(task, work.answer, ground) if task.recording is None else _judged(task, work.answer, ground)


def _guided(task: GuideTask, answer: GuideAnswer, ground: Ground) -> TaskScore:
    path = dense(np.array(answer.path, np.float64)[:, 1:])
    off_mm = float(np.linalg.norm(path - ground.finding(task.target).centre_mm, axis=1).min())
    reached = min(max(2 - off_mm / task.within_mm, 0.0), 1.0)
    clear_mm = {name: distance_mm(path, ground, name) for name in task.avoid}
    clear = [min(clear_mm[name] / wanted, 1.0) if wanted > 0 else 1.0 for name, wanted in task.avoid.items()]
    share = reached if not clear else REACHING * reached + (1 - REACHING) * sum(clear) / len(clear)
    near = [f"{name} {clear_mm[name]:.1f} mm ({wanted:g} wanted)" for name, wanted in task.avoid.items()]
    why = [f"The tip came within {off_mm:.1f} mm of the target's middle; {task.within_mm:g} mm reaches it."]
    why += [f"Nearest to {', '.join(near)}."] if near else []
    touched = [name for name, mm in clear_mm.items() if task.avoid[name] > 0 and mm <= STEP_MM]
    right = "the target reached" + (f", clear of {', '.join(task.avoid)}" if task.avoid else "")
    said = f"{off_mm:.1f} mm from the target" + (f", {min(clear_mm.values()):.1f} mm clear" if clear_mm else "")
    return scored(task, share, said, right, " ".join(why), critical=bool(touched), omits=reached == 0)


def _judged(task: GuideTask, answer: GuideAnswer, ground: Ground) -> TaskScore:
    if task.id not in ground.recordings or not task.avoid:
        raise InvalidValue(f"task {task.id} has no recording, or nothing that its path could come near to")
    path = dense(np.asarray(ground.recordings[task.id], np.float64)[:, 1:])
    mm = {name: distance_mm(path, ground, name) for name in task.avoid}
    nearest = min(mm, key=mm.__getitem__)
    why = "The path came within " + ", ".join(f"{mm[name]:.1f} mm of {name}" for name in sorted(mm, key=mm.__getitem__))
    return scored(task, float(answer.nearest == nearest), str(answer.nearest), nearest, f"{why}.")


def dense(path_mm: Float64) -> Float64:
    """(n, 3) a path with points at most `STEP_MM` apart."""
    parts = [path_mm[:1]]
    for one, two in pairwise(path_mm):
        count = max(int(np.ceil(np.linalg.norm(two - one) / STEP_MM)), 1)
        parts.append(one + (two - one) * (np.arange(1, count + 1) / count)[:, None])
    return np.concatenate(parts)


def distance_mm(path_mm: Float64, ground: Ground, name: str) -> float:
    """Least distance of a path from a structure: from the middles of its voxels, less half a voxel's diagonal."""
    place = ground.thing(name)
    least = float(cKDTree(place.points_mm).query(path_mm)[0].min())
    half = float(np.linalg.norm(place.grid.spacing_mm)) / 2 if len(place.voxels) else place.radius_mm
    return max(0.0, least - half)
