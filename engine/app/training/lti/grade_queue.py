"""Grades on their way to a platform: kept until it has them, the newest of each, however often a server starts anew."""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, func, select, update

from engine.app.training.lti.asking import Answer, Ask, Question, host_of
from engine.app.training.lti.key import OwnKey
from engine.app.training.record_store import Waiting
from engine.app.training.sending import Refused, Unreachable
from engine.app.training.store import Store
from engine.app.training.tables import GradeRow
from scenarios.lti.claims import SCORE
from scenarios.lti.platform import Platform
from scenarios.lti.score import KIND, score, scores_of

#: Grades of one turn.
BATCH = 50
#: Moments that a platform may call too early before its word is taken for a refusal; each is twice as far off as the
#: last, beginning with the next second: Moodle compares whole ones.
MOST_EARLY = 8
#: What it will not take, however often it is sent: the rest may pass.
_REFUSALS = frozenset({400, 403, 404, 405, 410, 413, 415, 422})
_UNAUTHORIZED, _CONFLICT = 401, 409
#: How long an assertion holds, and how long before its end a token is no longer used.
ASSERTION_S = 300
MARGIN_S = 60.0
_ASSERTS = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CODE = re.compile(r"[a-z_]{1,40}")


class Early(Exception):
    """The platform has a grade of a moment that is no earlier."""


#: Sends a score (`scenarios.lti.score`) of a line item. Raises Unreachable, Refused or Early.
Post = Callable[[str, bytes], None]


class ScoreService:
    """Not a value: a platform's, and the token by which it lets us in."""

    def __init__(self, platform: Platform, key: OwnKey, ask: Ask, clock: Callable[[], float]) -> None:
        self._platform = platform
        self._key = key
        self._ask = ask
        self._clock = clock
        self._token = ""
        self._until_s = float("-inf")

    def post(self, line_item: str, message: bytes) -> None:
        """Send a score.

        Raises:
            Unreachable: it was not taken now, and may be later.
            Refused: it will not be taken.
            Early: it is of a moment that is no later than the last.
        """
        answer = self._posted(line_item, message)
        if answer.status == _UNAUTHORIZED:  # a token that it no longer knows
            self._until_s = float("-inf")
            answer = self._posted(line_item, message)
        if answer.is_good:
            return
        if answer.status == _CONFLICT:
            raise Early
        if answer.status in _REFUSALS:
            said = answer.body[:300].decode(errors="replace").replace(self._token, "…")
            raise Refused(f"{answer.status} {said}".strip())
        raise Unreachable(f"{host_of(line_item)} answers {answer.status}")

    def _posted(self, line_item: str, message: bytes) -> Answer:
        headers = {"content-type": KIND, "authorization": f"Bearer {self._let_in()}"}
        return self._ask(Question(scores_of(line_item), message, headers))

    def _let_in(self) -> str:
        """A token, the one that we have as long as it holds (RFC 6749 section 4.4, RFC 7523)."""
        if self._clock() < self._until_s:
            return self._token
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTS,
            "client_assertion": self._assertion(),
            "scope": SCORE,
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        answer = self._ask(Question(self._platform.token, urlencode(form).encode(), headers))
        try:
            told = json.loads(answer.body)
            token, seconds = told.get("access_token"), float(told.get("expires_in", 3600))
        except (ValueError, TypeError, AttributeError):
            told, token, seconds = {}, None, 0.0
        if not answer.is_good or not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise Unreachable(
                f"{host_of(self._platform.token)} lets us in with no grades: {answer.status}{_code(told)}"
            )
        self._token, self._until_s = token, self._clock() + seconds - MARGIN_S
        return token

    def _assertion(self) -> str:
        platform, now_s = self._platform, int(self._clock())
        return self._key.signed(
            {
                "iss": platform.client_id,
                "sub": platform.client_id,
                "aud": platform.audience,
                "iat": now_s,
                "exp": now_s + ASSERTION_S,
                "jti": secrets.token_hex(16),
            }
        )


def _code(told: object) -> str:
    """The error that OAuth has a name for."""
    code = told.get("error") if isinstance(told, dict) else None
    return f" {code}" if isinstance(code, str) and _CODE.fullmatch(code) else ""


@dataclass(frozen=True, slots=True)
class _Due:
    key: tuple[str, str, str]
    message: bytes
    at_s: float


class GradeQueue:
    """Not a value: grades of a store of ours that a platform does not have yet."""

    def __init__(self, store: Store, platform: Platform, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._mine: tuple[ColumnElement[bool], ...] = (
            GradeRow.issuer == platform.issuer,
            GradeRow.client_id == platform.client_id,
            GradeRow.share.is_not(None),
            GradeRow.sent_s.is_(None),
        )

    def waiting(self) -> Waiting:
        """How it stands."""
        count = select(func.count()).select_from(GradeRow).where(*self._mine)
        with self._store.reading() as session:
            return Waiting(
                session.scalar(count.where(GradeRow.refused.is_(None))) or 0,
                session.scalar(count.where(GradeRow.refused.is_not(None))) or 0,
            )

    def try_again(self) -> None:
        """What was refused may be taken now: the server was started anew, perhaps for that."""
        with self._store.transaction() as session:
            session.execute(update(GradeRow).where(*self._mine).values(refused=None, tries=0))

    def send_some(self, post: Post) -> int:
        """Send what waits, what was tried least first; how many the platform has now.

        Raises:
            Unreachable: none is lost.
        """
        sent = 0
        for due in self._due():
            try:
                post(due.key[2], due.message)
            except Early:
                self._early(due)
            except Refused as why:
                self._became(due, refused=str(why))
            except Unreachable:
                self._became(due)
                raise
            else:
                sent += 1
                self._became(due, sent_s=self._clock())
        return sent

    def _due(self) -> list[_Due]:
        query = select(GradeRow).where(*self._mine, GradeRow.refused.is_(None), GradeRow.at_s <= self._clock())
        with self._store.reading() as session:
            rows = list(session.scalars(query.order_by(GradeRow.tries, GradeRow.at_s).limit(BATCH)))
        return [_due(row) for row in rows]

    def _became(self, due: _Due, *, sent_s: float | None = None, refused: str | None = None) -> None:
        """What became of a grade, unless a newer one has taken its place."""
        with self._store.transaction() as session:
            row = session.get(GradeRow, due.key)
            if row is not None and row.at_s == due.at_s:
                row.tries, row.sent_s, row.refused = row.tries + 1, sent_s, refused

    def _early(self, due: _Due) -> None:
        """The grade is the newest that there is, so it is of a later moment, and waits for that.

        It was the second within a second, an answer was lost, or clocks differ.
        """
        with self._store.transaction() as session:
            row = session.get(GradeRow, due.key)
            if row is not None and row.at_s == due.at_s:
                row.at_s = max(math.floor(self._clock()) + 2.0**row.tries, due.at_s + 0.001)
                row.tries += 1
                if row.tries >= MOST_EARLY:
                    row.refused = f"{_CONFLICT} the platform has a later grade"


def _due(row: GradeRow) -> _Due:
    assert row.share is not None
    at_s = row.at_s or 0.0
    is_last = row.mode == "exam" or row.case_id is not None
    message = score(row.subject, row.share, "Completed" if is_last else "Submitted", at_s)
    return _Due((row.issuer, row.subject, row.line_item), message, at_s)
