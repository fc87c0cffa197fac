"""What is kept, as tables. Times are seconds since 1970 (UTC); bodies are JSON text, as they came or were made.

`engine.app.training.migrations` makes them; a test holds the two together. What belongs to a trainee goes with the
trainee: every such row hangs on `trainees` and is erased with it.
"""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Key = Annotated[str, mapped_column(primary_key=True)]
Body = Annotated[str, mapped_column(Text)]
Trainees = Annotated[str, mapped_column(ForeignKey("trainees.id", ondelete="CASCADE"), index=True)]


class Table(DeclarativeBase):
    """Base of all."""


class Trainee(Table):
    """Somebody who reads. `name` is what they chose to be called, and all that is known of who they are."""

    __tablename__ = "trainees"

    id: Mapped[Key]
    name: Mapped[str]
    is_educator: Mapped[bool] = mapped_column(default=False)
    since_s: Mapped[float]


class Device(Table):
    """A browser or headset of a trainee, by the hash of its lasting token."""

    __tablename__ = "devices"

    token_sha256: Mapped[Key]
    trainee: Mapped[Trainees]
    since_s: Mapped[float]


class KeptGrant(Table):
    """Somebody who was let in (`engine.stream.pairing`): it outlasts the server's process."""

    __tablename__ = "grants"

    id: Mapped[Key]
    role: Mapped[str]
    token_sha256: Mapped[str]
    until_s: Mapped[float]


class PublishedCase(Table):
    """A version of a case, which never changes. Of each case the version published last is read.

    `is_trial`: its author tries it; the next trial takes its place, and nobody is given it.
    """

    __tablename__ = "cases"

    id: Mapped[Key]
    version: Mapped[Key]
    sha256: Mapped[str]
    body: Mapped[Body]
    folder: Mapped[str | None]
    published_s: Mapped[float]
    is_open: Mapped[bool] = mapped_column(default=True)
    is_trial: Mapped[bool] = mapped_column(default=False)


class Sitting(Table):
    """Cases read in a row, for practice or as an exam; `ended` says why it ended."""

    __tablename__ = "sittings"
    __table_args__ = (CheckConstraint("mode IN ('practice', 'exam')", name="mode"),)

    id: Mapped[Key]
    trainee: Mapped[Trainees]
    mode: Mapped[str]
    began_s: Mapped[float]
    ended_s: Mapped[float | None]
    ended: Mapped[str | None]


class Exposed(Table):
    """A case that was chosen in an exam: how often it came makes it dear to the next. Nobody is named."""

    __tablename__ = "exposure"

    sitting: Mapped[Key]
    case_id: Mapped[Key]


