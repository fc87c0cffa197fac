"""What a device says, kept as a sequence in a MetaImage header: PLUS, 3D Slicer and `read_sequence` read it.

After every word of the device the file is whole: who is killed leaves a recording, not a part of one. Beyond what PLUS
writes, for reading back exactly what was said:

    Seq_Frame0012_ArrivalTimestamp = when it came
    Seq_Frame0012_DeviceWhy = LINK_LOST, and DeviceWords
    Seq_Frame0012_StylusToTrackerTransformWhy = why there is no place
    Seq_Frame0012_Stylus_1ToTrackerTransformThing = Stylus-1, where a name holds what a field's name cannot
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import TracebackType

import numpy as np

from engine.core.errors import EnvironmentLacks, FileProblem, InputRefused
from engine.core.unknown import Unknown
from guidance.devices.said import Said
from guidance.track.sample import Sample

#: The frame that things are tracked in.
WORLD_NAME = "Tracker"
_LAST = b"ElementDataFile = LOCAL\n"
_SIZE = "DimSize = 0 0 {:<20d}\n"
#: As PLUS writes what has no pixels.
_BEFORE_SIZE = """ObjectType = Image
NDims = 3
AnatomicalOrientation = RAI
BinaryData = True
BinaryDataByteOrderMSB = False
CenterOfRotation = 0 0 0
CompressedData = False
"""
_AFTER_SIZE = """Kinds = domain domain list
ElementNumberOfChannels = 1
ElementSpacing = 1 1 1
ElementType = MET_OTHER
Offset = 0 0 0
TransformMatrix = 1 0 0 0 1 0 0 0 1
UltrasoundImageOrientation = XX
UltrasoundImageType = XX
"""
_NOWHERE = "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"


@dataclass(slots=True)
class SequenceWriter:
    """Not a value: it holds a file. Close it, or use it with `with`.

    Attributes:
        path: of a file that does not exist yet.
        frames: how many were written.

    Raises:
        InputRefused: a file is there already.
        EnvironmentLacks: it cannot be written, at the beginning or later.
    """

    path: Path
    frames: int = 0
    _file: int = -1
    _end: int = 0
    _fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise InputRefused("the recording is not written", [FileProblem(self.path, "is there already")]) from error
        except OSError as error:
            raise _lacks(error) from error
        self._append(_BEFORE_SIZE + _SIZE.format(0) + _AFTER_SIZE)

    def append(self, said: Said) -> None:
        """A frame for every moment that it tells of; one without samples where it tells of none."""
        text = ""
        for samples in _moments(said.samples) or ((),):
            text += "".join(f"Seq_Frame{self.frames:04d}_{line}\n" for line in self._lines(said, samples))
            self.frames += 1
        self._append(text)

    def _lines(self, said: Said, samples: Iterable[Sample]) -> Iterable[str]:
        lines = [f"{key} = {text}" for one in samples for key, text in self._of(one)]
        time_s = next((one.time_s for one in samples), said.arrival_s)
        yield f"Timestamp = {float(time_s)!r}"
        yield f"ArrivalTimestamp = {float(said.arrival_s)!r}"
        yield from lines
        if said.why is not None:
            yield f"DeviceWhy = {said.why.name}"
        if words := " ".join(said.words.split()):
            yield f"DeviceWords = {words}"
        yield "ImageStatus = INVALID"

    def _of(self, one: Sample) -> Iterable[tuple[str, str]]:
        key = f"{self._field(one.thing)}To{WORLD_NAME}Transform"
        place = one.world_from_thing
        if not key.startswith(one.thing + "To"):
            yield key + "Thing", one.thing
        if isinstance(place, Unknown):
            yield key + "Status", "INVALID"
            yield key + "Why", place.why.name
            yield key, _NOWHERE
        else:
            yield key + "Status", "OK"
            yield key, " ".join(f"{value:.12g}" for value in np.asarray(place.matrix).ravel())

    def _field(self, thing: str) -> str:
        """A name that a field may have, no two things the same."""
        if thing not in self._fields:
            plain = re.sub(r"\W", "_", thing, flags=re.ASCII) or "_"
            name, n = plain, 1
            while name in self._fields.values():
                name, n = f"{plain}_{n}", n + 1
            self._fields[thing] = name
        return self._fields[thing]

    def _append(self, text: str) -> None:
        """In one piece with the line that ends the header, in the place of the one before."""
        data = text.encode()
        try:
            _write(self._file, data + _LAST, self._end)
            _write(self._file, _SIZE.format(self.frames).encode(), len(_BEFORE_SIZE))
        except OSError as error:
            raise _lacks(error) from error
        self._end += len(data)

    def close(self) -> None:
        """Nothing is added any more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> SequenceWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _moments(samples: tuple[Sample, ...]) -> list[tuple[Sample, ...]]:
    """Samples of one time together, no thing twice."""
    made: list[tuple[Sample, ...]] = []
    for _, together in groupby(samples, key=lambda one: one.time_s):
        frame: list[Sample] = []
        for one in together:
            if any(one.thing == other.thing for other in frame):
                made.append(tuple(frame))
                frame = []
            frame.append(one)
        made.append(tuple(frame))
    return made


def _write(file: int, data: bytes, at: int) -> None:
    while data:
        count = os.pwrite(file, data, at)
        data, at = data[count:], at + count


def _lacks(error: OSError) -> EnvironmentLacks:
    return EnvironmentLacks(
        f"the recording cannot be written ({error.strerror or error})", "Make room, or write it to another folder."
    )
