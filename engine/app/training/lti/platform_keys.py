"""Whether a platform signed a token: RS256 with a key of its own that it publishes, and nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from engine.app.training.lti.asking import Ask, Question
from engine.app.training.sending import Unreachable
from scenarios.lti.platform import Platform
from scenarios.lti.refused import LaunchRefused

ALGORITHM = "RS256"
BITS = 2048
#: Keys are believed for so long; for one that is not among them they are fetched again, but no more often than this.
KEYS_S = 3600.0
AGAIN_S = 30.0
_JWS = jwt.PyJWS(algorithms=[ALGORITHM])


@dataclass(slots=True)
class _Kept:
    """Keys of a platform by their names, since when, and when they were last asked for. Not a value."""

    keys: dict[str, RSAPublicKey] = field(default_factory=dict)
    since_s: float = float("-inf")
    asked_s: float = float("-inf")
    turn: threading.Lock = field(default_factory=threading.Lock)


class PlatformKeys:
    """Not a value: the public keys of platforms, as they were fetched."""

    def __init__(self, ask: Ask, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._adding = threading.Lock()

    def payload(self, token: str, platform: Platform) -> bytes:
        """What a token says that the platform signed.

        Raises:
            LaunchRefused: it did not.
        """
        try:
            header = _JWS.get_unverified_header(token)
        except jwt.PyJWTError:
            raise LaunchRefused("what was sent is no token") from None
        if header.get("alg") != ALGORITHM:
            raise LaunchRefused(f"the token is not signed by {ALGORITHM}")
        kid = header.get("kid")
        if not isinstance(kid, str) or "crit" in header:
            raise LaunchRefused("the token does not name its key (kid), or asks for more than is known here (crit)")
        key = self._key(platform, kid)
        try:
            return bytes(_JWS.decode(token, key, algorithms=[ALGORITHM]))
        except jwt.PyJWTError:
            raise LaunchRefused("the token's signature is not the platform's") from None

    def _key(self, platform: Platform, kid: str) -> RSAPublicKey:
        with self._adding:
            kept = self._kept.setdefault(platform.jwks, _Kept())
        with kept.turn:
            now_s = self._clock()
            is_fresh = now_s - kept.since_s < KEYS_S
            if not (is_fresh and kid in kept.keys) and now_s - kept.asked_s >= AGAIN_S:
                kept.asked_s = now_s
                kept.keys, kept.since_s = self._fetched(platform), now_s
                is_fresh = True
            if not is_fresh:
                raise LaunchRefused("the platform's keys could not be fetched a moment ago")
            found = kept.keys.get(kid)
        if found is None:
            raise LaunchRefused("the token's key (kid) is not among those that the platform publishes")
        return found

    def _fetched(self, platform: Platform) -> dict[str, RSAPublicKey]:
        try:
            answer = self._ask(Question(platform.jwks, headers={"accept": "application/json"}))
        except Unreachable as error:
            raise LaunchRefused(f"the platform's keys cannot be fetched: {error}") from error
        if not answer.is_good:
            raise LaunchRefused(f"the platform's keys cannot be fetched: {answer.status}")
        try:
            rows = json.loads(answer.body)["keys"]
            return dict(pair for row in rows if (pair := _named(row)))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise LaunchRefused("what the platform publishes is no set of keys") from None


def _named(row: dict[str, object]) -> tuple[str, RSAPublicKey] | None:
    """A key that may sign launches, by its name; None for any other."""
    kid = row.get("kid")
    if not isinstance(kid, str) or row.get("kty") != "RSA" or row.get("use", "sig") != "sig":
        return None
    if row.get("alg", ALGORITHM) != ALGORITHM:
        return None
    try:
        key = jwt.PyJWK(row, ALGORITHM).key
    except jwt.PyJWTError:
        return None
    return (kid, key) if isinstance(key, RSAPublicKey) and key.key_size >= BITS else None
