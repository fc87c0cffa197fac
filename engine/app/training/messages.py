"""What crosses between the training server and its pages, beside the events of a reading (`scenarios.reading.event`).

All under `/api/training`.

| request | answer |
|---|---|
| `GET me` | `Learner`: who this browser is |
| `POST readings` `NextAsk` | `ReadingNow`: the case that teaches most next, or the one that was not finished |
| `GET readings/{id}` | `ReadingNow`: as it stands, with every event that was kept, to go on from |
| `GET readings/{id}/volumes/{volume}` | `Scene` (engine.stream.messages) with the volume's node; 409 while it is made |
| `POST readings/{id}/events` `EventsAsk` | `Kept`: which number comes next, and the case as it may be read now |
| `GET readings/{id}/feedback` | `Told`: only once revealed |
| `GET progress` | `Progress` of this trainee |
| `PUT me` `NameAsk` | `Learner`, called so |
| `POST /api/join` `JoinAsk` | 204: let in, as somebody new or on a second device; cookies |
| `POST me/device` | `Invitation` (engine.stream.messages): a headset that joins by its code is the same trainee |
| `GET me/export` | ZIP: all that is kept of this trainee, as JSON |
| `POST me/erase` `EraseAsk` | 204: nothing is kept of this trainee any more |

Under `/api/training/educator`:

| request | answer |
|---|---|
| `GET cohort`, `items`, `cohort.csv`, `items.csv` | see `educator_messages` |
| `GET answers.csv`, `GET answers.parquet` | a row an answer |
| `GET cases` | `CaseList` |
| `POST cases` a case (`scenarios.case`) | `CaseListed`: published as the version that it says; 409 where that was |
| `PUT cases/{case}` `OpenAsk` | `CaseListed` |
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.stream.message import Identifier, Message, Point
from scenarios.case.task import Scale
from scenarios.reading.event import AnyEvent
from scenarios.reading.view import CaseView


class Learner(Message):
    """Who reads. `name` is what the trainee chose to be called; it never leaves the server but to educators of it."""

    id: Identifier
    name: str
    role: Literal["trainee", "educator"]


class NextAsk(Message):
    """What to read next. `case`: this one (an educator who tries it, a review), else the one that teaches most."""

    mode: Literal["practice", "exam"] = "practice"
    case: Identifier | None = None


class HintTold(Message):
    """Words of a hint that was taken."""

    task: Identifier
    text: str


class ReadingNow(Message):
    """A reading as it stands.

    Attributes:
        why: why this case, in a sentence.
        number, planned: which case of how many of the sitting; None where it does not end.
        next_event: number of the event that comes next.
        events: all that was kept (empty in answers to events).
        committed: tasks that are answered for good.
        hints: that were taken.
        is_revealed: what is there may be seen.
    """

    id: Identifier
    why: str
    number: int
    planned: int | None
    mode: Literal["practice", "exam"]
    case: CaseView
    next_event: int = Field(ge=0)
    events: tuple[AnyEvent, ...] = ()
    committed: tuple[Identifier, ...] = ()
    hints: tuple[HintTold, ...] = ()
    is_revealed: bool = False


class EventsAsk(Message):
    """Events in order; those that were kept before are passed over, a gap is refused (409) with what comes next."""

    events: tuple[AnyEvent, ...] = Field(min_length=1, max_length=1000)


class Kept(Message):
    """On the disk."""

    next_event: int = Field(ge=0)
    reading: ReadingNow


class FindingTold(Message):
    """Something that was there.

    Attributes:
        became: found, missed, or not asked.
        mark: that found it.
        miss: class of a miss: search, recognition, decision; by what that is known (`by`).
        slices: middle of the slice that shows it best, and the first and last on which it is seen, along k.
    """

    id: Identifier
    name: str
    volume: Identifier
    became: Literal["found", "missed", "not asked"]
    at_mm: Point
    radius_mm: float
    slices: tuple[int, int, int]
    why: str | None
    mark: Identifier | None = None
    miss: Literal["search", "recognition", "decision"] | None = None
    by: Literal["eyes", "head", "pointer"] | None = None
    seconds_viewed: float | None = None


class MarkTold(Message):
    """What became of a mark; `why` of a false one: what lies there."""

    id: Identifier
    task: Identifier
    at_mm: Point
    confidence: float
    became: Literal["found", "duplicate", "false"]
    finding: Identifier | None = None
    off_mm: float | None = None
    why: str | None = None


class TaskTold(Message):
    """A task's score: share of its points, what was said, what is right, and why: never a score without a reason."""

    id: Identifier
    prompt: str
    scale: Scale
    share: float = Field(ge=0, le=1)
    points: float
    said: str
    right: str
    why: str
    confidence: float | None = None


class AbilityTold(Message):
    """An ability on a scale with its interval, before and after this case."""

    scale: Scale
    mean: float
    low: float
    high: float
    before: float | None = None


class Band(Message):
    """Peers, only as a band: the middle half of their shares on this case; None where fewer than five read it."""

    low: float
    high: float
    count: int


class Told(Message):
    """Feedback on a reading."""

    says: str | None
    synthetic: bool
    findings: tuple[FindingTold, ...]
    marks: tuple[MarkTold, ...]
    tasks: tuple[TaskTold, ...]
    layers: tuple[str, ...]
    abilities: tuple[AbilityTold, ...]
    peers: Band | None
    coverage: float | None
    coverage_by: Literal["eyes", "head", "pointer"] | None
    minutes: float
    references: tuple[str, ...]
    next_step: str


# --- a trainee's own progress ------------------------------------------------------------------


class AbilityAt(Message):
    """An ability as it was believed after a case."""

    at_s: float
    mean: float
    low: float
    high: float


class AbilityOver(Message):
    """An ability over time; nothing in `over`: no case asked it yet."""

    scale: Scale
    over: tuple[AbilityAt, ...]


class TopicRead(Message):
    """How much of a topic of the curriculum was read: cases and concepts, of how many."""

    topic: str
    cases_read: int
    cases: int
    concepts_read: int
    concepts: int


class Due(Message):
    """A concept whose review is due, since or from when."""

    concept: str
    due_s: float
    is_due: bool


class CaseRead(Message):
    """A case that was read."""

    reading: Identifier
    case: Identifier
    title: str
    at_s: float
    share: float


class Progress(Message):
    """Where a trainee stands."""

    abilities: tuple[AbilityOver, ...]
    curriculum: tuple[TopicRead, ...]
    reviews: tuple[Due, ...]
    readings: tuple[CaseRead, ...]


class NameAsk(Message):
    """What a trainee wishes to be called."""

    name: str = Field(min_length=1, max_length=200)


class JoinAsk(Message):
    """Digits or secret of an invitation, or of a device that is to be somebody's second."""

    code: str = Field(min_length=1, max_length=64)


class EraseAsk(Message):
    """Everything of a trainee is to go; `name` as it is written there, so that nobody does so by a slip."""

    name: str


# --- for educators -----------------------------------------------------------------------------


class CaseListed(Message):
    """A case as an educator sees it."""

    id: Identifier
    version: str
    title: str
    topic: str
    concept: str
    prevalence: Literal["normal", "common", "rare"]
    synthetic: bool
    published_s: float
    is_open: bool
    readings: int


class CaseList(Message):
    """Every case, as its newest version."""

    cases: tuple[CaseListed, ...]


class OpenAsk(Message):
    """Whether a case may be chosen for trainees."""

    is_open: bool
