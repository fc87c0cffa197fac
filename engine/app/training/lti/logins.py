"""Logins on their way through the platform. Nothing of them is kept: what a launch must bring back is signed.

A state holds for one browser, which shows a cookie, and for `LAUNCH_S`. The key is the process's own: a login during
which the server was started anew is begun again from the course.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import jwt

from engine.app.training.people import token_hash
from scenarios.lti.launch import LAUNCH_S
from scenarios.lti.platform import Platform
from scenarios.lti.refused import LaunchRefused

_JWS = jwt.PyJWS(algorithms=["HS256"])
_BROWSER = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Login:
    """A login that was begun: where, and the nonce that its token is to hold."""

    issuer: str
    client_id: str
    nonce: str


class Logins:
    """Not a value: it holds the key."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def state(self, platform: Platform, nonce: str, browser: str) -> str:
        """What the platform hands back unread."""
        told = {
            "issuer": platform.issuer,
            "client_id": platform.client_id,
            "nonce": nonce,
            "browser": token_hash(browser),
            "until_s": self._clock() + LAUNCH_S,
        }
        return _JWS.encode(json.dumps(told).encode(), self._key, "HS256")

    def login(self, state: str, browser: str | None) -> Login:
        """The login that a state belongs to.

        Raises:
            LaunchRefused: it is none of ours, of another browser, or over.
        """
        try:
            told = json.loads(_JWS.decode(state, self._key, algorithms=["HS256"]))
        except jwt.PyJWTError:
            raise LaunchRefused(
                "the launch was not begun here, or before the server was started anew (state)"
            ) from None
        if browser is None:
            raise LaunchRefused(
                "the browser does not show the cookie of its login: the link is to open in a new window, not in a frame"
            )
        if not hmac.compare_digest(told["browser"], token_hash(browser)):
            raise LaunchRefused("the launch was begun by another browser (state)")
        if told["until_s"] <= self._clock():
            raise LaunchRefused(f"the launch took longer than {LAUNCH_S / 60:.0f} minutes (state)")
        return Login(told["issuer"], told["client_id"], told["nonce"])


def browser_of(cookie: str | None) -> str:
    """The browser's own secret, the one that it has: two links may be followed at once."""
    return cookie if cookie and _BROWSER.fullmatch(cookie) else secrets.token_hex(32)
