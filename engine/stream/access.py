"""Who may connect: host names, origins and the session token. Pure decisions.

Loopback needs no token: only this machine's users reach it, and the Host check keeps other pages
from reaching it through DNS rebinding. Beyond loopback every request needs the token.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of one server.

    Attributes:
        hosts: host names this server answers to, without port.
        token: the session's secret, or None on loopback.
    """

    hosts: frozenset[str]
    token: str | None = None

    def host_allowed(self, host_header: str | None) -> bool:
        """Whether the Host header names this server (RFC 9110 section 7.2)."""
        return host_header is not None and _host_of(f"//{host_header}") in self.hosts

    def origin_allowed(self, origin: str | None, host_header: str | None) -> bool:
        """Whether a request comes from this server's own page, or from no page at all."""
        if origin is None:
            return True
        return host_header is not None and urlsplit(origin).netloc == host_header and self.host_allowed(host_header)

    def token_allowed(self, token: str | None) -> bool:
        """Whether `token` opens the session, compared in constant time."""
        return self.token is None or (token is not None and hmac.compare_digest(token.encode(), self.token.encode()))


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
