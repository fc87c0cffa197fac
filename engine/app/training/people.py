"""Who reads: trainees, their devices, and who was let in. Every method is one transaction."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from engine.app.training.messages import Learner
from engine.app.training.store import Store
from engine.app.training.tables import Device, KeptGrant, Trainee
from engine.core.errors import InvalidValue

MOST_NAME = 60


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Known:
    """A trainee and, where the device is new, the token that it must show from now on."""

    trainee: str
    token: str | None


def somebody(session: Session, name: str | None, *, is_educator: bool, now_s: float) -> Trainee:
    """Somebody who was not here before, called `name`; by a number where that is nothing that can be shown."""
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in name or "").split())[:MOST_NAME]
    if not name:
        count = session.scalar(select(func.count()).select_from(Trainee)) or 0
        name = "Educator" if is_educator else f"Trainee {count + 1}"
    trainee = Trainee(id=secrets.token_hex(8), name=name.strip(), is_educator=is_educator, since_s=now_s)
    session.add(trainee)
    session.flush()
    return trainee


class People:
    """Not a value: a view of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        #: Trainees by the hash of a device's token: every request asks.
        self._met: dict[str, str] = {}

    def known(self, token: str | None, *, is_educator: bool, now_s: float) -> Known:
        """Whose device shows this token; somebody new where nobody's does."""
        if token and (found := self.of_token(token)):
            return Known(found, None)
        with self._store.transaction() as session:
            trainee = somebody(session, None, is_educator=is_educator, now_s=now_s)
            token = secrets.token_hex(32)
            session.add(Device(token_sha256=token_hash(token), trainee=trainee.id, since_s=now_s))
        self._met[token_hash(token)] = trainee.id
        return Known(trainee.id, token)

    def met(self, token: str | None) -> str | None:
        """Whose device showed this token before, without asking the store."""
        return self._met.get(token_hash(token)) if token else None

    def of_token(self, token: str) -> str | None:
        """Whose device shows this token."""
        key = token_hash(token)
        if key not in self._met:
            with self._store.reading() as session:
                device = session.get(Device, key)
            if device is None:
                return None
            self._met[key] = device.trainee
        return self._met.get(key)

    def forget(self, trainee: str) -> None:
        """Somebody whose data were erased."""
        for key in [key for key, met in self._met.items() if met == trainee]:
            del self._met[key]

    def new_device(self, trainee: str, now_s: float) -> str:
        """A token for one more device of a trainee.

        Raises:
            InvalidValue: there is no such trainee (any more).
        """
        token = secrets.token_hex(32)
        with self._store.transaction() as session:
            if session.get(Trainee, trainee) is None:
                raise InvalidValue("nobody of that name reads here")
            session.add(Device(token_sha256=token_hash(token), trainee=trainee, since_s=now_s))
        return token

    def learner(self, trainee: str, role: str) -> Learner:
        """As the page is told.

        Raises:
            InvalidValue: there is no such trainee (any more).
        """
        with self._store.reading() as session:
            row = session.get(Trainee, trainee)
            if row is None:
                raise InvalidValue("nobody of that name reads here")
            return Learner(id=row.id, name=row.name, role="educator" if role == "educator" else "trainee")

    def rename(self, trainee: str, name: str) -> None:
        """What a trainee wishes to be called.

        Raises:
            InvalidValue: nothing, or too long.
        """
        name = " ".join(name.split())
        if not 0 < len(name) <= MOST_NAME or not name.isprintable():
            raise InvalidValue(f"a name is 1 to {MOST_NAME} letters")
        with self._store.transaction() as session:
            row = session.get(Trainee, trainee)
            if row is not None:
                row.name = name

    def keep_grant(self, grant: str, role: str, token: str, until_s: float) -> None:
        """Remember who was let in, so that a new start of the server does not send them out."""
        kept = KeptGrant(id=grant, role=role, token_sha256=token_hash(token), until_s=until_s)
        with self._store.transaction() as session:
            session.merge(kept)

    def grants(self, now_s: float) -> list[KeptGrant]:
        """Grants that still hold; the others are forgotten."""
        with self._store.transaction() as session:
            session.execute(delete(KeptGrant).where(KeptGrant.until_s <= now_s))
            return list(session.scalars(select(KeptGrant)))
