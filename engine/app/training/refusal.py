"""What a trainee cannot have, and why."""

from __future__ import annotations

from engine.core.errors import SightlineError
from engine.stream.server import NotFound


class NoSuchReading(NotFound):
    """There is none of that name, or it is somebody else's."""

    def __init__(self) -> None:
        super().__init__("there is no such reading of yours")


class Gap(SightlineError):
    """Events that do not follow those that were kept; `next_event` would."""

    def __init__(self, next_event: int) -> None:
        super().__init__(f"events are numbered without a gap: event {next_event} comes next")
        self.next_event = next_event


class NotYet(SightlineError):
    """What was asked for comes later."""
