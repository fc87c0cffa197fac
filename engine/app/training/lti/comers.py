"""Who comes from a platform: the same subject is the same trainee next time. One transaction a launch."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine.app.training.grades import note_grades
from engine.app.training.people import somebody
from engine.app.training.store import Store
from engine.app.training.tables import GradeRow, LaunchedFrom, LaunchNonce, Trainee
from scenarios.lti.launch import Launch
from scenarios.lti.platform import Platform
from scenarios.lti.refused import LaunchRefused


def come(store: Store, platform: Platform, launch: Launch, nonce: str, now_s: float) -> str:
    """The trainee who comes by a launch, with where their grades go. Its nonce opens nothing a second time.

    Raises:
        LaunchRefused: the nonce was used before.
    """
    try:
        with store.transaction() as session:
            session.execute(delete(LaunchNonce).where(LaunchNonce.until_s <= now_s))
            if session.get(LaunchNonce, nonce) is not None:
                raise LaunchRefused("this launch was opened before (nonce)")
            session.add(LaunchNonce(nonce=nonce, until_s=launch.until_s))
            trainee = _trainee(session, platform, launch, now_s)
            if launch.line_item is not None:
                _wants_grade(session, platform, launch, launch.line_item, trainee, now_s)
                session.flush()
                note_grades(session, trainee, now_s)
            return trainee
    except IntegrityError:  # two at once, on PostgreSQL
        raise LaunchRefused("this link was opened twice at once") from None


def _trainee(session: Session, platform: Platform, launch: Launch, now_s: float) -> str:
    known = session.get(LaunchedFrom, (platform.issuer, launch.subject))
    if known is None:
        made = somebody(session, launch.name, is_educator=launch.is_educator, now_s=now_s)
        session.add(LaunchedFrom(issuer=platform.issuer, subject=launch.subject, trainee=made.id))
        return made.id
    trainee = session.get(Trainee, known.trainee)
    if trainee is not None:  # their name stays as they have it
        trainee.is_educator = launch.is_educator
    return known.trainee


def _wants_grade(
    session: Session, platform: Platform, launch: Launch, line_item: str, trainee: str, now_s: float
) -> None:
    """The link as it is now; a grade that was refused is tried again."""
    row = session.get(GradeRow, (platform.issuer, launch.subject, line_item))
    if row is None:
        row = GradeRow(
            issuer=platform.issuer, subject=launch.subject, line_item=line_item, trainee=trainee, since_s=now_s, tries=0
        )
        session.add(row)
    row.client_id, row.mode, row.case_id = platform.client_id, launch.opens.mode, launch.opens.case
    row.refused = None
