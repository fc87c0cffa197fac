"""What a reading that was revealed is worth: pure computing, for a process of its own. Following where somebody looked
for half an hour takes longer than a server may be silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter

from engine.app.training import scoring
from engine.app.training.ground_file import VolumeGround, ground_of, organ_of, read_ground
from engine.core.progress import Progress
from scenarios.case.case import Case
from scenarios.reading.event import AnyEvent
from scenarios.reading.viewing import Target
from scenarios.score.ground import Ground

_EVENTS: TypeAdapter[tuple[AnyEvent, ...]] = TypeAdapter(tuple[AnyEvent, ...])
#: Volumes whose ground a process remembers.
REMEMBERED = 64


def events_of(bodies: Sequence[str]) -> tuple[AnyEvent, ...]:
    """Events that were kept, in order."""
    return _EVENTS.validate_json(f"[{','.join(bodies)}]")


@dataclass(frozen=True, slots=True)
class Read:
    """A reading to be assessed. `bodies`: its events, as they were kept."""

    case: Case
    bodies: Sequence[str]


@dataclass(frozen=True, slots=True)
class Assessed:
    """A reading, assessed: how it stood at the end, and its scores."""

    standing: scoring.Standing
    scored: scoring.Scored


class Assess(Protocol):
    """Who assesses readings.

    Raises:
        NotYet: the images of the case are not made.
    """

    def __call__(self, read: Read, /) -> Assessed: ...


def assessed(read: Read, ground: Ground, organ: Target | None) -> Assessed:
    """Against what is there; `organ` was to be searched."""
    events = events_of(read.bodies)
    standing = scoring.standing(read.case, events, ground)
    return Assessed(standing, scoring.score_reading(read.case, standing, events, ground, organ))


@dataclass(frozen=True, slots=True)
class AssessTask:
    """The task of a worker. `grounds`: the file of each volume."""

    read: Read
    grounds: Mapping[str, Path]

    def __call__(self, _progress: Progress) -> Assessed:
        """Do it."""
        volumes = {volume: _remembered(path) for volume, path in self.grounds.items()}
        ground = ground_of(volumes, self.read.case)
        return assessed(self.read, ground, organ_of(volumes.values()))


@lru_cache(maxsize=REMEMBERED)
def _remembered(path: Path) -> VolumeGround:
    """Its name says what it was made from: another content has another name."""
    return read_ground(path)
