"""Which divot each touch was in: told by where the touches lie to each other, whatever the order they came in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from guidance.accuracy.artefact import Artefact
from guidance.accuracy.refused import AccuracyDoubt, AccuracyRefused
from guidance.register.rigid_fit import fit

Indices = NDArray[np.int64]

#: A touch farther than this from every divot is none: the hand was elsewhere.
NEAR_MM = 3.0
#: Touches this close together are of one divot.
SAME_MM = 4.0
LEAST_DIVOTS = 4
#: Of the places that were touched, so many must be divots.
LEAST_SHARE = 0.6
#: Triples of places to begin from, those that span most first.
_STARTS = 300
_AT_ONCE = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Touches and their divots.

    Attributes:
        divot_of: (n,) index of the divot of each touch; -1 for a touch elsewhere.
        rotation, translation_mm: artefact from tracked, over all touches that are in divots.
    """

    divot_of: Indices
    rotation: Float64
    translation_mm: Float64


def matched(touched_mm: Float64, artefact: Artefact) -> Matched:
    """Find the divots of (n, 3) touches.

    Raises:
        AccuracyRefused: too few places, touches of another artefact or of a mirrored one, or touches that fit this one
            in two ways.
    """
    place_of = _places(touched_mm)
    places = np.array([touched_mm[place_of == k].mean(axis=0) for k in range(place_of.max(initial=-1) + 1)])
    if len(places) < LEAST_DIVOTS:
        raise AccuracyRefused(
            AccuracyDoubt.TOO_FEW, f"{len(places)} places were touched; it takes {LEAST_DIVOTS} divots: touch more"
        )
    found = _assignments(places, artefact.divots_mm)
    least = max(LEAST_DIVOTS, int(np.ceil(LEAST_SHARE * len(places))))
    if not found or found[0][0] < least:
        _refuse_mirrored(places, artefact, least)
        raise AccuracyRefused(
            AccuracyDoubt.OTHER_ARTEFACT,
            f"of {len(places)} places that were touched, {found[0][0] if found else 0} lie as divots of "
            f"{artefact.name} do: is it this artefact, in this unit?",
        )
    (count, divots), others = found[0], found[1:]
    if any(other[0] == count for other in others):
        raise AccuracyRefused(
            AccuracyDoubt.AMBIGUOUS, f"the {count} places fit the artefact in more than one way: touch more divots"
        )
    divot_of = divots[place_of]
    inside = divot_of >= 0
    rotation, translation = fit(touched_mm[inside], artefact.divots_mm[divot_of[inside]])
    return Matched(divot_of, rotation, translation)


def _places(touched_mm: Float64) -> Indices:
    """(n,) touches gathered into places, in the order they were first touched."""
    place_of: list[int] = []
    middles: list[list[Float64]] = []
    for at in touched_mm:
        apart = [float(np.linalg.norm(at - np.mean(middle, axis=0))) for middle in middles]
        nearest = int(np.argmin(apart)) if apart else -1
        if apart and apart[nearest] < SAME_MM:
            middles[nearest].append(at)
        else:
            nearest = len(middles)
            middles.append([at])
        place_of.append(nearest)
    return np.array(place_of, np.int64)


def _assignments(places: Float64, divots: Float64) -> list[tuple[int, Indices]]:
    """Every way that places fit divots, best first: how many fit, and which divot each place is."""
    apart = np.linalg.norm(divots[:, None] - divots, axis=-1)
    best: dict[tuple[int, ...], int] = {}
    for triple in _wide(places):
        ways = np.linalg.norm(places[list(triple)][:, None] - places[list(triple)], axis=-1)
        fits = [np.abs(apart - ways[i, j]) < NEAR_MM for i, j in ((0, 1), (1, 2), (0, 2))]
        candidates = np.argwhere(fits[0][:, :, None] & fits[1][None] & fits[2][:, None, :])
        for some in np.array_split(candidates, max(1, -(-len(candidates) // _AT_ONCE))):
            for divot_of in _fitting(places, divots, triple, some):
                best[tuple(divot_of)] = int((divot_of >= 0).sum())
        if best and max(best.values()) == len(places):
            break
    ranked = sorted(best.items(), key=lambda item: -item[1])
    return [(count, np.array(key, np.int64)) for key, count in ranked]


def _fitting(places: Float64, divots: Float64, triple: tuple[int, ...], candidates: Indices) -> list[Indices]:
    """Assignments of all places that candidates for three of them lead to, where four fit or more."""
    if not len(candidates):
        return []
    source = np.broadcast_to(places[list(triple)], (len(candidates), 3, 3))
    rotation, translation = fit(source, divots[candidates])
    placed = places @ np.swapaxes(rotation, -1, -2) + translation[:, None]
    nearest = _nearest(placed, divots)
    likely = (nearest >= 0).sum(axis=1)
    made = []
    for k in np.flatnonzero(likely >= max(LEAST_DIVOTS, int(likely.max()) - 1)):
        inside = nearest[k] >= 0
        again = fit(places[inside], divots[nearest[k][inside]])
        divot_of = _nearest((places @ again[0].T + again[1])[None], divots)[0]
        if (divot_of >= 0).sum() >= LEAST_DIVOTS:
            made.append(divot_of)
    return made


def _nearest(placed: Float64, divots: Float64) -> Indices:
    """(c, m) nearest divot of each place, -1 where it is far or nearer to another place."""
    apart = np.linalg.norm(placed[:, :, None] - divots, axis=-1)
    nearest, off = apart.argmin(axis=-1), apart.min(axis=-1)
    nearest[off > NEAR_MM] = -1
    same = (nearest[:, :, None] == nearest[:, None, :]) & (nearest[:, :, None] >= 0)
    nearest[(same & (off[:, None, :] < off[:, :, None])).any(axis=-1)] = -1
    return np.asarray(nearest, np.int64)


def _wide(places: Float64) -> list[tuple[int, ...]]:
    triples = list(combinations(range(min(len(places), 20)), 3))
    corners = places[np.array(triples)]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return [triples[k] for k in np.argsort(-area)[:_STARTS]]


def _refuse_mirrored(places: Float64, artefact: Artefact, least: int) -> None:
    found = _assignments(places, artefact.divots_mm * (-1.0, 1.0, 1.0))
    if found and found[0][0] >= max(least, LEAST_DIVOTS + 1):
        raise AccuracyRefused(
            AccuracyDoubt.MIRRORED,
            "the touches fit a mirrored artefact: left and right are swapped, here or in its file",
        )
