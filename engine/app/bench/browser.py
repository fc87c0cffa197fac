"""A server of a scan and a Chromium to look at it with, for benches."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from engine.app.doctor import BROWSERS
from engine.core.errors import EnvironmentLacks

PATIENCE_MS = 300_000
#: A machine without a screen draws in software.
CHROMIUM_FLAGS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
VIEW = {"width": 1440, "height": 900}


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a server that opens `folder`.

    Raises:
        EnvironmentLacks: it does not start.
    """
    command = [sys.executable, "-m", "engine.app.cli", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            said = ""
            for line in server.stdout or ():
                said += line
                if found := re.search(r"is ready: (http://\S+)", line):
                    yield found.group(1)
                    break
            else:
                raise EnvironmentLacks(f"the server did not start: {said.strip()}", "Try `sightline serve`.")
        finally:
            server.send_signal(signal.SIGINT)
            server.communicate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of its own.

    Raises:
        EnvironmentLacks: there is none.
    """
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise EnvironmentLacks("this bench needs Chromium", "Install it, or name it in CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()
