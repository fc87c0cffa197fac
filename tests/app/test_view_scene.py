"""From the wire's scene to what a headset draws."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.app.view_scene import (
    choose_levels,
    drawn_surface,
    drawn_volume,
    label_box,
    shown_at_first,
    slab_box,
    tool_sample,
    voxel_from_headset,
    without_blocks,
)
from engine.core.anatomy import structure
from engine.core.errors import InvalidValue
from engine.core.structure import Provenance
from engine.core.surface import Surface
from engine.mesh.gltf import single_surface_glb
from engine.mesh.gltf_read import ReadSurface, read_glb
from engine.mesh.moved import packed_positions
from engine.mesh.quantize import QuantizationFrame
from engine.stream.codec import headset_from_patient
from engine.stream.messages import (
    LabelBox,
    MovedPositions,
    Registration,
    Scene,
    Slab,
    SurfaceLod,
    SurfaceNode,
    TrackedNode,
    VolumeNode,
    WindowPreset,
)
from engine.stream.named_blobs import blobs_of
from engine.stream.pose import Pose, PoseFrame
from engine.stream.roles import Role
from tests.e2e.console_server import SHAPES, Console
from tests.mesh.organs import ball
from tests.stream.scenes import scene, surface_node, volume_node


def levels(*triangles: int) -> tuple[SurfaceLod, ...]:
    return tuple(
        SurfaceLod(blob="0" * 64, bytes=9 * count, triangles=count, error_mm=0.1 * 4**n)
        for n, count in enumerate(triangles)
    )


def node(name: str, *triangles: int, opacity: float = 1.0, parts: tuple[str, ...] = ()) -> SurfaceNode:
    made = surface_node(name)
    structure = made.structure.model_copy(update={"opacity": opacity, "parts": parts})
    return made.model_copy(update={"lods": levels(*triangles), "structure": structure})


@given(st.lists(st.lists(st.integers(1, 10_000), min_size=1, max_size=4), min_size=1, max_size=5), st.floats(0.01, 20))
def test_levels_fit_the_budget_or_are_all_the_coarsest(counts: list[list[int]], pixels_per_mm: float) -> None:
    nodes = [node(f"n{n}", *sorted(each, reverse=True)) for n, each in enumerate(counts)]
    chosen = choose_levels(nodes, pixels_per_mm, budget=6_000)
    total = sum(each.lods[chosen[each.id]].triangles for each in nodes)
    assert total <= 6_000 or all(chosen[each.id] == len(each.lods) - 1 for each in nodes)


def test_the_coarsest_level_whose_error_cannot_be_seen_is_taken() -> None:
    whole = node("liver", 900, 90, 9)  # errors 0.1, 0.4, 1.6 mm
    assert [choose_levels([whole], ppm)["liver"] for ppm in (0.4, 1.0, 5.0, 50.0)] == [2, 1, 0, 0]


def test_of_veils_only_the_faintest_is_shown_and_a_whole_stands_behind_its_parts() -> None:
    nodes = [
        node("skin", 9, opacity=0.2),
        node("fat", 9, opacity=0.3),
        node("brain", 9, parts=("white", "grey")),
        node("white", 9),
        node("bone", 9),
    ]
    shown = shown_at_first(nodes)
    assert [name for name, is_shown in shown.items() if is_shown] == ["skin", "white", "bone"]


def test_triangles_inside_an_edited_block_make_room_and_those_across_its_rim_stay() -> None:
    # In a row along i: whole triangles before, across and beyond the border between blocks 0 and 1.
    starts = np.array([2.0, 6.2, 12.0])
    positions = np.array([[s + d, 2.0, 2.0 + e] for s in starts for d, e in ((0, 0), (2, 0), (0, 2))], np.float32)
    surface = ReadSurface("x", positions, positions, np.arange(9, dtype=np.uint32).reshape(3, 3))
    kept = without_blocks(surface, np.eye(4), [(1, 0, 0)])
    assert kept.triangles.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert without_blocks(surface, np.eye(4), []) is surface


def test_a_surface_that_moved_is_drawn_where_it_is_now_with_normals_of_its_own() -> None:
    surface = ball()
    middle = surface.vertices_mm.mean(axis=0)
    flat = Surface(surface.frame, (middle + (surface.vertices_mm - middle) * (1.0, 1.0, 0.2)), surface.faces)
    matrix, frame = headset_from_patient(middle), QuantizationFrame.around([surface])
    made = structure("liver", 3, Provenance("test", "1", ()))
    blobs = {"a" * 64: single_surface_glb(surface, made, matrix), "b" * 64: packed_positions(flat, frame)}
    count = len(read_glb(blobs["a" * 64])[0].positions_m)
    place = MovedPositions(
        blob="b" * 64, start=0, bytes=len(blobs["b" * 64]), vertices=count,
        origin_mm=frame.origin_mm.tolist(), step_mm=frame.step_mm,
    )  # fmt: skip
    lod = SurfaceLod(blob="a" * 64, bytes=1, triangles=surface.triangle_count, error_mm=0.0)
    moved = node("liver", 1).model_copy(update={"lods": (lod,), "moved": (place,)})
    drawn = drawn_surface(moved, 0, np.eye(4), matrix, blobs.__getitem__, is_shown=True, order=0)
    expected = flat.vertices_mm @ matrix[:3, :3].T + matrix[:3, 3]
    assert np.ptp(drawn.positions_m, axis=0) == pytest.approx(np.ptp(expected, axis=0), abs=1e-4)
    # What was a ball and is a lens now has most of its normals along the axis that was pressed.
    axis = np.argmin(np.ptp(drawn.positions_m, axis=0))
    assert np.abs(drawn.normals[:, axis]).mean() > 0.75
    wrong = moved.model_copy(update={"moved": (place.model_copy(update={"vertices": count + 1}),)})
    with pytest.raises(InvalidValue, match="vertices"):
        drawn_surface(wrong, 0, np.eye(4), matrix, blobs.__getitem__, is_shown=True, order=0)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Console:
    return Console(tmp_path_factory.mktemp("blobs"), Role.SURGEON)


def fetching(console: Console) -> Callable[[str], bytes]:
    return lambda name: (console.application.folder / name).read_bytes()


def test_a_surface_is_drawn_where_the_patient_frame_has_it(served: Console) -> None:
    found = next(each for each in served.scene.nodes if isinstance(each, SurfaceNode) and each.id == "surface-nodule")
    volume = next(each for each in served.scene.nodes if isinstance(each, VolumeNode))
    lattice = voxel_from_headset(served.scene, volume)
    drawn = drawn_surface(found, 0, lattice, np.eye(4), fetching(served), is_shown=True, order=3)
    x, y, z = next(centre for key, centre, _, _ in SHAPES if key == "nodule")
    assert drawn.positions_m.mean(axis=0) == pytest.approx((x / 1e3, z / 1e3, -y / 1e3), abs=5e-4)
    assert (drawn.name, drawn.order, drawn.is_shown) == (found.structure.name, 3, True)


def test_a_surface_of_which_nothing_is_left_is_drawn_as_nothing() -> None:
    drawn = drawn_surface(node("gone"), None, np.eye(4), np.eye(4), lambda _: b"", is_shown=True, order=0)
    assert drawn.triangles.shape == (0, 3)


def test_windows_are_told_in_samples() -> None:
    ct = volume_node()
    assert drawn_volume(scene(), ct).windows[0].low == pytest.approx(-160, abs=0.01)
    presets = (WindowPreset(name="All", low=0.0, high=1.0),)
    mr = ct.model_copy(update={"value_range": (0.0, 1.0), "presets": presets})
    window = drawn_volume(scene(), mr).windows[0]
    assert (window.low, window.high) == (-32768, 32767)


def test_the_box_of_a_volume_reaches_half_a_voxel_beyond_its_centres() -> None:
    box = drawn_volume(scene(), volume_node()).anatomy_from_box
    low, high = box @ [0, 0, 0, 1], box @ [1, 1, 1, 1]
    assert low[:3] * 1e3 == pytest.approx((-0.5, -0.5, 0.5))
    assert high[:3] * 1e3 == pytest.approx((7.5, 7.5, -7.5))


def test_slabs_and_boxes_are_unpacked_with_i_fastest() -> None:
    values = np.arange(3 * 8 * 8, dtype="<i2").reshape(3, 8, 8)
    packed = bytes(imagecodecs.zstd_encode(values.tobytes()))
    slab = Slab(blob="0" * 64, bytes=len(packed), k_start=2, k_count=3)
    box = slab_box(volume_node(), slab, packed, is_labels=False)
    assert box.low == (0, 0, 2)
    assert np.array_equal(box.values, values)
    labels = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    packed = b"??" + bytes(imagecodecs.zstd_encode(labels.tobytes()))
    edited = LabelBox(low=(1, 2, 3), shape=(2, 3, 4), blob="0" * 64, start=2, bytes=len(packed) - 2)
    assert np.array_equal(label_box(edited, packed).values, labels)


@pytest.mark.parametrize("data", [b"noise", bytes(imagecodecs.zstd_encode(b"short"))])
def test_voxels_that_are_not_all_there_are_refused(data: bytes) -> None:
    slab = Slab(blob="0" * 64, bytes=len(data), k_start=0, k_count=8)
    with pytest.raises(InvalidValue):
        slab_box(volume_node(), slab, data, is_labels=True)


PROBE = TrackedNode(
    id="probe", name="Probe", entity=4, thing="tool", shaft_mm=((0, 0, 0), (0, 0, 120)), radius_mm=2.0, source="test",
    frame_of_reference_uid="1.2.3", registration_epoch=0, fades_after_ms=200, hides_after_ms=700,
)  # fmt: skip
QUARTER = (float(np.sqrt(0.5)), 0.0, 0.0, float(np.sqrt(0.5)))  # about z


def test_a_tool_stands_where_the_patient_frame_has_it() -> None:
    sample = tool_sample(scene(), PROBE, Pose(4, 10.0, (10.0, 20.0, 30.0), QUARTER))
    assert sample is not None
    assert (sample.entity, sample.time_s, sample.is_tracked) == (4, 10.0, True)
    assert sample.position_m == pytest.approx((0.01, 0.03, -0.02))
    # Its own x, which the turn lays along the patient's y (backwards), is away from the eyes.
    assert sample.rotation @ (1, 0, 0) == pytest.approx((0, 0, -1), abs=1e-9)
    assert sample.rotation.T @ sample.rotation == pytest.approx(np.eye(3), abs=1e-9)


def test_a_tool_looks_and_ages_as_its_node_says() -> None:
    sample = tool_sample(scene(), PROBE, Pose(4, 10.0, (0.0, 0.0, 0.0), QUARTER))
    assert sample is not None
    assert sample.shaft_m == pytest.approx(np.array([[0, 0, 0], [0, 0, 0.12]]))
    assert (sample.radius_m, sample.fades_after_s, sample.hides_after_s) == pytest.approx((0.002, 0.2, 0.7))


def registered(*, verified: bool) -> Scene:
    shifted = (1.0, 0, 0, 100.0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0)
    registration = Registration(
        epoch=3, patient_from_world=shifted, frame_of_reference_uid="1.2.3", method="points", verified=verified
    )
    return scene().model_copy(update={"registration": registration, "registration_epoch": 3})


def test_what_was_measured_in_the_world_is_shown_where_a_proved_registration_puts_it() -> None:
    in_world = Pose(4, 1.0, (5.0, 0.0, 0.0), QUARTER, PoseFrame.WORLD)
    sample = tool_sample(registered(verified=True), PROBE, in_world)
    assert sample is not None
    assert sample.position_m == pytest.approx((0.105, 0, 0))
    assert tool_sample(registered(verified=False), PROBE, in_world) is None
    assert tool_sample(scene(), PROBE, in_world) is None


def test_a_tool_of_another_registration_is_not_shown_at_all() -> None:
    assert tool_sample(scene(), PROBE, Pose(4, 1.0, (0, 0, 0), QUARTER, registration_epoch=1)) is None


def test_every_blob_of_a_scene_is_named(served: Console) -> None:
    named = set(blobs_of(served.scene))
    assert named == {path.name for path in served.application.folder.iterdir()}
    assert all(hashlib.sha256((served.application.folder / name).read_bytes()).hexdigest() == name for name in named)
