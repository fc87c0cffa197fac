"""The command line's contract: exit codes, JSON on stdout, words on stderr (docs/conventions.md)."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from engine.app.cli import console, main, stdout
from tests.ingest.dicom_writer import save_series

COMMANDS = (
    "segment", "segment-batch", "list", "phantom", "implant", "serve", "replay", "demo", "guide", "plan", "view",
    "markers", "accuracy", "study", "doctor", "bench",
)  # fmt: skip


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    code = ended.value.code
    return 0 if code is None else int(code)


@pytest.fixture(scope="module")
def thorax(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `sightline phantom` wrote."""
    folder = tmp_path_factory.mktemp("thorax")
    assert exit_code("phantom", "thorax", "--size", "small", "--out", str(folder)) == 0
    return folder


@pytest.mark.parametrize("screen", [console, stdout], ids=["words", "results"])
def test_a_fingerprint_is_printed_as_it_is_whatever_letters_it_holds(screen: Console) -> None:
    fingerprint = "69:47:AB:F3:CL:OK:0A"  # between colons, letters that a terminal library has pictures for
    with screen.capture() as shown:
        screen.print(fingerprint)
    assert shown.get().strip() == fingerprint


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(command, "--help") == 0
    assert "Usage" in capsys.readouterr().out


def test_it_says_which_version_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--version") == 0
    assert re.fullmatch(r"sightline \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


@pytest.mark.parametrize("arguments", [("nonsense",), ("segment",), ("segment", "x", "--out", "y", "--device", "tpu")])
def test_wrong_usage_is_2(arguments: tuple[str, ...]) -> None:
    assert exit_code(*arguments) == 2


def test_a_phantom_that_does_not_exist_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("phantom", "unicorn", "--out", str(tmp_path)) == 2
    assert "thorax" in capsys.readouterr().err


def test_a_bench_that_does_not_exist_is_wrong_usage() -> None:
    assert exit_code("bench", "unicorn") == 2


def test_input_that_is_no_scan_is_3_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scan.dcm").write_bytes(b"not a scan" * 100)
    assert exit_code("segment", str(tmp_path), "--out", str(tmp_path / "out")) == 3
    assert "Refused" in capsys.readouterr().err


def test_cuda_without_a_device_is_4(thorax: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    volume = str(thorax / "volume.nii.gz")
    assert exit_code("segment", volume, "--out", str(tmp_path / "out"), "--device", "cuda") == 4


def test_list_prints_one_json_value_and_nothing_else(thorax: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("list", str(thorax), "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {series["kind"] for series in listed["series"]} == {"volume", "labels"}


def test_list_says_what_tells_series_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    air = np.full((3, 6, 5), -1000, np.int16)
    tags: dict[str, Any] = {
        "ProtocolName": "Abdomen",
        "SeriesNumber": 4,
        "SeriesDate": "20240305",
        "PatientName": "Doe^Jane",
    }
    save_series(tmp_path, air, orientation=[1.0, 0.0, 0.0, 0.0, 0.0, -1.0], **tags)
    assert exit_code("list", str(tmp_path), "--json") == 0
    (series,) = json.loads(capsys.readouterr().out)["series"]
    told = ("description", "series_number", "date", "orientation", "thickness_mm", "phase_names", "shape")
    assert [series[name] for name in told] == ["Abdomen", 4, "2024-03-05", "coronal", 1.0, [], [5, 6, 3]]
    assert exit_code("list", str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert "CT coronal volume" in shown
    assert "series 4, 2024-03-05" in " ".join(shown.split())
    assert not any(word in shown for word in ("Doe", "4711", "1950"))


def test_phantom_writes_what_it_promises(thorax: Path) -> None:
    assert sorted(path.name for path in thorax.iterdir()) == ["phantom.json", "truth.nii.gz", "volume.nii.gz"]
    description = json.loads((thorax / "phantom.json").read_text())
    assert (description["name"], description["seed"]) == ("thorax", 0)
    assert {row["key"] for row in description["volumes"]} > {"lung_left", "lung_right", "nodule_1"}


def test_the_command_is_installed() -> None:
    assert (Path(sys.executable).parent / "sightline").exists()
