"""Which blobs a message refers to: what a recording, another hub, or an eviction must know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel


def blobs_of(message: Any) -> Iterator[str]:
    """Hashes of the blobs that a message refers to, in the order in which it does; some more than once."""
    if isinstance(message, BaseModel):
        for name, value in message:
            if name == "blob":
                yield value
            else:
                yield from blobs_of(value)
    elif isinstance(message, tuple) and message and isinstance(message[0], BaseModel):  # blocks are a thousand numbers
        for each in message:
            yield from blobs_of(each)
