"""The address that a server prints, taken apart."""

from __future__ import annotations

import pytest

from engine.app.view_address import ServerAddress, parse_address
from engine.core.errors import InvalidValue


@pytest.mark.parametrize(
    ("text", "address", "socket_url"),
    [
        ("http://127.0.0.1:8443/", ServerAddress(False, "127.0.0.1", 8443), "ws://127.0.0.1:8443/ws"),
        (
            "https://10.0.0.7:8443/#pair=a-b_c",
            ServerAddress(True, "10.0.0.7", 8443, "a-b_c"),
            "wss://10.0.0.7:8443/ws",
        ),
        ("  https://ward/#pair=x ", ServerAddress(True, "ward", 443, "x"), "wss://ward:443/ws"),
        ("http://[::1]:9000", ServerAddress(False, "::1", 9000), "ws://[::1]:9000/ws"),
    ],
)
def test_what_a_server_prints_is_understood(text: str, address: ServerAddress, socket_url: str) -> None:
    assert parse_address(text) == address
    assert address.socket_url == socket_url


@pytest.mark.parametrize("text", ["", "nonsense", "ftp://ward/", "https://", "http://ward:port/", "http://ward:99999/"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="is not an address"):
        parse_address(text)