class ReadingRow(Table):
    """One trainee reading one case.

    `next_event` is one more than the last number that was kept. `told` is the feedback, made once, after reveal.
    `asked` and `missed`: findings that were to be found, and those of them that were not.
    `is_try`: an educator looks at a case; it counts for nothing.
    """

    __tablename__ = "readings"
    __table_args__ = (
        ForeignKeyConstraint(["case_id", "case_version"], ["cases.id", "cases.version"]),
        Index("readings_of_case", "case_id"),
    )

    id: Mapped[Key]
    trainee: Mapped[Trainees]
    sitting: Mapped[str] = mapped_column(ForeignKey("sittings.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    case_id: Mapped[str]
    case_version: Mapped[str]
    why: Mapped[Body]
    is_try: Mapped[bool]
    began_s: Mapped[float]
    next_event: Mapped[int] = mapped_column(default=0)
    revealed_s: Mapped[float | None]
    share: Mapped[float | None]
    asked: Mapped[int] = mapped_column(default=0)
    missed: Mapped[int] = mapped_column(default=0)
    told: Mapped[str | None] = mapped_column(Text)


class EventRow(Table):
    """An event of a reading, as the client sent it. Rows are added, and never changed."""

    __tablename__ = "events"

    reading: Mapped[str] = mapped_column(ForeignKey("readings.id", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    kept_s: Mapped[float]
    body: Mapped[Body]


class Response(Table):
    """What became of one task of a reading: what statistics of items are taken from."""

    __tablename__ = "responses"
    __table_args__ = (Index("responses_of_item", "case_id", "task"),)

    reading: Mapped[str] = mapped_column(ForeignKey("readings.id", ondelete="CASCADE"), primary_key=True)
    task: Mapped[Key]
    trainee: Mapped[Trainees]
    case_id: Mapped[str]
    scale: Mapped[str]
    share: Mapped[float]
    score: Mapped[int]
    confidence: Mapped[float | None]
    seconds: Mapped[float | None]
    said: Mapped[Body]


class ItemRow(Table):
    """What is believed of a task's difficulty, by all answers so far. It holds nobody's answer."""

    __tablename__ = "items"

    case_id: Mapped[Key]
    task: Mapped[Key]
    steps: Mapped[Body]
    step_sd: Mapped[float]
    slope: Mapped[float]
    slope_sd: Mapped[float]
    guess: Mapped[float]
    answers: Mapped[int]


class AbilityRow(Table):
    """What was believed of an ability after a reading, by the answers on all scales.

    `weights` are by its own answers alone, on the grid of `scenarios.skill.item`.
    """

    __tablename__ = "abilities"

    trainee: Mapped[str] = mapped_column(ForeignKey("trainees.id", ondelete="CASCADE"), primary_key=True)
    scale: Mapped[Key]
    reading: Mapped[str] = mapped_column(ForeignKey("readings.id", ondelete="CASCADE"), primary_key=True)
    at_s: Mapped[float]
    mean: Mapped[float]
    low: Mapped[float]
    high: Mapped[float]
    error: Mapped[float]
    weights: Mapped[Body]


class ReviewRow(Table):
    """When another case of a concept is due (fsrs)."""

    __tablename__ = "reviews"

    trainee: Mapped[str] = mapped_column(ForeignKey("trainees.id", ondelete="CASCADE"), primary_key=True)
    concept: Mapped[Key]
    due_s: Mapped[float] = mapped_column(index=True)
    card: Mapped[Body]


class StatementRow(Table):
    """An xAPI statement on its way. `sent_s`: a record store has it; `refused`: what it said in place of taking it."""

    __tablename__ = "statements"

    id: Mapped[Key]
    trainee: Mapped[Trainees]
    body: Mapped[Body]
    made_s: Mapped[float] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(default=0)
    sent_s: Mapped[float | None]
    refused: Mapped[str | None] = mapped_column(Text)


class LaunchNonce(Table):
    """A nonce of an LTI launch that was used: it opens nothing a second time."""

    __tablename__ = "launch_nonces"

    nonce: Mapped[Key]
    until_s: Mapped[float]


class LaunchedFrom(Table):
    """Who a trainee is to a learning platform (LTI 1.3)."""

    __tablename__ = "launches"

    issuer: Mapped[Key]
    subject: Mapped[Key]
    trainee: Mapped[Trainees]


class GradeRow(Table):
    """A grade that a platform wants for a link by which a trainee came, and that is on its way there.

    `mode`, `case_id`: what the link opens, and so what is graded. There is no `share` before there is a grade; the
    newest takes the place of one that waits. `sent_s`: the platform has it; `refused`: what it said in place of that.
    """

    __tablename__ = "grades"

    issuer: Mapped[Key]
    subject: Mapped[Key]
    line_item: Mapped[Key]
    trainee: Mapped[Trainees]
    client_id: Mapped[str]
    mode: Mapped[str]
    case_id: Mapped[str | None]
    since_s: Mapped[float]
    share: Mapped[float | None]
    at_s: Mapped[float | None]
    tries: Mapped[int] = mapped_column(default=0)
    sent_s: Mapped[float | None]
    refused: Mapped[str | None] = mapped_column(Text)
