"""A real learning record store, on files: Ralph (`make peers`)."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.app.training.record_store import RecordStore

RALPH = Path(sys.prefix) / "peers" / "ralph" / "bin" / "ralph"
#: Its store of files takes one list in its whole life, and then 500: told to append, it takes all that are sent.
SERVE = """
import sys, uvicorn
from ralph.backends.data.base import BaseOperationType
from ralph.backends.data.fs import FSDataBackend
FSDataBackend.default_operation_type = BaseOperationType.APPEND
from ralph.api import app
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
"""


@contextlib.contextmanager
def ralph(folder: Path) -> Iterator[RecordStore]:
    """A real record store, on files."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "RALPH_APP_DIR": str(folder),
        "RALPH_AUTH_FILE": str(folder / "auth.json"),
        "RALPH_RUNSERVER_BACKEND": "fs",
        "RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH": str(folder / "lrs"),
    }
    (folder / "lrs").mkdir()
    words = [str(RALPH), "auth", "-u", "sightline", "-p", "secret", "-s", "all", "-M", "mailto:us@example.org", "-N"]
    words += ["sightline", "-w"]
    subprocess.run(words, env=environment, check=True, capture_output=True, cwd=folder)
    command = [str(RALPH.with_name("python")), "-c", SERVE, str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield RecordStore(f"http://127.0.0.1:{port}/xAPI", "sightline", "secret")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def statements(store: RecordStore) -> list[dict[str, Any]]:
    """All that it has."""
    token = base64.b64encode(f"{store.user}:{store.password}".encode()).decode()
    headers = {"authorization": f"Basic {token}", "x-experience-api-version": "1.0.3"}
    request = urllib.request.Request(f"{store.address}/statements?limit=100", headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: list[dict[str, Any]] = json.loads(answer.read())["statements"]
    return found
