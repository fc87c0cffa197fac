"""Who may connect: host names, origins, and the tokens that were given out. Pure decisions.

Loopback needs no token: only this machine's users reach it, and the Host check keeps other pages
from reaching it through DNS rebinding. Beyond loopback every request needs the token of a grant.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.stream.pairing import PairingDesk
from engine.stream.roles import Role

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})

#: The name of whoever comes over loopback without a token.
LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who was let in: a name that the session made, and what they are in it."""

    id: str
    role: Role

    def __str__(self) -> str:
        return f"{self.role} {self.id}"


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of one server.

    Attributes:
        hosts: host names this server answers to, without port.
        desk: the grants.
        open_role: what somebody without a token is; None lets nobody in without.
    """

    hosts: frozenset[str]
    desk: PairingDesk
    open_role: Role | None = None

    def host_allowed(self, host_header: str | None) -> bool:
        """Whether the Host header names this server (RFC 9110 section 7.2)."""
        return host_header is not None and _host_of(f"//{host_header}") in self.hosts

    def origin_allowed(self, origin: str | None, host_header: str | None) -> bool:
        """Whether a request comes from this server's own page, or from no page at all."""
        if origin is None:
            return True
        return host_header is not None and urlsplit(origin).netloc == host_header and self.host_allowed(host_header)

    def who(self, token: str | None, now_s: float) -> Who | None:
        """Who shows this token; None where nobody may come in with it."""
        found = self.desk.role_of(token, now_s) if token else None
        if found is not None:
            return Who(*found)
        return None if self.open_role is None else Who(LOCAL, self.open_role)

    def still(self, who: Who, now_s: float) -> Who | None:
        """The same person now: with the role that they have meanwhile, or None where they were sent out."""
        if who.id == LOCAL:
            return None if self.open_role is None else Who(LOCAL, self.open_role)
        role = self.desk.role_now(who.id, now_s)
        return None if role is None else Who(who.id, role)


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
