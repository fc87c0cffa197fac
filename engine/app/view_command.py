"""`sightline view`: a served scene in a tethered headset."""

from __future__ import annotations

import json
import signal
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs

from engine.app.serve import NOTICE, page_folder
from engine.app.view_address import ServerAddress, parse_address
from engine.app.view_client import ViewClient
from engine.app.view_feed import Feed
from engine.core.errors import InputRefused
from engine.xr.openxr import bindings

#: The network's thread hands the interpreter back within this: a frame at 90 a second has 11 ms in all.
SWITCH_S = 0.0005


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """What the command line asks.

    Attributes:
        address: as the server printed it.
        authority: certificate to trust besides the system's.
        frames: how many to show; until the person leaves where None.
        eyes_folder: where the last frame's eyes are written.
    """

    address: str
    authority: Path | None = None
    frames: int | None = None
    eyes_folder: Path | None = None


def show_in_headset(request: ViewRequest, say: Callable[[str], None]) -> dict[str, Any]:
    """Show a served scene until the person leaves; returns what became of it, as plain values.

    Raises:
        InvalidValue: not an address.
        InputRefused: the server refuses, or a file cannot be read or written.
        EnvironmentLacks: the headset, its runtime or a library is missing; says what to install.
    """
    address = parse_address(request.address)
    context = trust(address, request.authority)
    bindings()
    from engine.xr.viewing import ViewOptions, view

    feed = Feed()
    client = ViewClient(address, context, feed)
    options = ViewOptions(request.frames, keep_eyes=request.eyes_folder is not None, font_file=font_file())
    say(NOTICE)
    sys.setswitchinterval(SWITCH_S)
    client.start()
    try:
        with _interrupts() as interrupted:
            report = view(feed, options, lambda: interrupted.is_set() or feed.failure is not None)
    finally:
        client.stop()
    if feed.failure is not None:
        raise feed.failure
    if request.eyes_folder is not None:
        _write_eyes(request.eyes_folder, report.eyes)
    return report.as_json() | {"blobs_fetched": client.blobs.fetched}


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Set by the first Ctrl+C, so that the frame at hand is finished; a second one ends at once."""
    interrupted = threading.Event()

    def interrupt(_number: int, _frame: object) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def write_report(file: Path, told: dict[str, Any]) -> None:
    """What became of a session, as JSON.

    Raises:
        InputRefused: the file cannot be written.
    """
    try:
        file.write_text(json.dumps(told, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputRefused(f"{file} cannot be written ({error.strerror})") from error


def trust(address: ServerAddress, authority: Path | None) -> ssl.SSLContext | None:
    """What the server's certificate is checked against; None without TLS.

    Raises:
        InputRefused: the authority's file is no certificate.
    """
    if not address.is_tls:
        return None
    try:
        context = ssl.create_default_context()
        if authority is not None:
            context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise InputRefused(f"{authority} is not a certificate that can be read ({error})") from error
    return context


def font_file() -> Path | None:
    """The page's own type; None where the page was not built."""
    page = page_folder()
    return next(iter(sorted(page.glob("inter-latin-wght-normal-*.woff2"))), None) if page else None


def _write_eyes(folder: Path, eyes: tuple[Any, ...]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, pixels in zip(("left", "right"), eyes, strict=False):
            (folder / f"{name}.png").write_bytes(imagecodecs.png_encode(pixels))
    except OSError as error:
        raise InputRefused(f"{folder} cannot be written ({error.strerror})") from error
