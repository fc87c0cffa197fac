"""What a straight way is worth: how near it passes by what must not be touched, how long and how steep it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

import numpy as np
from numba.typed import List

from engine.core.array import Float64, frozen
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import Frame
from guidance.margins.kernels.ways import profile
from guidance.margins.surface_tree import SEARCH_MM, Near, SurfaceTree
from guidance.trajectory.entry_surface import EntrySurface
from guidance.trajectory.trajectory import Limits, Trajectory
from guidance.uncertainty.pose_error import PoseError

#: Places at which a profile is taken, from the entry to the target.
PROFILE_PLACES = 64
#: Farther than this beyond what is needed, nothing is gained by being farther.
FREE_MM = 10.0
#: An entry farther from the surface than this is none.
OFF_SURFACE_MM = 2.0


class Fault(StrEnum):
    """Why a way must not be taken."""

    TOO_LONG = "too long"
    TOO_OBLIQUE = "too oblique"
    TARGET_OUTSIDE = "its target lies outside"
    NOT_AT_SURFACE = "does not begin at the surface"
    LEAVES = "leaves the body on its way"
    THROUGH = "goes through a forbidden structure"
    TOO_NEAR = "too near"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a way must not be taken: what it is, and what is allowed, in mm or degrees."""

    fault: Fault
    key: str = ""
    value: float = 0.0
    limit: float = 0.0

    def words(self, names: Mapping[str, str] | None = None) -> str:
        """For whoever decides; `names` are those of structures by key."""
        name = (names or {}).get(self.key, self.key)
        return {
            Fault.TOO_LONG: f"{self.value:.0f} mm long; {self.limit:.0f} mm is allowed",
            Fault.TOO_OBLIQUE: f"meets the surface at {self.value:.0f}° from upright; {self.limit:.0f}° is allowed",
            Fault.TARGET_OUTSIDE: f"ends {self.value:.0f} mm outside the surface that it goes in through",
            Fault.NOT_AT_SURFACE: f"begins {self.value:.0f} mm from the surface",
            Fault.LEAVES: "leaves the body on its way and enters it again",
            Fault.THROUGH: f"goes through {name}, which is forbidden",
            Fault.TOO_NEAR: (
                f"goes through {name}"
                if self.value < 0
                else f"may come within {self.value:.1f} mm of {name}; {self.limit:.1f} mm is needed"
            ),
        }[self.fault]


