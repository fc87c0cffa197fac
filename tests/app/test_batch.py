"""`sightline segment-batch`: every volume once, what fails alone, what is done stays done, and nothing half-written."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.app.batch import (
    FAILED,
    FINGERPRINT_FILE,
    LOCK_FILE,
    RETRIES,
    SKIPPED,
    Batch,
    Choice,
    Outcome,
    SegmentStudy,
    Study,
    find_studies,
    folder_name,
    segment_studies,
)  # fmt: skip
from engine.app.pipeline import Options
from engine.app.segment_command import segment_to_folder
from engine.app.workers import Workers, new_workers
from engine.core.errors import EnvironmentLacks, InputRefused
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.bodies import label_map, sphere
from tests.app.tasks import require_ray
from tests.app.test_cli import exit_code
from tests.ingest.dicom_writer import save_series

FILES = {FINGERPRINT_FILE, "labels.nii.gz", "scene.glb", "report.json"}
CHOICE = Choice(pipeline="threshold")


class Heard:
    """A `Watcher` that keeps what it hears, and may do something at a study's first report."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ended: list[tuple[str, str]] = []

    def begins(self, studies: int) -> None:
        """As `Watcher.begins`."""

    def stands(self, study: Study, fraction: float, stage: str) -> None:
        """As `Watcher.stands`."""
        if study.name not in self.started:
            self.started.append(study.name)

    def ends(self, outcome: Outcome) -> None:
        """As `Watcher.ends`."""
        self.ended.append((outcome.study.name, outcome.state))


