"""The plan of the demonstration: whole, on its own scan, with a craniotomy where its way goes in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.app.demo_guidance import plan_of
from engine.app.plan_file import PlanFile
from engine.core.errors import InputRefused
from engine.core.volume import LabelMap
from engine.ingest.open import read_labels
from engine.ingest.phantom.make import Phantom, make_phantom


@pytest.fixture(scope="module")
def head() -> Phantom:
    return make_phantom("head", size="small", seed=0)


@pytest.fixture(scope="module")
def planned(head: Phantom, tmp_path_factory: pytest.TempPathFactory) -> PlanFile:
    return plan_of(head.volume, head.label_map, tmp_path_factory.mktemp("plan"))


def test_the_plan_of_the_demonstration_is_whole(planned: PlanFile) -> None:
    assert planned.plan.lacks() == ()
    assert planned.plan.target == "tumour_1"
    assert planned.scan.exists()


def test_the_bone_over_the_way_is_lifted_out_and_no_other(planned: PlanFile, head: Phantom) -> None:
    assert planned.labels is not None
    labels = read_labels(planned.labels, head.volume).value
    flap, was, now = (
        np.asarray(made.labels) == made.structure(key).label
        for made, key in ((labels, "bone_flap"), (head.label_map, "skull"), (labels, "skull"))
    )
    assert flap.any()
    assert ((flap | now) == was).all()
    (way,) = planned.plan.trajectories
    along = way.target_mm - way.entry_mm
    places = labels.grid.patient_from_voxel.apply(np.argwhere(flap).astype(float)) - way.entry_mm
    aside = np.linalg.norm(np.cross(places, along / np.linalg.norm(along)), axis=1)
    assert aside.max() <= 21.5
    assert aside.min() < 3.0


def test_where_no_head_is_seen_there_is_no_demonstration(head: Phantom, tmp_path: Path) -> None:
    others = tuple(one for one in head.label_map.structures if one.key != "head")
    with pytest.raises(InputRefused, match="whole head"):
        plan_of(head.volume, LabelMap(head.label_map.grid, np.asarray(head.label_map.labels), others), tmp_path)
