"""The whole of `sightline segment` on files, with labels given: from NIfTI to labels, scene and report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from engine.app.pipeline import Options
from engine.app.segment_command import segment_to_folder
from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.bodies import label_map, sphere
from tests.ingest.dicom_writer import save_series

RADIUS_MM = 15.0


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scan")
    grid = Grid.centred((48, 48, 40), (1.0, 1.0, 1.2))
    truth = label_map([sphere(RADIUS_MM)], grid)
    labels = np.asarray(truth.labels)
    write_nifti(folder / "volume.nii.gz", grid, np.where(labels > 0, 40, -1000).astype(np.int16))
    write_nifti(folder / "truth.nii.gz", grid, labels, truth.structures)
    return folder


@pytest.fixture(scope="module")
def result(scan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "new"
    options = Options(labels=scan / "truth.nii.gz")
    segment_to_folder((scan / "volume.nii.gz",), out, options, None, silent)
    return out


def test_it_writes_labels_scene_and_report_and_nothing_else(result: Path) -> None:
    assert sorted(path.name for path in result.iterdir()) == ["labels.nii.gz", "report.json", "scene.glb"]


def test_the_report_says_how_large_each_structure_is(result: Path) -> None:
    report = json.loads((result / "report.json").read_text())
    (structure,) = report["structures"]
    exact_ml = 4 / 3 * np.pi * RADIUS_MM**3 / 1000
    assert structure["volume_ml"] == pytest.approx(exact_ml, rel=0.01)
    assert structure["voxels"] * 1.2 / 1000 == pytest.approx(structure["volume_ml"])
    assert structure["surface_area_mm2"] == pytest.approx(4 * np.pi * RADIUS_MM**2, rel=0.02)
    assert structure["closed"] is True
    assert structure["triangles"] > 100
    assert {"stages", "peak_memory_bytes", "warnings"} <= report.keys()


def test_the_scene_is_binary_gltf(result: Path) -> None:
    assert (result / "scene.glb").read_bytes()[:4] == b"glTF"


def test_the_same_input_gives_the_same_files(scan: Path, result: Path, tmp_path: Path) -> None:
    segment_to_folder((scan / "volume.nii.gz",), tmp_path, Options(labels=scan / "truth.nii.gz"), None, silent)
    for name in ("labels.nii.gz", "scene.glb"):
        assert (tmp_path / name).read_bytes() == (result / name).read_bytes()


def test_surfaces_are_exported_as_asked_in_millimetres_and_by_name(scan: Path, tmp_path: Path) -> None:
    options = Options(labels=scan / "truth.nii.gz")
    segment_to_folder((scan / "volume.nii.gz",), tmp_path, options, None, silent, ("stl", "3mf"))
    surfaces = tmp_path / "surfaces"
    assert sorted(path.name for path in surfaces.iterdir()) == ["sphere_1.stl", "structures.3mf"]
    exact_mm3 = 4 / 3 * np.pi * RADIUS_MM**3
    for path in surfaces.iterdir():
        (mesh,) = trimesh.load_scene(path).geometry.values()
        mesh.merge_vertices()  # STL has none of its own
        assert mesh.volume == pytest.approx(exact_mm3, rel=0.01)


def test_structures_of_one_name_stay_apart_in_an_export(scan: Path, tmp_path: Path) -> None:
    grid = Grid.centred((48, 48, 40), (1.0, 1.0, 1.2))
    two = label_map([sphere(6, (-9, 0, 0)), sphere(6, (9, 0, 0))], grid)
    named = [replace(structure, name="Cyst") for structure in two.structures]
    write_nifti(tmp_path / "cysts.nii.gz", grid, np.asarray(two.labels), named)
    options = Options(labels=tmp_path / "cysts.nii.gz")
    segment_to_folder((scan / "volume.nii.gz",), tmp_path / "out", options, None, silent, ("obj",))
    scene = trimesh.load_scene(tmp_path / "out" / "surfaces" / "structures.obj", split_objects=True)
    assert sorted(scene.geometry) == [f"Cyst ({structure.key})" for structure in two.structures]


def test_the_report_names_the_pipeline_that_ran_and_not_the_one_that_could_not(scan: Path, tmp_path: Path) -> None:
    report = segment_to_folder((scan / "volume.nii.gz",), tmp_path, Options(), None, silent)
    assert report["pipeline"].split()[0] == "threshold"
    assert [structure["key"] for structure in report["structures"]] == ["above_threshold"]


def test_the_report_says_which_series_was_taken_and_that_there_were_others(scan: Path, tmp_path: Path) -> None:
    smaller = Grid.centred((20, 20, 20), (1.0, 1.0, 1.2))
    (tmp_path / "in").mkdir()
    write_nifti(tmp_path / "in" / "small.nii.gz", smaller, np.arange(8000, dtype=np.int16).reshape(20, 20, 20))
    (tmp_path / "in" / "large.nii.gz").write_bytes((scan / "volume.nii.gz").read_bytes())
    inputs, out = (tmp_path / "in",), tmp_path / "out"
    chosen = segment_to_folder(inputs, out, Options(), None, silent)
    assert "1 other volume in there" in chosen["warnings"][0]
    named = segment_to_folder(inputs, out, Options(), chosen["input"]["series_uid"], silent)
    assert named["input"] == chosen["input"]
    assert not any("other volume" in warning for warning in named["warnings"])


def test_the_report_names_each_damaged_file_once(tmp_path: Path) -> None:
    slices = np.zeros((20, 16, 16), np.int16)
    slices[5:15, 4:12, 4:12] = 500
    paths = save_series(tmp_path / "in", slices, Modality="MR")
    for cut, at in ((-100, 3), (-400, 8), (300 - paths[13].stat().st_size, 13)):
        paths[at].write_bytes(paths[at].read_bytes()[:cut])
    report = segment_to_folder((tmp_path / "in",), tmp_path / "out", Options(pipeline="threshold"), None, silent)
    assert sorted((problem["file"], problem["reason"]) for problem in report["problems"]) == [
        ("003.dcm", "pixel data ends after 412 of 512 bytes"),
        ("008.dcm", "pixel data ends after 112 of 512 bytes"),
        ("013.dcm", "ends within its header: the file is cut short"),
    ]


def test_labels_and_a_pipeline_together_are_wrong_usage(scan: Path) -> None:
    with pytest.raises(InvalidValue, match="one of the two"):
        Options(labels=scan / "truth.nii.gz", pipeline="ct-tissue")


def test_an_input_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="does not exist"):
        segment_to_folder((tmp_path / "nothing",), tmp_path / "out", Options(), None, silent)


def test_a_folder_that_cannot_be_made_is_said_before_any_work(scan: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentLacks, match="cannot write"):
        segment_to_folder((scan,), tmp_path / "file" / "out", Options(), None, silent)


def test_a_series_that_is_not_there_is_refused_with_those_that_are(scan: Path, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="there are"):
        segment_to_folder((scan / "volume.nii.gz",), tmp_path, Options(), "1.2.3", silent)


def test_cancelling_stops_the_job(scan: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop_when(stage_wanted: str) -> Callable[[float, str], None]:
        def progress(_fraction: float, stage: str) -> None:
            if stage == stage_wanted:
                raise StopError

        return progress

    options = Options(labels=scan / "truth.nii.gz")
    with pytest.raises(StopError):
        segment_to_folder((scan / "volume.nii.gz",), tmp_path, options, None, stop_when("smoothing surfaces"))
    assert not (tmp_path / "report.json").exists()
