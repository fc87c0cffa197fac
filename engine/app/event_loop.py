"""Calling onto an event loop from other threads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


def call_on(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
    """Have `loop` call soon; nothing where it has closed meanwhile: nobody is left to hear."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)
