"""Trainees' data are theirs: where they stand, all that is kept of them to take away, and its end."""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from collections.abc import Sequence

from sqlalchemy import delete, inspect, select

from engine.app.training.messages import AbilityAt, AbilityOver, CaseRead, Due, Progress, TopicRead
from engine.app.training.practice import SCALES
from engine.app.training.school import School
from engine.app.training.store import Store
from engine.app.training.tables import (
    AbilityRow,
    Device,
    EventRow,
    Exposed,
    GradeRow,
    LaunchedFrom,
    ReadingRow,
    Response,
    ReviewRow,
    Sitting,
    StatementRow,
    Table,
    Trainee,
)
from engine.core.errors import InvalidValue

#: Whatever hangs on a trainee, with the column that says so.
_OF_TRAINEE: tuple[type[Table], ...] = (
    Sitting, ReadingRow, Response, AbilityRow, ReviewRow, StatementRow, Device, LaunchedFrom, GradeRow,
)  # fmt: skip
#: Of a device it is told that there is one; its token's hash is no use to anybody.
_SECRET = {"token_sha256"}


def progress(school: School, trainee: str, now_s: float) -> Progress:
    """Where a trainee stands."""
    with school.store.reading() as session:
        abilities = list(
            session.scalars(select(AbilityRow).where(AbilityRow.trainee == trainee).order_by(AbilityRow.at_s))
        )
        query = select(ReadingRow).where(ReadingRow.trainee == trainee, ReadingRow.share.is_not(None))
        readings = list(session.scalars(query.order_by(ReadingRow.began_s)))
        reviews = list(session.scalars(select(ReviewRow).where(ReviewRow.trainee == trainee).order_by(ReviewRow.due_s)))
    over = [
        AbilityOver(
            scale=scale,
            over=tuple(
                AbilityAt(at_s=row.at_s, mean=row.mean, low=row.low, high=row.high)
                for row in abilities
                if row.scale == scale
            ),
        )
        for scale in SCALES
    ]
    return Progress(
        abilities=tuple(over),
        curriculum=_curriculum(school, readings),
        reviews=tuple(Due(concept=row.concept, due_s=row.due_s, is_due=row.due_s <= now_s) for row in reviews),
        readings=tuple(
            CaseRead(
                reading=row.id,
                case=row.case_id,
                title=school.shelved(row.case_id, row.case_version).case.title,
                at_s=row.began_s,
                share=row.share or 0.0,
            )
            for row in readings
        ),
    )


def _curriculum(school: School, readings: Sequence[ReadingRow]) -> tuple[TopicRead, ...]:
    read = {row.case_id for row in readings}
    cases = [one.case for one in school.cases]
    told = []
    for topic in sorted({case.topic for case in cases}):
        of_it = [case for case in cases if case.topic == topic]
        seen = [case for case in of_it if case.id in read]
        told.append(
            TopicRead(
                topic=topic,
                cases_read=len(seen),
                cases=len(of_it),
                concepts_read=len({case.concept for case in seen}),
                concepts=len({case.concept for case in of_it}),
            )
        )
    return tuple(told)


def export(store: Store, trainee: str) -> bytes:
    """A ZIP of all that is kept of a trainee: a JSON file a table, and each reading's events as one."""
    file = io.BytesIO()
    with store.reading() as session, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        me = session.get(Trainee, trainee)
        archive.writestr("trainee.json", _json([] if me is None else [_row(me)]))
        for table in _OF_TRAINEE:
            rows = session.scalars(select(table).where(table.trainee == trainee))  # type: ignore[attr-defined]
            archive.writestr(f"{table.__tablename__}.json", _json([_row(row) for row in rows]))
        readings = select(ReadingRow.id).where(ReadingRow.trainee == trainee)
        for reading in session.scalars(readings):
            events = session.scalars(select(EventRow.body).where(EventRow.reading == reading).order_by(EventRow.n))
            archive.writestr(f"events/{reading}.json", _json([json.loads(body) for body in events]))
    return file.getvalue()


def erase(store: Store, trainee: str, name: str) -> None:
    """Delete all that is kept of a trainee. What stays names nobody: difficulties of items, and how often cases came.

    Raises:
        InvalidValue: `name` is not the trainee's.
    """
    with store.transaction() as session:
        me = session.get(Trainee, trainee)
        if me is None or me.name != name:
            raise InvalidValue("write the name as it stands there: everything goes, and nothing comes back")
        sittings = select(Sitting.id).where(Sitting.trainee == trainee)
        for sitting in session.scalars(sittings).all():
            # What a sitting showed still counts for the next learner, under a name that leads nowhere.
            rows = list(session.scalars(select(Exposed).where(Exposed.sitting == sitting)))
            session.execute(delete(Exposed).where(Exposed.sitting == sitting))
            anew = f"erased-{secrets.token_hex(8)}"
            session.add_all(Exposed(sitting=anew, case_id=row.case_id) for row in rows)
        session.delete(me)
    store.tidy()


def _row(row: Table) -> dict[str, object]:
    return {one.key: getattr(row, one.key) for one in inspect(type(row)).columns if one.key not in _SECRET}


def _json(rows: list[dict[str, object]]) -> str:
    return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False)
