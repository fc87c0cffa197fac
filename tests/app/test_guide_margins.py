"""The desk that answers a margin's slider: surfaces and messages that say what geometry says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.app.blobs import BlobFolder
from engine.app.guide_margins import DRAWN, MarginDesk
from engine.app.guide_resection import ResectionDesk
from engine.app.margin_process import Asked, LatestAsks
from engine.core.anatomy import structure
from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.frame import Frame, FrameKind
from engine.core.grid import Grid
from engine.core.structure import Provenance
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from engine.core.volume import LabelMap
from engine.mesh.gltf_read import read_glb
from engine.stream.codec import headset_from_patient
from engine.stream.guiding import CutAsk, MarginAsk
from engine.stream.messages import SurfaceNode
from guidance.margins.banded import DEFAULT_MM
from guidance.margins.tool_place import ToolPlace, ToolShape
from guidance.uncertainty.pose_error import PoseError
from tests.guidance.margins.sampled import centres
from tests.guidance.margins.shapes import PATIENT

MADE = Provenance("test", "1", synthetic=True)
GRID = Grid.centred((72, 64, 40), (1.0, 1.0, 1.6), PATIENT.uid)
RADIUS = 8.0
MATRIX = headset_from_patient(GRID.centre_mm)
#: An organ whose border is 14 mm to the left of the tumour's middle, and a vessel that runs 14 mm to the right of it.
EDGE_MM, VESSEL_MM, VESSEL_RADIUS = 14.0, 14.0, 3.0


def labels() -> LabelMap:
    at = centres(GRID)
    organ = (at[..., 0] < EDGE_MM) & (np.abs(at) < [34.0, 30.0, 30.0]).all(axis=-1)
    vessel = np.linalg.norm(at[..., :2] + [VESSEL_MM, 0.0], axis=-1) < VESSEL_RADIUS
    tumour = np.linalg.norm(at, axis=-1) < RADIUS
    values = np.where(tumour, 3, np.where(vessel & organ, 2, np.where(organ, 1, 0))).astype(np.uint8)
    named = (("liver", 1), ("veins", 2), ("lesion", 3))
    return LabelMap(GRID, np.asfortranarray(values), tuple(structure(key, n, MADE) for key, n in named))


LABELS = labels()


@pytest.fixture
def blobs(tmp_path: Path) -> BlobFolder:
    return BlobFolder(tmp_path / "blobs")


def positions_mm(node: SurfaceNode | None, blobs: BlobFolder) -> Float64:
    assert node is not None
    path = blobs.path(node.lods[0].blob)
    assert path is not None
    (read,) = read_glb(path.read_bytes())
    return np.asarray((read.positions_m.astype(np.float64) - MATRIX[:3, 3]) @ np.linalg.inv(MATRIX[:3, :3]).T)


def test_a_slider_step_is_a_surface_at_that_distance(blobs: BlobFolder) -> None:
    desk = MarginDesk(LABELS, "lesion", blobs, MATRIX)
    for distance_mm in (-3.0, 4.0, 9.0):
        step = desk.answer(MarginAsk(margin="safety", distance_mm=distance_mm))
        radius = np.linalg.norm(positions_mm(step.node, blobs), axis=1)
        assert np.abs(radius - RADIUS - distance_mm).max() < 0.8  # half a voxel of the labels
        assert radius.mean() == pytest.approx(RADIUS + distance_mm, abs=0.15)
        assert step.band.distance_mm == distance_mm
        assert step.band.volume_ml == pytest.approx(4 / 3 * np.pi * (RADIUS + distance_mm) ** 3 / 1000, rel=0.09)


def test_a_margin_farther_than_any_before_is_made_all_the_same(blobs: BlobFolder) -> None:
    desk = MarginDesk(LABELS, "lesion", blobs, MATRIX)
    step = desk.answer(MarginAsk(margin="risk", distance_mm=45.0))
    assert np.linalg.norm(positions_mm(step.node, blobs), axis=1).mean() == pytest.approx(RADIUS + 45, abs=0.3)


def test_margins_are_told_apart_without_colour_and_lie_one_in_the_other(blobs: BlobFolder) -> None:
    steps = MarginDesk(LABELS, "lesion", blobs, MATRIX).first()
    nodes = [step.node for step in steps]
    assert [node and node.structure.pattern for node in nodes] == ["lines", "dashes", "dots"]
    assert [step.band.distance_mm for step in steps] == list(DEFAULT_MM.values())
    volumes = [step.band.volume_ml or 0 for step in steps]
    assert volumes == sorted(volumes)
    assert len({drawn.colour for drawn in DRAWN.values()}) == len({drawn.pattern for drawn in DRAWN.values()}) == 3
    for node in nodes:
        assert node is not None
        assert node.closed
        assert node.structure.label == 0
        assert node.structure.provenance.parameters["target"] == "lesion"
        assert node.frame_of_reference_uid == PATIENT.uid


def test_a_margin_stays_in_its_organ_and_out_of_a_vessel(blobs: BlobFolder) -> None:
    desk = MarginDesk(LABELS, "lesion", blobs, MATRIX, within="liver", without=(("veins", 1.0),))
    at = positions_mm(desk.answer(MarginAsk(margin="safety", distance_mm=10.0)).node, blobs)
    assert at[:, 0].max() < EDGE_MM + 0.2
    assert np.linalg.norm(at[:, :2] + [VESSEL_MM, 0.0], axis=1).min() > VESSEL_RADIUS + 1.0 - 0.8
    assert np.linalg.norm(at, axis=1).max() < RADIUS + 10.8


def test_sides_go_their_own_way(blobs: BlobFolder) -> None:
    desk = MarginDesk(LABELS, "lesion", blobs, MATRIX)
    sides = (10.0, 4.0, 6.0, 3.0, 8.0, 5.0)
    step = desk.answer(MarginAsk(margin="safety", distance_mm=10.0, toward_mm=sides))
    at = positions_mm(step.node, blobs)
    np.testing.assert_allclose(at.max(axis=0), RADIUS + np.array(sides[0::2]), atol=0.8)
    np.testing.assert_allclose(-at.min(axis=0), RADIUS + np.array(sides[1::2]), atol=0.8)
    assert step.band.toward_mm == sides


def test_a_margin_of_which_nothing_is_left_has_no_surface(blobs: BlobFolder) -> None:
    step = MarginDesk(LABELS, "lesion", blobs, MATRIX).answer(MarginAsk(margin="resection", distance_mm=-20.0))
    assert step.node is None
    assert step.band.node is None
    assert step.band.volume_ml == 0.0


def test_an_organ_that_goes_on_beyond_the_grid_bounds_nothing(blobs: BlobFolder) -> None:
    whole = LabelMap(GRID, np.where(np.asarray(LABELS.labels) == 3, 3, 1).astype(np.uint8), LABELS.structures)
    free = MarginDesk(LABELS, "lesion", blobs, MATRIX).answer(MarginAsk(margin="safety", distance_mm=5.0))
    bound = MarginDesk(whole, "lesion", blobs, MATRIX, within="liver").answer(
        MarginAsk(margin="safety", distance_mm=5.0)
    )
    assert bound.band.volume_ml == pytest.approx(free.band.volume_ml, rel=1e-3)


def test_unknown_margins_and_structures_are_refused(blobs: BlobFolder) -> None:
    desk = MarginDesk(LABELS, "lesion", blobs, MATRIX)
    with pytest.raises(InvalidValue, match="resection, safety, risk"):
        desk.answer(MarginAsk(margin="other", distance_mm=1.0))
    with pytest.raises(InvalidValue, match="no structure"):
        MarginDesk(LABELS, "spleen", blobs, MATRIX)


def test_of_asks_that_wait_only_the_newest_of_each_margin_is_answered() -> None:
    asks = LatestAsks()
    for margin, mm in (("risk", 1.0), ("safety", 2.0), ("risk", 3.0), ("risk", 4.0)):
        asks.put(Asked(f"{margin} {mm}", MarginAsk(margin=margin, distance_mm=mm)))
    assert [asks.take().request for _ in range(2)] == ["risk 4.0", "safety 2.0"]
    assert not asks


def test_a_resection_says_what_is_left_and_draws_it(blobs: BlobFolder) -> None:
    blade = ToolShape(np.array([(0.0, -20.0, 0.0), (0.0, 20.0, 0.0)]), 1.5)
    desk = ResectionDesk(LABELS, "lesion", blade, blobs, MATRIX)
    whole = desk.message(0.0)
    desk.answer(CutAsk(state="start"), 0.0)
    for n in range(20):
        pose = Transform.rigid(PATIENT, Frame(FrameKind.TOOL, "blade"), np.eye(3), (-19.0 + 2 * n, 0.0, 3.0))
        error = PoseError.isotropic(0.0, 0.3, np.zeros(3))
        desk.update(ToolPlace(pose, error, np.zeros(3), np.zeros(3), 0.0, 0.01 * n), 0.01 * n)
    desk.update(Unknown(Why.NO_TOOL, 0.2), 0.2)
    desk.answer(CutAsk(state="stop"), 0.2)
    told = desk.message(0.2)
    assert told.target == "surface/lesion"
    assert told.undo_count == 1
    assert told.remaining_least_ml < told.remaining_ml < told.remaining_most_ml < whole.remaining_ml
    assert told.margin_mm == pytest.approx(3.0 - 1.5 - RADIUS, abs=0.8)
    assert told.margin_error_mm is not None
    assert told.margin_error_mm > 0.5
    at = positions_mm(desk.remaining_node(), blobs)
    assert not ((at[:, 2] > 2.2) & (at[:, 2] < 3.8)).any()
    desk.answer(CutAsk(state="undo"), 0.3)
    assert desk.message(0.3) == whole.model_copy(update={"unseen_s": 0.0})
