"""Exports: other programs read back the same solid, in millimetres, with names where the format has them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.errors import EnvironmentLacks, InvalidValue
from engine.core.frame import patient
from engine.core.surface import Surface
from engine.mesh.export import FORMATS, export_surfaces
from tests.mesh.organs import ball

SURFACES = {"Left lung": ball(9), "Nodule (2)": ball(5)}


def meshes(path: Path) -> dict[str, Any]:
    """What trimesh reads, by name."""
    import trimesh

    options: dict[str, Any] = {"split_objects": True} if path.suffix == ".obj" else {}
    return dict(trimesh.load_scene(path, **options).geometry)


@pytest.mark.parametrize("suffix", FORMATS)
def test_trimesh_reads_back_the_same_solid(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"organs{suffix}"
    export_surfaces(SURFACES, path)
    found = meshes(path).values()
    for mesh in found:
        mesh.merge_vertices()  # STL has none of its own
        assert mesh.is_watertight
    assert sum(len(mesh.faces) for mesh in found) == sum(s.triangle_count for s in SURFACES.values())
    volume = sum(surface.volume_mm3 for surface in SURFACES.values())
    assert sum(float(mesh.volume) for mesh in found) == pytest.approx(volume, rel=1e-5)


@pytest.mark.parametrize("suffix", FORMATS)
def test_positions_are_patient_millimetres(suffix: str, tmp_path: Path) -> None:
    surface = Surface(ball(8).frame, ball(8).vertices_mm + np.array((100, -250, 40), np.float32), ball(8).faces)
    path = tmp_path / f"ball{suffix}"
    export_surfaces({"Ball": surface}, path)
    (mesh,) = meshes(path).values()
    np.testing.assert_allclose(mesh.bounds, [surface.vertices_mm.min(0), surface.vertices_mm.max(0)], atol=1e-4)


@pytest.mark.parametrize("suffix", [".obj", ".3mf"])
def test_names_are_kept_where_the_format_has_them(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"organs{suffix}"
    export_surfaces(SURFACES, path)
    assert set(meshes(path)) == set(SURFACES)


def test_3mf_says_millimetres(tmp_path: Path) -> None:
    path = tmp_path / "organs.3mf"
    export_surfaces(SURFACES, path)
    with zipfile.ZipFile(path) as archive:
        assert b'unit="millimeter"' in archive.read("3D/3dmodel.model")


@pytest.mark.parametrize("suffix", [".stl", ".ply", ".obj"])
def test_open3d_reads_back_the_same_triangles(suffix: str, tmp_path: Path) -> None:
    open3d = pytest.importorskip("open3d", reason="open3d comes with the extra `guidance`", exc_type=ImportError)
    path = tmp_path / f"ball{suffix}"
    surface = SURFACES["Nodule (2)"]
    export_surfaces({"Nodule": surface}, path)
    mesh = open3d.io.read_triangle_mesh(str(path))
    mesh.merge_close_vertices(1e-6)
    assert len(mesh.triangles) == surface.triangle_count
    assert mesh.get_volume() == pytest.approx(surface.volume_mm3, rel=1e-5)


def test_a_line_break_in_a_name_does_not_break_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ball.obj"
    export_surfaces({"two\nlines": ball(5)}, path)
    assert set(meshes(path)) == {"two lines"}


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    empty = Surface(ball(5).frame, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    elsewhere = Surface(patient("9.9"), ball(5).vertices_mm, ball(5).faces)
    for surfaces, name, why in (
        (SURFACES, "organs.xyz", "cannot write .xyz"),
        (SURFACES, "organs", "without an ending"),
        ({"Empty": empty}, "organs.stl", "no surface"),
        ({"a": ball(5), "b": elsewhere}, "organs.stl", "different frames"),
    ):
        with pytest.raises(InvalidValue, match=why):
            export_surfaces(surfaces, tmp_path / name)
        assert not (tmp_path / name).exists()


def test_3mf_without_its_packages_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import trimesh

    def missing(*_: object, **__: object) -> None:
        raise ImportError("No module named 'lxml'", name="lxml")

    monkeypatch.setattr(trimesh.Scene, "export", missing)
    with pytest.raises(EnvironmentLacks, match="lxml"):
        export_surfaces(SURFACES, tmp_path / "organs.3mf")
