"""Which addresses this machine is reached at, and how they are shown."""

from __future__ import annotations

import ipaddress
import socket

from engine.stream.access import LOOPBACK_HOSTS


def is_loopback(host: str) -> bool:
    """Whether `host` only reaches this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK_HOSTS


def reachable_hosts(bound: str) -> tuple[str, ...]:
    """Names and addresses that clients may use for a server bound to `bound`, best first."""
    if is_loopback(bound):
        return ("127.0.0.1", "localhost", "::1")
    if bound not in ("0.0.0.0", "::"):  # noqa: S104  compared, not bound
        return (bound,)
    outward = _outward_address()
    return tuple(dict.fromkeys([*([outward] if outward else []), socket.gethostname(), "127.0.0.1", "localhost"]))


def _outward_address() -> str | None:
    """The address of the interface that leads out; connecting a UDP socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737), never routed
        except OSError:
            return None
        return str(probe.getsockname()[0])
