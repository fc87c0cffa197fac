"""A plan to begin with, from structures."""

from __future__ import annotations

import numpy as np

from engine.app.plan_start import start_plan
from engine.core.anatomy import structure
from engine.core.grid import Grid
from engine.core.structure import Provenance
from engine.core.volume import LabelMap

MADE = Provenance("test", "1")


def _labels(*keys: str) -> LabelMap:
    """Structures as cubes: the first around all others, each of these smaller than the one before."""
    labels = np.zeros((40, 24, 24), np.uint8)
    labels[1:-1, 1:-1, 1:-1] = 1
    for n in range(1, len(keys)):
        size = 9 - n
        labels[2 + 7 * (n - 1) : 2 + 7 * (n - 1) + min(size, 6), 4 : 4 + size, 4 : 4 + size] = n + 1
    grid = Grid.centred((40, 24, 24), 1.0, "1.2.3")
    return LabelMap(grid, labels, tuple(structure(key, n + 1, MADE) for n, key in enumerate(keys)))


def test_the_largest_that_is_called_like_one_is_the_target_and_delicate_things_are_watched() -> None:
    plan = start_plan("Case", "1.2", _labels("brain", "tumour", "nodule", "arteries", "kidney_left"))
    assert plan.target == "tumour"
    assert [one.key for one in plan.watched] == ["arteries", "kidney_left"]
    assert plan.frame_of_reference_uid == "1.2.3"
    assert [margin.distance_mm for margin in plan.margins] == [5.0]
    assert plan.landmarks == ()
    assert len(plan.lacks()) == 3


def test_the_organ_that_the_target_lies_in_is_not_watched() -> None:
    plan = start_plan("Case", "1.2", _labels("liver", "tumour", "aorta"))
    assert [one.key for one in plan.watched] == ["aorta"]


def test_without_a_target_everything_delicate_is_watched() -> None:
    plan = start_plan("Case", "1.2", _labels("brain", "arteries", "veins"))
    assert plan.target is None
    assert plan.margins == ()
    assert [one.key for one in plan.watched] == ["arteries", "veins"]


def test_a_structure_without_a_voxel_is_left_out() -> None:
    whole = _labels("brain", "tumour", "arteries")
    labels = np.asarray(whole.labels).copy()
    labels[labels == 3] = 0
    assert start_plan("Case", "1.2", LabelMap(whole.grid, labels, whole.structures)).watched == ()
