"""However a server ends, no patient's data and no process stay behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from engine.app.private_folder import private_folder
from tests.e2e.command import SIGHTLINE


@contextmanager
def server(temporary: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A running server that opens its study, and the processes it started."""
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        [SIGHTLINE, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            assert any("Ctrl+C" in line for line in process.stdout)
            children = psutil.Process(process.pid).children(recursive=True)
            while not any("spawn_main" in " ".join(child.cmdline()) for child in children):
                children = psutil.Process(process.pid).children(recursive=True)
            yield process, children
        finally:
            process.kill()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_told_to_end_it_takes_its_files_and_processes_with_it(sent: int, code: int, tmp_path: Path) -> None:
    with server(tmp_path) as (process, children):
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(sent)
        said, _ = process.communicate()
    assert process.returncode == code
    assert said.strip() == ""
    assert list(tmp_path.iterdir()) == []
    assert psutil.wait_procs(children, timeout=10)[1] == []


def test_killed_by_force_its_processes_end_and_the_next_start_removes_its_files(tmp_path: Path) -> None:
    with server(tmp_path) as (process, children):
        process.kill()
    assert psutil.wait_procs(children, timeout=10)[1] == []
    (left,) = tmp_path.iterdir()
    with server(tmp_path) as (process, _):
        assert not left.exists()
        process.send_signal(signal.SIGINT)
        process.communicate()


def test_the_folder_of_a_server_that_runs_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "sightline-of-another-program").mkdir()
    with private_folder() as first, private_folder() as second:
        assert first.exists()
        assert second != first
        assert (first.stat().st_mode & 0o077) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["sightline-of-another-program"]
