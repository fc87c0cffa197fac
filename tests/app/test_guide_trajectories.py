"""Trajectories over the wire and back."""

from __future__ import annotations

import numpy as np
import pytest

from engine.app.guide_trajectories import asked_for, trajectory_message, trajectory_of
from engine.core.errors import InvalidValue
from engine.stream import guiding
from tests.guidance.trajectory.phantoms import head_with, way

NAMES = {"artery": "Artery"}
BALLS = {"artery": ((20.0, 0.0, 40.0), 8.0), "vein": ((-15.0, 10.0, 50.0), 5.0)}


def test_a_way_crosses_with_what_it_is_worth_and_comes_back_the_same() -> None:
    told = head_with(BALLS).assess(way((0, 0, 90), (0, 0, 10)))
    message = trajectory_message(told, NAMES)
    read = guiding.Trajectory.model_validate_json(message.model_dump_json())
    assert read == message
    assert [one.name for one in read.clearances] == ["Artery", "vein"]
    assert read.clearances[0].least_mm == pytest.approx(told.clearances[0].least_mm, abs=0.01)
    assert min(read.profile_mm) == pytest.approx(told.nearest_mm.min(), abs=0.01)
    assert read.refused == ""
    back = trajectory_of(read)
    assert np.array_equal(back.entry_mm, told.trajectory.entry_mm)
    assert (back.id, back.name, back.radius_mm) == ("a", "A", 1.0)


def test_a_refused_way_has_no_cost_and_says_why_by_name() -> None:
    message = trajectory_message(head_with(BALLS).assess(way((0, 0, 90), (20, 0, 40))), NAMES)
    assert message.cost is None
    assert message.refused == "goes through Artery"


def test_nothing_watched_is_no_profile() -> None:
    message = trajectory_message(head_with().assess(way((0, 0, 90), (0, 0, 40))), {})
    assert message.profile_mm == ()
    assert message.clearances == ()


def test_other_ends_keep_name_and_radius_and_a_new_way_has_those_of_the_tool() -> None:
    known = [way((0, 0, 90), (0, 0, 10), radius_mm=2.5)]
    ask = guiding.TrajectoryAsk(id="a", entry_mm=(0, 10, 89), target_mm=(0, 0, 12))
    moved = asked_for(ask, known, 1.0)
    assert (moved.name, moved.radius_mm) == ("A", 2.5)
    assert moved.entry_mm == pytest.approx([0, 10, 89])
    new = asked_for(ask.model_copy(update={"id": "b"}), known, 1.0)
    assert (new.id, new.name, new.radius_mm) == ("b", "b", 1.0)
    with pytest.raises(InvalidValue):
        asked_for(ask.model_copy(update={"target_mm": ask.entry_mm}), known, 1.0)
