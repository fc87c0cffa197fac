"""A reading on ten points, as programmes of simulated call mark it (after WIDI): what failed, and whether in seeing.

0 to 2: an error that could harm the patient. 3 to 6: something that mattered was left out. 7 to 10: effective.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scenarios.case.case import Case
from scenarios.score.reading import ReadingScore

Band = Literal["critical error", "problematic omission", "effective"]
#: The most that is given after such an error.
CRITICAL, OMISSION = 2.0, 6.0
WORDS: dict[Band, str] = {
    "critical error": "an error that could harm the patient",
    "problematic omission": "something that mattered was left out",
    "effective": "nothing that mattered was left out",
}


@dataclass(frozen=True, slots=True)
class Rubric:
    """Ten points, and where those that are lacking were lost: `points` and the three sum to 10."""

    points: float
    band: Band
    lost_seeing: float
    lost_judging: float
    lost_hints: float


def rubric(case: Case, score: ReadingScore) -> Rubric:
    """Of a reading whose score is known."""
    scores = {name: one for name, one in score.tasks.items() if case.task(name).points > 0}
    total = sum(case.task(name).points for name in scores) or 1.0
    shares = [(case.task(name).points / total, one) for name, one in scores.items()]
    lost = (
        10 * sum(part * one.lost_seeing for part, one in shares),
        10 * sum(part * one.lost_judging for part, one in shares),
        10 * sum(part * one.lost_hints for part, one in shares),
    )
    most = 10.0
    if any(one.is_critical for one in scores.values()):
        most = CRITICAL
    elif any(one.omits for one in scores.values()):
        most = OMISSION
    points = min(10 * score.share, most)
    grown = (10 - points) / sum(lost) if sum(lost) > 0 else 0.0
    band: Band = "critical error" if points < 2.5 else "problematic omission" if points < 6.5 else "effective"
    return Rubric(points, band, lost[0] * grown, lost[1] * grown, lost[2] * grown)