@dataclass(frozen=True, slots=True, eq=False)
class Clearance:
    """How near a way passes by one structure.

    Attributes:
        distance_mm: from the tool's surface to the structure's, where it is least; negative within.
        error_mm: bound of the search and of the surface; with the error of a registration, 95 % of that too.
        depth_mm: how far along the way that is.
    """

    key: str
    distance_mm: float
    error_mm: float
    depth_mm: float

    @property
    def least_mm(self) -> float:
        """The distance at the worst of its error: what limits are held against."""
        return self.distance_mm - self.error_mm


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much in the cost of a way; each part is 0 to 1."""

    clearance: float = 0.5
    angle: float = 0.2
    length: float = 0.3

    def __post_init__(self) -> None:
        parts = (self.clearance, self.angle, self.length)
        if not all(0 <= part < np.inf for part in parts) or not sum(parts) > 0:
            raise InvalidValue("weights are not negative, and one of them counts")


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """A way, and what it is worth.

    Attributes:
        cost: 0 to the sum of the weights; less is better. Infinite where it is refused.
        angle_deg: from the inward normal of the surface at the entry.
        clearances: of every structure, nearest first.
        keys: of the rows of `profile_mm`.
        profile_mm: (structures, places) distance from the tool's surface to each structure at evenly spaced depths from
            the entry to the target, where the tool is cut across: each within its clearance's error.
        refusals: why it must not be taken; none where it may.
    """

    trajectory: Trajectory
    cost: float
    angle_deg: float
    clearances: tuple[Clearance, ...]
    keys: tuple[str, ...]
    profile_mm: Float64
    refusals: tuple[Refusal, ...]

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refusals

    @property
    def nearest_mm(self) -> Float64:
        """(places,) distance to whatever is nearest at each depth; empty where nothing is watched."""
        return self.profile_mm.min(axis=0) if len(self.profile_mm) else np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What ways are judged by.

    Attributes:
        entry: the surface that they begin at.
        watched: structures that they must keep clear of, by `limits.clearance_mm`.
        forbidden: structures that they must not go through.
        limits: what a way must keep to.
        weights: what counts how much.
    """

    entry: EntrySurface
    watched: Mapping[str, SurfaceTree]
    forbidden: Mapping[str, SurfaceTree] = field(default_factory=dict)
    limits: Limits = field(default=Limits())
    weights: Weights = field(default=Weights())

    def __post_init__(self) -> None:
        for key, tree in chain(self.watched.items(), self.forbidden.items()):
            if tree.frame != self.entry.frame:
                raise FrameMismatch(f"{key} is in {tree.frame}, the entry surface in {self.entry.frame}")

    @property
    def frame(self) -> Frame:
        """The patient frame of everything in it."""
        return self.entry.frame

    @property
    def trees(self) -> dict[str, SurfaceTree]:
        """Every structure that ways are held against, forbidden ones first."""
        return {**self.forbidden, **self.watched}

    def needed_mm(self, key: str) -> float:
        """How far from a structure a tool must stay."""
        return self.limits.clearance_mm if key in self.watched else 0.0

    def cost(self, least_mm: Float64, needed_mm: Float64, angle_deg: Float64, length_mm: Float64) -> Float64:
        """Of ways (n,) by their clearances (n, structures) at the worst of their error.

        What is nearer than it might be counts with the square of the share of `FREE_MM` that is missing, 1 at what is
        needed and 0 from `FREE_MM` beyond it on; several structures count as independent chances of harm do:
        1 - Π(1 - part). Angle counts with its square over the limit, length over the limit.
        """
        missing = np.clip(1 - (least_mm - needed_mm) / FREE_MM, 0.0, 1.0) ** 2
        harm = 1 - np.prod(1 - missing, axis=-1)
        slant, length = angle_deg / self.limits.angle_deg, length_mm / self.limits.length_mm
        weights = self.weights
        return np.asarray(weights.clearance * harm + weights.angle * slant**2 + weights.length * length)

    def assess(self, trajectory: Trajectory, error: PoseError | None = None) -> Assessment:
        """All about one way; milliseconds, so that it can follow a hand that moves one of its ends.

        With the `error` of a registration, each clearance carries it too (95 % along its own direction).
        """
        clearances = tuple(
            sorted(
                (_clearance(key, tree, trajectory, error) for key, tree in self.trees.items()),
                key=lambda one: (one.least_mm, one.key),
            )
        )
        cosine = float(self.entry.inward(trajectory.entry_mm[None])[0] @ trajectory.direction)
        angle_deg = float(np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))))
        refusals = tuple(self._refusals(trajectory, angle_deg, clearances))
        least = np.array([one.least_mm for one in clearances])
        needed = np.array([self.needed_mm(one.key) for one in clearances])
        cost = self.cost(least, needed, np.float64(angle_deg), np.float64(trajectory.length_mm))  # type: ignore[arg-type]
        return Assessment(
            trajectory,
            np.inf if refusals else float(cost),
            angle_deg,
            clearances,
            tuple(self.trees),
            self._profile(trajectory),
            refusals,
        )

    def _refusals(
        self, trajectory: Trajectory, angle_deg: float, clearances: tuple[Clearance, ...]
    ) -> Iterator[Refusal]:
        outside_mm = self.entry.tree.near_point(trajectory.target_mm).distance_mm
        off_mm = abs(self.entry.tree.near_point(trajectory.entry_mm).distance_mm)
        if outside_mm > 0:
            yield Refusal(Fault.TARGET_OUTSIDE, value=outside_mm)
        elif off_mm > OFF_SURFACE_MM:
            yield Refusal(Fault.NOT_AT_SURFACE, value=off_mm, limit=OFF_SURFACE_MM)
        elif self.entry.ways_out(trajectory.target_mm, -trajectory.direction[None]).counts[0] != 1:
            yield Refusal(Fault.LEAVES)
        if trajectory.length_mm > self.limits.length_mm:
            yield Refusal(Fault.TOO_LONG, value=trajectory.length_mm, limit=self.limits.length_mm)
        if angle_deg > self.limits.angle_deg:
            yield Refusal(Fault.TOO_OBLIQUE, value=angle_deg, limit=self.limits.angle_deg)
        for one in clearances:
            if one.key in self.forbidden and one.least_mm <= 0:
                yield Refusal(Fault.THROUGH, one.key)
            elif one.key in self.watched and one.least_mm < self.limits.clearance_mm:
                yield Refusal(Fault.TOO_NEAR, one.key, one.least_mm, self.limits.clearance_mm)

    def _profile(self, trajectory: Trajectory) -> Float64:
        trees = self.trees
        out = np.empty((len(trees), PROFILE_PLACES))
        if trees:
            way = trajectory.target_mm - trajectory.entry_mm
            profile(List([tree.arrays for tree in trees.values()]), trajectory.entry_mm, way, SEARCH_MM, out)
        return frozen(out - trajectory.radius_mm)


def _clearance(key: str, tree: SurfaceTree, trajectory: Trajectory, error: PoseError | None) -> Clearance:
    near = tree.near_axis(trajectory.entry_mm, trajectory.target_mm, tree.near_point(trajectory.entry_mm))
    return Clearance(
        key,
        near.distance_mm - trajectory.radius_mm,
        near.error_mm + tree.error_mm + (0.0 if error is None else _along_mm(near, error)),
        float((near.tool_mm - trajectory.entry_mm) @ trajectory.direction),
    )


def _along_mm(near: Near, error: PoseError) -> float:
    """Error of a registration at the nearest place, along the direction of the distance; in any where that is 0."""
    apart = near.tool_mm - near.surface_mm
    length = float(np.linalg.norm(apart))
    at = error.at(near.tool_mm)
    return at.along_mm(apart / length) if length > 1e-6 else at.radius_mm()
