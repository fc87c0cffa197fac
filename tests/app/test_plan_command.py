"""Plans from the command line: begun, looked over, and given ways, on a head that is a ball."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from engine.app.bench import plan_picture
from engine.app.cli import app
from engine.app.plan_command import NewPlan, Proposing, new_plan, propose_ways, said, validate_plan
from engine.app.plan_file import PlanFile, read_plan, write_plan
from engine.core.anatomy import structure
from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.core.structure import Provenance
from engine.ingest.nifti import write_nifti
from guidance.plan.plan import Landmark, Use, Watched
from guidance.trajectory.trajectory import Trajectory
from tests.ingest.dicom_writer import FRAME, SERIES, save_series
from tests.ingest.drawn_structures import circle, saved, structure_set

MADE = Provenance("test", "1")
HEAD_MM, SPACING_MM = 50.0, 2.0
LANDMARKS = {
    "Nasion": (0.0, -50.0, 0.0),
    "Left ear": (50.0, 0.0, 0.0),
    "Right ear": (-50.0, 0.0, 0.0),
    "Inion": (0.0, 50.0, 0.0),
    "Check vertex": (0.0, 0.0, 50.0),
}


def slicer_points(path: Path, points: dict[str, tuple[float, float, float]]) -> Path:
    rows = [f"{n},{x},{y},{z},0,0,0,1,1,1,0,{name},," for n, (name, (x, y, z)) in enumerate(points.items())]
    head = "# CoordinateSystem = LPS\n# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
    path.write_text(head + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head with a tumour at (10, 0, 20) and an artery above it."""
    folder = tmp_path_factory.mktemp("scan")
    grid = Grid.centred((56, 56, 56), SPACING_MM)
    at = grid.patient_from_voxel.apply(np.indices((56, 56, 56)).reshape(3, -1).T).reshape(56, 56, 56, 3)

    def ball(centre: tuple[float, float, float], radius: float) -> np.ndarray:
        return np.asarray(np.linalg.norm(at - centre, axis=-1) <= radius)

    labels = ball((0, 0, 0), HEAD_MM).astype(np.uint8)
    labels[ball((10, 0, 20), 7.0)] = 2
    labels[ball((10, 3, 38), 4.0)] = 3
    keys = ("head", "tumour", "arteries")
    structures = tuple(structure(key, n, MADE) for n, key in enumerate(keys, start=1))
    write_nifti(folder / "volume.nii.gz", grid, np.where(labels > 0, 40, -1000).astype(np.int16))
    write_nifti(folder / "labels.nii.gz", grid, labels, structures)
    slicer_points(folder / "points.fcsv", LANDMARKS)
    return folder


def begun(scan: Path, out: Path, **changed: object) -> Path:
    chosen = NewPlan(
        "Case", labels=scan / "labels.nii.gz", landmarks=scan / "points.fcsv", tools=("Stylus",), reference="Clamp"
    )
    new_plan(scan / "volume.nii.gz", out / "plan.json", replace(chosen, **changed), silent)  # type: ignore[arg-type]
    return out / "plan.json"


@pytest.fixture(scope="module")
def whole(scan: Path) -> PlanFile:
    return read_plan(begun(scan, scan))


@pytest.fixture
def path(whole: PlanFile, tmp_path: Path) -> Path:
    """A plan of one's own."""
    write_plan(tmp_path / "plan.json", whole)
    return tmp_path / "plan.json"


def test_a_plan_that_is_begun_with_landmarks_and_a_tool_lacks_nothing(path: Path) -> None:
    plan = read_plan(path).plan
    assert plan.target == "tumour"
    assert [one.key for one in plan.watched] == ["arteries"]
    assert [one.use.value for one in plan.landmarks] == ["register"] * 4 + ["check"]
    assert plan.series_uid.startswith("sha256:")
    report = validate_plan(path, silent)
    assert report["lacks"] == []
    assert report["notes"] == []
    assert 0.5 < report["expected_mm"] < 1.0


def test_ways_are_found_written_and_looked_over_again(path: Path) -> None:
    report = propose_ways(path, Proposing(count=3), silent)
    ways = report["trajectories"]
    assert [one["id"] for one in ways] == ["proposed_1", "proposed_2", "proposed_3"]
    assert report["entry"] == "Head"
    for one in ways:
        assert one["refused"] == []
        assert one["target_mm"] == pytest.approx([10, 0, 20], abs=2.5)
        assert np.linalg.norm(one["entry_mm"]) == pytest.approx(HEAD_MM, abs=2.5)
        assert one["clearances"][0]["structure"] == "Arteries"
        assert one["clearances"][0]["least_mm"] >= 2.0
    again = validate_plan(path, silent)
    assert [one["cost"] for one in again["trajectories"]] == pytest.approx([one["cost"] for one in ways], abs=1e-3)
    propose_ways(path, Proposing(count=1), silent)
    assert [way.id for way in read_plan(path).plan.trajectories] == ["proposed_1"]


@pytest.mark.slow
def test_a_picture_of_its_ways_shows_the_target_in_its_colour_and_the_tool_over_it(path: Path) -> None:
    out = path.parent / "ways.png"
    with pytest.raises(InputRefused, match="no trajectory"):
        plan_picture.main([str(path), "--out", str(out)])
    file = read_plan(path)
    way = Trajectory("a", "Superior", np.array((10.0, 0.0, 49.0)), np.array((10.0, 0.0, 20.0)), 1.0)
    write_plan(path, replace(file, plan=replace(file.plan, trajectories=(way,))))
    plan_picture.main([str(path), "--out", str(out)])
    pixels = np.asarray(Image.open(out).convert("RGB")).astype(int)
    for colour in ((249, 179, 115), (77, 163, 255)):  # a tumour over what is bright, and the tool
        assert (np.abs(pixels - colour).max(axis=2) < 12).sum() > 30


