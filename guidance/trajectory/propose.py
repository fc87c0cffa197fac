"""The best few ways to a target that differ from one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numba.typed import List
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import InvalidValue, SightlineError
from guidance.margins.kernels.ways import passes
from guidance.margins.surface_tree import SEARCH_MM, SurfaceTree
from guidance.trajectory.assess import FREE_MM, Assessment, Fault, Surroundings
from guidance.trajectory.trajectory import WIDEST_MM, Trajectory

#: Ways that are tried, evenly over all directions; then the best are bettered among their neighbours.
CANDIDATES = 2000
#: Ways that meet at the target at less than this are one way to whoever chooses.
APART_DEG = 20.0
#: Turns by which the best are bettered, one finer than the other; a step is taken while it gains.
_STEPS_DEG = (2.0, 1.0, 0.5, 0.25)
_MOST_STEPS = 8
_AROUND = 8
#: As many times as ways are asked for are bettered.
_SPARE = 2


class NoWay(SightlineError):
    """The target itself allows none; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Proposals:
    """What was found.

    Attributes:
        best: ways that may be taken, best first.
        tried: ways that were looked at.
        refused: how many of them for which fault, and of which structure; the first fault found is counted.
    """

    best: tuple[Assessment, ...]
    tried: int
    refused: Mapping[tuple[Fault, str], int] = field(default_factory=dict)

    def words(self, names: Mapping[str, str] | None = None) -> str:
        """Why there are no more, in words."""
        parts = [
            f"{count:,} {fault.value}{f' ({(names or {}).get(key, key)})' if key else ''}"
            for (fault, key), count in sorted(self.refused.items(), key=lambda item: -item[1])
        ]
        return f"{self.tried:,} ways tried" + (f": {', '.join(parts)}" if parts else "")


def propose(
    surroundings: Surroundings,
    target_mm: Float64,
    radius_mm: float,
    *,
    count: int = 5,
    candidates: int = CANDIDATES,
    apart_deg: float = APART_DEG,
) -> Proposals:
    """The best `count` straight ways from the entry surface to a (3,) target, at least `apart_deg` from each other.

    Directions are spread evenly over the sphere about the target, whatever the surface's triangles are. The same
    arguments give the same ways.

    Raises:
        NoWay: the target lies outside the entry surface, or within or too near what must be kept clear of.
        InvalidValue: a number that can never be meant.
    """
    if not 0 <= radius_mm <= WIDEST_MM or count < 1 or candidates < 1 or not 0 < apart_deg <= 180:
        raise InvalidValue("ways are asked for with a radius, a count of at least one, and an angle between them")
    target = np.asarray(target_mm, np.float64)
    search = _Search(surroundings, target, radius_mm)
    directions = sphere_directions(candidates)
    costs, faults = search.costs(directions)
    refused = Counter((fault, key) for fault, key in faults if fault is not None)
    cosine = float(np.cos(np.deg2rad(apart_deg)))
    chosen: list[Float64] = []
    for seed in _seeds(directions, costs, cosine):
        if len(chosen) == _SPARE * count:  # what looked second best may better more than what looked best
            break
        if all(directions[seed] @ other < cosine for other in chosen):
            chosen.append(search.bettered(directions[seed], float(costs[seed]), chosen, cosine))
    ways = search.surroundings.entry.ways_out(target, np.array(chosen).reshape(-1, 3))
    made = [
        surroundings.assess(Trajectory("", "", target + length * direction, target, radius_mm))
        for direction, length in zip(chosen, ways.lengths_mm, strict=True)
    ]
    best = sorted((one for one in made if one.allowed), key=lambda one: one.cost)
    return Proposals(tuple(best[:count]), candidates, dict(refused))


