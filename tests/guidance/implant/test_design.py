"""A hole in a skull in, a part that fills it out: against the bone that was cut out."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import trimesh

from engine.app.implant_command import Request, object_name, report_of, seed_of, surface_of
from engine.core.errors import InvalidValue
from engine.core.surface import Surface
from engine.mesh.crossings import crossings
from engine.mesh.export import export_surfaces
from guidance.implant.bone import grid_over
from guidance.implant.design import Implant, Wish, implant_for
from guidance.implant.midplane import find_midplane
from guidance.implant.vault import find_defect, vault_of
from tests.guidance.implant.heads import STEP_MM, WALL_MM, field_of, shell

HOLE = ((62.0, -10.0, 45.0), 26.0)
WISH = Wish(clearance_mm=1.0, least_wall_mm=3.0, spacing_mm=1.0)
CORE_3MF = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"


@pytest.fixture(scope="module")
def implant() -> Implant:
    scan = shell(holes=(HOLE,))
    bone = field_of(scan, 1.5)
    plane = find_midplane(scan, bone)
    vault = vault_of(bone, plane)
    middle = np.array(HOLE[0])
    grid = grid_over(np.array([middle - HOLE[1], middle + HOLE[1]]), WISH.spacing_mm, 16.0, "")
    return implant_for(scan, plane, vault, find_defect(vault), WISH, grid)


@pytest.fixture(scope="module")
def surface(implant: Implant) -> Surface:
    return surface_of(implant)


def test_the_part_is_the_bone_that_was_cut_out_less_the_gap(implant: Implant) -> None:
    points = implant.part.grid.patient_from_voxel.apply(np.indices(implant.part.grid.shape).reshape(3, -1).T)
    ball = np.linalg.norm(points - np.array(HOLE[0]), axis=1).reshape(implant.part.grid.shape)
    whole = shell().field(implant.part.grid).signed_mm < 0
    removed = whole & (ball < HOLE[1] - WISH.clearance_mm)
    made = implant.part.signed_mm < 0
    assert 2 * (removed & made).sum() / (removed.sum() + made.sum()) > 0.93


def test_the_gap_to_the_bone_is_the_clearance_all_round(implant: Implant, surface: Surface) -> None:
    gap, _ = implant.bone.at(surface.vertices_mm.astype(np.float64))
    assert np.nanmin(gap) > WISH.clearance_mm - 0.25 * WISH.spacing_mm
    assert np.median(implant.rim.gap_mm) == pytest.approx(WISH.clearance_mm, abs=0.1 * WISH.spacing_mm)


def test_its_faces_run_on_into_those_of_the_bone(implant: Implant) -> None:
    assert len(implant.rim.step_mm) > 50
    step = np.abs(implant.rim.step_mm)
    assert np.median(step) < 0.15
    assert np.percentile(step, 95) < 0.6  # voxels of 3 mm round the edge of the cut off


def test_its_wall_is_as_thick_as_the_bone(implant: Implant) -> None:
    """The shell was made of radii; straight through, it is a little thinner."""
    assert implant.wall.percentile_mm(50) == pytest.approx(WALL_MM, abs=WISH.spacing_mm / 2)


def test_it_says_that_it_belongs_to_the_left(implant: Implant) -> None:
    assert implant.side == "L"
    assert implant.marks is not None
    assert implant.marks.letters[0] == "L"
    assert object_name(implant).startswith("Implant L (arrow to ")


def test_its_surface_is_closed_in_one_piece_and_crosses_nothing(surface: Surface) -> None:
    mesh = trimesh.Trimesh(surface.vertices_mm, surface.faces, process=False)
    assert surface.is_closed()
    assert mesh.is_watertight
    assert mesh.body_count == 1
    assert mesh.volume == pytest.approx(surface.volume_mm3, rel=1e-4)
    assert not len(crossings(surface))


def test_its_surface_lies_between_voxels_where_the_distance_is_nothing(implant: Implant, surface: Surface) -> None:
    off, _ = implant.part.at(surface.vertices_mm.astype(np.float64))
    assert np.percentile(np.abs(off), 95) < 0.1 * WISH.spacing_mm


def test_files_say_millimetres_and_hold_the_part(implant: Implant, surface: Surface, tmp_path: Path) -> None:
    for name in ("implant.stl", "implant.3mf"):
        export_surfaces({object_name(implant): surface}, tmp_path / name)
    header = (tmp_path / "implant.stl").read_bytes()[:80]
    assert b"mm" in header
    assert not header.startswith(b"solid")
    stl = trimesh.load_mesh(tmp_path / "implant.stl")
    np.testing.assert_allclose(stl.bounds, [surface.vertices_mm.min(0), surface.vertices_mm.max(0)], atol=1e-4)
    with zipfile.ZipFile(tmp_path / "implant.3mf") as archive:
        assert archive.testzip() is None
        model = ElementTree.fromstring(archive.read("3D/3dmodel.model"))
    assert model.tag == f"{CORE_3MF}model"
    assert model.get("unit") == "millimeter"
    (mesh,) = model.iter(f"{CORE_3MF}mesh")
    vertices = np.array([[float(v.get(a, "nan")) for a in "xyz"] for v in mesh.iter(f"{CORE_3MF}vertex")])
    triangles = np.array([[int(t.get(a, "-1")) for a in ("v1", "v2", "v3")] for t in mesh.iter(f"{CORE_3MF}triangle")])
    assert trimesh.Trimesh(vertices, triangles, process=False).volume == pytest.approx(surface.volume_mm3, rel=1e-3)
    names = [item.get("name") for item in model.iter(f"{CORE_3MF}object")]
    assert object_name(implant) in names


def test_the_report_states_errors_and_that_it_is_no_device(implant: Implant, surface: Surface) -> None:
    report = report_of(implant, surface, Request(WISH), STEP_MM)
    assert "not a medical device" in report["use"]
    assert report["checks"] == {"closed": True, "self_crossings": 0, "bodies": 1}
    assert report["rim_mm"]["least_gap"] <= report["rim_mm"]["gap"]["p50"]
    assert report["implant"]["volume_error_ml"] > 0
    assert any("slices" in warning for warning in report["warnings"])


@pytest.mark.parametrize("text", ["1,2", "a,b,c", "1,2,3,4", ""])
def test_a_seed_that_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="x,y,z"):
        seed_of(text)


def test_a_seed_is_three_numbers_or_none() -> None:
    assert seed_of("1.5,-2,3") == (1.5, -2.0, 3.0)
    assert seed_of(None) is None


@pytest.mark.parametrize("wish", [{"clearance_mm": -0.1}, {"least_wall_mm": 0.1}, {"spacing_mm": 2.0}])
def test_a_wish_that_no_printer_grants_is_refused(wish: dict[str, float]) -> None:
    with pytest.raises(InvalidValue):
        Wish(**wish)  # type: ignore[arg-type]
