"""What other programs read of a case is what the case says."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from engine.app.case_export import exported
from engine.app.case_new import NewCase, new_case
from engine.app.cli import app
from engine.core.errors import InputRefused
from engine.core.progress import silent
from engine.ingest.deidentify.secret import Secret
from engine.ingest.nifti import write_nifti
from engine.ingest.open import read_labels, read_volume, take_inventory
from tests.app.case_folders import CASE, RADIUS_MM, ball, samples, write_case_folder
from tests.app.test_case_new import slices


def load(path: Path) -> Any:
    return nibabel.load(path)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "truth.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_studies_and_truth_are_written_on_one_grid_with_a_table_of_what_is_there(tmp_path: Path) -> None:
    file = write_case_folder(tmp_path / "case")
    told = exported(file, tmp_path / "out", silent)
    assert told["files"] == ["case.yaml", "ct-truth.nii.gz", "ct.nii.gz", "truth.csv"]
    scan, truth = (load(tmp_path / "out" / name) for name in ("ct.nii.gz", "ct-truth.nii.gz"))
    assert np.array_equal(np.asarray(scan.dataobj), samples())
    assert np.array_equal(np.asarray(truth.dataobj) == 1, ball())
    assert np.array_equal(scan.affine, truth.affine)
    assert (tmp_path / "out" / "case.yaml").read_bytes() == file.read_bytes()
    finding, distractor = rows(tmp_path / "out")
    assert (finding["id"], finding["kind"], finding["label"]) == ("ball", "finding", "1")
    assert (distractor["kind"], distractor["x_mm"], distractor["file"]) == ("distractor", "20.0", "")
    places = [float(finding[name]) for name in ("x_mm", "y_mm", "z_mm")]
    assert places == pytest.approx([-10, 5, 0], abs=0.5)
    assert float(finding["volume_ml"]) == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=0.05)


def test_what_overlaps_is_written_to_files_of_its_own(tmp_path: Path) -> None:
    again = "    - {{id: again, name: Again, volume: ct, place: {{kind: mask, file: truth.nii.gz, label: 1}}}}\n"
    file = write_case_folder(tmp_path / "case", CASE.replace("  distractors:", f"{again}  distractors:"))
    exported(file, tmp_path / "out", silent)
    files = [row["file"] for row in rows(tmp_path / "out")]
    assert files == ["ct-truth.nii.gz", "ct-truth-2.nii.gz", ""]
    for name in files[:2]:
        assert np.array_equal(np.asarray(load(tmp_path / "out" / name).dataobj) == 1, ball())


def test_a_dicom_segmentation_lies_where_the_mask_does_and_belongs_to_the_study(tmp_path: Path) -> None:
    study = slices(tmp_path / "in")
    volume = read_volume(take_inventory([study]).choose()).value
    mask = tmp_path / "mask.nii.gz"

    write_nifti(mask, volume.grid, ball().astype(np.uint8))
    new_case(study, tmp_path / "case", NewCase(labels=mask), silent, Secret(bytes(32)))
    exported(tmp_path / "case", tmp_path / "out", silent, dicom=True)
    found = dcmread(tmp_path / "out" / "dicom" / "study-truth.dcm")
    (one, *_) = (tmp_path / "case" / "study").rglob("*.dcm")
    assert found.Modality == "SEG"
    assert found.StudyInstanceUID == dcmread(one).StudyInstanceUID
    kept = read_volume(take_inventory([tmp_path / "case" / "study"]).choose()).value
    labels = read_labels(tmp_path / "out" / "dicom" / "study-truth.dcm", kept).value
    assert np.array_equal(np.asarray(labels.labels) > 0, ball())


def test_dicom_asked_of_a_case_that_holds_none_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    text = CASE.replace(
        "{{kind: file, path: scan.nii.gz, sha256: {sha256}}}", "{{kind: phantom, body: thorax, seed: 1}}"
    )
    with pytest.raises(InputRefused, match="holds no DICOM study"):
        exported(write_case_folder(tmp_path / "case", text), tmp_path / "out", silent, dicom=True)
    with pytest.raises(InputRefused, match="nifti"):
        exported(write_case_folder(tmp_path / "case"), tmp_path / "out", silent, dicom=True)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_command_tells_what_it_wrote(tmp_path: Path) -> None:
    file = write_case_folder(tmp_path / "case")
    ran = CliRunner().invoke(app, ["case", "export", str(file), "--out", str(tmp_path / "out"), "--json"])
    assert ran.exit_code == 0, ran.output
    assert "truth.csv" in json.loads(ran.stdout)["files"]
