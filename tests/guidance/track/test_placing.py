"""A tool in the patient: where, how fast, how well known, or why not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.frame import WORLD
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.calibrate.tool_tip import ToolTip
from guidance.margins.proximity import Proximity
from guidance.margins.surface_tree import SurfaceTree
from guidance.margins.tool_place import ToolShape
from guidance.register.fiducial_error import FiducialError
from guidance.register.paired import register
from guidance.register.registration import Registration
from guidance.register.rigid_fit import turn
from guidance.track.placing import Placed, placed
from guidance.track.sample import Sample, thing_frame
from guidance.track.track import Track
from guidance.uncertainty.point_error import PointError
from tests.guidance.margins.shapes import lumpy
from tests.guidance.register.places import (
    CLAMP,
    HEAD_MM,
    PATIENT,
    PATIENT_FROM_CLAMP,
    pairs,
    touch_errors_mm,
)

HZ = 60.0
TIP_MM = np.array([3.0, -2.0, 150.0])
#: The camera looks at the clamp from a metre away.
WORLD_FROM_CLAMP = Transform.rigid(WORLD, thing_frame("Clamp"), turn(np.array([0.1, 2.0, 0.4])), [50.0, -30.0, -1000.0])
EXACT = ToolTip(TIP_MM, PointError(np.eye(3) * 1e-6), 0.0, 0.0)
FINE = FiducialError.isotropic(0.3)


@dataclass(frozen=True)
class Scene:
    """A tip that goes through a patient point at a speed, while the tool turns about it."""

    tip_mm: Float64
    velocity_mm_s: Float64
    turn_rad_s: Float64
    jitter_mm: float = 0.0
    jitter_rad: float = 0.0

    def tracks(self, rng: np.random.Generator, count: int = 8) -> tuple[Track, Track, float]:
        """Tool and clamp as they were seen until now."""
        tool, clamp = Track("Stylus"), Track("Clamp")
        now_s = (count - 1) / HZ
        for n in range(count):
            time_s = n / HZ
            patient_from_tool = np.eye(4)
            patient_from_tool[:3, :3] = turn(self.turn_rad_s * (time_s - now_s)) @ turn(np.array([0.4, 0.2, 0.9]))
            tip = self.tip_mm + self.velocity_mm_s * (time_s - now_s)
            patient_from_tool[:3, 3] = tip - patient_from_tool[:3, :3] @ TIP_MM
            world_from_tool = WORLD_FROM_CLAMP.matrix @ PATIENT_FROM_CLAMP.inverse.matrix @ patient_from_tool
            noisy = np.eye(4)
            noisy[:3, :3] = turn(rng.normal(size=3) * self.jitter_rad) @ world_from_tool[:3, :3]
            noisy[:3, 3] = world_from_tool[:3, 3] + rng.normal(size=3) * self.jitter_mm
            tool = tool.hear(Sample("Stylus", Transform(WORLD, thing_frame("Stylus"), noisy), time_s))
            clamp = clamp.hear(Sample("Clamp", WORLD_FROM_CLAMP, time_s))
        return tool, clamp, now_s


def registered(error_mm: Float64 | float = 0.0) -> Registration:
    return register(pairs(HEAD_MM, error_mm), PATIENT, CLAMP, FINE)


MOVING = Scene(np.array([20.0, 10.0, 40.0]), np.array([80.0, -20.0, 10.0]), np.array([0.3, -0.5, 0.2]))


def place(
    scene: Scene = MOVING, registration: Registration | None = None, tip: ToolTip = EXACT, seed: int = 0
) -> Placed:
    tool, clamp, now_s = scene.tracks(np.random.default_rng(seed))
    found = placed(tool, clamp, tip, registration or registered(), now_s)
    assert isinstance(found, Placed)
    return found


def test_the_tip_is_where_it_is_and_moves_as_it_moves() -> None:
    found = place().place
    assert found.patient_from_tool.target == PATIENT
    assert found.patient_from_tool.matrix[:3, 3] == pytest.approx(MOVING.tip_mm, abs=1e-6)
    assert found.velocity_mm_s == pytest.approx(MOVING.velocity_mm_s, abs=0.01)
    assert found.turn_rad_s == pytest.approx(MOVING.turn_rad_s, abs=1e-3)
    assert found.measured_s == 7 / HZ


def test_a_camera_that_is_pushed_changes_nothing() -> None:
    """Everything is measured against the reference on the patient."""
    tool, clamp, now_s = MOVING.tracks(np.random.default_rng(0))
    pushed = Transform.rigid(WORLD, WORLD, turn(np.array([0.2, 0.0, 0.1])), [300.0, 0.0, 0.0])

    def seen_from_there(track: Track) -> Track:
        made = Track(track.thing)
        for one in track.seen:
            assert isinstance(one.world_from_thing, Transform)
            made = made.hear(Sample(one.thing, pushed @ one.world_from_thing, one.time_s))
        return made

    found = placed(seen_from_there(tool), seen_from_there(clamp), EXACT, registered(), now_s)
    assert isinstance(found, Placed)
    assert found.place.patient_from_tool.matrix[:3, 3] == pytest.approx(MOVING.tip_mm, abs=1e-6)


def test_the_stated_velocity_error_holds() -> None:
    scene = Scene(MOVING.tip_mm, MOVING.velocity_mm_s, np.zeros(3), jitter_mm=0.2)
    held = []
    for seed in range(400):
        found = place(scene, seed=seed).place
        held.append(np.abs(found.velocity_mm_s - scene.velocity_mm_s) <= 1.96 * found.velocity_error_mm_s)
    assert 0.88 < np.mean(held) < 0.98  # jitter itself is estimated, from eight places


def test_the_parts_of_the_error_are_told_and_add_up() -> None:
    shares = place(Scene(MOVING.tip_mm, np.zeros(3), np.zeros(3), 0.15, 0.001)).shares_mm()
    assert list(shares) == ["registration", "calibration", "jitter"]
    assert shares["registration"] > 0.1
    assert shares["calibration"] < 0.01
    assert 0.1 < shares["jitter"] < 1.5


def test_the_distance_at_the_tip_is_within_its_error_as_often_as_it_says() -> None:
    """Registration, calibration and jitter, new in each of six hundred sessions: one statement for all of them."""
    rng = np.random.default_rng(11)
    tree = {"tumour": SurfaceTree(lumpy(2, 30.0, 4))}
    scene = Scene(np.array([40.0, -20.0, 15.0]), np.zeros(3), np.zeros(3), 0.15, 0.0005)
    truth = tree["tumour"].near_point(scene.tip_mm).distance_mm
    spread = np.diag([0.2, 0.1, 0.3]) ** 2
    shape = ToolShape(np.zeros((1, 3)), 0.0)
    held = []
    for _ in range(600):
        tip = ToolTip(TIP_MM + rng.multivariate_normal(np.zeros(3), spread), PointError(spread), 0.3, 0.0)
        tool, clamp, now_s = scene.tracks(rng)
        found = placed(tool, clamp, tip, registered(touch_errors_mm(rng, 6, 0.3)), now_s)
        assert isinstance(found, Placed)
        told = Proximity(tree).measure(shape, found.place, now_s)["tumour"].tip
        held.append(abs(told.distance_mm - truth) <= told.error_mm)
    assert 0.93 < np.mean(held) < 0.99


@pytest.mark.parametrize(
    ("without", "why"),
    [
        ("tool", Why.NO_TOOL),
        ("reference", Why.NO_REFERENCE),
        ("tip", Why.NOT_CALIBRATED),
        ("registration", Why.NOT_REGISTERED),
    ],
)
def test_what_is_missing_is_the_reason(without: str, why: Why) -> None:
    tool, clamp, now_s = MOVING.tracks(np.random.default_rng(0))
    found = placed(
        Track("Stylus") if without == "tool" else tool,
        Track("Clamp") if without == "reference" else clamp,
        None if without == "tip" else EXACT,
        None if without == "registration" else registered(),
        now_s,
    )
    assert isinstance(found, Unknown)
    assert found.why is why


def test_a_reference_of_another_moment_is_no_reference() -> None:
    """The camera sees the clamp again and again a little too late: what it says is not of when the tool was seen."""
    tool, clamp, now_s = MOVING.tracks(np.random.default_rng(0))
    late = Track("Clamp")
    for one in clamp.seen[:-3]:
        late = late.hear(one)
    assert placed(tool, late, EXACT, registered(), now_s) == Unknown(Why.NO_REFERENCE, now_s)


def test_an_old_place_is_stale() -> None:
    tool, clamp, now_s = MOVING.tracks(np.random.default_rng(0))
    found = placed(tool, clamp, EXACT, registered(), now_s + 0.2)
    assert isinstance(found, Unknown)
    assert found.why is Why.STALE
