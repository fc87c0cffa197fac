"""What the README tells a first-time user to type is typed here, with a phantom in place of their scans."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command import SIGHTLINE, serving

ROOT = Path(__file__).resolve().parents[2]

#: `bench` takes minutes and is not a test; the make targets run this very test, and `test_demo` what `make demo` runs.
#: Guidance serves until it is told to end (`test_guided_demo`), and a real tracker is not at hand.
NOT_HERE = ("bench", "demo", "guide")
SERVERS = ("serve", "train")


def commands() -> list[str]:
    """The `sightline` lines of the README's console blocks, without their comments."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line.removeprefix(".venv/bin/sightline ") for line in lines if line.startswith(".venv/bin/sightline ")]


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the one the README speaks of."""
    folder = tmp_path_factory.mktemp("studies")
    command: list[str | Path] = [
        SIGHTLINE,
        "phantom",
        "thorax",
        "--size",
        "small",
        "--out",
        folder / "chest-ct",
        "--json",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=280)
    (folder / "chest-ct" / "truth.nii.gz").unlink()
    return folder


#: What `segment` writes for one scan.
OF_ONE = ["labels.nii.gz", "report.json", "scene.glb"]


def typed(command: str, studies: Path, out: Path) -> list[str]:
    words = shlex.split(command)
    return [str(SIGHTLINE), *(str(out) if w == "out" else w.replace("~/studies", str(studies)) for w in words)]


def test_the_readme_names_the_commands_of_the_main_job() -> None:
    assert {command.split()[0] for command in commands()} >= {"serve", "segment", "list", "doctor"}


@pytest.mark.parametrize("command", [c for c in commands() if c.split()[0] not in (*SERVERS, *NOT_HERE)])
def test_it_does_what_it_says(command: str, studies: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        typed(command, studies, tmp_path / "out"), capture_output=True, text=True, timeout=280, check=False
    )
    # doctor ends with 4 where the machine lacks something, which is its answer and not a failure
    assert done.returncode in ((0, 4) if command == "doctor" else (0,)), done.stderr[-2000:]
    assert "Traceback" not in done.stdout + done.stderr
    if command.startswith("segment-batch"):
        (study,) = (p for p in (tmp_path / "out").iterdir() if p.is_dir())
        assert sorted(p.name for p in study.iterdir() if not p.name.startswith(".")) == OF_ONE
    elif command.startswith("segment"):
        assert sorted(p.name for p in (tmp_path / "out").iterdir()) == OF_ONE


@pytest.mark.parametrize("command", [c for c in commands() if c.split()[0] in SERVERS])
def test_a_server_says_where_it_is_and_ends_when_told(
    command: str, studies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_HOME", str(tmp_path / "home"))
    words = [*typed(command, studies, tmp_path)[1:], "--port", "0"]
    with serving(*words) as address:
        assert address.startswith("http://127.0.0.1:")


#: The command, told to end at the moment when asyncio listens to signals and uvicorn does not yet.
TOLD_EARLY = """
import contextlib, os, signal, sys, uvicorn
from engine.app.cli import run

told, later = getattr(signal, sys.argv.pop()), uvicorn.Server.capture_signals

@contextlib.contextmanager
def early(server):
    os.kill(os.getpid(), told)
    with later(server):
        yield

uvicorn.Server.capture_signals = early
run()
"""


@pytest.mark.parametrize(("told", "code"), [("SIGINT", 0), ("SIGTERM", 143)])
def test_a_server_told_to_end_before_it_serves_closes_what_it_began(told: str, code: int, studies: Path) -> None:
    words = [sys.executable, "-c", TOLD_EARLY, "serve", str(studies), "--port", "0", told]
    done = subprocess.run(words, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == code, done.stderr
    assert "is ready" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
