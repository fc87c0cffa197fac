"""From an address to a device: the one way in for every tracker, recording, simulation and camera."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from engine.core.errors import InvalidValue
from guidance.devices.openigtlink.frame import fixed
from guidance.devices.openigtlink.tracker import INTERVAL_MS, Tracker
from guidance.devices.openigtlink.transport import PORT
from guidance.devices.replay import Replay
from guidance.devices.said import Device, Said, Sleep
from guidance.devices.sequence_file import read_sequence
from guidance.devices.simulated import Scenario, read_scenario
from guidance.devices.simulator import gentle, simulated_device

__all__ = ["FORMS", "Device", "Said", "open_device", "simulated_device"]

Clock = Callable[[], float]
Options = Mapping[str, str]

#: What an address looks like, for whoever got one wrong.
FORMS = (
    "igtl://HOST[:PORT][?interval_ms=10&coordinates=NAME]",
    "recording:FILE[?speed=2&world=NAME]",
    "simulated:[SCENARIO.toml]",
)


async def open_device(address: str, clock: Clock, *, sleep: Sleep = asyncio.sleep) -> Device:
    """The device of an address, connected or ready to play. Samples are told by `clock`.

    `sleep`: of recordings and simulations, how they wait for what is due by `clock`.

    Raises:
        InvalidValue: no such kind of address, or an option that it does not have.
        InputRefused: a file that cannot be played.
        EnvironmentLacks: nobody answers there, or a library is missing.
    """
    kind, colon, rest = address.partition(":")
    if not colon or kind not in _KINDS:
        raise InvalidValue(f"{address!r} is no device; there are {', '.join(FORMS)}")
    known, opened = _KINDS[kind]
    what, _, query = rest.partition("?")
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True)) if query else {}
    except ValueError as error:
        raise InvalidValue(f"the options of {address!r} are not name=value") from error
    if unknown := sorted(options.keys() - known):
        raise InvalidValue(f"{kind} has no option {', '.join(unknown)}; it has {', '.join(known) or 'none'}")
    return await opened(what, options, clock, sleep)


async def _igtl(what: str, options: Options, clock: Clock, _: Sleep) -> Device:
    try:
        url = urlsplit(what)
        host, port = url.hostname, url.port or PORT
    except ValueError as error:
        raise InvalidValue(f"igtl:{what}: {error}") from error
    if host is None or url.path not in ("", "/"):
        raise InvalidValue(f"igtl:{what} names no host; write {FORMS[0]}")
    interval_ms = int(_number(options, "interval_ms", INTERVAL_MS))
    if not 0 <= interval_ms <= 1000:
        raise InvalidValue("places come at most every 1000 ms, or they are of no use")
    coordinates = options.get("coordinates", "")
    fixed(coordinates, 32)
    tracker = Tracker(host, port, clock, interval_ms, coordinates)
    await tracker.connect()
    return tracker


async def _recording(what: str, options: Options, clock: Clock, sleep: Sleep) -> Device:
    recording = await asyncio.to_thread(read_sequence, Path(what), options.get("world"))
    return Replay(recording, clock, _number(options, "speed", 1.0), sleep)


async def _simulated(what: str, _: Options, clock: Clock, sleep: Sleep) -> Device:
    return simulated_device(read_scenario(Path(what)) if what else Scenario(), gentle, clock, sleep=sleep)


def _number(options: Options, name: str, usual: float) -> float:
    try:
        return float(options.get(name, usual))
    except ValueError as error:
        raise InvalidValue(f"{name} is a number, got {options[name]!r}") from error


Open = Callable[[str, Options, Clock, Sleep], Awaitable[Device]]

#: What each kind of address may be told, and how it is opened.
_KINDS: dict[str, tuple[tuple[str, ...], Open]] = {
    "igtl": (("interval_ms", "coordinates"), _igtl),
    "recording": (("speed", "world"), _recording),
    "simulated": ((), _simulated),
}
