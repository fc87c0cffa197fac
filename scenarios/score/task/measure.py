"""A measurement against the reference, within what two readers differ by."""

from __future__ import annotations

import math

from engine.core.errors import InvalidValue
from scenarios.case.task import MeasureTask
from scenarios.reading.answer import MeasureAnswer
from scenarios.reading.state import Work
from scenarios.score.ground import Ground, Place
from scenarios.score.size import FLOOR_MM, FULL, NONE
from scenarios.score.task_score import TaskScore, scored

#: Unit, error up to which all points are given, from which none. Diameters: `scenarios.score.size`; volumes three times
#: that of their logarithm; mean values in their unit, by choice.
LIMITS = {
    "diameter_mm": ("mm", FULL, NONE),
    "volume_ml": ("ml", 3 * FULL, 3 * NONE),
    "mean_value": ("", 10.0, 40.0),
}


def right_of(task: MeasureTask, place: Place) -> float:
    """What is right.

    Raises:
        InvalidValue: nobody measured it.
    """
    value = task.value
    if value is None:
        value = {"diameter_mm": place.diameter_mm, "volume_ml": place.volume_ml, "mean_value": place.mean_value}[
            task.quantity
        ]
    if value is None:
        raise InvalidValue(f"the mean value of {task.finding} is not known")
    return value


def score(task: MeasureTask, work: Work, ground: Ground) -> TaskScore:
    """Of what was measured."""
    assert isinstance(work.answer, MeasureAnswer)
    said, right = work.answer.value, right_of(task, ground.finding(task.finding))
    unit, full, none = LIMITS[task.quantity]
    full = full if task.full_within is None else task.full_within
    none = max(none if task.none_from is None else task.none_from, full * (1 + 1e-9))
    absolute = task.quantity == "mean_value"
    if absolute:
        off = abs(said - right)
        limits = f"{full:g} off earns all points, {none:g} none"
    else:
        off = abs(math.log(said / right)) if said > 0 and right > 0 else math.inf
        limits = f"{math.expm1(full):.0%} off earns all points, {math.expm1(none):.0%} none"
    share = 1.0 if off <= full else max(0.0, (none - off) / (none - full))
    if task.quantity == "diameter_mm" and abs(said - right) <= FLOOR_MM:
        share, limits = 1.0, f"{limits}; less than {FLOOR_MM:g} mm off is never marked down"
    why = f"{said - right:+.1f} {unit}".strip() + f" from the reference; {limits}."
    return scored(task, share, f"{said:.1f} {unit}".strip(), f"{right:.1f} {unit}".strip(), why)
