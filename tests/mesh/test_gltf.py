"""GLB: valid for Khronos, loaded by three.js, true to the surfaces, small, the same every time."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.surface import Surface
from engine.mesh.distance import distances_mm
from engine.mesh.gltf import GltfMesh, single_surface_glb, write_glb
from engine.mesh.lod import build_lods
from engine.mesh.normals import vertex_normals
from engine.mesh.quantize import QuantizationFrame
from tests.mesh.js_reader import loaded, validated
from tests.mesh.organs import BONE, FRAME, HEADSET_FROM_PATIENT, SKIN, ball, organ

EMPTY = Surface(FRAME, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
#: Validator messages that speak of what it does not know, not of what is wrong.
EXPECTED_CODES = {"UNSUPPORTED_EXTENSION", "UNUSED_OBJECT"}


def parsed(glb: bytes) -> dict[str, Any]:
    """The JSON of a GLB, its container checked."""
    magic, version, length = struct.unpack_from("<4sII", glb)
    assert (magic, version, length) == (b"glTF", 2, len(glb))
    size, kind = struct.unpack_from("<I4s", glb, 12)
    assert kind == b"JSON"
    document: dict[str, Any] = json.loads(glb[20 : 20 + size])
    return document


def in_patient_mm(world: list[float]) -> Float64:
    """Headset metres back to patient millimetres."""
    points = np.array(world).reshape(-1, 3)
    return np.asarray((np.c_[points, np.ones(len(points))] @ np.linalg.inv(HEADSET_FROM_PATIENT).T)[:, :3])


@pytest.fixture(scope="module")
def scene() -> tuple[GltfMesh, GltfMesh]:
    levels = build_lods([organ(40)], [(0.2, 1.0, 3.0)])[0]
    return GltfMesh(BONE, levels, volume_ml=33.5, surface_area_mm2=6000.0), GltfMesh(SKIN, (ball(14),))


@pytest.fixture(scope="module")
def scene_glb(scene: tuple[GltfMesh, ...]) -> bytes:
    return write_glb(scene, HEADSET_FROM_PATIENT, title="Chest", extras={"series": 3})


def test_khronos_finds_nothing_wrong_compressed_or_not(scene_glb: bytes) -> None:
    for report in validated(scene_glb):
        assert report["numErrors"] == report["numWarnings"] == 0, report["messages"]
        assert {message["code"] for message in report["messages"]} <= EXPECTED_CODES


def test_three_js_shows_the_finest_level_where_the_patient_s_surface_is(
    scene: tuple[GltfMesh, ...], scene_glb: bytes
) -> None:
    found = loaded(scene_glb)
    assert found["scene"] == "Chest"
    assert [mesh["extras"]["name"] for mesh in found["meshes"]] == ["Bone", "Skin"]
    for mesh, source in zip(found["meshes"], scene, strict=True):
        surface = source.lods[0]
        points = in_patient_mm(mesh["world"])
        frame = QuantizationFrame.around(source.lods).fit_for(surface.error_mm)
        assert len(mesh["index"]) == surface.faces.size
        back = Surface(surface.frame, points.astype(np.float32), np.array(mesh["index"], np.int32).reshape(-1, 3))
        assert back.is_closed()
        assert back.volume_mm3 == pytest.approx(surface.volume_mm3, rel=1e-3)
        assert distances_mm(points, surface).max() <= frame.error_mm + 1e-4  # float32 metres in three.js


def test_three_js_gets_normals_within_a_degree_and_a_half() -> None:
    surface = ball(7)
    mesh = loaded(single_surface_glb(surface, SKIN, HEADSET_FROM_PATIENT))["meshes"][0]
    normals = np.array(mesh["normal"]).reshape(-1, 3)
    nearest = np.argmin(
        np.linalg.norm(surface.vertices_mm[:, None] - in_patient_mm(mesh["world"])[None], axis=2), axis=0
    )
    cosine = (normals * vertex_normals(surface)[nearest]).sum(axis=1) / np.linalg.norm(normals, axis=1)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 1.5


def test_every_level_says_what_it_is(scene: tuple[GltfMesh, ...], scene_glb: bytes) -> None:
    document = parsed(scene_glb)
    nodes = document["nodes"]
    assert document["scenes"][0] == {"nodes": [0], "name": "Chest", "extras": {"series": 3}}
    assert nodes[0]["children"] == [1, 4]
    assert nodes[1]["extensions"]["MSFT_lod"]["ids"] == [2, 3]
    for node, surface, level in zip(nodes[1:4], scene[0].lods, range(3), strict=True):
        extras = node["extras"]
        assert node["name"] == "Bone"
        assert extras["lod"] == level
        assert surface.error_mm <= extras["error_mm"] <= 1.03 * surface.error_mm
        triangles = document["accessors"][document["meshes"][node["mesh"]]["primitives"][0]["indices"]]["count"] // 3
        assert triangles == surface.triangle_count
    assert nodes[1]["extras"] | {"error_mm": 0, "lod": 0} == {
        "key": "bone",
        "label": 3,
        "code": {"value": "272673000", "scheme": "SCT", "meaning": "Bone"},
        "colour": [240, 230, 204],
        "opacity": 0.5,
        "provenance": {
            "pipeline": "tissue",
            "version": "1",
            "parameters": {"threshold_hu": "200"},
            "synthetic": True,
        },
        "volume_ml": 33.5,
        "surface_area_mm2": 6000.0,
        "error_mm": 0,
        "lod": 0,
    }
    assert nodes[4]["extras"]["code"] is None


def test_the_only_matrix_is_the_caller_s(scene_glb: bytes) -> None:
    nodes = parsed(scene_glb)["nodes"]
    assert [i for i, node in enumerate(nodes) if "matrix" in node] == [0]
    np.testing.assert_array_equal(np.reshape(nodes[0]["matrix"], (4, 4)).T, HEADSET_FROM_PATIENT)


def test_see_through_structures_blend_and_solid_ones_do_not(scene_glb: bytes) -> None:
    bone, skin = loaded(scene_glb)["meshes"]
    assert (bone["opacity"], bone["transparent"]) == (0.5, True)
    assert (skin["opacity"], skin["transparent"]) == (1, False)
    assert bone["colour"] == 0xF0E6CC  # sRGB again, through three.js' linear colours
    assert all("doubleSided" not in material for material in parsed(scene_glb)["materials"])


def test_the_bytes_are_the_same_every_time_on_any_number_of_threads(
    scene: tuple[GltfMesh, ...], scene_glb: bytes
) -> None:
    again = write_glb(scene, HEADSET_FROM_PATIENT, title="Chest", extras={"series": 3}, workers=1)
    assert again == scene_glb


def test_an_organ_of_140_000_triangles_takes_at_most_4_7_bytes_a_triangle() -> None:
    fine = organ(118)
    for surface in (fine, build_lods([fine], [(0.01,)])[0][0]):
        assert 125_000 < surface.triangle_count < 155_000
        assert len(single_surface_glb(surface, BONE, HEADSET_FROM_PATIENT)) <= 4.7 * surface.triangle_count


def test_large_surfaces_take_long_indices_and_small_ones_short() -> None:
    kinds = []
    for surface in (ball(10), organ(118)):
        document = parsed(single_surface_glb(surface, SKIN, HEADSET_FROM_PATIENT))
        kinds.append(document["accessors"][2]["componentType"])
    assert kinds == [5123, 5125]


def test_a_given_frame_is_kept_so_that_positions_can_be_replaced() -> None:
    surface = ball(12)
    frame = QuantizationFrame.around([surface], margin_mm=10)
    node = parsed(single_surface_glb(surface, SKIN, HEADSET_FROM_PATIENT, frame=frame, lod=2))["nodes"][1]
    assert node["translation"] == frame.origin_mm.tolist()
    assert node["scale"] == [frame.step_mm] * 3
    assert node["extras"]["lod"] == 2


def test_a_structure_without_surface_is_named_but_not_drawn() -> None:
    glb = write_glb([GltfMesh(BONE, (EMPTY,)), GltfMesh(SKIN, (ball(5),))], HEADSET_FROM_PATIENT)
    assert [report["numErrors"] for report in validated(glb)] == [0, 0]
    assert [mesh["extras"]["key"] for mesh in loaded(glb)["meshes"]] == ["skin"]
    assert parsed(glb)["nodes"][1]["name"] == "Bone"


def test_an_empty_scene_is_a_file_all_the_same() -> None:
    assert "meshes" not in parsed(write_glb([], HEADSET_FROM_PATIENT))


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(InvalidValue, match="no triangles"):
        single_surface_glb(EMPTY, BONE, HEADSET_FROM_PATIENT)
    for matrix in (np.eye(3), np.full((4, 4), np.nan)):
        with pytest.raises(InvalidValue, match="root matrix"):
            write_glb([], matrix)


@pytest.mark.data
def test_a_real_skull_s_file_is_valid(shared_data: Path) -> None:
    import nibabel

    from engine.core.grid import Grid
    from engine.core.volume import LabelMap
    from engine.mesh.extract import extract

    image: Any = nibabel.load(shared_data / "mri" / "t1_seg3d_skull.nii.gz")
    labels = np.asfortranarray((np.asarray(image.dataobj) > 0).astype(np.uint8))
    grid = Grid.from_matrix(labels.shape, np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)
    levels = build_lods([extract(LabelMap(grid, labels, ())).surface(1)], [(0.5, 2.0)])[0]
    glb = write_glb([GltfMesh(BONE, levels)], HEADSET_FROM_PATIENT)
    assert [report["numErrors"] for report in validated(glb)] == [0, 0]
    assert len(glb) < 4.7 * sum(level.triangle_count for level in levels)
