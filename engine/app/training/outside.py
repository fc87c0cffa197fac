"""What record stores and learning platforms are to be told of a reading: kept with it, so that none lacks the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.app.training.assess import Assessed
from engine.app.training.grades import note_grades
from engine.app.training.practice import Learned
from engine.app.training.tables import ReadingRow, StatementRow
from scenarios.case.case import Case
from scenarios.xapi import cmi5
from scenarios.xapi.statement import Statement


@dataclass(frozen=True, slots=True)
class Ours:
    """What this installation is to the outside.

    Attributes:
        home: its address, by which its statements name trainees and cases.
        mastery: share of a case's points from which it is passed.
    """

    home: str = "https://sightline.invalid"
    mastery: float = 0.5


def tell_began(session: Session, ours: Ours, row: ReadingRow, case: Case) -> None:
    """A reading has begun."""
    _say(session, row.trainee, [cmi5.begun(_reading(ours, row, case))], row.began_s)


def tell_ended(
    session: Session, ours: Ours, row: ReadingRow, case: Case, made: Assessed, learned: Learned, at_s: float
) -> None:
    """A reading was scored."""
    earlier = select(func.count()).where(
        ReadingRow.trainee == row.trainee,
        ReadingRow.case_id == case.id,
        ReadingRow.id != row.id,
        ReadingRow.share >= ours.mastery,
    )
    after = learned.after
    about: dict[str, float | str] = {f"theta-{scale}": round(one.mean, 4) for scale, one in after.items()}
    about |= {f"theta-se-{scale}": round(one.error, 4) for scale, one in after.items()}
    answers = tuple(
        cmi5.Answered(one.task, one.share, made.standing.work[one.task.id].answer, one.confidence, one.seconds)
        for one in made.scored.tasks
    )
    told = _reading(
        ours,
        row,
        case,
        seconds=made.standing.seconds,
        share=made.scored.share,
        answers=answers,
        was_passed=bool(session.scalar(earlier)),
        about=about,
    )
    _say(session, row.trainee, cmi5.ended(told), at_s)
    note_grades(session, row.trainee, at_s)


def _reading(ours: Ours, row: ReadingRow, case: Case, **more: object) -> cmi5.Reading:
    return cmi5.Reading(row.id, ours.home, row.trainee, case, row.began_s, mastery=ours.mastery, **more)  # type: ignore[arg-type]


def _say(session: Session, trainee: str, statements: Iterable[Statement], at_s: float) -> None:
    for n, one in enumerate(statements):
        # In the order in which they were made, though many are made at once.
        session.add(StatementRow(id=str(one.id), trainee=trainee, body=one.as_json(), made_s=at_s + 1e-6 * n))
