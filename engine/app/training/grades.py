"""What a trainee is graded for each link by which they came from a learning platform.

| link opens | grade |
|---|---|
| a case | share of its points in the first reading: what is there was shown after it |
| an exam | mean share of its cases, once it is over; one in which a case was begun since the link was followed |
| practice | mean share of every case that was read |

Kept in the transaction that keeps what the grade comes from: neither is there without the other.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.app.training import practice
from engine.app.training.tables import GradeRow, ReadingRow, Sitting


def note_grades(session: Session, trainee: str, at_s: float) -> None:
    """A reading was scored, an exam has ended, or a link was followed: a grade that is another now is to be sent."""
    for row in session.scalars(select(GradeRow).where(GradeRow.trainee == trainee)):
        share = _share(session, row)
        if share is not None and share != row.share:
            row.share, row.at_s = share, max(at_s, (row.at_s or 0.0) + 0.001)
            row.tries, row.sent_s, row.refused = 0, None, None


def _share(session: Session, row: GradeRow) -> float | None:
    if row.case_id is not None:
        return _of_case(session, row.trainee, row.case_id)
    if row.mode == "exam":
        return _of_exam(session, row.trainee, row.since_s)
    mean = select(func.avg(ReadingRow.share)).where(ReadingRow.trainee == row.trainee, ReadingRow.is_try.is_(False))
    return _number(session.scalar(mean))


def _of_case(session: Session, trainee: str, case_id: str) -> float | None:
    query = select(ReadingRow.share).where(
        ReadingRow.trainee == trainee,
        ReadingRow.case_id == case_id,
        ReadingRow.share.is_not(None),
        ReadingRow.is_try.is_(False),
    )
    return _number(session.scalars(query.order_by(ReadingRow.began_s).limit(1)).first())


def _of_exam(session: Session, trainee: str, since_s: float) -> float | None:
    """Of the last exam that is over: it was ended, or has all its cases."""
    query = (
        select(Sitting.ended_s, func.count(ReadingRow.share), func.avg(ReadingRow.share))
        .join(ReadingRow, ReadingRow.sitting == Sitting.id)
        .where(Sitting.trainee == trainee, Sitting.mode == "exam", ReadingRow.is_try.is_(False))
        .group_by(Sitting.id, Sitting.began_s, Sitting.ended_s)
        .having(func.max(ReadingRow.began_s) >= since_s)
        .order_by(Sitting.began_s.desc())
    )
    for ended_s, count, mean in session.execute(query):
        if ended_s is not None or count >= practice.RULES["exam"].most:
            return _number(mean)
    return None


def _number(value: object) -> float | None:
    """PostgreSQL and SQLite may give means as other kinds of number."""
    return None if value is None else float(str(value))
