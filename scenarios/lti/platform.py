"""Learning platforms as their administrators registered us with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from scenarios.lti.refused import LaunchRefused

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ADDRESSES = ("login", "token", "jwks")
_TEXTS = ("issuer", "client_id", *_ADDRESSES)
_KNOWN = frozenset({*_TEXTS, "deployments", "audience"})


@dataclass(frozen=True, slots=True)
class Platform:
    """A registration with a platform.

    Attributes:
        issuer: as whom it signs.
        client_id: what it calls us.
        deployments: places in it from which launches are taken.
        login: where a browser is sent to be known.
        token: where we ask to be let in with grades.
        jwks: its public keys.
        audience: whom we address when we ask there: usually `token` itself.
    """

    issuer: str
    client_id: str
    deployments: frozenset[str]
    login: str
    token: str
    jwks: str
    audience: str


@dataclass(frozen=True, slots=True)
class Registered:
    """All of them, and the address by which they know this server: `https://HOST[:PORT]`."""

    address: str
    platforms: tuple[Platform, ...]

    def asked(self, issuer: str, client_id: str | None) -> Platform:
        """The registration that a platform means; `client_id` may be left out where it has but one.

        Raises:
            LaunchRefused: it has none such.
        """
        of_issuer = [one for one in self.platforms if one.issuer == issuer]
        if not of_issuer:
            raise LaunchRefused(f"no platform is registered here as issuer {issuer[:200]!r}")
        found = [one for one in of_issuer if client_id in (None, one.client_id)]
        if not found:
            raise LaunchRefused(f"the platform is not registered here with client_id {(client_id or '')[:200]!r}")
        if len(found) > 1:
            raise LaunchRefused("the platform is registered here more than once and does not send its client_id")
        return found[0]

    def is_ours(self, address: str) -> bool:
        """Whether an address leads to this server."""
        url, ours = _split(address), urlsplit(self.address)
        return url is not None and (url.scheme, url.netloc.lower()) == (ours.scheme, ours.netloc.lower())


class Mistakes(Exception):
    """What is wrong with a registration: every mistake, with its place."""

    def __init__(self, told: Sequence[str]) -> None:
        super().__init__("; ".join(told))
        self.told = tuple(told)


def registered(table: Mapping[str, object]) -> Registered:
    """As it was written: `address`, and a table `platform` for each registration.

    Raises:
        Mistakes: all of them.
    """
    wrong = [f"{name}: there is no such setting" for name in table if name not in ("address", "platform")]
    address = str(table.get("address") or "").rstrip("/")
    if why := not_our_address(address):
        wrong.append(f"address: {why}")
    rows = table.get("platform")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise Mistakes([*wrong, "platform: at least one [[platform]] is to be given"])
    for n, row in enumerate(rows, 1):
        wrong.extend(f"platform {n}: {told}" for told in _wrong(row))
    names = [(row.get("issuer"), row.get("client_id")) for row in rows]
    for n, name in enumerate(names, 1):
        if name in names[: n - 1]:
            wrong.append(f"platform {n}: its issuer and client_id stand there twice")
    if wrong:
        raise Mistakes(wrong)
    return Registered(address, tuple(_platform(row) for row in rows))


def _platform(row: Mapping[str, object]) -> Platform:
    text = {name: str(row[name]) for name in _TEXTS}
    deployments = row["deployments"]
    assert isinstance(deployments, list)
    return Platform(**text, deployments=frozenset(deployments), audience=str(row.get("audience") or text["token"]))


def _wrong(row: Mapping[str, object]) -> Iterator[str]:
    for name in row:
        if name not in _KNOWN:
            yield f"{name}: there is no such setting"
    for name in (*_TEXTS, *(("audience",) if "audience" in row else ())):
        value = row.get(name)
        if value is None:
            yield f"{name}: is missing"
        elif not isinstance(value, str) or not value.strip() or value != value.strip():
            yield f"{name}: is to be a text without spaces around it"
        elif name in _ADDRESSES and (why := _not_an_address(value)):
            yield f"{name}: {why}"
    deployments = row.get("deployments")
    if (
        not isinstance(deployments, list)
        or not deployments
        or not all(isinstance(one, str) and one for one in deployments)
    ):
        yield 'deployments: at least one is to be given, as texts: ["1"]'


def _not_an_address(value: str) -> str | None:
    """Why a request must not go there; None where it may: over TLS, or to this machine."""
    url = _split(value)
    if url is None or url.scheme not in ("http", "https") or not url.hostname:
        return f"{value!r} is no address (https://HOST…)"
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        return f"{value!r} is not encrypted: beyond this machine it is to be https://"
    if url.username or url.password or url.fragment:
        return f"{value!r} is to have no user, password or fragment"
    return None


def may_be_asked(address: str) -> bool:
    """Whether a token may travel to an address: over TLS, or to this machine."""
    return _not_an_address(address) is None


def not_our_address(value: str) -> str | None:
    """Why this is no address of a server of ours; None where it is."""
    if why := _not_an_address(value):
        return why
    url = urlsplit(value)
    return f"{value!r} is to be host and port alone" if url.path or url.query else None


def _split(value: str) -> SplitResult | None:
    try:
        url = urlsplit(value)
        _ = url.port  # a port that is none is found when it is asked for
    except ValueError:
        return None
    return url if value.isascii() and value.isprintable() and " " not in value else None
