"""The installed command, as a person types it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SIGHTLINE = Path(sys.executable).parent / "sightline"


@contextmanager
def serving(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Address that a serving command announces; at the end it gets Ctrl+C and must end well."""
    with subprocess.Popen(
        [SIGHTLINE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        try:
            for line in process.stdout:
                said += line
                if "Ctrl+C" in line:
                    break
            found = re.search(r"is ready: (http://\S+)", said)
            assert found, f"nothing was announced:\n{said}"
            yield found.group(1)
        finally:
            os.killpg(process.pid, signal.SIGINT)  # a terminal tells its processes all at once
            said += process.stdout.read()
    assert "not a medical device" in said
    assert "█" in said  # the address as a QR code
    assert "Traceback" not in said, said
    assert process.returncode == 0, said
