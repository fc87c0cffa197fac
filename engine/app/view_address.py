"""The address that a server prints, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from engine.core.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server is, and the code that lets in; None where none is needed."""

    is_tls: bool
    host: str
    port: int
    code: str | None = None

    @property
    def socket_url(self) -> str:
        """Of the ops lane."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'wss' if self.is_tls else 'ws'}://{host}:{self.port}/ws"


def parse_address(text: str) -> ServerAddress:
    """An address as `sightline serve` prints it: `https://host:port/#pair=…`.

    Raises:
        InvalidValue: it is none.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise InvalidValue(f"{text} is not an address ({error})") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidValue(f"{text} is not an address that `sightline serve` prints: https://host:port/#pair=…")
    is_tls = parts.scheme == "https"
    code = parse_qs(parts.fragment).get("pair", [None])[0]
    return ServerAddress(is_tls, parts.hostname, port or (443 if is_tls else 80), code)
