"""Poses, rotations and placements for laws."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.xr.placement import LARGEST_SCALE, SMALLEST_SCALE, Placement
from engine.xr.rigid import rigid, rotation_from_quaternion

coordinates = st.floats(-3, 3)
_part = st.floats(-1, 1)


@st.composite
def rotations(draw: st.DrawFn) -> Float64:
    """(3, 3)."""
    quaternion = [draw(_part) for _ in range(4)]
    return rotation_from_quaternion(*quaternion) if np.linalg.norm(quaternion) > 0.1 else np.eye(3)


@st.composite
def positions(draw: st.DrawFn) -> Float64:
    """(3,) metres."""
    return np.array([draw(coordinates) for _ in range(3)])


@st.composite
def poses(draw: st.DrawFn) -> Float64:
    """(4, 4) rigid."""
    return rigid(draw(rotations()), draw(positions()))


@st.composite
def directions(draw: st.DrawFn) -> Float64:
    """(3,) unit."""
    return np.asarray(draw(rotations())[:, 2])


@st.composite
def placements(draw: st.DrawFn) -> Placement:
    """With any scale that a person can reach."""
    return Placement(draw(positions()), draw(rotations()), draw(st.floats(SMALLEST_SCALE, LARGEST_SCALE)))
