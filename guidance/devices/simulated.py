"""A tracker that does not exist, with every fault that real ones have: the same scenario, the same samples.

Time and chance are arguments, so a scenario can be played as fast as a test wants, and again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.array import Float64
from engine.core.errors import FileProblem, InputRefused, InvalidValue
from engine.core.transform import Transform
from guidance.register.rigid_fit import turn
from guidance.track.sample import Sample, sample

#: Where every thing is at a time: the truth that is then spoiled.
Truth = Callable[[float], Mapping[str, Transform]]


class FaultKind(StrEnum):
    """What goes wrong, and what its `amount` is."""

    OCCLUDED = "occluded"  # not seen
    DROPOUT = "dropout"  # share of samples that never come
    SILENT = "silent"  # nothing comes of anything
    LATE = "late"  # seconds later than usual
    JITTER = "jitter"  # times the usual
    DRIFT = "drift"  # mm a second, along x
    SHIFT = "shift"  # mm, along x: a reference that was pushed
    CLOCK_STEP = "clock step"  # seconds that the clock is ahead
    CLOCK_RATE = "clock rate"  # seconds that it gains each second
    MIRRORED = "mirrored"  # left for right
    JUMP = "jump"  # mm, every other sample: another marker taken for this one
    NOT_A_NUMBER = "not a number"
    NOT_RIGID = "not rigid"  # times too large
    FROZEN = "frozen"  # the same place with new times


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong for a while.

    Attributes:
        thing: what it happens to; empty for everything.
        amount: as its kind says.
    """

    kind: FaultKind
    start_s: float
    end_s: float
    thing: str = ""
    amount: float = 1.0

    def __post_init__(self) -> None:
        if not self.start_s < self.end_s:
            raise InvalidValue(f"a fault ends after it begins, got {self.start_s} to {self.end_s} s")

    def hits(self, thing: str, time_s: float) -> bool:
        """Whether it spoils a sample."""
        return self.start_s <= time_s < self.end_s and self.thing in ("", thing)


