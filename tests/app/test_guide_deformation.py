"""Deformed surfaces travel as positions, and say that they were deformed before anyone sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.app.blobs import BlobFolder
from engine.app.guide_deformation import deformed, undeformed
from engine.app.guide_margins import MarginDesk
from engine.app.guide_structures import DEFORMED
from engine.core.anatomy import structure
from engine.core.array import Float64
from engine.core.errors import EnvironmentLacks
from engine.core.grid import Grid
from engine.core.structure import Provenance
from engine.core.volume import LabelMap
from engine.mesh.gltf_read import read_glb
from engine.mesh.moved import unpacked_positions
from engine.mesh.quantize import QuantizationFrame
from engine.stream.codec import headset_from_patient, row_major
from engine.stream.messages import MoveSurface, PutNode, Scene, SurfaceNode, SurfacePatch
from engine.stream.scene_log import folded
from guidance.register.deformation import Deformation, deformation
from tests.guidance.margins.sampled import centres

MATRIX = headset_from_patient(np.array([1.0, 2.0, 3.0]))


@pytest.fixture
def blobs(tmp_path: Path) -> BlobFolder:
    return BlobFolder(tmp_path / "blobs")


@pytest.fixture
def scene(blobs: BlobFolder) -> Scene:
    """The margins of a ball: three closed surfaces, one in the other."""
    grid = Grid.centred((24, 24, 24), 1.0, "1.2.3")
    labels = np.asfortranarray((np.linalg.norm(centres(grid), axis=-1) < 8).astype(np.uint8))
    label_map = LabelMap(grid, labels, (structure("lesion", 1, Provenance("test", "1", synthetic=True)),))
    steps = MarginDesk(label_map, "lesion", blobs, MATRIX).first()
    return Scene(
        id="scene",
        title="ball",
        frame_of_reference_uid="1.2.3",
        registration_epoch=0,
        headset_from_patient=row_major(MATRIX),
        nodes=tuple(step.node for step in steps if step.node),
    )


def squeezed() -> Deformation:
    """Touched points that say: everything sank by a fifth along z, and moved 2 mm to the left."""
    scan = np.array([[x, y, z] for x in (-20.0, 20.0) for y in (-20.0, 20.0) for z in (-20.0, 20.0)])
    return deformation(list(scan), list(scan * [1.0, 1.0, 0.8] + [2.0, 0.0, 0.0]), 0.01)


def places(op: MoveSurface, level: int, blobs: BlobFolder) -> Float64:
    moved = op.moved[level]
    path = blobs.path(moved.blob)
    assert path is not None
    frame = QuantizationFrame(np.array(moved.origin_mm), moved.step_mm)
    return unpacked_positions(path.read_bytes()[moved.start : moved.start + moved.bytes], moved.vertices, frame)


def test_every_vertex_goes_where_the_deformation_puts_it(scene: Scene, blobs: BlobFolder) -> None:
    made = deformed(scene, squeezed(), blobs)
    moves = {op.id: op for op in made.ops if isinstance(op, MoveSurface)}
    assert set(moves) == {node.id for node in scene.nodes}
    for node in scene.nodes:
        assert isinstance(node, SurfaceNode)
        path = blobs.path(node.lods[0].blob)
        assert path is not None
        (read,) = read_glb(path.read_bytes())
        scan = (read.positions_m - MATRIX[:3, 3]) @ np.linalg.inv(MATRIX[:3, :3]).T
        np.testing.assert_allclose(places(moves[node.id], 0, blobs), scan * [1, 1, 0.8] + [2, 0, 0], atol=0.05)
        assert moves[node.id].volume_ml == pytest.approx(0.8 * node.volume_ml, rel=0.01)


def test_the_mark_comes_before_the_movement_and_says_how_little_is_known(scene: Scene, blobs: BlobFolder) -> None:
    made = deformed(scene, squeezed(), blobs)
    shown: Scene | None = scene
    for op in made.ops:
        shown = folded(shown, op)
        assert shown is not None
        for node in shown.nodes:
            assert isinstance(node, SurfaceNode)
            assert not node.moved or DEFORMED in node.structure.provenance.parameters
    assert "8 points" in made.words
    assert "a guess" in made.words
    assert all(isinstance(n, SurfaceNode) and len(n.moved) == len(n.lods) for n in (shown or scene).nodes)


def test_only_what_was_asked_for_moves_and_what_was_corrected_by_hand_is_named(scene: Scene, blobs: BlobFolder) -> None:
    first, second, _ = scene.nodes
    assert isinstance(first, SurfaceNode)
    patch = SurfacePatch(blocks=((0, 0, 0),), counts=(0,), blob=first.lods[0].blob, start=0, bytes=0, triangles=0)
    edited = scene.model_copy(update={"nodes": (first.model_copy(update={"patches": (patch,)}), *scene.nodes[1:])})
    made = deformed(edited, squeezed(), blobs, only={first.id, second.id})
    assert made.left_out == (first.id,)
    assert {op.id for op in made.ops if isinstance(op, MoveSurface)} == {second.id}


def test_taking_it_back_restores_the_scene(scene: Scene, blobs: BlobFolder) -> None:
    shown: Scene | None = scene
    for op in deformed(scene, squeezed(), blobs).ops:
        shown = folded(shown, op)
    assert shown is not None
    ops = undeformed(shown)
    assert all(isinstance(op, PutNode) for op in ops)
    for op in ops:
        shown = folded(shown, op)
    assert shown is not None
    for now, was in zip(shown.nodes, scene.nodes, strict=True):
        assert isinstance(now, SurfaceNode)
        assert isinstance(was, SurfaceNode)
        assert now.structure == was.structure
        assert now == was


def test_a_surface_whose_blob_is_gone_is_told(scene: Scene, blobs: BlobFolder) -> None:
    for path in blobs.folder.iterdir():
        path.unlink()
    with pytest.raises(EnvironmentLacks, match="Open the study again"):
        deformed(scene, squeezed(), blobs)
