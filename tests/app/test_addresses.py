from __future__ import annotations

import pytest

from engine.app.addresses import is_loopback, reachable_hosts


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "theatre-pc", ""])
def test_everything_else_is_beyond_this_machine(host: str) -> None:
    assert not is_loopback(host)


def test_a_server_bound_to_one_address_is_reached_there_alone() -> None:
    assert reachable_hosts("192.0.2.1") == ("192.0.2.1",)


def test_a_server_bound_everywhere_is_reached_from_this_machine_too() -> None:
    assert "127.0.0.1" in reachable_hosts("0.0.0.0")