@dataclass(frozen=True, slots=True)
class Scenario:
    """How the tracker is, at its best and at its worst.

    Attributes:
        hz: samples of each thing a second.
        latency_s: from measuring to arriving.
        jitter_mm, jitter_rad: standard deviation along and about each axis.
        dropout: share of samples that never come.
        faults: may overlap.
    """

    hz: float = 60.0
    latency_s: float = 0.01
    jitter_mm: float = 0.1
    jitter_rad: float = 0.0005
    dropout: float = 0.0
    seed: int = 0
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        if not (0 < self.hz <= 1000 and self.latency_s >= 0 and self.jitter_mm >= 0 and 0 <= self.dropout <= 1):
            raise InvalidValue("a tracker has up to 1000 samples a second, and no negative latency or jitter")


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A sample, and when it comes by our clock; `due_s` is when it would come if no fault made it late."""

    at_s: float
    sample: Sample
    due_s: float


@dataclass(slots=True)
class Playing:
    """A scenario while it is played, one measurement of everything after another. Not a value: it counts and draws."""

    scenario: Scenario
    truth: Truth
    _n: int = 0
    _rng: np.random.Generator = field(init=False)
    _last: dict[str, Float64] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.scenario.seed)

    @property
    def next_s(self) -> float:
        """When the next is measured."""
        return self._n / self.scenario.hz

    def inject(self, fault: Fault) -> None:
        """One fault more, from the next measurement on."""
        self.scenario = replace(self.scenario, faults=(*self.scenario.faults, fault))

    def step(self) -> tuple[Arrival, ...]:
        """What will arrive of the next measurement."""
        n, time_s, scenario = self._n, self.next_s, self.scenario
        self._n += 1
        arrivals = []
        for thing, place in sorted(self.truth(time_s).items()):
            faults = [fault for fault in scenario.faults if fault.hits(thing, time_s)]
            noise, drawn = self._rng.normal(size=6), self._rng.random()
            if drawn < max([scenario.dropout, *_amounts(faults, FaultKind.DROPOUT)]) or _any(faults, FaultKind.SILENT):
                continue
            matrix = _spoiled(place.matrix, faults, noise, scenario, n, time_s)
            if _any(faults, FaultKind.FROZEN):
                matrix = self._last.get(thing, matrix)
            self._last[thing] = matrix
            said_s = time_s + sum(_amounts(faults, FaultKind.CLOCK_STEP))
            said_s += sum(f.amount * (time_s - f.start_s) for f in faults if f.kind is FaultKind.CLOCK_RATE)
            due_s = time_s + scenario.latency_s
            at_s = due_s + sum(_amounts(faults, FaultKind.LATE))
            is_seen = not _any(faults, FaultKind.OCCLUDED)
            arrivals.append(Arrival(at_s, sample(thing, matrix, said_s, is_seen=is_seen), due_s))
        return tuple(arrivals)


def played(scenario: Scenario, truth: Truth, until_s: float) -> tuple[Arrival, ...]:
    """Everything that arrives of what is measured from 0 to `until_s`, in the order of arriving."""
    playing = Playing(scenario, truth)
    arrivals = [arrival for _ in range(int(np.floor(until_s * scenario.hz)) + 1) for arrival in playing.step()]
    return tuple(sorted(arrivals, key=lambda one: one.at_s))


def _any(faults: list[Fault], kind: FaultKind) -> bool:
    return any(fault.kind is kind for fault in faults)


def _amounts(faults: list[Fault], kind: FaultKind) -> list[float]:
    return [fault.amount for fault in faults if fault.kind is kind]


def _spoiled(
    matrix: Float64, faults: list[Fault], noise: Float64, scenario: Scenario, n: int, time_s: float
) -> Float64:
    more = float(np.prod([1.0, *_amounts(faults, FaultKind.JITTER)]))
    made = np.eye(4)
    made[:3, :3] = turn(noise[:3] * scenario.jitter_rad * more) @ matrix[:3, :3]
    made[:3, 3] = matrix[:3, 3] + noise[3:] * scenario.jitter_mm * more
    made[0, 3] += sum(_amounts(faults, FaultKind.SHIFT))
    made[0, 3] += sum(f.amount * (time_s - f.start_s) for f in faults if f.kind is FaultKind.DRIFT)
    made[0, 3] += sum(_amounts(faults, FaultKind.JUMP)) * (n % 2)
    if _any(faults, FaultKind.MIRRORED):
        made[0, 3] = -made[0, 3]
    for amount in _amounts(faults, FaultKind.NOT_RIGID):
        made[:3, :3] *= amount
    if _any(faults, FaultKind.NOT_A_NUMBER):
        made[1, 3] = np.nan
    return made


def read_scenario(path: Path) -> Scenario:
    """A scenario file: TOML with the names of `Scenario`, and a table `[[faults]]` for each fault.

    Raises:
        InputRefused: not TOML, a name that is not known, or a value that cannot be.
    """
    try:
        content = tomllib.loads(path.read_text())
        faults = tuple(_fault(table) for table in content.pop("faults", ()))
        _refuse_unknown(content, Scenario)
        return Scenario(**content, faults=faults)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise InputRefused("the scenario cannot be played", [FileProblem(path, str(error))]) from error


def _fault(table: dict[str, Any]) -> Fault:
    _refuse_unknown(table, Fault)
    return Fault(**(table | {"kind": FaultKind(table["kind"])}))


def _refuse_unknown(table: dict[str, Any], kind: type) -> None:
    unknown = set(table) - {field.name for field in fields(kind)}
    if unknown:
        raise InvalidValue(
            f"{', '.join(sorted(unknown))} is not known; there are {', '.join(f.name for f in fields(kind))}"
        )
