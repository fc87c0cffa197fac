"""Statements on their way to a learning record store: kept until it has them, sent again until it does.

A statement is taken off the queue only once the store has said that it has it. One that was sent twice is one there:
its id is made from what it says, and a store that has it answers 409 to another of that id, or takes it as the same.
"""

from __future__ import annotations

import base64
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from engine.app.training.sending import Refused, Unreachable
from engine.app.training.store import Store
from engine.app.training.tables import StatementRow
from engine.core.errors import InvalidValue
from scenarios.xapi.statement import VERSION

#: Statements of one request, and how long it may take.
BATCH = 50
TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class RecordStore:
    """Where statements go, and as whom.

    Raises:
        InvalidValue: an address that is none, or a name and password that would travel unencrypted.
    """

    address: str
    user: str
    password: str

    def __post_init__(self) -> None:
        url = urllib.request.Request(self.address) if "://" in self.address else None  # noqa: S310  not opened
        if url is None or url.type not in ("http", "https"):
            raise InvalidValue("a record store has an address, http(s)://HOST/xAPI")
        if url.type == "http" and url.host.rpartition(":")[0].strip("[]") not in ("127.0.0.1", "localhost", "::1"):
            raise InvalidValue("beyond this machine a record store is asked over https: a password goes with it")


#: Sends a JSON list of statements.
Send = Callable[[Sequence[str]], None]


def sender(store: RecordStore) -> Send:
    """How statements are sent to a store."""
    token = base64.b64encode(f"{store.user}:{store.password}".encode()).decode()
    headers = {
        "content-type": "application/json",
        "x-experience-api-version": VERSION,
        "authorization": f"Basic {token}",
    }
    handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=ssl.create_default_context())]
    opener = urllib.request.build_opener(*handlers)
    address = f"{store.address.rstrip('/')}/statements"

    def send(bodies: Sequence[str]) -> None:
        request = urllib.request.Request(  # noqa: S310  checked above
            address, data=f"[{','.join(bodies)}]".encode(), headers=headers, method="POST"
        )
        try:
            with opener.open(request, timeout=TIMEOUT_S):
                return
        except urllib.error.HTTPError as error:
            said = error.read(500).decode(errors="replace")
            if error.code in (400, 409, 413, 422):
                raise Refused(f"{error.code} {said}") from error
            raise Unreachable(f"{error.code} {said}") from error  # access, waiting, its own trouble: all may pass
        except OSError as error:
            raise Unreachable(str(error)) from error

    return send


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many statements wait, and how many the store refused."""

    waiting: int
    refused: int


class StatementQueue:
    """Not a value: the statements of a store of ours that no record store has yet."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    def waiting(self) -> Waiting:
        """How it stands."""
        unsent = StatementRow.sent_s.is_(None)
        with self._store.reading() as session:
            count = select(func.count()).select_from(StatementRow)
            return Waiting(
                session.scalar(count.where(unsent, StatementRow.refused.is_(None))) or 0,
                session.scalar(count.where(unsent, StatementRow.refused.is_not(None))) or 0,
            )

    def send_some(self, send: Send) -> int:
        """Send the oldest; how many the record store has now.

        Raises:
            Unreachable: none of them is lost.
        """
        query = select(StatementRow.id, StatementRow.body).where(
            StatementRow.sent_s.is_(None), StatementRow.refused.is_(None)
        )
        with self._store.reading() as session:
            rows = [(key, body) for key, body in session.execute(query.order_by(StatementRow.made_s).limit(BATCH))]
        if not rows:
            return 0
        try:
            send([body for _, body in rows])
        except Refused as refused:
            return self._one_by_one(rows, send) if len(rows) > 1 else self._refused(rows[0][0], str(refused))
        self._sent([key for key, _ in rows])
        return len(rows)

    def _one_by_one(self, rows: Sequence[tuple[str, str]], send: Send) -> int:
        """A store refuses a list for one of it: each is sent alone."""
        done = 0
        for key, body in rows:
            try:
                send([body])
            except Refused as refused:
                done += self._refused(key, str(refused))
            else:
                self._sent([key])
                done += 1
        return done

    def _sent(self, keys: Sequence[str]) -> None:
        with self._store.transaction() as session:
            for row in session.scalars(select(StatementRow).where(StatementRow.id.in_(keys))):
                row.sent_s, row.tries = self._clock(), row.tries + 1

    def _refused(self, key: str, why: str) -> int:
        """A statement that the store has already (409) is there; any other is kept, with what was said of it."""
        has_it = why.startswith("409")
        with self._store.transaction() as session:
            row = session.get(StatementRow, key)
            if row is not None:
                row.tries += 1
                if has_it:
                    row.sent_s = self._clock()
                else:
                    row.refused = why
        return 1 if has_it else 0
