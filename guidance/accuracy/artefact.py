"""A body with divots whose places are known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue

#: Four divots are the least that leave something over after a rigid fit, in space.
LEAST = 4
#: A hand takes divots that are closer together for each other.
APART_MM = 10.0
#: Divots in a plane fit a mirrored artefact as well.
THICK_MM = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """Divots, and how well their places are known.

    Attributes:
        name: as it is told and kept in the history.
        names: of the divots, one each.
        divots_mm: (n, 3) in the artefact's own frame, as measured or as drawn.
        error_mm: standard uncertainty of each coordinate.
        scale_error: standard uncertainty of all lengths at once, relative: what a printer shrinks by.
    """

    name: str
    names: tuple[str, ...]
    divots_mm: Float64
    error_mm: float
    scale_error: float

    def __post_init__(self) -> None:
        divots = owned(self.divots_mm, np.float64)
        if divots.ndim != 2 or divots.shape[1] != 3 or not np.isfinite(divots).all():
            raise InvalidValue("each divot has three finite coordinates, in millimetres")
        if len(divots) < LEAST:
            raise InvalidValue(f"an artefact has {LEAST} divots or more, got {len(divots)}")
        if len(self.names) != len(divots) or len(set(self.names)) != len(self.names):
            raise InvalidValue("each divot has a name of its own")
        if not (self.error_mm >= 0 and 0 <= self.scale_error < 0.1 and np.isfinite(self.error_mm)):
            raise InvalidValue("an uncertainty is not negative, and that of the scale is below 0.1")
        apart = np.linalg.norm(divots[:, None] - divots, axis=-1) + np.eye(len(divots)) * 1e9
        if apart.min() < APART_MM:
            i, j = np.unravel_index(int(apart.argmin()), apart.shape)
            raise InvalidValue(
                f"{self.names[i]} and {self.names[j]} are {apart.min():.1f} mm apart; it takes {APART_MM:.0f}"
            )
        if np.linalg.svd(divots - divots.mean(axis=0), compute_uv=False)[2] / np.sqrt(len(divots)) < THICK_MM:
            raise InvalidValue("the divots lie in a plane, which fits a mirrored artefact as well: add one off it")
        object.__setattr__(self, "divots_mm", divots)

    @property
    def extent_mm(self) -> Float64:
        """(3,) of the box around the divots."""
        return np.asarray(np.ptp(self.divots_mm, axis=0))

    @property
    def middle(self) -> int:
        """The divot nearest to the middle of all: where single points and orientation are best measured."""
        centre = (self.divots_mm.min(axis=0) + self.divots_mm.max(axis=0)) / 2
        return int(np.linalg.norm(self.divots_mm - centre, axis=1).argmin())

    @property
    def words(self) -> str:
        """What it is."""
        x, y, z = self.extent_mm
        known = f"each coordinate known to ±{self.error_mm:g} mm"
        scale = f", all lengths to ±{100 * self.scale_error:g} %" if self.scale_error else ""
        return f"{self.name}: {len(self.names)} divots over {x:.0f} × {y:.0f} × {z:.0f} mm, {known}{scale} (1 σ)"


def _posts() -> Artefact:
    """Seventeen posts on a plate of 160 mm, no two distances alike enough to be taken for each other."""
    rows = (
        ((-70, -70, 12), (-25, -68, 42), (22, -70, 22), (70, -66, 52)),
        ((-66, -24, 32), (-30, -28, 17), (34, -24, 37), (70, -20, 12)),
        ((-70, 26, 52), (-26, 30, 27), (30, 34, 47), (66, 28, 22)),
        ((-64, 70, 17), (-20, 66, 47), (26, 70, 12), (70, 70, 37)),
    )
    divots = [((0.0, 0.0, 32.0), "M")]
    divots += [(place, f"{'ABCD'[r]}{c + 1}") for r, row in enumerate(rows) for c, place in enumerate(row)]
    return Artefact(
        "Sightline seventeen posts",
        tuple(name for _, name in divots),
        np.array([place for place, _ in divots], np.float64),
        error_mm=0.03,
        scale_error=0.0002,
    )


#: Drawn by `engine.app.accuracy.artefact_file`: milled, or printed and then measured. One that was only printed
#: is nearer to 0.1 mm and 0.3 % (conventional desktop printers); that belongs in a file of its own.
POSTS = _posts()


def walk(artefact: Artefact) -> tuple[int, ...]:
    """All divots from the middle one on, each time to the nearest that is left: the way that a hand goes."""
    left = set(range(len(artefact.names))) - {artefact.middle}
    way = [artefact.middle]
    while left:
        here = artefact.divots_mm[way[-1]]
        way.append(min(left, key=lambda k: (float(np.linalg.norm(artefact.divots_mm[k] - here)), k)))
        left.remove(way[-1])
    return tuple(way)


def length_mm(artefact: Artefact, way: tuple[int, ...]) -> float:
    """Of a way over divots."""
    return float(sum(np.linalg.norm(artefact.divots_mm[b] - artefact.divots_mm[a]) for a, b in pairwise(way)))
