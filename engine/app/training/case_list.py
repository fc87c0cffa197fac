"""Every case that was published, as an educator sees it."""

from __future__ import annotations

from sqlalchemy import func, select

from engine.app.training.messages import CaseList, CaseListed
from engine.app.training.store import Store
from engine.app.training.tables import PublishedCase, ReadingRow
from scenarios.case.case import Case


def case_list(store: Store) -> CaseList:
    """Every case, as its newest version, by topic and title."""
    with store.reading() as session:
        newest = {
            row.id: row
            for row in session.scalars(
                select(PublishedCase).where(PublishedCase.is_trial.is_(False)).order_by(PublishedCase.published_s)
            )
        }
        done = select(ReadingRow.case_id, func.count()).where(ReadingRow.share.is_not(None))
        counts: dict[str, int] = {case: int(n) for case, n in session.execute(done.group_by(ReadingRow.case_id))}
    listed = [listed_case(row, counts.get(row.id, 0)) for row in newest.values()]
    return CaseList(cases=tuple(sorted(listed, key=lambda one: (one.topic, one.title, one.id))))


def listed_case(row: PublishedCase, readings: int) -> CaseListed:
    """A published version, in a row."""
    case = Case.model_validate_json(row.body)
    return CaseListed(
        id=case.id,
        version=case.version,
        title=case.title,
        topic=case.topic,
        concept=case.concept,
        prevalence=case.prevalence,
        synthetic=case.is_synthetic,
        published_s=row.published_s,
        is_open=row.is_open,
        readings=readings,
    )