def test_a_target_that_allows_no_way_leaves_the_plan_as_it_was(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(InputRefused, match="within arteries"):
        propose_ways(path, Proposing(target_mm=(10.0, 3.0, 38.0)), silent)
    assert path.read_bytes() == before


def test_a_plan_that_is_there_is_not_written_over(scan: Path, path: Path) -> None:
    with pytest.raises(InputRefused, match="is there already"):
        begun(scan, path.parent)


def test_landmarks_of_another_scan_are_refused(scan: Path, tmp_path: Path) -> None:
    points = slicer_points(tmp_path / "far.fcsv", {**LANDMARKS, "Check toe": (0.0, 0.0, -1500.0)})
    with pytest.raises(InputRefused, match="Check toe lies outside the scan"):
        begun(scan, tmp_path, landmarks=points)
    assert not (tmp_path / "plan.json").exists()


def test_landmarks_far_from_the_skin_are_noted(whole: PlanFile, path: Path) -> None:
    deep = Landmark("deep", "Check deep", np.array((0.0, 5.0, 0.0)), Use.CHECK)
    write_plan(path, replace(whole, plan=replace(whole.plan, landmarks=(*whole.plan.landmarks, deep))))
    (note,) = validate_plan(path, silent)["notes"]
    assert "Check deep (4" in note


def test_a_structure_that_the_scan_has_not_is_told_with_those_it_has(path: Path) -> None:
    file = read_plan(path)
    write_plan(path, replace(file, plan=replace(file.plan, watched=(Watched("optic_nerve"),))))
    with pytest.raises(
        InputRefused, match="'optic_nerve' is not among the structures; there are arteries, head, tumour"
    ):
        validate_plan(path, silent)


def test_another_scan_under_the_same_name_is_refused(path: Path) -> None:
    file = read_plan(path)
    write_plan(path, replace(file, plan=replace(file.plan, series_uid="sha256:" + "0" * 64)))
    with pytest.raises(InputRefused, match="was made on another series"):
        validate_plan(path, silent)


def test_the_command_prints_and_exits_as_the_conventions_say(scan: Path, tmp_path: Path) -> None:
    run, out = CliRunner(), tmp_path / "plan.json"
    made = run.invoke(
        app,
        ["plan", "new", str(scan / "volume.nii.gz"), "--labels", str(scan / "labels.nii.gz"), "-o", str(out), "--json"],
    )
    assert made.exit_code == 0
    assert json.loads(made.stdout)["target"] == "tumour"
    looked = run.invoke(app, ["plan", "validate", str(out)])
    assert looked.exit_code == 3  # no landmarks, no tool
    assert "0 of at least 3" in looked.stdout.replace("\n", " ")
    proposed = run.invoke(app, ["plan", "propose", str(out), "--count", "2"])
    assert proposed.exit_code == 0
    assert "proposed_2" in proposed.stdout
    assert "was not looked at" in proposed.stdout


def test_structures_are_named_from_an_rtstruct_and_the_plan_is_bound_by_uids(tmp_path: Path) -> None:
    save_series(tmp_path / "ct", np.full((40, 64, 64), 40, np.int16), heights_mm=np.arange(40.0))
    middle, heights = (31.0, 31.0), np.arange(2.0, 38.0)

    def ball(x: float, z: float, radius: float) -> list[np.ndarray]:
        rings = [(at, radius**2 - (at - z) ** 2) for at in heights]
        return [circle((x, middle[1], at), float(np.sqrt(left))) for at, left in rings if left > 1]

    drawn = structure_set(
        {
            "Skin": [circle((*middle, at), 28.0) for at in heights],
            "GTV": ball(31.0, 20.0, 5.0),
            "Optic nerve": ball(45.0, 20.0, 3.0),
        },
        frame=FRAME,
        series=SERIES,
    )
    labels = saved(drawn, tmp_path / "structures.dcm")
    path = tmp_path / "plan.json"
    report = new_plan(tmp_path / "ct", path, NewPlan("Case", labels=labels), silent)
    plan = read_plan(path).plan
    assert (plan.series_uid, plan.frame_of_reference_uid) == (SERIES, FRAME)
    assert plan.target == "gtv"
    assert [one.key for one in plan.watched] == ["optic_nerve"]
    assert report["lacks"]
    best = propose_ways(path, Proposing(count=1), silent)["trajectories"][0]
    assert best["target_mm"] == pytest.approx([31, 31, 20], abs=1.5)
    assert best["clearances"][0]["structure"] == "Optic nerve"


@pytest.mark.data
@pytest.mark.slow
def test_structures_are_named_from_a_real_dicom_segmentation(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "dicom" / "pet_seg_qinhn0024"
    (labels,) = (folder / "SEG").iterdir()
    report = new_plan(folder / "PET", tmp_path / "plan.json", NewPlan("Neck", labels=labels), silent)
    (target,) = (one for one in report["structures"] if one["use"] == "target")
    assert "neoplasm" in target["name"].lower()
    assert read_plan(tmp_path / "plan.json").plan.series_uid.startswith("1.3.6.1")
    assert validate_plan(tmp_path / "plan.json", silent)["warnings"] == report["warnings"]


def test_a_way_is_called_by_where_it_comes_from() -> None:
    assert said(np.array((0.0, 1.0, 0.0))) == "Anterior"
    assert said(np.array((0.6, 0.0, -0.8))) == "Superior, right"
    assert said(np.array((-0.58, -0.58, 0.58))) == "Posterior, left, inferior"
