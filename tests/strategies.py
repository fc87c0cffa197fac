"""Hypothesis strategies for the core's values: what a law is tried on."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from engine.core.array import Float64
from engine.core.frame import VOXEL, WORLD, Frame, FrameKind, patient
from engine.core.grid import Grid
from engine.core.transform import Transform

#: Frames that only rigid transforms may join.
RIGID_FRAMES = (
    WORLD,
    patient("1.2.3"),
    patient("1.2.4"),
    Frame(FrameKind.REFERENCE, "head clamp"),
    Frame(FrameKind.TOOL, "pointer"),
)

millimetres = st.floats(-500.0, 500.0, allow_subnormal=False)
spacings_mm = st.floats(0.2, 6.0)
points_mm = st.lists(st.tuples(millimetres, millimetres, millimetres), min_size=1, max_size=8).map(np.array)
frames = st.sampled_from(RIGID_FRAMES)


@st.composite
def rotations(draw: st.DrawFn) -> Float64:
    """(3, 3), from a unit quaternion."""
    quaternion = [draw(st.floats(-1.0, 1.0)) for _ in range(4)]
    if np.linalg.norm(quaternion) < 1e-3:
        quaternion[3] = 1.0
    return np.asarray(Rotation.from_quat(quaternion).as_matrix(), dtype=np.float64)


@st.composite
def rigid_transforms(
    draw: st.DrawFn, target: st.SearchStrategy[Frame] = frames, source: st.SearchStrategy[Frame] = frames
) -> Transform:
    """Any rotation and translation between two frames."""
    offset = draw(st.tuples(millimetres, millimetres, millimetres))
    return Transform.rigid(draw(target), draw(source), draw(rotations()), offset)


@st.composite
def grids(draw: st.DrawFn, largest: int = 24) -> Grid:
    """Anisotropic, oblique, mirrored or not, anywhere."""
    shape = draw(st.tuples(*[st.integers(1, largest)] * 3))
    matrix = np.eye(4)
    mirror = np.array([draw(st.sampled_from((-1.0, 1.0))) for _ in range(3)])
    matrix[:3, :3] = draw(rotations()) * mirror * draw(st.tuples(*[spacings_mm] * 3))
    matrix[:3, 3] = draw(st.tuples(millimetres, millimetres, millimetres))
    return Grid(shape, Transform(patient("1.2.3"), VOXEL, matrix))
