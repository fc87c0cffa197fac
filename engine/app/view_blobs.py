"""Blobs from the server, checked against their hashes and held: what is held is never fetched again."""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
import threading
from collections.abc import Set as AbstractSet

from engine.app.view_address import ServerAddress
from engine.core.errors import SightlineError

TIMEOUT_S = 20.0


class BlobUnavailable(SightlineError):
    """The server answered, but not with these bytes."""


class BlobStore:
    """Fetches over one connection a blob; any thread may ask."""

    def __init__(self, address: ServerAddress, context: ssl.SSLContext | None) -> None:
        self._address = address
        self._context = context
        self.cookie: str | None = None
        self._held: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self.fetched = 0

    @property
    def held(self) -> tuple[str, ...]:
        """Hashes of what is held."""
        with self._lock:
            return tuple(self._held)

    def keep(self, wanted: AbstractSet[str]) -> None:
        """Let go of everything else."""
        with self._lock:
            self._held = {name: data for name, data in self._held.items() if name in wanted}

    def let_in(self) -> None:
        """Exchange the code for the cookie that blobs and the socket are asked with: once, it opens no second time.

        Raises:
            OSError: the server cannot be reached.
            BlobUnavailable: it does not take the code.
        """
        if self._address.code is None or self.cookie is not None:
            return
        body = json.dumps({"code": self._address.code})
        status, _, cookie = self._ask("POST", "/api/pair", body, {"Content-Type": "application/json"})
        if status != 204 or cookie is None:
            raise BlobUnavailable(f"the server did not take the code (it answered {status})")
        self.cookie = cookie.partition(";")[0]

    def get(self, sha256: str) -> bytes:
        """The bytes with this hash.

        Raises:
            OSError: the server cannot be reached.
            BlobUnavailable: it has no such blob, or sent other bytes.
        """
        with self._lock:
            known = self._held.get(sha256)
        if known is not None:
            return known
        headers = {"Cookie": self.cookie} if self.cookie else {}
        status, data, _ = self._ask("GET", f"/blob/{sha256}", None, headers)
        if status != 200:
            raise BlobUnavailable(f"a blob was asked for and the server answered {status}")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BlobUnavailable("a blob came with other bytes than it was announced with")
        with self._lock:
            self._held[sha256] = data
            self.fetched += 1
        return data

    def put(self, sha256: str, data: bytes) -> None:
        """Hold what came without being asked for; other bytes than its name says are not."""
        if hashlib.sha256(data).hexdigest() == sha256:
            with self._lock:
                self._held[sha256] = data

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, bytes, str | None]:
        """Status, body and cookie. No redirects, no proxies: nothing is ever asked of another host."""
        host, port = self._address.host, self._address.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._context)
            if self._address.is_tls
            else http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        )
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("Set-Cookie")
        except http.client.HTTPException as error:
            raise ConnectionError(f"the server's answer broke off ({type(error).__name__})") from error
        finally:
            connection.close()
