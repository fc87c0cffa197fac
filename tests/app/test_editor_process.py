"""Corrections through the real editor process: one op each, nobody else's scene, and a death that loses no voxel."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.app.backend import Application
from engine.app.library import StudyLibrary
from engine.app.scene_labels import label_map_of, volume_node
from engine.core.grid import Grid
from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.bodies import label_map, sphere
from engine.mesh.gltf_read import read_glb
from engine.stream.binary import Blob
from engine.stream.messages import (
    EditScene,
    Op,
    OpenRequest,
    Scene,
    SeriesChoice,
    StepRequest,
    StrokeRequest,
    SurfaceNode,
)
from tests.stream.hubs import NotedHub

GRID = Grid.centred((80, 80, 70), (1.0, 1.0, 1.2))


class Watched(NotedHub):
    """What every page would be told."""

    def __init__(self) -> None:
        super().__init__()
        self.edits: list[EditScene] = []

    def publish(self, op: Op, ahead: Blob | None = None) -> None:
        """As `Hub.publish`."""
        super().publish(op, ahead)
        if isinstance(op, EditScene):
            self.edits.append(op)

    @property
    def scene(self) -> Scene:
        """The scene that is open."""
        assert self.log.scene is not None
        return self.log.scene


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A scan of a ball, and the ball as somebody drew it."""
    labels = np.asarray(label_map([sphere(20.0)], GRID).labels)
    folder = tmp_path / "study"
    folder.mkdir()
    write_nifti(folder / "scan.nii.gz", GRID, np.where(labels > 0, 40, -1000).astype(np.int16))
    write_nifti(folder / "drawn.nii.gz", GRID, labels)
    return folder


async def until(condition: object) -> None:
    async with asyncio.timeout(60):
        while not condition():  # type: ignore[operator]  # a function without arguments
            await asyncio.sleep(0.01)


class Session:
    """An application with the ball's segmentation open."""

    def __init__(self, study: Path, folder: Path) -> None:
        self.told = Watched()
        self.library = StudyLibrary()
        self.shelf = self.library.add("ball", (study,))
        self.application = Application(self.library, folder, self.told)
        self.refused: list[str] = []
        self.blobs = folder / "blobs"

    async def open(self) -> None:
        self.application.start()
        drawn = next(s.uid for s in self.shelf.message().series if s.kind == "labels")
        labels = SeriesChoice(study=self.shelf.id, series=drawn)
        await self.application.start_job(OpenRequest(study=self.shelf.id, labels=labels))
        await until(lambda: self.told.log.scene is not None)

    def ask(self, request: StrokeRequest | StepRequest) -> None:
        self.application.edit(request, self.refused.append)

    async def edited(self, request: StrokeRequest | StepRequest) -> EditScene:
        before = len(self.told.edits)
        self.ask(request)
        await until(lambda: len(self.told.edits) > before or self.refused)
        assert self.refused == []
        return self.told.edits[-1]

    def stroke(self, at_mm: tuple[float, float, float], radius_mm: float = 6.0, tool: str = "brush") -> StrokeRequest:
        (node,) = (node for node in self.told.scene.nodes if isinstance(node, SurfaceNode))
        return StrokeRequest.model_validate(
            {
                "request": "r1", "scene": self.told.scene.id, "tool": tool, "key": node.structure.key,
                "points_mm": [at_mm], "radius_mm": radius_mm, "by": "surgeon",
            }
        )  # fmt: skip

    def step(self, direction: str) -> StepRequest:
        return StepRequest.model_validate({"request": "r2", "scene": self.told.scene.id, "direction": direction})

    def editor_pid(self) -> int:
        running = self.application._editor._running
        assert running is not None
        assert running.process.pid is not None
        return running.process.pid

    def surfaces(self) -> tuple[SurfaceNode, ...]:
        return tuple(node for node in self.told.scene.nodes if isinstance(node, SurfaceNode))

    def voxels(self) -> int:
        volume = volume_node(self.told.scene)
        assert volume is not None
        return int(np.count_nonzero(np.asarray(label_map_of(self.told.scene, volume, self.blobs).labels)))


def run(study: Path, tmp_path: Path, act: object) -> Session:
    session = Session(study, tmp_path / "server")

    async def whole() -> None:
        try:
            await session.open()
            await act(session)  # type: ignore[operator]  # an async function of the session
        finally:
            await asyncio.to_thread(session.application.close)

    asyncio.run(whole())
    return session


def test_a_stroke_is_one_op_and_the_scene_tells_late_comers_the_same(study: Path, tmp_path: Path) -> None:
    async def act(session: Session) -> None:
        before = session.voxels()
        edit = await session.edited(session.stroke((24.0, 0.0, 0.0)))
        painted = session.voxels() - before
        assert painted > 100
        (surface,) = edit.surfaces
        assert surface.volume_ml == pytest.approx(session.voxels() * GRID.voxel_volume_mm3 / 1000)
        assert all(patch.bytes > 0 and patch.blob == edit.labels.blob for patch in surface.patches)
        undone = await session.edited(session.step("undo"))
        assert session.voxels() == before
        assert (undone.undo_count, undone.redo_count) == (0, 1)
        await session.edited(session.step("redo"))
        assert session.voxels() == before + painted

    run(study, tmp_path, act)


