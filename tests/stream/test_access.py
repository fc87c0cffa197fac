from __future__ import annotations

import random

import pytest

from engine.stream.access import LOOPBACK_HOSTS, Access, Who
from engine.stream.pairing import GRANT_S, PairingDesk
from engine.stream.roles import Role


def desk() -> PairingDesk:
    return PairingDesk(random.Random(1).randbytes)


LOCAL = Access(LOOPBACK_HOSTS, desk(), Role.SURGEON)


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


def test_a_token_is_needed_exactly_where_nobody_comes_in_without() -> None:
    guarded = Access(LOOPBACK_HOSTS, desk())
    grant = guarded.desk.admit(Role.TRAINEE, 0.0)
    assert LOCAL.who(None, 0.0) == Who("local", Role.SURGEON)
    assert guarded.who(grant.token, 0.0) == Who(grant.id, Role.TRAINEE)
    for wrong in (None, "", "nonsense", grant.token.upper() + "x", "ünïcode"):
        assert guarded.who(wrong, 0.0) is None


def test_a_grant_ends_with_its_day() -> None:
    guarded = Access(LOOPBACK_HOSTS, desk())
    grant = guarded.desk.admit(Role.TRAINEE, 0.0)
    who = guarded.who(grant.token, GRANT_S - 1)
    assert who is not None
    assert guarded.still(who, GRANT_S - 1) == who
    assert guarded.still(who, GRANT_S) is None
    assert guarded.who(grant.token, GRANT_S) is None


def test_whoever_shows_a_token_on_loopback_is_who_the_token_says() -> None:
    open_to_all = Access(LOOPBACK_HOSTS, desk(), Role.SURGEON)
    grant = open_to_all.desk.admit(Role.VIEWER, 0.0)
    assert open_to_all.who(grant.token, 0.0) == Who(grant.id, Role.VIEWER)
