"""Whole studies: a patient alike in all files, nothing written where something would stay, a key for its owner."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from engine.app.deidentify_command import KEY_FILE, REPORT_FILE, deidentified, stored_secret
from engine.core.errors import EnvironmentLacks, InputRefused
from engine.ingest.deidentify.face import Looked, find_face
from engine.ingest.deidentify.options import Faces, Options
from engine.ingest.deidentify.secret import Secret
from engine.ingest.open import read_volume, take_inventory
from engine.ingest.phantom.make import make_phantom
from tests.export.scans import complaints
from tests.ingest.deidentify.planted import NAME, NUMBER, named, stored, traces
from tests.ingest.dicom_writer import save_series

SECRET = Secret(bytes(32))
WHO: dict[str, Any] = {
    "PatientName": NAME,
    "PatientID": NUMBER,
    "PatientBirthDate": "19371224",
    "StudyDate": "20240229",
}


def head_series(folder: Path) -> None:
    """A phantom's CT head as slices of a named patient."""
    volume = make_phantom("head_ct", size="small").volume
    matrix = np.asarray(volume.grid.patient_from_voxel.matrix)
    step = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
    i, j, k = (float(s) for s in volume.grid.spacing_mm)
    save_series(
        folder,
        np.ascontiguousarray(np.asarray(volume.samples).transpose(2, 1, 0)),
        heights_mm=k * np.arange(volume.grid.shape[2]),
        spacing_mm=(i, j),
        orientation=[*(matrix[:3, 0] / i), *(matrix[:3, 1] / j)],
        origin_mm=tuple(matrix[:3, 3]),
        step=step,
        **WHO,
    )


def written(out: Path) -> list[Path]:
    return sorted(out.rglob("*.dcm"))


def test_files_of_a_patient_are_treated_alike_and_the_report_holds_no_value(tmp_path: Path) -> None:
    for number in range(3):
        stored(named(InstanceNumber=number), tmp_path / "in" / f"{number}.dcm")
    report = deidentified([tmp_path / "in"], tmp_path / "out", Options(keep_dates=True), secret=SECRET)
    found = [dcmread(path) for path in written(tmp_path / "out")]
    assert len(found) == report["files"] == 3
    assert len({(f.PatientID, f.StudyInstanceUID, f.StudyDate) for f in found}) == 1
    text = (tmp_path / "out" / REPORT_FILE).read_text()
    assert json.loads(text) == report
    assert report["actions"]["moved in time"]["StudyDate"] == 3
    assert all(traces(path.read_bytes()) == [] for path in (tmp_path / "out").rglob("*") if path.is_file())


def test_what_one_file_says_of_a_patient_is_searched_for_in_the_others(tmp_path: Path) -> None:
    stored(named(), tmp_path / "in" / "0.dcm")
    stored(named(PatientName="", PatientBirthDate="", FilterType="Wilhelmine"), tmp_path / "in" / "1.dcm")
    deidentified([tmp_path / "in"], tmp_path / "out", Options(), secret=SECRET)
    assert all(traces(path.read_bytes()) == [] for path in written(tmp_path / "out"))


def test_a_leak_in_one_file_keeps_all_from_being_written(tmp_path: Path) -> None:
    stored(named(), tmp_path / "in" / "0.dcm")
    leaking = named()
    leaking.PixelData = NAME.encode() + leaking.PixelData[len(NAME) :]
    stored(leaking, tmp_path / "in" / "1.dcm")
    with pytest.raises(InputRefused, match="PixelData") as refused:
        deidentified([tmp_path / "in"], tmp_path / "out", Options(), secret=SECRET)
    assert traces(str(refused.value).encode()) == []
    assert list((tmp_path / "out").iterdir()) == []


def test_what_cannot_be_treated_is_counted_and_nothing_at_all_is_refused(tmp_path: Path) -> None:
    stored(named(), tmp_path / "in" / "0.dcm")
    (tmp_path / "in" / "notes.txt").write_text(NAME)
    report = deidentified([tmp_path / "in"], tmp_path / "out", Options(), secret=SECRET)
    assert report["files"] == sum(report["set_aside"].values()) == 1
    with pytest.raises(InputRefused):
        deidentified([tmp_path / "in" / "notes.txt"], tmp_path / "out", Options(), secret=SECRET)
    with pytest.raises(InputRefused, match="among the originals"):
        deidentified([tmp_path / "in"], tmp_path / "in" / "out", Options(), secret=SECRET)


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_HOME", str(tmp_path / "home"))
    first = stored_secret()
    path = tmp_path / "home" / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stored_secret() == first
    path.chmod(0o644)
    with pytest.raises(EnvironmentLacks, match="read by others"):
        stored_secret()
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(EnvironmentLacks, match="damaged"):
        stored_secret()


@pytest.mark.slow
def test_a_face_is_flagged_or_removed_and_the_rest_of_the_head_stays(tmp_path: Path) -> None:
    head_series(tmp_path / "in")
    flagged = deidentified([tmp_path / "in"], tmp_path / "flagged", Options(), secret=SECRET)
    assert sum(flagged["faces_shown"].values()) == flagged["files"]
    assert {dcmread(path).RecognizableVisualFeatures for path in written(tmp_path / "flagged")} == {"YES"}
    removed = deidentified([tmp_path / "in"], tmp_path / "removed", Options(faces=Faces.REMOVE), secret=SECRET)
    assert not removed["faces_shown"]
    before, after = (
        read_volume(take_inventory([folder]).series[0]).value for folder in (tmp_path / "in", tmp_path / "removed")
    )
    assert find_face(after) is Looked.NO_FACE
    old, new = np.asarray(before.samples), np.asarray(after.samples)
    changed = old != new
    assert np.all(new[changed] == -1000)
    labels = np.asarray(make_phantom("head_ct", size="small").label_map.labels)
    brain = make_phantom("head_ct", size="small").label_map.structure("grey_matter").labels
    assert not np.any(changed & np.isin(labels, brain))
    one = dcmread(written(tmp_path / "removed")[0])
    assert one.RecognizableVisualFeatures == "NO"
    assert "113102" in [item.CodeValue for item in one.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize("options", [Options(), Options(keep_dates=True, keep_descriptions=True, keep_patient=True)])
def test_dciodvfy_finds_no_new_fault(tmp_path: Path, options: Options) -> None:
    path = stored(named(), tmp_path / "in" / "0.dcm")
    deidentified([tmp_path / "in"], tmp_path / "out", options, secret=SECRET)
    (out,) = written(tmp_path / "out")
    assert {line for line in complaints(out) if line.startswith("Error")} <= set(complaints(path))


@pytest.mark.slow
def test_real_series_are_read_as_before(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "dicom" / "ct_head_ge_tilt_irregular"
    deidentified([source], tmp_path / "out", Options(keep_dates=True), secret=SECRET)
    before, after = (read_volume(take_inventory([folder]).series[0]).value for folder in (source, tmp_path / "out"))
    assert np.array_equal(np.asarray(before.samples), np.asarray(after.samples))
