"""What is there, as arrays: places of findings, distractors and structures, found for a case by its shell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from scenarios.score.matching import Lesion


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where something is.

    Attributes:
        volume: in which.
        centre_mm: (3,).
        radius_mm: of the ball of the same volume.
        grid: of the volume.
        voxels: (n, 3) all voxels of its mask; empty where it is known as a point.
        mean_value: of the volume within it; None: not measured.
    """

    volume: str
    centre_mm: Float64
    radius_mm: float
    grid: Grid
    voxels: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 3), np.int64))
    mean_value: float | None = None

    def __post_init__(self) -> None:
        centre, voxels = owned(self.centre_mm, np.float64), owned(self.voxels, np.int64)
        if centre.shape != (3,) or voxels.shape[1:] != (3,) or not self.radius_mm >= 0:
            raise InvalidValue("a place has a middle, a radius, and voxels")
        if len(voxels) and ((voxels < 0) | (voxels >= self.grid.shape)).any():
            raise InvalidValue(f"a place lies within the grid of its volume, {self.grid.shape}")
        object.__setattr__(self, "centre_mm", centre)
        object.__setattr__(self, "voxels", voxels)

    @classmethod
    def of_mask(cls, volume: str, grid: Grid, mask: NDArray[np.bool_], mean_value: float | None = None) -> Place:
        """Of a mask (ni, nj, nk) that is not empty."""
        voxels = np.argwhere(mask)
        if not len(voxels):
            raise InvalidValue("nothing is painted")
        radius_mm = float(np.cbrt(3 * len(voxels) * grid.voxel_volume_mm3 / (4 * np.pi)))
        return cls(volume, grid.patient_from_voxel.apply(voxels.mean(axis=0)), radius_mm, grid, voxels, mean_value)

    @property
    def voxels_mm(self) -> Float64:
        """(n, 3) middles of its voxels."""
        return np.asarray(self.grid.patient_from_voxel.apply(self.voxels), np.float64).reshape(-1, 3)

    @property
    def points_mm(self) -> Float64:
        """(n, 3) its voxels, or its middle where it is known as a point."""
        return self.voxels_mm if len(self.voxels) else self.centre_mm[None]

    @property
    def lesion(self) -> Lesion:
        """As marks are matched to it."""
        return Lesion(self.centre_mm, self.radius_mm, self.voxels_mm)

    @property
    def volume_ml(self) -> float:
        """Of its mask, or of its ball."""
        mm3 = len(self.voxels) * self.grid.voxel_volume_mm3 if len(self.voxels) else 4 / 3 * np.pi * self.radius_mm**3
        return float(mm3 / 1000)

    @property
    def diameter_mm(self) -> float:
        """Largest within a slice along k: between middles of voxels, and one voxel; of a point that of its ball."""
        if not len(self.voxels):
            return 2 * self.radius_mm
        places, widest = self.voxels_mm, 0.0
        for k in np.unique(self.voxels[:, 2]):
            edge = _outline(self.voxels[self.voxels[:, 2] == k], places[self.voxels[:, 2] == k])
            widest = max(widest, float(np.linalg.norm(edge[:, None] - edge[None], axis=2).max()))
        return widest + float(self.grid.spacing_mm[:2].mean())

    @property
    def slices(self) -> tuple[int, int, int]:
        """The slice along k with most of it, and the first and last with any."""
        if len(self.voxels):
            count = np.bincount(self.voxels[:, 2])
            return int(count.argmax()), int(self.voxels[:, 2].min()), int(self.voxels[:, 2].max())
        at = float(self.grid.patient_from_voxel.inverse.apply(self.centre_mm)[2])
        reach = self.radius_mm / float(self.grid.spacing_mm[2])
        ends = np.clip(np.round([at, at - reach, at + reach]), 0, self.grid.shape[2] - 1)
        return int(ends[0]), int(ends[1]), int(ends[2])


def _outline(voxels: NDArray[np.int64], places: Float64) -> Float64:
    """Of the voxels of a slice the first and last of each row along i: the farthest two are among them."""
    order = np.lexsort((voxels[:, 0], voxels[:, 1]))
    rows = voxels[order, 1]
    turns = np.flatnonzero(np.diff(rows))
    ends = np.unique(np.concatenate([[0], turns, turns + 1, [len(rows) - 1]]))
    return np.asarray(places[order][ends])


class Scheme(Protocol):
    """A classification scheme: which category its features imply; None where they do not suffice."""

    def implied(self, features: Mapping[str, float | str], /) -> str | None: ...


#: Surface Dice of two masks of one shape at a spacing (mm along i, j, k) and a tolerance (mm).
SurfaceDice = Callable[[NDArray[np.bool_], NDArray[np.bool_], Sequence[float], float], float]


@dataclass(frozen=True, slots=True)
class Ground:
    """All that a case's tasks are scored against.

    Attributes:
        findings, distractors: places by name.
        structures: places by key, of what a path must be kept clear of.
        recordings: by task, (n, 4) s, x, y, z in mm of the tip of a tool.
        schemes: by name and version, as tasks name them.
        surface_dice: how masks are compared (`engine.app.training.overlap`); None: nothing is painted in this case.
        overruled: by task and item of its checklist, what a person who looked says: it is met or not.
        structure_at: name of the structure at a place of a volume, in words; None where none is known.
    """

    findings: Mapping[str, Place] = field(default_factory=dict)
    distractors: Mapping[str, Place] = field(default_factory=dict)
    structures: Mapping[str, Place] = field(default_factory=dict)
    recordings: Mapping[str, Float64] = field(default_factory=dict)
    schemes: Mapping[str, Scheme] = field(default_factory=dict)
    surface_dice: SurfaceDice | None = None
    overruled: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    structure_at: Callable[[str, Sequence[float]], str | None] = lambda _volume, _at_mm: None

    def finding(self, name: str) -> Place:
        """By its name.

        Raises:
            InvalidValue: it was not placed.
        """
        if name not in self.findings:
            raise InvalidValue(f"finding {name!r} has no place: its file or recipe was not read")
        return self.findings[name]

    def thing(self, name: str) -> Place:
        """A structure or finding that a path is measured against.

        Raises:
            InvalidValue: it was not placed.
        """
        return self.structures[name] if name in self.structures else self.finding(name)
