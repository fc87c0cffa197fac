"""A tool against its way: the same for the client, right by another way of computing, and with errors that hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import Frame, FrameKind, patient
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.margins.tool_place import ToolPlace, ToolShape
from guidance.register.rigid_fit import turn
from guidance.trajectory.alignment import MOST_AIM_DEG, Alignment, Bullseye, against, align
from guidance.trajectory.trajectory import Trajectory
from guidance.uncertainty.pose_error import PoseError
from tests.guidance.margins.shapes import PATIENT

#: Of the client too: tip, axis (shaft to tip), entry, target; then what is seen.
CASES = json.loads((Path(__file__).parent / "alignment_cases.json").read_text())
TOOL = Frame(FrameKind.TOOL, "pointer")
#: Its shaft goes back along its own z, so that it points along -z.
POINTER = ToolShape(np.array([(0.0, 0.0, 0.0), (0.0, 0.0, 100.0)]), 2.0)
DOWN = Trajectory("a", "A", np.array((0.0, 0.0, 90.0)), np.array((0.0, 0.0, 20.0)), 1.0)


def place(tip_mm: tuple[float, ...], rotation: Any = None, **changed: Any) -> ToolPlace:
    still = np.zeros(3)
    made = ToolPlace(
        Transform.rigid(PATIENT, TOOL, np.eye(3) if rotation is None else rotation, tip_mm),
        PoseError.none(),
        still,
        still,
        0.0,
        10.0,
    )
    return replace(made, **changed)


def known(told: Alignment | Unknown) -> Alignment:
    assert isinstance(told, Alignment)
    return told


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_case_that_the_client_is_held_to_as_well(case: dict[str, Any]) -> None:
    way = Trajectory("a", "A", np.array(case["entry_mm"]), np.array(case["target_mm"]), 1.0)
    axis = None if case["axis"] is None else np.array(case["axis"]) / np.linalg.norm(case["axis"])
    view = Bullseye.of(way)
    seen = against(np.array(case["tip_mm"]), axis, way, view)
    assert seen.offset_mm == pytest.approx(case["offset_mm"], abs=1e-5)
    assert seen.depth_mm == pytest.approx(case["depth_mm"], abs=1e-5)
    # Once more, by solving for them.
    right, up, depth = np.linalg.solve(
        np.stack([view.right, view.up, view.along], axis=1), np.array(case["tip_mm"]) - way.entry_mm
    )
    assert (right, up, depth) == pytest.approx((*case["offset_mm"], case["depth_mm"]), abs=1e-5)
    if axis is None:
        assert seen.angle_deg is None
        assert seen.aim_mm is None
        return
    assert seen.angle_deg == pytest.approx(case["angle_deg"], abs=1e-5)
    assert np.cos(np.deg2rad(case["angle_deg"])) == pytest.approx(float(axis @ way.direction), abs=1e-6)
    if case["aim_mm"] is None:
        assert seen.aim_mm is None
        assert case["angle_deg"] > MOST_AIM_DEG
    else:
        assert seen.aim_mm == pytest.approx(case["aim_mm"], abs=1e-5)
        there = np.linalg.solve(
            np.stack([view.right, view.up, -axis], axis=1), np.array(case["tip_mm"]) - way.target_mm
        )
        assert there[:2] == pytest.approx(case["aim_mm"], abs=1e-4)


unit = st.tuples(*[st.floats(-1, 1)] * 3).map(np.array).filter(lambda v: np.linalg.norm(v) > 0.1)


@given(direction=unit)
def test_a_bullseye_is_upright_as_seen_from_outside(direction: np.ndarray) -> None:
    way = Trajectory("a", "A", np.zeros(3), 50 * direction / np.linalg.norm(direction), 1.0)
    view = Bullseye.of(way)
    basis = np.stack([view.right, view.up, -view.along])  # towards the viewer
    assert basis @ basis.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(basis) == pytest.approx(1)
    assert view.up[2] > 0 or -view.up[1] > 0


def test_on_its_way_a_tool_is_off_by_nothing_and_its_depth_is_what_is_left() -> None:
    told = known(align(place((0.0, 0.0, 50.0)), POINTER, DOWN, PATIENT, 10.0))
    assert told.offset_mm == pytest.approx((0, 0))
    assert told.aim_mm == pytest.approx((0, 0))
    assert told.angle_deg == pytest.approx(0)
    assert (told.depth_mm, told.to_target_mm) == pytest.approx((40, 30))
    assert (told.offset_error_mm, told.aim_error_mm, told.angle_error_deg, told.depth_error_mm) == (0, 0, 0, 0)


def test_a_point_without_a_shaft_points_nowhere() -> None:
    told = known(align(place((3.0, 0.0, 50.0)), ToolShape(np.zeros((1, 3)), 0.0), DOWN, PATIENT, 10.0))
    assert told.angle_deg is None
    assert told.aim_mm is None
    assert told.aim_error_mm is None
    assert told.off_mm == pytest.approx(3)


def test_the_error_of_the_aim_grows_with_the_way_to_go_and_the_turn_of_the_tool() -> None:
    def aimed(tip_z: float) -> Alignment:
        error = PoseError.isotropic(0.01, 0.2, np.array((0.0, 0.0, tip_z)))
        return known(align(place((0.0, 0.0, tip_z), error=error), POINTER, DOWN, PATIENT, 10.0))

    far, near = aimed(90.0), aimed(21.0)
    assert far.aim_error_mm is not None
    assert near.aim_error_mm is not None
    assert far.offset_error_mm == pytest.approx(near.offset_error_mm)
    assert far.aim_error_mm > 70 * 0.01 * 1.9
    assert near.aim_error_mm < 0.7
    assert far.angle_error_deg == pytest.approx(np.rad2deg(0.01 * 2.448), rel=0.01)  # two axes, 95 %
    assert far.depth_error_mm == pytest.approx(0.2 * 1.96, rel=0.01)


def test_stated_errors_hold_in_95_of_100_cases() -> None:
    """The true tool, drawn from the stated error of its pose, lies within every error that is told."""
    rng = np.random.default_rng(3)
    root = rng.normal(size=(6, 6)) * np.array([0.006] * 3 + [0.4] * 3)[:, None]
    tip, rotation = np.array((2.0, -3.0, 60.0)), turn(np.array((0.15, -0.2, 0.4)))
    error = PoseError(root @ root.T, tip + np.array((20.0, 10.0, 5.0)))
    told = known(align(place(tuple(tip), rotation, error=error), POINTER, DOWN, PATIENT, 10.0))
    assert told.aim_mm is not None
    within = np.zeros(4)
    for small in rng.multivariate_normal(np.zeros(6), error.covariance, 4000):
        turned = turn(small[:3])
        true_tip = error.about_mm + turned @ (tip - error.about_mm) + small[3:]
        true = known(align(place(tuple(true_tip), turned @ rotation), POINTER, DOWN, PATIENT, 10.0))
        axes = [-r[:, 2] for r in (rotation, turned @ rotation)]
        assert true.aim_mm is not None
        within += (
            np.hypot(*np.subtract(true.offset_mm, told.offset_mm)) <= told.offset_error_mm,
            np.hypot(*np.subtract(true.aim_mm, told.aim_mm)) <= (told.aim_error_mm or 0.0),
            np.rad2deg(np.arccos(min(1.0, float(axes[0] @ axes[1])))) <= (told.angle_error_deg or 0.0),
            abs(true.depth_mm - told.depth_mm) <= told.depth_error_mm,
        )
    offset, aim, angle, depth = within / 4000
    assert 0.93 < offset < 0.97
    assert aim > 0.93  # a ball about what is a flat region: rather too wide
    assert 0.93 < angle < 0.97
    assert 0.93 < depth < 0.97


def test_what_it_may_have_moved_since_is_part_of_every_error() -> None:
    moving = place((0.0, 0.0, 60.0), velocity_mm_s=np.array((0.0, 40.0, 0.0)), turn_rad_s=np.array((0.5, 0.0, 0.0)))
    told = known(align(moving, POINTER, DOWN, PATIENT, 10.1))
    assert told.offset_error_mm == pytest.approx(4)
    assert told.depth_error_mm == pytest.approx(4)
    assert told.angle_error_deg == pytest.approx(np.rad2deg(0.05))
    assert told.aim_error_mm == pytest.approx(4 + 0.05 * 40)


def test_what_is_not_known_of_the_tool_is_not_known_of_its_way() -> None:
    unknown = Unknown(Why.STALE, 9.0)
    assert align(unknown, POINTER, DOWN, PATIENT, 10.0) is unknown


def test_another_patient_space_and_a_tool_of_the_future_are_refused() -> None:
    with pytest.raises(FrameMismatch):
        align(place((0.0, 0.0, 50.0)), POINTER, DOWN, patient("9.9"), 10.0)
    with pytest.raises(InvalidValue, match="50 ms from now"):
        align(place((0.0, 0.0, 50.0)), POINTER, DOWN, PATIENT, 9.95)
