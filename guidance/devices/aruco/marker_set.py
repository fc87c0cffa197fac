"""Which markers are glued to which thing, and where on it."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import FileProblem, InputRefused, InvalidValue

#: Cells along a side without the border, and how many markers there are, by the name of their dictionary in OpenCV.
DICTIONARIES = {f"{cells}X{cells}_{count}": (cells, count) for cells in (4, 5, 6, 7) for count in (50, 100, 250, 1000)}
_SQUARE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Marker:
    """One printed square.

    Attributes:
        id: its number in the dictionary.
        size_mm: of the black square, with its border.
        centre_mm: (3,) in the frame of its thing.
        right, up: (3,) unit vectors in that frame, as it is printed.
    """

    id: int
    size_mm: float
    centre_mm: Float64 = field(default_factory=lambda: np.zeros(3))
    right: Float64 = field(default_factory=lambda: np.array((1.0, 0.0, 0.0)))
    up: Float64 = field(default_factory=lambda: np.array((0.0, 1.0, 0.0)))

    def __post_init__(self) -> None:
        if not 1 <= self.size_mm <= 1000:
            raise InvalidValue(f"marker {self.id} is between 1 and 1000 mm large, got {self.size_mm} mm")
        for name in ("centre_mm", "right", "up"):
            value = owned(getattr(self, name), np.float64)
            if value.shape != (3,) or not np.isfinite(value).all():
                raise InvalidValue(f"{name} of marker {self.id} is three finite numbers")
            object.__setattr__(self, name, value)
        axes = np.array([self.right, self.up])
        if np.abs(axes @ axes.T - np.eye(2)).max() > _SQUARE:
            raise InvalidValue(f"right and up of marker {self.id} have length one and stand square to each other")

    @property
    def corners_mm(self) -> Float64:
        """(4, 3) in the frame of the thing, from the upper left one, clockwise, as OpenCV finds them."""
        signs = np.array([(-1, 1), (1, 1), (1, -1), (-1, -1)])
        return np.asarray(self.centre_mm + self.size_mm / 2 * signs @ np.array([self.right, self.up]))


@dataclass(frozen=True, slots=True, eq=False)
class MarkedThing:
    """A rigid thing with markers on it."""

    name: str
    markers: tuple[Marker, ...]

    def __post_init__(self) -> None:
        if not self.name or not self.markers:
            raise InvalidValue("a thing has a name and at least one marker")

    @property
    def is_flat(self) -> bool:
        """Whether all its markers lie in one plane."""
        corners = np.concatenate([marker.corners_mm for marker in self.markers])
        return bool(np.linalg.svd(corners - corners.mean(axis=0), compute_uv=False)[2] < _SQUARE * len(corners))


@dataclass(frozen=True, slots=True, eq=False)
class MarkerSet:
    """All things that one camera looks for; no marker belongs to two.

    Attributes:
        dictionary: one of `DICTIONARIES`.
    """

    dictionary: str
    things: tuple[MarkedThing, ...]

    def __post_init__(self) -> None:
        if self.dictionary not in DICTIONARIES:
            raise InvalidValue(f"{self.dictionary!r} is no dictionary; there are {', '.join(DICTIONARIES)}")
        names = Counter(thing.name for thing in self.things)
        numbers = Counter(marker.id for thing in self.things for marker in thing.markers)
        if twice := [str(key) for key, count in (*names.items(), *numbers.items()) if count > 1]:
            raise InvalidValue(f"{', '.join(twice)} is there twice")
        count = DICTIONARIES[self.dictionary][1]
        if wrong := [number for number in numbers if not 0 <= number < count]:
            raise InvalidValue(f"marker {wrong[0]} is not in {self.dictionary}, which has 0 to {count - 1}")
        if not self.things:
            raise InvalidValue("there is nothing to look for")


def _row(first: int, size_mm: float, places_mm: Sequence[tuple[float, float]]) -> tuple[Marker, ...]:
    return tuple(Marker(first + n, size_mm, np.array((x, y, 0.0))) for n, (x, y) in enumerate(places_mm))


#: Four markers on a card for the patient's reference, and two on a flag for a pointer.
USUAL = MarkerSet(
    "4X4_50",
    (
        MarkedThing("Reference", _row(0, 30.0, ((-22.0, 22.0), (22.0, 22.0), (22.0, -22.0), (-22.0, -22.0)))),
        MarkedThing("Pointer", _row(4, 30.0, ((0.0, 0.0), (44.0, 0.0)))),
    ),
)


def read_marker_set(path: Path) -> MarkerSet:
    """TOML: `dictionary`, and a table `[[things]]` each with a `name` and its `[[things.markers]]`.

    Raises:
        InputRefused: not TOML, a name that is not known, or a value that cannot be.
    """
    try:
        content = tomllib.loads(path.read_text())
        _refuse_unknown(content, {"dictionary", "things"})
        things = [_thing(table) for table in content["things"]]
        return MarkerSet(content.get("dictionary", USUAL.dictionary), tuple(things))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError, KeyError) as error:
        words = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputRefused("the markers cannot be looked for", [FileProblem(path, words)]) from error


def _thing(table: dict[str, Any]) -> MarkedThing:
    _refuse_unknown(table, {"name", "markers"})
    known = {one.name for one in fields(Marker)}
    for marker in table["markers"]:
        _refuse_unknown(marker, known)
    return MarkedThing(table["name"], tuple(Marker(**marker) for marker in table["markers"]))


def _refuse_unknown(table: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(table) - known):
        raise InvalidValue(f"{', '.join(unknown)} is not known; there are {', '.join(sorted(known))}")


def toml_of(markers: MarkerSet) -> str:
    """As `read_marker_set` reads it."""
    lines = [f'dictionary = "{markers.dictionary}"']
    for thing in markers.things:
        lines += ["", "[[things]]", f"name = {json.dumps(thing.name)}"]
        for marker in thing.markers:
            lines += ["[[things.markers]]", f"id = {marker.id}", f"size_mm = {marker.size_mm}"]
            lines += [f"{name} = {getattr(marker, name).tolist()}" for name in ("centre_mm", "right", "up")]
    return "\n".join([*lines, ""])
