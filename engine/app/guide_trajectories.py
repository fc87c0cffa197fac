"""Trajectories as values, and as they cross the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from engine.stream import guiding
from engine.stream.message import Point
from guidance.trajectory.assess import Assessment, Clearance
from guidance.trajectory.trajectory import Trajectory

#: Decimals that cross: the search itself is good to 0.05 mm.
DECIMALS = 2


def trajectory_message(assessed: Assessment, names: Mapping[str, str]) -> guiding.Trajectory:
    """A way with what it is worth; `names` are those of its structures by key.

    Clearances are told at the worst of their error. The profile is that of whatever is nearest at each of its depths,
    evenly spaced from the entry to the target.
    """
    way = assessed.trajectory
    return guiding.Trajectory(
        id=way.id,
        name=way.name,
        entry_mm=_point(way.entry_mm),
        target_mm=_point(way.target_mm),
        radius_mm=way.radius_mm,
        cost=round(assessed.cost, 4) if np.isfinite(assessed.cost) else None,
        angle_deg=round(assessed.angle_deg, 1),
        clearances=tuple(clearance_message(one, names) for one in assessed.clearances),
        profile_mm=tuple(round(float(mm), DECIMALS) for mm in assessed.nearest_mm),
        refused="; ".join(one.words(names) for one in assessed.refusals),
    )


def clearance_message(clearance: Clearance, names: Mapping[str, str]) -> guiding.Clearance:
    """A clearance at the worst of its error."""
    return guiding.Clearance(
        name=names.get(clearance.key, clearance.key),
        least_mm=round(clearance.least_mm, DECIMALS),
        depth_mm=round(clearance.depth_mm, DECIMALS),
    )


def trajectory_of(message: guiding.Trajectory) -> Trajectory:
    """The way of a message, without what was said of it.

    Raises:
        InvalidValue: entry and target are in one place.
    """
    return Trajectory(
        message.id, message.name, np.array(message.entry_mm), np.array(message.target_mm), message.radius_mm
    )


def asked_for(ask: guiding.TrajectoryAsk, known: Iterable[Trajectory], radius_mm: float) -> Trajectory:
    """The way that somebody asks for: one that is known with other ends, or a new one with a tool of `radius_mm`.

    Raises:
        InvalidValue: entry and target are in one place.
    """
    before = next((one for one in known if one.id == ask.id), None)
    return Trajectory(
        ask.id,
        before.name if before else ask.id,
        np.array(ask.entry_mm),
        np.array(ask.target_mm),
        before.radius_mm if before else radius_mm,
    )


def _point(place_mm: np.ndarray) -> Point:
    x, y, z = (round(float(value), 4) for value in place_mm)
    return x, y, z