def test_patches_are_readable_where_the_op_says(study: Path, tmp_path: Path) -> None:
    async def act(session: Session) -> None:
        edit = await session.edited(session.stroke((0.0, 22.0, 0.0), tool="eraser"))
        data = (session.blobs / edit.labels.blob).read_bytes()
        for patch in edit.surfaces[0].patches:
            glb = data[patch.start : patch.start + patch.bytes]
            assert glb[:4] == b"glTF"
            assert int.from_bytes(glb[8:12], "little") == patch.bytes

    run(study, tmp_path, act)


def test_once_hands_rest_the_surface_is_whole_again_and_the_voxels_are_the_same(study: Path, tmp_path: Path) -> None:
    async def act(session: Session) -> None:
        await session.edited(session.stroke((24.0, 0.0, 0.0)))
        (early,) = session.surfaces()
        voxels = session.voxels()
        await until(lambda: not session.surfaces()[0].patches)
        (whole,) = session.surfaces()
        assert session.voxels() == voxels
        assert volume_node(session.told.scene).label_boxes == ()  # type: ignore[union-attr]  # there is one
        assert whole.volume_ml == early.volume_ml
        assert whole.lods != early.lods
        assert (whole.closed, whole.corrected_by) == (True, ("surgeon",))
        # The bump stands out of the ball by 10 mm: the whole surface has it.
        glb = (session.blobs / whole.lods[0].blob).read_bytes()
        vertices = read_glb(glb)[0].positions_m * 1000
        assert np.abs(vertices).max() == pytest.approx(30.0, abs=1.0)
        # And it can still be taken back.
        await session.edited(session.step("undo"))
        assert session.voxels() < voxels

    run(study, tmp_path, act)


def test_many_strokes_without_a_rest_are_made_whole_too_and_those_that_come_meanwhile_stay(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.app.renewal.MOST_EDITS", 3)
    monkeypatch.setattr("engine.app.renewal.REST_S", 60.0)

    async def act(session: Session) -> None:
        for n in range(3):
            await session.edited(session.stroke((24.0 - 16 * n, 16.0, 8.0 * n)))
        last = await session.edited(session.stroke((0.0, -24.0, 0.0)))
        await until(lambda: len(session.surfaces()[0].patches) == 1)
        (patch,) = session.surfaces()[0].patches
        assert patch.blob == last.labels.blob
        assert [box.blob for box in volume_node(session.told.scene).label_boxes] == [patch.blob]  # type: ignore[union-attr]

    run(study, tmp_path, act)


def test_a_stroke_in_another_scene_or_of_no_structure_is_refused_in_words(study: Path, tmp_path: Path) -> None:
    async def act(session: Session) -> None:
        session.ask(session.stroke((0, 0, 0)).model_copy(update={"scene": "yesterday"}))
        assert session.refused == ["another scene is open by now"]
        session.ask(session.stroke((0, 0, 0)).model_copy(update={"key": "spleen"}))
        await until(lambda: len(session.refused) == 2)
        assert "no structure 'spleen'" in session.refused[1]
        assert session.told.edits == []

    run(study, tmp_path, act)


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on what another process may write is Linux's")
@pytest.mark.slow
def test_on_a_full_disk_a_stroke_is_refused_in_words_and_with_room_again_the_next_one_works(
    study: Path, tmp_path: Path
) -> None:
    import resource  # no other system has it

    async def act(session: Session) -> None:
        await session.edited(session.stroke((24.0, 0.0, 0.0)))
        before = session.voxels()
        resource.prlimit(session.editor_pid(), resource.RLIMIT_FSIZE, (64, 64))
        session.ask(session.stroke((-24.0, 0.0, 0.0)))
        await until(lambda: session.refused)
        (said,) = session.refused
        assert said.startswith(
            "nothing was corrected: the server's disk takes no more (File too large). Free some space"
        )
        assert session.voxels() == before
        assert list(session.blobs.glob("*.partial")) == []
        await until(lambda: session.application._editor._running is None)
        session.refused.clear()
        await session.edited(session.stroke((-24.0, 0.0, 0.0)))
        assert session.voxels() > before

    run(study, tmp_path, act)


def test_an_editor_that_is_killed_loses_no_voxel_and_the_next_stroke_works(study: Path, tmp_path: Path) -> None:
    async def act(session: Session) -> None:
        await session.edited(session.stroke((24.0, 0.0, 0.0)))
        after_first = session.voxels()
        os.kill(session.editor_pid(), signal.SIGKILL)
        await until(lambda: session.application._editor._running is None)
        await session.edited(session.stroke((-24.0, 0.0, 0.0)))
        assert session.voxels() > after_first
        session.ask(session.step("undo"))
        await until(lambda: len(session.told.edits) == 3)
        assert session.voxels() == after_first

    run(study, tmp_path, act)
