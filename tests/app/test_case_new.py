"""A study becomes a case without its patient, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from typer.testing import CliRunner

from engine.app.case_check import checked
from engine.app.case_folder import open_case
from engine.app.case_new import NewCase, new_case
from engine.app.cli import app
from engine.core.errors import InputRefused, InvalidValue
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.ingest.deidentify.face import Looked, find_face
from engine.ingest.deidentify.secret import Secret
from engine.ingest.nifti import write_nifti
from engine.ingest.open import read_volume, take_inventory
from engine.ingest.phantom.make import make_phantom
from scenarios.case.source import FileSource
from tests.app.case_folders import GRID, samples, write_case_folder
from tests.app.test_deidentify_command import WHO, head_series
from tests.ingest.dicom_writer import save_series

SECRET = Secret(bytes(32))


def slices(folder: Path, **more: Any) -> Path:
    """The ball as slices of a named patient."""
    kji = np.ascontiguousarray(samples().T)
    save_series(folder, kji, heights_mm=2.5 * np.arange(24), spacing_mm=(1.5, 1.5), **WHO, **more)
    return folder


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() + str(path).encode() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_dicom_study_becomes_a_sound_case_that_holds_nothing_of_its_patient(tmp_path: Path) -> None:
    made = new_case(slices(tmp_path / "in"), tmp_path / "case", NewCase(title="Something round"), silent, SECRET)
    assert made["case"] == "something-round"
    assert checked(tmp_path / "case" / "case.yaml").flaws == ()
    held = everything(tmp_path / "case")
    for value in WHO.values():
        assert str(value).encode() not in held
    (one, *_) = (tmp_path / "case" / "study").rglob("*.dcm")
    assert dcmread(one).PatientIdentityRemoved == "YES"


def test_words_that_other_programs_put_where_a_name_was_are_no_name_of_the_patient(tmp_path: Path) -> None:
    study = slices(tmp_path / "in", OperatorsName="Removed by CTP")
    assert new_case(study, tmp_path / "case", NewCase(), silent, SECRET)["case"] == "ct-study"


def test_values_and_places_are_those_of_the_study_and_the_hash_is_of_them(tmp_path: Path) -> None:
    made = new_case(slices(tmp_path / "in"), tmp_path / "case", NewCase(), silent, SECRET)
    before = read_volume(take_inventory([tmp_path / "in"]).choose()).value
    after = read_volume(take_inventory([tmp_path / "case" / "study"]).choose()).value
    assert np.array_equal(np.asarray(before.samples), np.asarray(after.samples))
    assert np.allclose(before.grid.patient_from_voxel.matrix, after.grid.patient_from_voxel.matrix)
    case, _ = open_case(tmp_path / "case")
    source = case.volumes[0].source
    assert isinstance(source, FileSource)
    assert source.sha256 == made["sha256"]


def test_what_the_file_says_of_text_in_its_pixels_is_refused_unless_told_and_nothing_is_left(tmp_path: Path) -> None:
    study = slices(tmp_path / "in", BurnedInAnnotation="YES")
    with pytest.raises(InputRefused, match=r"there may be text in the pixels .*--allow-text"):
        new_case(study, tmp_path / "out" / "case", NewCase(), silent, SECRET)
    assert list((tmp_path / "out").iterdir()) == []
    made = new_case(study, tmp_path / "out" / "case", NewCase(allow_text=True), silent, SECRET)
    assert made["text"] == ["said by the file"]


def test_text_that_is_seen_in_the_pixels_of_other_formats_is_refused_unless_told(tmp_path: Path) -> None:
    picture = Image.new("L", (256, 256))
    ImageDraw.Draw(picture).text((8, 8), "NEMO CAPTAIN 1937", fill=200, font=ImageFont.load_default(14))
    scan = np.zeros((256, 256, 4), np.int16)
    scan[..., 1] = np.asarray(picture, np.int16).T
    write_nifti(tmp_path / "scan.nii.gz", Grid.centred(scan.shape, (1.0, 1.0, 3.0)), scan)
    with pytest.raises(InputRefused, match="there may be text in the pixels"):
        new_case(tmp_path / "scan.nii.gz", tmp_path / "case", NewCase(), silent)
    assert new_case(tmp_path / "scan.nii.gz", tmp_path / "case", NewCase(allow_text=True), silent)["text"]


@pytest.mark.slow
def test_a_real_chest_ct_becomes_a_sound_case(shared_data: Path, tmp_path: Path) -> None:
    study = shared_data / "dicom" / "ct_chest_lidc0314_jpegls"
    new_case(study, tmp_path / "case", NewCase(title="Chest CT", allow_text=True), silent, SECRET)
    assert checked(tmp_path / "case" / "case.yaml").flaws == ()


@pytest.mark.slow
def test_a_face_is_told_and_on_request_removed_from_dicom(tmp_path: Path) -> None:
    head_series(tmp_path / "in")
    assert new_case(tmp_path / "in", tmp_path / "shown", NewCase(), silent, SECRET)["face"] == "shown"
    made = new_case(tmp_path / "in", tmp_path / "removed", NewCase(deface=True), silent, SECRET)
    assert made["face"] == "removed"
    volume = read_volume(take_inventory([tmp_path / "removed" / "study"]).choose()).value
    assert find_face(volume) is Looked.NO_FACE


@pytest.mark.slow
def test_a_face_is_told_and_on_request_removed_from_other_formats(tmp_path: Path) -> None:
    head = make_phantom("head_ct", size="small").volume
    write_nifti(tmp_path / "head.nii.gz", head.grid, np.asarray(head.samples))
    assert new_case(tmp_path / "head.nii.gz", tmp_path / "shown", NewCase(), silent, SECRET)["face"] == "shown"
    made = new_case(tmp_path / "head.nii.gz", tmp_path / "removed", NewCase(deface=True), silent, SECRET)
    assert made["face"] == "removed"
    volume = read_volume(take_inventory([tmp_path / "removed" / "volume.nii.gz"]).choose()).value
    assert find_face(volume) is Looked.NO_FACE
    assert checked(tmp_path / "removed" / "case.yaml").flaws == ()


def test_structures_of_a_segmentation_become_findings_where_they_lie(tmp_path: Path) -> None:
    write_case_folder(tmp_path / "other")
    ask = NewCase(labels=tmp_path / "other" / "truth.nii.gz", id="round")
    made = new_case(tmp_path / "other" / "scan.nii.gz", tmp_path / "case", ask, silent)
    assert made["findings"] == ["ball"]
    case, folder = open_case(tmp_path / "case")
    assert case.prevalence == "common"
    found = checked(folder / "case.yaml")
    assert found.flaws == ()


def test_a_segmentation_that_holds_nothing_is_refused(tmp_path: Path) -> None:
    write_nifti(tmp_path / "scan.nii.gz", GRID, samples())
    write_nifti(tmp_path / "none.nii.gz", GRID, np.zeros(GRID.shape, np.uint8))
    with pytest.raises(InputRefused, match="holds nothing"):
        new_case(tmp_path / "scan.nii.gz", tmp_path / "case", NewCase(labels=tmp_path / "none.nii.gz"), silent)
    assert not (tmp_path / "case").exists()


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path: Path) -> None:
    file = write_case_folder(tmp_path / "case")
    before = everything(tmp_path / "case")
    with pytest.raises(InputRefused, match="holds something"):
        new_case(file.parent / "scan.nii.gz", tmp_path / "case", NewCase(), silent)
    assert everything(tmp_path / "case") == before


def test_a_name_that_is_none_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    write_nifti(tmp_path / "scan.nii.gz", GRID, samples())
    with pytest.raises(InvalidValue, match="this makes no case"):
        new_case(tmp_path / "scan.nii.gz", tmp_path / "out" / "case", NewCase(id="No Name"), silent)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_command_says_what_was_made(tmp_path: Path) -> None:
    write_nifti(tmp_path / "scan.nii.gz", GRID, samples())
    ran = CliRunner().invoke(
        app, ["case", "new", str(tmp_path / "scan.nii.gz"), str(tmp_path / "case"), "--title", "One", "--json"]
    )
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["case"] == "one"