class _Search:
    """Many directions from one target, held against everything. Directions point from the target outwards."""

    def __init__(self, surroundings: Surroundings, target_mm: Float64, radius_mm: float) -> None:
        self.surroundings, self._target = surroundings, target_mm
        trees = surroundings.trees
        self._keys = tuple(trees)
        self._arrays = List([tree.arrays for tree in trees.values()]) if trees else None
        self._needed = np.array([surroundings.needed_mm(key) for key in trees])
        #: What is taken off the distance from the axis: the tool's radius, and what the distance may be off by; twice
        #: that of a search, so that what is found holds when it is looked at again.
        self._off = np.array([radius_mm + 2 * SEARCH_MM + tree.error_mm for tree in trees.values()])
        self._refuse_target(trees)

    def _refuse_target(self, trees: Mapping[str, SurfaceTree]) -> None:
        outside = self.surroundings.entry.tree.near_point(self._target).distance_mm
        if outside >= 0:
            raise NoWay(
                f"the target lies {outside:.0f} mm outside the surface that ways begin at: choose another target, or "
                "another surface to go in through"
            )
        for (key, tree), off, needed in zip(trees.items(), self._off, self._needed, strict=True):
            distance = tree.near_point(self._target).distance_mm
            if distance < 0:
                raise NoWay(
                    f"the target lies within {key}, so that every way to it goes through: take {key} out of what is "
                    "watched and forbidden, or choose another target"
                )
            if distance - off < needed:
                raise NoWay(
                    f"the target lies {distance:.1f} mm from {key}; with the tool's radius and the error of the "
                    f"surface {off + needed:.1f} mm are needed: choose another target, a thinner tool, or a smaller "
                    "clearance"
                )

    def costs(self, directions: Float64) -> tuple[Float64, list[tuple[Fault | None, str]]]:
        """(n,) costs, infinite where refused, and the first fault of each with the key of its structure."""
        surroundings, limits = self.surroundings, self.surroundings.limits
        costs = np.full(len(directions), np.inf)
        faults: list[tuple[Fault | None, str]] = [(None, "")] * len(directions)
        ways = surroundings.entry.ways_out(self._target, directions)
        left = self._keep(np.arange(len(directions)), ways.counts == 1, Fault.LEAVES, faults)
        left = self._keep(left, ways.lengths_mm[left] <= limits.length_mm, Fault.TOO_LONG, faults)
        entries = self._target + ways.lengths_mm[left, None] * directions[left]
        cosine = np.einsum("ni,ni->n", surroundings.entry.inward(entries), -directions[left])
        angle = np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0)))
        upright = angle <= limits.angle_deg
        left, angle = self._keep(left, upright, Fault.TOO_OBLIQUE, faults), angle[upright]
        least = self._least_mm(entries[upright])
        short = least < self._needed  # NaN, behind the first that is too near, is not
        short |= (least <= 0) & (self._needed == 0)
        for row in np.flatnonzero(short.any(axis=1)):
            key = self._keys[int(np.argmax(short[row]))]
            faults[left[row]] = (Fault.TOO_NEAR if key in surroundings.watched else Fault.THROUGH, key)
        clear = ~short.any(axis=1)
        costs[left[clear]] = surroundings.cost(least[clear], self._needed, angle[clear], ways.lengths_mm[left[clear]])
        return costs, faults

    @staticmethod
    def _keep(
        which: NDArray[np.int64], good: NDArray[np.bool_], fault: Fault, faults: list[tuple[Fault | None, str]]
    ) -> NDArray[np.int64]:
        for n in which[~good]:
            faults[n] = (fault, "")
        return which[good]

    def _least_mm(self, entries: Float64) -> Float64:
        """(n, structures) clearances at the worst of their error; infinite where far, NaN where not looked at."""
        out = np.empty((len(entries), len(self._keys)))
        if self._arrays is not None:
            enough = self._needed + self._off
            passes(self._arrays, entries, self._target, enough, enough + FREE_MM, SEARCH_MM, out)
            out[out < 0] = -np.inf
        return np.asarray(out - self._off)

    def bettered(self, direction: Float64, cost: float, others: list[Float64], cosine: float) -> Float64:
        """A direction near by that costs less, and no nearer to `others` than is allowed."""
        for step in np.deg2rad(_STEPS_DEG):
            for _ in range(_MOST_STEPS):
                around = _around(direction, float(step))
                costs, _ = self.costs(around)
                for other in others:
                    costs[around @ other > cosine] = np.inf
                best = int(np.argmin(costs))
                if not costs[best] < cost:
                    break
                direction, cost = around[best], float(costs[best])
        return direction


def _seeds(directions: Float64, costs: Float64, cosine: float) -> list[int]:
    """Where to begin: first those that nothing allowed near by is better than, then all others, cheapest first."""
    allowed = np.flatnonzero(np.isfinite(costs))
    near = directions[allowed] @ directions[allowed].T > cosine
    is_best = costs[allowed] <= np.where(near, costs[allowed][None, :], np.inf).min(axis=1, initial=np.inf)
    order = np.lexsort((allowed, costs[allowed], ~is_best))
    return [int(n) for n in allowed[order]]


def sphere_directions(count: int) -> Float64:
    """(count, 3) unit vectors, spread evenly: a Fibonacci lattice."""
    n = np.arange(count) + 0.5
    z = 1 - 2 * n / count
    turn = np.pi * (1 + np.sqrt(5)) * n
    across = np.sqrt(1 - z**2)
    return np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=1)


def _around(direction: Float64, angle_rad: float) -> Float64:
    """(8, 3) unit vectors at an angle from one."""
    aside = np.cross(direction, np.eye(3)[int(np.argmin(np.abs(direction)))])
    aside /= np.linalg.norm(aside)
    up = np.cross(direction, aside)
    turn = np.arange(_AROUND) * (2 * np.pi / _AROUND)
    ring = np.cos(turn)[:, None] * aside + np.sin(turn)[:, None] * up
    return np.asarray(np.cos(angle_rad) * direction + np.sin(angle_rad) * ring)


def deepest_inside(tree: SurfaceTree, low_mm: Float64, high_mm: Float64) -> Float64:
    """(3,) the place within a closed surface that is farthest from it: a target where only a structure is named.

    From a grid of the box `low_mm` to `high_mm`, then finer about the best, to a hundredth of the box.
    """
    middle, half = (low_mm + high_mm) / 2, (high_mm - low_mm) / 2
    best, found, deepest = middle, middle, np.inf
    steps = np.linspace(-1, 1, 9)
    offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    offsets = offsets[np.argsort(np.linalg.norm(offsets, axis=1), kind="stable")]  # of equals, the middle
    for _ in range(4):
        for place in best + offsets * half:
            depth = tree.near_point(place).distance_mm
            if depth < deepest - 1e-3:
                deepest, found = depth, place
        best, half = found, half / 4
    return np.asarray(best)
