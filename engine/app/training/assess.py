"""What a reading that was revealed is worth, and what it tells of learner and questions: pure computing, for a process
of its own. Following where somebody looked for half an hour takes longer than a server may be silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter

from engine.app.training import practice, scoring
from engine.app.training.ground_file import VolumeGround, ground_of, organ_of, read_ground
from engine.app.training.messages import AbilityTold, Told
from engine.core.progress import Progress
from scenarios.case.case import Case
from scenarios.case.task import Scale
from scenarios.reading.event import AnyEvent
from scenarios.reading.viewing import Target
from scenarios.score.ground import Ground
from scenarios.skill.ability import Ability
from scenarios.skill.item import Item

_EVENTS: TypeAdapter[tuple[AnyEvent, ...]] = TypeAdapter(tuple[AnyEvent, ...])
#: Volumes whose ground a process remembers.
REMEMBERED = 64


def events_of(bodies: Sequence[str]) -> tuple[AnyEvent, ...]:
    """Events that were kept, in order."""
    return _EVENTS.validate_json(f"[{','.join(bodies)}]")


@dataclass(frozen=True, slots=True)
class Read:
    """A reading to be assessed.

    Attributes:
        bodies: its events, as they were kept.
        abilities: of the learner before it.
        items: questions of the case that were answered before, by `case/task`.
        mode: practice or exam.
    """

    case: Case
    bodies: Sequence[str]
    abilities: Mapping[Scale, Ability]
    items: Mapping[str, Item]
    mode: str


@dataclass(frozen=True, slots=True)
class Assessed:
    """A reading, assessed: how it stood at the end, its scores, and what is learned of them."""

    standing: scoring.Standing
    scored: scoring.Scored
    learned: practice.Learned
    told: Told


class Assess(Protocol):
    """Who assesses readings.

    Raises:
        NotYet: the images of the case are not made.
    """

    def __call__(self, read: Read, /) -> Assessed: ...


def assessed(read: Read, ground: Ground, organ: Target | None) -> Assessed:
    """Against what is there; `organ` was to be searched."""
    case, events = read.case, events_of(read.bodies)
    standing = scoring.standing(case, events, ground)
    scored = scoring.score_reading(case, standing, events, ground, organ)
    learned = practice.learned(case, scored.tasks, read.abilities, read.items, read.mode)
    return Assessed(standing, scored, learned, _told(case, scored, learned))


@dataclass(frozen=True, slots=True)
class AssessTask:
    """The task of a worker. `grounds`: the file of each volume."""

    read: Read
    grounds: Mapping[str, Path]

    def __call__(self, _progress: Progress) -> Assessed:
        """Do it."""
        volumes = {volume: _remembered(path) for volume, path in self.grounds.items()}
        ground = ground_of(volumes, [one.id for one in self.read.case.truth.findings])
        return assessed(self.read, ground, organ_of(volumes.values()))


@lru_cache(maxsize=REMEMBERED)
def _remembered(path: Path) -> VolumeGround:
    """Its name says what it was made from: another content has another name."""
    return read_ground(path)


def _told(case: Case, scored: scoring.Scored, learned: practice.Learned) -> Told:
    abilities = []
    for scale, ability in learned.after.items():
        low, high = ability.interval()
        before = learned.before[scale].mean
        abilities.append(AbilityTold(scale=scale, mean=ability.mean, low=low, high=high, before=before))
    return Told(
        says=case.truth.says,
        synthetic=case.is_synthetic,
        findings=scored.findings,
        marks=scored.marks,
        tasks=tuple(one.told for one in scored.tasks),
        layers=scored.layers,
        abilities=tuple(abilities),
        peers=None,
        coverage=scored.reading.coverage,
        coverage_by=scored.reading.coverage_by,
        minutes=scored.reading.minutes,
        references=scored.reading.references,
        next_step=scored.reading.next_step,
    )
