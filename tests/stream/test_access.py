from __future__ import annotations

import pytest

from engine.stream.access import LOOPBACK_HOSTS, Access

LOCAL = Access(LOOPBACK_HOSTS)


@pytest.mark.parametrize("host", ["127.0.0.1:8443", "localhost", "localhost:1", "[::1]:8443"])
def test_loopback_answers_to_its_own_names(host: str) -> None:
    assert LOCAL.host_allowed(host)


@pytest.mark.parametrize(
    "host", [None, "", "evil.example", "127.0.0.1.evil.example:8443", "user@evil.example", "[", "a:b:c"]
)
def test_other_host_names_are_refused_so_that_rebinding_fails(host: str | None) -> None:
    assert not LOCAL.host_allowed(host)


def test_the_servers_own_page_may_ask() -> None:
    assert LOCAL.origin_allowed("http://127.0.0.1:8443", "127.0.0.1:8443")


def test_a_program_without_a_page_may_ask() -> None:
    assert LOCAL.origin_allowed(None, "127.0.0.1:8443")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9", "http://localhost:8443", ""])
def test_other_pages_are_refused(origin: str) -> None:
    assert not LOCAL.origin_allowed(origin, "127.0.0.1:8443")


def test_a_token_is_needed_exactly_when_the_server_has_one() -> None:
    guarded = Access(LOOPBACK_HOSTS, token="secret")
    assert LOCAL.token_allowed(None)
    assert guarded.token_allowed("secret")
    assert not guarded.token_allowed(None)
    assert not guarded.token_allowed("Secret")
    assert not guarded.token_allowed("ünïcode")
