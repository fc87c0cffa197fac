"""Soft tissue that moved: what is measured goes where it is drawn, with the error of the guess, or is not measured."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from engine.app.blobs import BlobFolder
from engine.app.guide_structures import DEFORMED, surface_nodes, surface_of, version_of
from engine.app.guide_surfaces import Surfaces
from engine.app.guide_tissue import Tissue
from engine.app.guide_ways import Ways
from engine.app.pipeline import StructureSurface
from engine.app.publish import lone_node
from engine.core.anatomy import is_stiff, structure
from engine.core.errors import EnvironmentLacks, InvalidValue
from engine.core.structure import Provenance
from engine.stream.codec import headset_from_patient, row_major
from engine.stream.guiding import TrajectoryAsk
from engine.stream.messages import Op, PutNode, Scene, SurfaceNode, SurfacePatch
from engine.stream.scene_log import folded
from guidance.margins.surface_tree import SurfaceTree
from guidance.plan.plan import Plan, Watched
from guidance.register.deformation import Deformation, deformation
from guidance.trajectory.trajectory import Trajectory
from tests.guidance.margins.shapes import PATIENT, ball

MATRIX = headset_from_patient(np.zeros(3))
SANK_MM = np.array([0.0, 0.0, -6.0])
PLAN = Plan(
    name="plan",
    series_uid="1.2.3",
    frame_of_reference_uid="1.2.3",
    target="lesion",
    watched=(Watched("lesion"), Watched("skull")),
    trajectories=(Trajectory("a", "A", np.array([0.0, -80.0, 0.0]), np.array([0.0, 0.0, 2.0]), 1.0),),
)


def node(key: str, radius_mm: float, blobs: BlobFolder) -> SurfaceNode:
    made = structure(key, 1, Provenance("test", "1", synthetic=True))
    surface = ball(radius_mm, 4)
    measured = StructureSurface(made, (surface,), 0, surface.volume_mm3 / 1000, surface.area_mm2, closed=True)
    return lone_node(f"surface/{key}", measured, MATRIX, blobs, source="test")


def sunken() -> Deformation:
    """Eight points around the lesion say: everything sank by six millimetres."""
    scan = np.array([[x, y, z] for x in (-15.0, 15.0) for y in (-15.0, 15.0) for z in (-15.0, 15.0)])
    return deformation(list(scan), list(scan + SANK_MM), 0.3)


class Desk:
    """A scene whose structures are measured as it changes."""

    def __init__(self, folder: Path) -> None:
        self.blobs = BlobFolder(folder)
        self.scene = Scene(
            id="scene",
            title="balls",
            frame_of_reference_uid=PATIENT.uid,
            registration_epoch=0,
            headset_from_patient=row_major(MATRIX),
            nodes=(node("lesion", 10.0, self.blobs), node("skull", 60.0, self.blobs)),
        )
        self.trees: dict[str, SurfaceTree | None] = {}
        self.ways = Ways(PLAN)
        self.surfaces = Surfaces(self.scene, lambda: ("lesion", "skull"), folder, self._put, self.ways.put_entry)
        self.tissue = Tissue(folder, self.surfaces, self.ways)

    def _put(self, key: str, _name: str, tree: SurfaceTree | None) -> None:
        self.trees[key] = tree

    async def follow(self, ops: Iterable[Op] = ()) -> None:
        for op in ops:
            self.scene = folded(self.scene, op)
            self.surfaces.follow(self.scene)
        self.surfaces.follow(self.scene)
        await self.surfaces.ready()

    async def move(self) -> tuple[Op, ...]:
        return await self.tissue.move(lambda: self.scene, sunken())

    def distance_mm(self, key: str, place: tuple[float, float, float]) -> float:
        tree = self.trees[key]
        assert tree is not None
        return tree.near_point(np.array(place)).distance_mm

    def target_mm(self) -> tuple[float, ...]:
        return self.ways.messages({})[0].target_mm


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "blobs")


def test_what_is_measured_goes_where_it_is_drawn_and_bone_stays(desk: Desk) -> None:
    async def played() -> None:
        await desk.follow()
        assert desk.distance_mm("lesion", (0, 0, 14)) == pytest.approx(4.0, abs=0.1)
        before = desk.trees["skull"], desk.trees["lesion"]
        await desk.follow(await desk.move())
        assert desk.distance_mm("lesion", (0, 0, 14)) == pytest.approx(10.0, abs=0.3)
        assert desk.trees["skull"] is before[0]
        now, was = desk.trees["lesion"], before[1]
        assert now is not None
        assert was is not None
        guess_mm = float(sunken().error_mm(ball(10.0, 4).vertices_mm.astype(np.float64)).max())
        assert now.error_mm == pytest.approx(was.error_mm + 1.96 * guess_mm, rel=0.03)
        assert desk.tissue.guess is not None
        assert "a guess" in desk.tissue.guess.words
        assert desk.tissue.guess.error_mm(np.zeros(3)) > guess_mm

    asyncio.run(played())


def test_between_knowing_that_tissue_moved_and_drawing_it_nothing_of_it_is_measured(desk: Desk) -> None:
    async def played() -> None:
        await desk.follow()
        ops = await desk.move()
        assert desk.trees["lesion"] is None
        assert desk.trees["skull"] is not None
        marked = [op for op in ops if isinstance(op, PutNode)]
        await desk.follow(marked)  # says that it moved, and has not yet
        assert desk.trees["lesion"] is None
        await desk.follow(ops)
        assert desk.trees["lesion"] is not None

    asyncio.run(played())


def test_a_surface_that_is_made_anew_meanwhile_is_not_measured_where_the_scan_has_it(desk: Desk) -> None:
    async def played() -> None:
        await desk.follow()
        await desk.follow(await desk.move())
        await desk.follow([PutNode(node=node("lesion", 12.0, desk.blobs))])
        assert desk.trees["lesion"] is None

    asyncio.run(played())


def test_put_back_all_is_where_the_scan_has_it_and_ways_that_nobody_moved_too(desk: Desk) -> None:
    async def played() -> None:
        await desk.follow()
        planned = desk.target_mm()
        await desk.follow(await desk.move())
        assert desk.target_mm() == pytest.approx(planned + SANK_MM, abs=0.3)
        desk.ways.move(TrajectoryAsk(id="b", entry_mm=(0, -80, 5), target_mm=(0, 0, -4)))
        await desk.follow(desk.tissue.put_back(desk.scene))
        assert not desk.tissue.is_moved
        assert desk.target_mm() == planned
        assert desk.ways.messages({})[1].target_mm == (0, 0, -4)  # drawn on tissue as it was then
        assert desk.distance_mm("lesion", (0, 0, 14)) == pytest.approx(4.0, abs=0.1)

    asyncio.run(played())


def test_a_surface_that_is_gone_from_the_disk_stops_it(desk: Desk) -> None:
    async def played() -> None:
        await desk.follow()
        for path in desk.blobs.folder.iterdir():
            path.unlink()
        with pytest.raises(EnvironmentLacks, match="Open the study again"):
            await desk.move()

    asyncio.run(played())


def test_what_is_corrected_by_hand_or_only_said_to_have_moved_cannot_be_measured(desk: Desk) -> None:
    made = surface_nodes(desk.scene)["lesion"]
    patch = SurfacePatch(blocks=((0, 0, 0),), counts=(0,), blob=made.lods[0].blob, start=0, bytes=0, triangles=0)
    corrected = made.model_copy(update={"patches": (patch,)})
    parameters = {DEFORMED: "by 6 mm"}
    provenance = made.structure.provenance.model_copy(update={"parameters": parameters})
    said = made.model_copy(update={"structure": made.structure.model_copy(update={"provenance": provenance})})
    for one in (corrected, said):
        assert version_of(one) is None
        with pytest.raises(InvalidValue, match="corrected"):
            surface_of(desk.scene, one, desk.blobs.folder)


@pytest.mark.parametrize(
    ("key", "stays"),
    [("skull", True), ("vertebra", True), ("rib_left_4", True), ("skin", True), ("hip_right", True),
     ("brain", False), ("spinal_cord", False), ("tumour", False), ("arteries", False), ("bladder", False)],
)  # fmt: skip
def test_bone_and_the_outside_stay_when_soft_tissue_moves(key: str, stays: bool) -> None:
    assert is_stiff(key) is stays
