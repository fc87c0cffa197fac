"""A case on the disk is sound, or everything that is wrong with it and its files is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from engine.app.case_check import checked, checked_all
from engine.app.cli import app
from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.ingest.nifti import write_nifti
from tests.app.case_folders import CASE, GRID, ball, samples, write_case_folder


def told(file: Path, *, quick: bool = False) -> list[str]:
    return [str(flaw) for flaw in checked(file, quick=quick).flaws]


def test_a_case_whose_files_are_as_it_says_is_sound(tmp_path: Path) -> None:
    found = checked(write_case_folder(tmp_path))
    assert found.flaws == ()
    assert found.notes == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("path: scan.nii.gz", "path: other.nii.gz", "line 11, volumes[0].source.path: other.nii.gz is not in the"),
        ("file: truth.nii.gz", "file: mask.nii.gz", "line 17, truth.findings[0].place.file: mask.nii.gz is not in"),
        ("label: 1", "label: 2", "line 17, truth.findings[0].place.label: truth.nii.gz has no voxel of label 2"),
        ("[20, 0, 0]", "[20, 0, 900]", "line 23, truth.distractors[0].place.at_mm: this lies outside the volume"),
        ("{sha256}", "0e" + "f" * 62, "line 11, volumes[0].source: scan.nii.gz is not the scan of the case"),
    ],
)  # fmt: skip
def test_each_thing_that_files_contradict_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert CASE.count(old) == 1
    (line,) = told(write_case_folder(tmp_path, CASE.replace(old, new)))
    assert said in line


def test_a_key_that_no_structure_has_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    source = "{{kind: phantom, body: thorax, seed: 1}}"
    text = CASE.replace("{{kind: file, path: scan.nii.gz, sha256: {sha256}}}", source)
    text = text.replace("{{kind: mask, file: truth.nii.gz, label: 1}}", "{{kind: structure, key: no_such}}")
    text = text.replace("  distractors:", "  organ: [lung_left, spleen_of_glass]\n  distractors:")
    found = told(write_case_folder(tmp_path, text))
    assert len(found) == 2
    assert "truth.findings[0].place.key" in found[0]
    assert "truth.organ[1]: its volumes have no structure 'spleen_of_glass'; there is " in found[1]
    assert "lung_left" in found[1]


def test_a_mask_of_another_place_is_told(tmp_path: Path) -> None:
    file = write_case_folder(tmp_path)
    matrix = GRID.patient_from_voxel.matrix.copy()
    matrix[2, 3] += 500.0
    other = Grid.from_matrix(GRID.shape, matrix)
    write_nifti(tmp_path / "truth.nii.gz", other, ball().astype(np.uint8))
    (line,) = told(file)
    assert "truth.findings[0].place.label" in line


def test_one_changed_voxel_of_the_scan_is_told(tmp_path: Path) -> None:
    file = write_case_folder(tmp_path)
    scan = samples()
    scan[3, 3, 3] += 1
    write_nifti(tmp_path / "scan.nii.gz", GRID, scan)
    assert "is not the scan of the case" in told(file)[0]
    assert told(file, quick=True) == []


def test_a_link_that_leads_out_of_the_folder_is_told(tmp_path: Path) -> None:
    file = write_case_folder(tmp_path / "case")
    (tmp_path / "case" / "truth.nii.gz").rename(tmp_path / "elsewhere.nii.gz")
    (tmp_path / "case" / "truth.nii.gz").symlink_to(tmp_path / "elsewhere.nii.gz")
    (line,) = told(file)
    assert "truth.nii.gz is a link that leads out of the case's folder" in line


def test_a_value_that_the_mask_contradicts_and_a_finding_that_nothing_explains_are_noted(tmp_path: Path) -> None:
    found = checked(
        write_case_folder(tmp_path, CASE.replace("value: 16", "value: 61").replace("      why: It is round.\n", ""))
    )
    assert found.flaws == ()
    assert [note.path for note in found.notes] == ["truth.findings[0]", "tasks[1].value"]


def test_two_folders_with_the_same_case_are_told(tmp_path: Path) -> None:
    write_case_folder(tmp_path / "a")
    write_case_folder(tmp_path / "b")
    first, second = checked_all([tmp_path], quick=True)
    assert first.flaws == ()
    assert "is the same case in the same version" in second.flaws[0].fix


def test_a_folder_without_a_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="holds no case"):
        checked_all([tmp_path], quick=True)


def test_the_command_leads_to_each_line_and_ends_with_three(tmp_path: Path) -> None:
    file = write_case_folder(tmp_path, CASE.replace("label: 1", "label: 2").replace("radius_mm: 3", "radius_mm: 500"))
    ran = CliRunner().invoke(app, ["case", "validate", str(file)])
    assert ran.exit_code == 3
    assert f"{file}:23: wrong, truth.distractors[0].place.radius_mm: write 200.0 or less" in ran.stdout
    ran = CliRunner().invoke(app, ["case", "validate", str(write_case_folder(tmp_path)), "--json"])
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)[0]["flaws"] == []
