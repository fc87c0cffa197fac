"""Letting somebody in: six digits on the server's screen, or a QR code, for one use and a short time.

Six digits are few, so guessing is made slow: a source that is wrong too often waits, and too many wrong guesses from
anywhere withdraw every offer. What is handed out is a token of 256 bits; the desk keeps its hash alone. Time and
randomness are arguments.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.stream.roles import Role

#: How long an offer stands: time to walk to a headset and put it on.
OFFER_S = 180.0
#: Wrong codes from one source within `WINDOW_S` before it must wait, and from all before offers are withdrawn:
#: with 10^6 codes and a few offers, 20 guesses find one once in ten thousand times.
MOST_WRONG_PER_SOURCE = 5
MOST_WRONG = 20
WINDOW_S = 60.0
#: Offers that stand at once, and sources that are remembered.
MOST_OFFERS = 16
MOST_SOURCES = 4096
CODE_DIGITS = 6
#: How long somebody stays let in: a working day.
GRANT_S = 12 * 3600.0

#: n random bytes, from the operating system in the product.
RandomBytes = Callable[[int], bytes]


class Refusal(StrEnum):
    """Why a code lets nobody in. The same words whether it never was, was used, or is over: guessers learn nothing."""

    WRONG = "this code is not valid: ask for a new one"
    SLOW_DOWN = "too many wrong codes: wait a minute"


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server shows: digits to type, a secret for the QR code, and until when either works."""

    code: str
    secret: str
    role: Role
    until_s: float


@dataclass(frozen=True, slots=True)
class Grant:
    """What was let in: who it is, and the token that it must show from now on."""

    id: str
    role: Role
    token: str


@dataclass(frozen=True, slots=True)
class _Kept:
    role: Role
    token_hash: bytes
    until_s: float


class PairingDesk:
    """Offers made and grants given, of one session."""

    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random = random_bytes
        self._offers: dict[str, Offer] = {}
        self._grants: dict[str, _Kept] = {}
        self._wrong: deque[float] = deque()
        self._wrong_by_source: dict[str, deque[float]] = {}

    def offer(self, role: Role, now_s: float) -> Offer:
        """A new offer; the oldest goes where there are too many."""
        self._expire(now_s)
        code = self._digits()
        while code in self._offers:
            code = self._digits()
        made = Offer(code, self._random(16).hex(), role, now_s + OFFER_S)
        self._offers[code] = made
        while len(self._offers) > MOST_OFFERS:
            del self._offers[next(iter(self._offers))]
        return made

    def redeem(self, code_or_secret: str, source: str, now_s: float) -> Grant | Refusal:
        """Let somebody in who shows the digits or the secret of an offer; it is then used up.

        Args:
            source: where the guess comes from (a network address), for counting wrong ones.
        """
        self._expire(now_s)
        mine = self._wrong_by_source.setdefault(source, deque())
        _forget(mine, now_s)
        if len(mine) >= MOST_WRONG_PER_SOURCE:
            return Refusal.SLOW_DOWN
        found = self._matching(code_or_secret)
        if found is None:
            self._count_wrong(mine, now_s)
            return Refusal.WRONG
        del self._offers[found.code]
        mine.clear()
        return self.admit(found.role, now_s)

    def admit(self, role: Role, now_s: float) -> Grant:
        """Let somebody in without an offer: whoever started the server."""
        grant = Grant(self._random(8).hex(), role, self._random(32).hex())
        self._grants[grant.id] = _Kept(role, _hash(grant.token), now_s + GRANT_S)
        return grant

    def readmit(self, grant: str, role: Role, token_hash: bytes, until_s: float) -> None:
        """Whoever was let in before the server was started anew, by the hash of their token that was kept."""
        self._grants[grant] = _Kept(role, token_hash, until_s)

    def role_of(self, token: str, now_s: float) -> tuple[str, Role] | None:
        """The grant's id and role for a token; None for one that was never given, is over, or was revoked."""
        self._expire(now_s)
        digest = _hash(token)
        # All are compared, so that the time taken tells nothing of which.
        matches = [name for name, kept in self._grants.items() if hmac.compare_digest(kept.token_hash, digest)]
        return (matches[0], self._grants[matches[0]].role) if matches else None

    def role_now(self, grant: str, now_s: float) -> Role | None:
        """The role of a grant; None where it is over or was revoked."""
        kept = self._grants.get(grant)
        return kept.role if kept is not None and now_s < kept.until_s else None

    def members(self, now_s: float) -> dict[str, Role]:
        """Who is let in: id and role of each grant."""
        self._expire(now_s)
        return {name: kept.role for name, kept in self._grants.items()}

    def change_role(self, grant: str, role: Role) -> bool:
        """Give a grant another role; False where there is none such."""
        kept = self._grants.get(grant)
        if kept is None:
            return False
        self._grants[grant] = replace(kept, role=role)
        return True

    def revoke(self, grant: str) -> bool:
        """Take a grant back: its token opens nothing from now on. False where there is none such."""
        return self._grants.pop(grant, None) is not None

    def _digits(self) -> str:
        # 64 bits modulo 10^6: no code is likelier than another by more than 1 in 10^13.
        return f"{int.from_bytes(self._random(8)) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"

    def _matching(self, shown: str) -> Offer | None:
        given = shown.strip().replace(" ", "").encode(errors="surrogatepass")
        matches = [
            offer
            for offer in self._offers.values()
            if hmac.compare_digest(offer.code.encode(), given) | hmac.compare_digest(offer.secret.encode(), given)
        ]
        return matches[0] if matches else None

    def _count_wrong(self, mine: deque[float], now_s: float) -> None:
        mine.append(now_s)
        _forget(self._wrong, now_s)
        self._wrong.append(now_s)
        if len(self._wrong) >= MOST_WRONG:
            self._offers.clear()
            self._wrong.clear()
        while len(self._wrong_by_source) > MOST_SOURCES:
            del self._wrong_by_source[next(iter(self._wrong_by_source))]

    def _expire(self, now_s: float) -> None:
        for code in [code for code, offer in self._offers.items() if offer.until_s <= now_s]:
            del self._offers[code]
        for name in [name for name, kept in self._grants.items() if kept.until_s <= now_s]:
            del self._grants[name]


def _forget(times: deque[float], now_s: float) -> None:
    while times and times[0] <= now_s - WINDOW_S:
        times.popleft()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
