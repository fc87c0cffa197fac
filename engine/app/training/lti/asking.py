"""How platforms are asked: no redirects, which would take a token elsewhere; no proxies; never without an end."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from engine.app.training.sending import Unreachable

TIMEOUT_S = 20.0
#: No answer is longer.
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: posted where there is `data`."""

    address: str
    data: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes = field(repr=False)

    @property
    def is_good(self) -> bool:
        """It was done."""
        return 200 <= self.status < 300


#: Asks a platform. Raises Unreachable where it does not answer; its words name the host alone.
Ask = Callable[[Question], Answer]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_named: object) -> None:
        """Nowhere else: the answer stands as it came."""


def asker() -> Ask:
    """Over TLS that this machine's authorities vouch for."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        _Stay(),
    )

    def ask(question: Question) -> Answer:
        request = urllib.request.Request(  # noqa: S310  https, or this machine: `scenarios.lti.platform`
            question.address, data=question.data, headers=dict(question.headers)
        )
        try:
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                return _whole(answer.status, answer.read(MOST_BYTES + 1), question)
        except urllib.error.HTTPError as error:
            with error:
                return _whole(error.code, error.read(MOST_BYTES + 1), question)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise Unreachable(f"{host_of(question.address)} does not answer: {type(reason).__name__}") from error

    return ask


def _whole(status: int, body: bytes, question: Question) -> Answer:
    if len(body) > MOST_BYTES:
        raise Unreachable(f"{host_of(question.address)} does not end its answer")
    return Answer(status, body)


def host_of(address: str) -> str:
    """All that is said of an address: what follows may hold names."""
    return urlsplit(address).netloc