@pytest.fixture(scope="module")
def whole_studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT as DICOM, a ball as NIfTI, the ball as somebody drew it, and a note."""
    folder = tmp_path_factory.mktemp("studies")
    slices = np.full((20, 24, 24), -1000, np.int16)
    slices[5:15, 6:18, 6:18] = 500
    save_series(folder / "Doe^Jane", slices, PatientName="Doe^Jane")
    grid = Grid.centred((48, 48, 40), (1.0, 1.0, 1.2))
    labels = np.asarray(label_map([sphere(15.0)], grid).labels)
    write_nifti(folder / "ball.nii.gz", grid, np.where(labels > 0, 40, -1000).astype(np.int16))
    write_nifti(folder / "drawn.nii.gz", grid, labels)
    (folder / "note.txt").write_text("a note")
    return folder


@pytest.fixture
def studies(whole_studies: Path, tmp_path: Path) -> Path:
    """A copy of them with their times, to be broken."""
    shutil.copytree(whole_studies, tmp_path / "in")
    return tmp_path / "in"


@pytest.fixture(scope="module")
def workers() -> Any:
    """One process for all."""
    places = new_workers("local", RETRIES)
    yield places
    places.close()


def run(studies: Path, out: Path, workers: Workers, choice: Choice = CHOICE) -> tuple[Batch, Heard]:
    heard = Heard()
    return segment_studies(find_studies((studies,), choice, silent), out, choice, workers, heard), heard


def states(batch: Batch) -> dict[str, str]:
    return {outcome.study.info.format: outcome.state for outcome in batch.outcomes}


def test_every_volume_gets_a_folder_as_segment_writes_it_and_a_line_in_the_batch(
    studies: Path, tmp_path: Path, workers: Workers
) -> None:
    batch, heard = run(studies, tmp_path / "out", workers)
    assert states(batch) == {"nifti": "done", "dicom": "done"}
    assert sorted(heard.ended) == sorted((o.study.name, "done") for o in batch.outcomes)
    kept = json.loads((tmp_path / "out" / "batch.json").read_text())
    assert kept["total"] == {"studies": 2, "done": 2, "skipped": 0, "failed": 0, "waiting": 0} | {
        "seconds": kept["total"]["seconds"]
    }
    assert [(Path(p["file"]).name, p["reason"]) for p in kept["problems"]] == [("note.txt", "no format that is read")]
    for entry in kept["studies"]:
        folder = tmp_path / "out" / entry["folder"]
        assert {path.name for path in folder.iterdir()} == FILES
        assert json.loads((folder / "report.json").read_text())["input"]["series_uid"] == entry["series_uid"]
        alone = tmp_path / "alone" / entry["folder"]
        options = Options(pipeline=CHOICE.pipeline)
        segment_to_folder((studies,), alone, options, entry["series_uid"], silent)
        for name in ("labels.nii.gz", "scene.glb"):
            assert (folder / name).read_bytes() == (alone / name).read_bytes()


def test_folders_are_named_by_modality_and_hash_the_same_each_time_and_by_nothing_of_the_patient(
    studies: Path,
) -> None:
    first, second = (find_studies((studies,), CHOICE, silent).studies for _ in range(2))
    names = [study.name for study in first]
    assert names == [study.name for study in second]
    assert len(set(names)) == 2
    assert all(re.fullmatch("(ct|nifti)-[0-9a-f]{16}", name) for name in names)
    strange = replace(first[0].info, modality="../Doe^Jane")
    assert re.fullmatch("doejane-[0-9a-f]{16}", folder_name(strange))


def test_a_study_that_is_broken_fails_alone_with_its_reason(studies: Path, tmp_path: Path, workers: Workers) -> None:
    whole = (studies / "ball.nii.gz").read_bytes()
    (studies / "ball.nii.gz").write_bytes(whole[: len(whole) // 2])
    batch, _ = run(studies, tmp_path / "out", workers)
    assert states(batch) == {"nifti": FAILED, "dicom": "done"}
    (failed,) = (outcome for outcome in batch.outcomes if outcome.state == FAILED)
    assert "truncated" in (failed.reason or "")
    assert not (tmp_path / "out" / failed.study.name).exists()
    assert not list((tmp_path / "out").glob(".sightline-*"))


def test_what_is_done_is_not_done_again_but_what_changed_is(studies: Path, tmp_path: Path, workers: Workers) -> None:
    out = tmp_path / "out"
    run(studies, out, workers)
    again, heard = run(studies, out, workers)
    assert states(again) == {"nifti": SKIPPED, "dicom": SKIPPED}
    assert heard.started == []
    os.utime(studies / "ball.nii.gz", (1, 1))
    assert states(run(studies, out, workers)[0]) == {"nifti": "done", "dicom": SKIPPED}
    wider = replace(CHOICE, exports=("stl",))
    assert states(run(studies, out, workers, wider)[0]) == {"nifti": "done", "dicom": "done"}
    folders = [path for path in out.iterdir() if path.is_dir()]
    assert len(folders) == 2
    assert all((folder / "surfaces").is_dir() for folder in folders)


def test_a_series_can_be_taken_alone_and_one_that_is_not_there_is_refused(studies: Path, tmp_path: Path) -> None:
    ball = next(s.info for s in find_studies((studies,), CHOICE, silent).studies if s.info.format == "nifti")
    chosen = find_studies((studies,), replace(CHOICE, series=(ball.uid,)), silent)
    assert [study.info.uid for study in chosen.studies] == [ball.uid]
    with pytest.raises(InputRefused, match="there are"):
        find_studies((studies,), replace(CHOICE, series=("1.2.3",)), silent)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputRefused, match="no volume"):
        find_studies((tmp_path / "empty",), CHOICE, silent)


def test_a_worker_that_sees_other_folders_says_what_must_be_shared(studies: Path, tmp_path: Path) -> None:
    study = find_studies((studies,), CHOICE, silent).studies[0]
    task = SegmentStudy(study, tmp_path, "run", CHOICE)
    with pytest.raises(EnvironmentLacks, match="all its machines share"):
        task(silent)
    (tmp_path / LOCK_FILE).write_text("another run's")
    with pytest.raises(EnvironmentLacks, match="all its machines share"):
        task(silent)
    (tmp_path / LOCK_FILE).write_text("run")
    elsewhere = replace(study, info=replace(study.info, files=(Path("/not/here.nii.gz"),)))
    with pytest.raises(InputRefused, match="all its machines share"):
        replace(task, study=elsewhere)(silent)


def test_two_batches_never_write_to_one_folder(studies: Path, tmp_path: Path, workers: Workers) -> None:
    class Second(Heard):
        def begins(self, studies_there: int) -> None:
            with pytest.raises(EnvironmentLacks, match="another segment-batch"):
                run(studies, tmp_path / "out", workers)

    found = find_studies((studies,), CHOICE, silent)
    assert segment_studies(found, tmp_path / "out", CHOICE, workers, Second()).counts["done"] == 2


def test_the_command_prints_one_json_value_and_tells_failure_by_its_exit_code(
    studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("segment-batch", str(studies), "--out", str(tmp_path / "out"), "--pipeline", "threshold")
    assert exit_code(*arguments, "--json") == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == json.loads((tmp_path / "out" / "batch.json").read_text())
    assert shown.err == ""
    whole = (studies / "ball.nii.gz").read_bytes()
    (studies / "ball.nii.gz").write_bytes(whole[: len(whole) // 2])
    assert exit_code(*arguments) == 3
    told = capsys.readouterr().err
    assert "truncated" in told
    assert "1 done before, 1 failed" in told
    assert "Doe" not in told
    assert exit_code(*arguments, "--workers", "dask") == 2


def sightline(*arguments: str) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).parent / "sightline"), *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_an_interrupt_keeps_what_is_done_says_how_to_go_on_and_going_on_does_the_rest(
    studies: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for number in range(12):
        shutil.copy(studies / "ball.nii.gz", studies / f"ball{number}.nii.gz")
    arguments = ("segment-batch", str(studies), "--out", str(out), "--pipeline", "threshold")
    process = sightline(*arguments)
    # When the second stands, the first has been written down.
    while sum(not path.parent.name.startswith(".") for path in out.glob("*/report.json")) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "The same command again" in told
    assert "Traceback" not in told
    first = json.loads((out / "batch.json").read_text())["total"]
    assert first["done"] >= 1
    assert first["waiting"] >= 1
    assert not list(out.glob(".sightline-*"))
    assert exit_code(*arguments) == 0
    second = json.loads((out / "batch.json").read_text())["total"]
    assert (second["skipped"], second["done"]) == (first["done"], first["waiting"])


@pytest.mark.slow
def test_a_batch_killed_by_force_leaves_nothing_that_is_taken_for_whole(studies: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("segment-batch", str(studies), "--out", str(out), "--pipeline", "threshold")
    process = sightline(*arguments)
    while not list(out.glob(".sightline-*-*")):
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()
    assert exit_code(*arguments) == 0
    assert {path.name for path in out.iterdir() if path.name.startswith(".")} == {LOCK_FILE}
    for folder in (path for path in out.iterdir() if path.is_dir()):
        assert {path.name for path in folder.iterdir()} == FILES


@pytest.mark.slow
def test_on_ray_a_worker_killed_in_the_middle_loses_nothing(studies: Path, tmp_path: Path) -> None:
    require_ray()
    import psutil

    killed: list[int] = []

    class Killing(Heard):
        def stands(self, study: Study, fraction: float, stage: str) -> None:
            super().stands(study, fraction, stage)
            if not killed:
                for process in psutil.Process().children(recursive=True):
                    if process.name() == "ray::task":
                        killed.append(process.pid)
                        process.kill()

    places = new_workers("ray", RETRIES)
    try:
        found = find_studies((studies,), CHOICE, silent)
        batch = segment_studies(found, tmp_path / "out", CHOICE, places, Killing())
    finally:
        places.close()
    assert len(killed) == 1
    assert states(batch) == {"nifti": "done", "dicom": "done"}
    for outcome in batch.outcomes:
        assert {path.name for path in (tmp_path / "out" / outcome.study.name).iterdir()} == FILES
