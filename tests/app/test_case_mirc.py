"""A teaching file and its study become a case that can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.app.case_check import checked
from engine.app.case_folder import open_case
from engine.app.case_mirc import from_mirc, teaching_of
from engine.app.case_new import NewCase
from engine.app.cli import app
from engine.core.errors import InputRefused
from engine.core.progress import silent
from engine.ingest.nifti import write_nifti
from tests.app.case_folders import GRID, samples
from tests.scenarios.case.test_mirc import DOCUMENT


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "knee.xml").write_bytes(DOCUMENT)
    write_nifti(tmp_path / "scan.nii.gz", GRID, samples())
    return tmp_path


def test_words_and_study_become_a_sound_case_and_what_was_not_taken_stands_beside_it(files: Path) -> None:
    made = from_mirc(files / "knee.xml", files / "scan.nii.gz", files / "cases", NewCase(), silent)
    folder = files / "cases" / "mirc-knee" / "0.1.0"
    assert made["folder"] == str(folder)
    assert checked(folder / "case.yaml").flaws == ()
    case, _ = open_case(folder)
    assert case.title == "Knee pain in a boy"
    assert case.licence == "CC BY 4.0"
    assert case.truth.says is not None
    assert "Osteosarcoma" not in case.title + str(case.history)
    notes = (folder / "mirc.txt").read_text()
    assert "- a.jpg" in notes
    assert "which answer is right" in notes


def test_without_its_study_there_is_no_case(files: Path) -> None:
    with pytest.raises(InputRefused, match="names 3 images and holds no volume: give its study with --study"):
        from_mirc(files / "knee.xml", None, files / "cases", NewCase(), silent)
    assert not (files / "cases").exists()


def test_what_is_no_teaching_file_is_refused(files: Path) -> None:
    (files / "page.xml").write_text("<html/>")
    with pytest.raises(InputRefused, match=r"page\.xml is no MIRC teaching file"):
        teaching_of(files / "page.xml")


def test_the_command_imports_a_teaching_file(files: Path) -> None:
    arguments = [
        "case",
        "import",
        str(files / "knee.xml"),
        "--study",
        str(files / "scan.nii.gz"),
        "--into",
        str(files / "c"),
    ]
    ran = CliRunner().invoke(app, [*arguments, "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["case"] == "mirc-knee"
