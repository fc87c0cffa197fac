"""Recordings of trackers as PLUS, SlicerIGT and scikit-surgery write them: sequences in MetaImage headers.

    Seq_Frame0012_StylusToTrackerTransform = 16 numbers, by rows
    Seq_Frame0012_StylusToTrackerTransformStatus = OK
    Seq_Frame0012_Timestamp = 280.46

What images a sequence holds is not read. `guidance.devices.sequence_writer` tells what Sightline adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from engine.core.errors import FileProblem, InputRefused, InvalidValue
from engine.core.unknown import Unknown, Why
from guidance.devices.said import Said
from guidance.track.sample import Sample, sample

_LINE = re.compile(rb"Seq_Frame(\d+)_(\w+) *= *(.*)")
_TRANSFORM = re.compile(r"(\w+)To(\w+)Transform")
#: A header ends with this line; after it come voxels.
_LAST = b"ElementDataFile"
_MOST_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Recording:
    """What a tracker said.

    Attributes:
        said: in the order in which it came; where the file does not tell when that was, in order of time.
        world: the name of the frame that things were tracked in.
        left_out: frames that say nothing that can be used, with the reason.
    """

    said: tuple[Said, ...]
    world: str
    left_out: tuple[str, ...]

    @property
    def samples(self) -> tuple[Sample, ...]:
        """In order of time, and of the file where times agree."""
        return tuple(sorted((one for said in self.said for one in said.samples), key=lambda one: one.time_s))

    def of(self, thing: str) -> tuple[Sample, ...]:
        """Samples of one thing."""
        return tuple(one for one in self.samples if one.thing == thing)

    @property
    def things(self) -> tuple[str, ...]:
        """Names of what was tracked."""
        return tuple(sorted({one.thing for said in self.said for one in said.samples}))


def read_sequence(path: Path, world: str | None = None) -> Recording:
    """Read a recording; `world` chooses among several frames that things are tracked in.

    Raises:
        InputRefused: no such file, no transforms, or things tracked in several frames and none chosen.
    """
    frames = _frames(path)
    worlds = sorted({m[2] for fields in frames.values() for name in fields if (m := _TRANSFORM.fullmatch(name))})
    chosen = world if world is not None else worlds[0] if len(worlds) == 1 else None
    if chosen is None or chosen not in worlds:
        found = ", ".join(worlds) or "none"
        raise _refused(path, f"transforms lead to {found}" + (f", not to {world}" if world else ": choose one"))
    said: list[Said] = []
    left_out = []
    for number, fields in sorted(frames.items()):
        try:
            said.append(_said(fields, chosen))
        except (KeyError, ValueError) as error:
            what = "has no time" if isinstance(error, KeyError) else str(error)
            left_out.append(f"frame {number} {what}")
    if not any(one.samples for one in said):
        raise _refused(path, "no frame can be used")
    said.sort(key=lambda one: one.arrival_s)
    return Recording(tuple(_together(said)), chosen, tuple(left_out))


def _said(fields: dict[str, str], world: str) -> Said:
    time_s = float(fields["Timestamp"])
    arrival_s = float(fields.get("ArrivalTimestamp", time_s))
    if not np.isfinite((time_s, arrival_s)).all():
        raise InvalidValue("has a time that is not a number")
    samples = tuple(
        _sample(name, fields, fields.get(f"{name}Thing", match[1]), time_s)
        for name in fields
        if (match := _TRANSFORM.fullmatch(name)) and match[2] == world
    )
    return Said(arrival_s, samples, _why(fields, "DeviceWhy"), fields.get("DeviceWords", ""))


def _together(said: list[Said]) -> Iterator[Said]:
    """What came at once and of a device in the same state is one word of it."""
    for (arrival_s, why, words), some in groupby(said, key=lambda one: (one.arrival_s, one.why, one.words)):
        yield Said(arrival_s, tuple(one for each in some for one in each.samples), why, words)


def _why(fields: dict[str, str], name: str) -> Why | None:
    known = Why.__members__
    return known.get(fields[name], Why.DEVICE) if name in fields else None


def _frames(path: Path) -> dict[int, dict[str, str]]:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            lines = _header(file.read(min(size, _MOST_BYTES)))
    except OSError as error:
        raise _refused(path, error.strerror or "cannot be read") from error
    found = [
        (int(m[1]), m[2].decode("ascii"), m[3].decode("utf-8", "replace").strip())
        for line in lines
        if (m := _LINE.fullmatch(line.rstrip(b"\r")))
    ]
    found.sort(key=lambda field: field[0])
    return {
        number: {name: text for _, name, text in fields}
        for number, fields in groupby(found, key=lambda field: field[0])
    }


def _header(content: bytes) -> list[bytes]:
    lines = []
    for line in content.split(b"\n"):
        if line.startswith(_LAST):
            break
        lines.append(line)
    return lines


def _sample(name: str, fields: dict[str, str], thing: str, time_s: float) -> Sample:
    numbers = np.array([float(word) for word in fields[name].split()])
    if numbers.size != 16:
        raise InvalidValue(f"has {numbers.size} numbers for {thing}, not 16")
    is_seen = fields.get(f"{name}Status", "OK") == "OK"
    if not is_seen and (why := _why(fields, f"{name}Why")) is not None:
        return Sample(thing, Unknown(why, time_s), time_s)
    return sample(thing, numbers.reshape(4, 4), time_s, is_seen=is_seen)


def _refused(path: Path, reason: str) -> InputRefused:
    return InputRefused("the recording cannot be used", [FileProblem(path, reason)])
