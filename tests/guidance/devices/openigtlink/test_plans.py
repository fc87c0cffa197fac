"""Parts of plans over OpenIGTLink: the axes and the width are what the caller says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from guidance.devices.openigtlink.codec import decode, encode
from guidance.devices.openigtlink.messages import PointMessage, Space, TrajectoryElement, TrajectoryMessage
from guidance.devices.openigtlink.plans import (
    Width,
    landmarks_of,
    point_message,
    trajectories_of,
    trajectory_message,
)
from guidance.plan.plan import Landmark, Use
from guidance.trajectory.trajectory import Trajectory

WAY = TrajectoryElement("Frontal", "Trajectory", (1, 2, 3, 4), (10.0, 80.0, 40.0), (20.0, 10.0, 30.0), 3.0, "")


def test_ras_turns_both_horizontal_axes_and_lps_none() -> None:
    (ras,) = trajectories_of(TrajectoryMessage((WAY,)), Space.RAS, Width.RADIUS).values
    (lps,) = trajectories_of(TrajectoryMessage((WAY,)), Space.LPS, Width.RADIUS).values
    assert ras.entry_mm == pytest.approx([-10, -80, 40])
    assert ras.target_mm == pytest.approx([-20, -10, 30])
    assert lps.entry_mm == pytest.approx([10, 80, 40])
    assert ras.length_mm == pytest.approx(lps.length_mm)


def test_the_width_is_a_radius_or_twice_one_as_its_sender_has_it() -> None:
    radius, diameter = (
        trajectories_of(TrajectoryMessage((WAY,)), Space.RAS, width).values[0].radius_mm for width in Width
    )
    assert (radius, diameter) == (3.0, 1.5)


def test_what_is_no_way_is_left_out_with_a_reason() -> None:
    elements = (
        replace(WAY, name="Open", entry_mm=None),
        replace(WAY, name="Endless", target_mm=None),
        replace(WAY, name="Short", target_mm=WAY.entry_mm),
        replace(WAY, name="Nowhere", target_mm=(float("nan"), 0.0, 0.0)),
        replace(WAY, name="Wide", diameter_mm=600.0),
        WAY,
    )
    told = trajectories_of(TrajectoryMessage(elements), Space.RAS, Width.RADIUS)
    assert [one.name for one in told.values] == ["Frontal"]
    assert [words.split(":")[0] for words in told.left_out] == ["Open", "Endless", "Short", "Nowhere", "Wide"]
    assert "has no entry" in told.left_out[0]


def test_names_become_identifiers_that_nothing_else_has() -> None:
    elements = (WAY, WAY, replace(WAY, name=""), replace(WAY, name="  Überlang\n" + "x" * 200))
    told = trajectories_of(TrajectoryMessage(elements), Space.RAS, Width.RADIUS, taken={"frontal"})
    assert [one.id for one in told.values][:3] == ["frontal_2", "frontal_3", "trajectory_3"]
    assert told.values[2].name == "Trajectory 3"
    assert len(told.values[3].name) == 128
    assert told.values[3].name.startswith("Überlang xxx")


@pytest.mark.parametrize("space", Space)
@pytest.mark.parametrize("width", Width)
def test_ways_go_out_over_the_wire_and_come_back_the_same(space: Space, width: Width) -> None:
    ways = (
        Trajectory("a", "Frontal", np.array((10.5, -80.25, 40.0)), np.array((20.0, -10.0, 30.0)), 1.25),
        Trajectory("b", "Temporal " + "é" * 60, np.array((0.0, 1.0, 2.0)), np.array((50.0, 1.0, 2.0)), 2.0),
    )
    message = decode(*encode(trajectory_message(ways, space, width)))
    assert isinstance(message, TrajectoryMessage)
    told = trajectories_of(message, space, width)
    assert told.left_out == ()
    for one, other in zip(told.values, ways, strict=True):
        assert one.entry_mm == pytest.approx(other.entry_mm)
        assert one.target_mm == pytest.approx(other.target_mm)
        assert one.radius_mm == pytest.approx(other.radius_mm)
    assert [one.name for one in told.values] == ["Frontal", "Temporal " + "e" * 54]


@pytest.mark.parametrize("space", Space)
def test_landmarks_go_out_and_come_back_with_their_use_by_name(space: Space) -> None:
    marked = (
        Landmark("n", "Nasion", np.array((0.0, -90.0, 0.0)), Use.REGISTER),
        Landmark("c", "Check left", np.array((60.0, -20.0, 30.0)), Use.CHECK),
    )
    message = decode(*encode(point_message(marked, space)))
    assert isinstance(message, PointMessage)
    assert [one.group for one in message.points] == ["register", "check"]
    told = landmarks_of(message, space).values
    assert [one.use for one in told] == [Use.REGISTER, Use.CHECK]
    for one, other in zip(told, marked, strict=True):
        assert one.patient_mm == pytest.approx(other.patient_mm)
    assert {one.use for one in landmarks_of(message, space, lambda _: Use.CHECK).values} == {Use.CHECK}
