"""What crosses between the server and the educator's page. All under `/api/training/educator`.

| request | answer |
|---|---|
| `GET cohort` | `Cohort`: who learns here, who needs help first |
| `GET items` | `ItemStatistics` of every task that was asked |
| `GET cohort.csv`, `GET items.csv` | the same as tables |
"""

from __future__ import annotations

from pydantic import Field

from engine.stream.message import Identifier, Message
from scenarios.case.task import Scale


class Estimated(Message):
    """A figure with its interval (95 %)."""

    mean: float
    low: float
    high: float


class AbilityOfLearner(Message):
    """An ability, in standard deviations of learners, and how it moved: `earlier` is of a month ago."""

    scale: Scale
    now: Estimated
    earlier: float | None = None


class LearnerRow(Message):
    """A trainee.

    Attributes:
        cases: that were read to the end.
        last_read_s: when last; None: never.
        missed: share of key findings that were missed.
        needs: why this trainee needs help, in a sentence; None where nothing says so.
        history: of the mean of all abilities, as seconds since 1970 and its value, the oldest first.
    """

    id: Identifier
    name: str
    cases: int
    last_read_s: float | None
    missed: Estimated | None
    abilities: tuple[AbilityOfLearner, ...]
    needs: str | None
    history: tuple[tuple[float, float], ...] = ()


class Cohort(Message):
    """Everybody who learns here; those who need help come first."""

    learners: tuple[LearnerRow, ...]
    readings: int
    as_of_s: float


class WrongAnswer(Message):
    """What was answered most often of all that is wrong."""

    text: str
    share: float = Field(ge=0, le=1)


class ItemStatistics(Message):
    """How a task was answered.

    Attributes:
        count: answers that counted.
        difficulty: in standard deviations of learners; 0: half of average learners get it right.
        discrimination: correlation of this item's share with the rest of the case's, from -1 to 1.
        missed: share of answers that were wrong.
        median_s: from when it came to when it was committed.
        wrong: the wrong answer that most chose.
        says: what the figures say, in a sentence; None where they say nothing yet.
    """

    case: Identifier
    title: str
    version: str
    task: Identifier
    prompt: str
    scale: Scale
    count: int
    difficulty: Estimated | None
    discrimination: Estimated | None
    missed: Estimated | None
    median_s: float | None
    wrong: WrongAnswer | None
    says: str | None
